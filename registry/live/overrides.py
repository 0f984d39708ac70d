"""An override over a record: a JSON merge patch of policy fields, held to the types and rules of the record. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..record import DesignRecord
from ..record.base import Part
from ..record.contracts import Contract
from ..record.documents import dump, parse
from ..record.findings import InvalidRecord, Problem, Severity
from ..record.policy import LIVE_PARTS
from ..rules import check

FORCED = ("open", "closed")
AGREED = frozenset({"provider_requests_per_minute", "provider_limit_is_shared"})
"""What the other side does: bounds that an override is held to, no settings of ours."""
FIELDS: dict[str, tuple[str, ...]] = {
    part: tuple(name for name in kind.model_fields if name not in AGREED) for part, kind in LIVE_PARTS.items()
}
"""What may be overridden, by part of the policy."""
Patch = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Overridden:
    """A record as an environment has it, with an override over it."""

    record: DesignRecord
    """Its policies are those of the environment, and hold for it alone."""
    forced: dict[str, str] = field(default_factory=dict)
    """Contracts whose breaker is kept open or closed."""
    patch: dict[str, Any] = field(default_factory=dict)
    """The patch as it is kept: only what it may hold, each value as the record would have it."""


def overridden(record: DesignRecord, environment: str, patch: Patch) -> Overridden:
    """The record with `patch` over it. Raises InvalidRecord with one problem for each value that cannot be served."""
    problems = list(_misplaced(record, patch))
    if problems:
        raise InvalidRecord(problems)
    base, over = inside(record, environment), laid_over(record, environment, patch)
    _hold_to_rules(base, over.record)
    if over.record == base and not over.forced:
        raise InvalidRecord([Problem("contracts", "are as they were", "Change a value, or force a breaker.")])
    return over


def laid_over(record: DesignRecord, environment: str, patch: Patch) -> Overridden:
    """The same of a patch that was taken once, to be shown: it is held to types, and no longer to rules."""
    asked: dict[str, Any] = patch["contracts"]
    document = dump(inside(record, environment))
    for contract in document["contracts"]:
        for part, values in asked.get(contract.get("name"), {}).items():
            there = contract.setdefault("policy", {}).setdefault(part, {})
            contract["policy"][part] = there | {name: value for name, value in values.items() if name != "forced"}
    laid = parse(document)
    forced = {
        name: parts["circuit_breaker"]["forced"]
        for name, parts in asked.items()
        if parts.get("circuit_breaker", {}).get("forced")
    }
    return Overridden(laid, forced, _kept(laid, asked))


def inside(record: DesignRecord, environment: str) -> DesignRecord:
    """The record with each policy as it is in one environment."""
    contracts = (
        each.model_copy(update={"policy": each.policy.inside(environment)}, deep=False) for each in record.contracts
    )
    return record.model_copy(update={"contracts": tuple(contracts)})


def _misplaced(record: DesignRecord, patch: Patch) -> Iterator[Problem]:
    """What is no place of a policy, whatever its value."""
    contracts = patch.get("contracts")
    for name in patch:
        if name != "contracts":
            yield Problem(str(name)[:100], "cannot be overridden", "Only the policies of contracts can.")
    if not isinstance(contracts, dict) or not contracts:
        yield Problem("contracts", "is missing", "Name a contract and what of its policy changes.")
        return
    known = [each.name for each in record.contracts if each.name]
    for name, parts in contracts.items():
        here = f"contracts[{str(name)[:100]}]"
        if name not in known:
            yield Problem(here, "is no contract of this integration", f"Known here: {', '.join(known)}.")
        elif not isinstance(parts, dict) or not parts:
            yield Problem(here, "says nothing", f"Name one of {', '.join(LIVE_PARTS)}.")
        else:
            yield from _misplaced_in(here, parts)


def _misplaced_in(here: str, parts: dict[str, Any]) -> Iterator[Problem]:
    for part, values in parts.items():
        there = f"{here}.policy.{str(part)[:100]}"
        if part not in FIELDS:
            yield Problem(there, "cannot be overridden", f"Only {', '.join(LIVE_PARTS)} can.")
        elif not isinstance(values, dict) or not values:
            yield Problem(there, "says nothing", f"Name one of {', '.join(FIELDS[part])}.")
        else:
            for name, value in values.items():
                if part == "circuit_breaker" and name == "forced":
                    if value not in FORCED:
                        yield Problem(f"{there}.forced", "is not a state", "Write open or closed.")
                elif name in AGREED:
                    yield Problem(f"{there}.{name}", "is what the provider does", "An override cannot change that.")
                elif name not in FIELDS[part]:
                    yield Problem(f"{there}.{str(name)[:100]}", "is no setting", f"Known: {', '.join(FIELDS[part])}.")


def _hold_to_rules(base: DesignRecord, laid: DesignRecord) -> None:
    """Refuse what the rules call an error and did not before."""
    known = {each.key for each in _errors(base)}
    new = [each for each in _errors(laid) if each.key not in known]
    if new:
        raise InvalidRecord([Problem(each.path, each.message.rstrip("."), each.mend) for each in new])


def _errors(record: DesignRecord) -> Iterator[Any]:
    return (each for each in check(record) if each.severity == Severity.ERROR)


def _kept(laid: DesignRecord, asked: dict[str, Any]) -> dict[str, Any]:
    found = {each.name: each for each in laid.contracts if each.name}
    return {
        "contracts": {
            name: {part: _values(found[name], part, values) for part, values in parts.items()}
            for name, parts in asked.items()
        }
    }


def _values(contract: Contract, part: str, asked: dict[str, Any]) -> dict[str, Any]:
    there: Part = getattr(contract.policy, part)
    return {name: asked[name] if name == "forced" else _value(getattr(there, name)) for name in asked}


def _value(value: Any) -> Any:
    """As a merge patch says it: null takes a value away."""
    return None if value in (None, ()) else dump(value)
