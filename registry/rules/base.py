"""What a rule is, where it is applied, and the list of all of them."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..definitions.schemas import bounded
from ..record import DesignRecord, pointers
from ..record.base import Part
from ..record.contracts import Contract
from ..record.findings import Finding, Severity
from ..record.policy import EnvironmentPolicy, Policy

P = TypeVar("P", bound=Part)
Said = Iterator[tuple[str, str, str] | tuple[str, str, str, Severity]]
"""What a rule yields: the path below the part, what is wrong, the mend; and a severity where it weighs less."""

NOWHERE = Contract()


@dataclass(frozen=True, slots=True)
class Catalog:
    """The names that exist outside the record."""

    systems: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place(Generic[P]):
    """A part, and what stands around it."""

    part: P
    pointer: str
    record: DesignRecord
    catalog: Catalog | None = None
    contract: Contract = NOWHERE
    """The contract the part belongs to; an empty one elsewhere."""
    common: str | None = None
    """In an environment's policy: the pointer of the same part in the policy for everywhere."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing every record is held to."""

    code: str
    severity: Severity
    title: str
    help: str
    part: str
    check: Callable[..., Iterator[Any]]
    """Asked about a place; of rules across integrations, about a landscape and one record in it."""


RULES: dict[str, Rule] = {}
"""Every rule by its code, in the order they are written."""
_BY_PART: dict[type[Part], list[Rule]] = {}


def add(rule: Rule, *parts: type[Part]) -> None:
    """Put a rule on the list. A code names one rule."""
    if rule.code in RULES:
        raise ValueError(f"two rules are called {rule.code}")
    RULES[rule.code] = rule
    for part in parts:
        _BY_PART.setdefault(part, []).append(rule)


def rule(
    code: str, severity: Severity, title: str, *, on: type[P] | tuple[type[P], ...]
) -> Callable[[Callable[[Place[P]], Said]], Callable[[Place[P]], Said]]:
    """Make a function a rule on every part of a type. Its docstring is the rule's help page."""
    parts = on if isinstance(on, tuple) else (on,)

    def register(check: Callable[[Place[P]], Said]) -> Callable[[Place[P]], Said]:
        names = ", ".join(part.__name__ for part in parts)
        add(Rule(code, severity, title, help_of(check), names, check), *parts)
        return check

    return register


def help_of(check: Callable[..., Any]) -> str:
    """A rule's docstring as plain text: one line for each paragraph."""
    written = inspect.getdoc(check) or ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in written.split("\n\n"))


def check(record: DesignRecord, catalog: Catalog | None = None) -> list[Finding]:
    """Everything the rules say about a record, in the document's order."""
    found: dict[Finding, Finding | None] = {}
    with bounded():
        for place in places(record, catalog):
            for each in _BY_PART.get(type(place.part), ()):
                for said in each.check(place):
                    twin = None if place.common is None else _finding(each, place.common, said)
                    found[_finding(each, place.pointer, said)] = twin
    # What holds everywhere is not said again for each environment.
    return in_order(record, (finding for finding, twin in found.items() if twin not in found))


def in_order(record: DesignRecord, findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the fields they are about."""
    position = _Positions(record)
    return sorted(findings, key=lambda finding: position(finding.path))


def _finding(rule: Rule, pointer: str, said: tuple[Any, ...]) -> Finding:
    severity = said[3] if len(said) == 4 else rule.severity
    return Finding(rule.code, severity, pointers.under(pointer, said[0]) if said[0] else pointer, said[1], said[2])


def places(record: DesignRecord, catalog: Catalog | None = None) -> Iterator[Place[Part]]:
    """Every part of a record. A policy comes once as written and once more for each environment that differs."""
    contract, skipped = NOWHERE, None
    for pointer, part in pointers.walk(record):
        if isinstance(part, Contract):
            contract = part
        elif not pointer.startswith("contracts["):
            contract = NOWHERE
        if skipped is not None and pointer.startswith(skipped):
            continue
        yield Place(part, pointer, record, catalog, contract)
        if isinstance(part, EnvironmentPolicy):
            skipped = pointer + "."
        elif isinstance(part, Policy):
            yield from _in_environments(Place(part, pointer, record, catalog, contract))


def _in_environments(place: Place[Policy]) -> Iterator[Place[Part]]:
    policy, seen = place.part, set()
    for step, each in zip(pointers.item_steps(policy.environments), policy.environments, strict=True):
        if each.environment is None or each.environment in seen:
            continue
        seen.add(each.environment)
        root = f"{place.pointer}.environments{step}"
        for pointer, part in pointers.walk(policy.inside(each.environment)):
            here, common = (pointers.under(at, pointer) if pointer else at for at in (root, place.pointer))
            yield Place(part, here, place.record, place.catalog, place.contract, common)


class _Positions:
    """Where a pointer stands in the document, as numbers that sort."""

    def __init__(self, record: DesignRecord) -> None:
        self._record = record
        self._items: dict[str, dict[str, int]] = {}

    def __call__(self, path: str) -> tuple[int, ...]:
        value: Any = self._record
        at, position = "", []
        for step in pointers.steps(path):
            if step.startswith("["):
                index = self._steps(at, value)[step]
                value = value[index]
                at += step
            else:
                index = list(type(value).model_fields).index(step)
                value = getattr(value, step)
                at = pointers.under(at, step)
            position.append(index)
        return tuple(position)

    def _steps(self, at: str, items: tuple[Any, ...]) -> dict[str, int]:
        if at not in self._items:
            self._items[at] = {step: index for index, step in enumerate(pointers.item_steps(items))}
        return self._items[at]
