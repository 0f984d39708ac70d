"""JSON Schemas and examples, checked within bounds: no network, no endless references, no runaway patterns."""

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY as SPECIFICATIONS  # type: ignore[import-untyped]
from referencing.exceptions import Unresolvable

from ..record.findings import InvalidRecord
from ..untrusted import parse_untrusted

LARGEST = 50_000
"""Characters of a schema or example that is checked; a larger one gets a hint that it is not."""
DEEPEST = 40
"""Levels; a validator calls itself several times for each, and what it says must not depend on its caller's stack."""
MOST_STEPS = 20_000
MOST_STEPS_IN_ALL = 20_000
"""Steps of all comparisons in one record."""
MOST_NODES_IN_ALL = 5_000
"""Names in all schemas of one record that are held to the standard; the largest real API read has 4,400."""
MOST_ERRORS = 200
MOST_TOLD = 3
LONGEST_PATTERN = 500
LONGEST_MATCHED = 256
_DATA = ("const", "enum", "default", "examples", "example")
_left: ContextVar[list[int]] = ContextVar("steps left")


@dataclass(slots=True)
class Budget:
    """What the schemas of one record may cost together. It depends on the record alone, not on what is remembered."""

    nodes: int = MOST_NODES_IN_ALL
    steps: int = MOST_STEPS_IN_ALL
    affordable: dict[str, bool] = field(default_factory=dict)
    compared: "dict[tuple[str, str, str], Comparison]" = field(default_factory=dict)


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def bounded(nodes: int = MOST_NODES_IN_ALL, steps: int = MOST_STEPS_IN_ALL) -> Iterator[None]:
    """While one record is looked at."""
    token = _budget.set(Budget(nodes, steps))
    try:
        yield
    finally:
        _budget.reset(token)


@dataclass(frozen=True, slots=True)
class Read:
    """Text as JSON: its value, or what is wrong with it."""

    value: Any = None
    problem: str = ""
    mend: str = ""


class TooMuch(Exception):
    """The schema asks for more steps than a check may take."""


@lru_cache(maxsize=512)
def read(text: str) -> Read:
    """The JSON in a field."""
    try:
        return Read(parse_untrusted(text, "json", max_bytes=800_000))
    except InvalidRecord as refused:
        return Read(problem=refused.problems[0].message, mend=refused.problems[0].mend)


def schema_hash(text: str) -> str:
    """SHA-256 of what a JSON Schema says, however it is laid out; of the text as it is where it is no JSON."""
    found = read(text)
    said = text if found.problem else json.dumps(found.value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def flaw(text: str) -> str:
    """Why `text`, which is JSON, is no JSON Schema; "" where it is one or too large to tell."""
    return _flaw(text) if _affords_nodes(text) else ""


def _affords_nodes(text: str) -> bool:
    budget = _budget.get()
    if budget is None:
        return True
    if text not in budget.affordable:
        budget.nodes -= text.count(":")
        budget.affordable[text] = budget.nodes >= 0
    return budget.affordable[text]


@lru_cache(maxsize=512)
def _flaw(text: str) -> str:
    schema = read(text).value
    if not isinstance(schema, dict | bool):
        return "A schema is an object, or true or false."
    if is_too_large(text):
        return ""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {_short(error.message)}"
    except (RecursionError, OverflowError):
        return "It is nested too deep, or a pattern repeats too often, to be checked."
    return next(_dangling(schema), "")


def is_too_large(text: str) -> bool:
    """Whether a schema or example is beyond what is checked."""
    return len(text) > LARGEST or _depth(read(text).value) > DEEPEST


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [inner for each in level for inner in _inner(each)]:
        depth += 1
    return depth


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def remote_references(schema: Any) -> list[str]:
    """References to other documents, which nobody may be able to fetch; each once."""
    known = {each["$id"] for each in subschemas(schema) if isinstance(each.get("$id"), str)}
    found = dict.fromkeys(each for each in _references(schema) if not each.startswith("#"))
    return [
        each for each in found if each.split("#")[0] not in known and not each.startswith("https://json-schema.org/")
    ]


def patterns(schema: Any) -> Iterator[str]:
    """Every regular expression of a schema."""
    for each in subschemas(schema):
        if isinstance(each.get("pattern"), str):
            yield each["pattern"]
        if isinstance(each.get("patternProperties"), dict):
            yield from each["patternProperties"]


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every named property of a schema, at any depth, with what is said of it."""
    for each in subschemas(schema):
        if isinstance(each.get("properties"), dict):
            yield from each["properties"].items()


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema that may itself be one; the values of examples and enums are not."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(reversed([value for name, value in each.items() if name not in _DATA]))
        elif isinstance(each, list):
            waiting.extend(reversed(each))


def is_risky(pattern: str) -> bool:
    """Whether a pattern may take for ever on the wrong text: a repeated group that repeats or chooses inside."""
    groups = [False]
    closed = False
    for token in re.finditer(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(|\)|\||[*+]|\{\d*,?\d*\}|.", pattern, re.DOTALL):
        text = token[0]
        repeats = text in ("*", "+") or (len(text) > 2 and text[0] == "{")
        if repeats and closed:
            return True
        closed = False
        if text == "(":
            groups.append(False)
        elif text == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = groups[-1] or closed
        elif repeats or text == "|":
            groups[-1] = True
    return False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an example comes to against its schema: what does not fit, and how much more of that there is."""

    wrong: tuple[str, ...] = ()
    more: int = 0
    is_unchecked: bool = False
    """Whether the two are beyond what a check may take."""

    @property
    def fits(self) -> bool:
        """Whether it was checked and nothing is wrong."""
        return not self.wrong and not self.is_unchecked

    def __str__(self) -> str:
        return "; ".join((*self.wrong, *([f"and {self.more:,} more"] if self.more else [])))


def compare(schema_text: str, example_text: str, part: str = "") -> Comparison:
    """Whether the example (or its member `part`) fits the schema; both are known to be JSON."""
    budget, key = _budget.get(), (schema_text, example_text, part)
    if budget is None:
        return _compare(*key)[0]
    if key not in budget.compared:
        affordable = _affords_nodes(schema_text) and budget.steps > 0
        found, steps = _compare(*key) if affordable else (Comparison(is_unchecked=True), 0)
        budget.steps -= steps
        budget.compared[key] = found
    return budget.compared[key]


def held(
    schema_text: str, value: Any, steps: int = MOST_STEPS, *, told: Callable[[ValidationError], str] | None = None
) -> tuple[Comparison, int]:
    """Whether a value fits the schema, and how many steps it took to know. Remembers nothing of the value.

    `told` puts an error in words; unless it is given, the words quote the value.
    """
    if is_too_large(schema_text) or _depth(value) > DEEPEST:
        return Comparison(is_unchecked=True), 0
    schema = read(schema_text).value
    left = [steps]
    token = _left.set(left)
    try:
        errors = list(itertools.islice(_Bounded(schema, registry=SPECIFICATIONS).iter_errors(value), MOST_ERRORS))
    except (TooMuch, RecursionError):
        return Comparison(is_unchecked=True), steps
    except Unresolvable:
        return Comparison(), steps - left[0]  # the schema's own flaw, reported as such
    finally:
        _left.reset(token)
    errors.sort(key=lambda each: list(map(str, each.path)))
    said = tuple(dict.fromkeys((told or _said)(each) for each in errors))
    return Comparison(said[:MOST_TOLD], len(said[MOST_TOLD:])), steps - left[0]


def unquoted(error: ValidationError, *, hides: Callable[[Sequence[str | int]], bool]) -> str:
    """Where and by which keyword, and nothing of the value; of a place in what is hidden, where that begins."""
    nearest = best_match(iter([error])) or error
    steps = list(nearest.absolute_path)
    shown = next((end for end in range(1, len(steps) + 1) if hides(steps[:end])), len(steps))
    place = ValidationError("", path=steps[:shown]).json_path
    return f"{place}: does not hold to “{nearest.validator}”"


@lru_cache(maxsize=512)
def _compare(schema_text: str, example_text: str, part: str) -> tuple[Comparison, int]:
    """What the two come to, and how many steps it took to know."""
    if is_too_large(schema_text) or is_too_large(example_text):
        return Comparison(is_unchecked=True), 0
    example = read(example_text).value
    return held(schema_text, example[part] if part else example)


def _said(error: ValidationError) -> str:
    """Where and why; of an alternative that fits nowhere, why the nearest does not."""
    nearest = best_match(iter([error])) or error
    return f"{nearest.json_path}: {_short(nearest.message)}"


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}…"


def named(schema: Any, name: str) -> dict[str, Any]:
    """The object under a keyword; an empty one where there is none, whatever else is written there."""
    value = schema.get(name) if isinstance(schema, dict) else None
    return value if isinstance(value, dict) else {}


def listed(schema: Any, name: str) -> list[Any]:
    """The list under a keyword, likewise."""
    value = schema.get(name) if isinstance(schema, dict) else None
    return value if isinstance(value, list) else []


class Definitions:
    """What the local references of one schema lead to."""

    def __init__(self, schema: Any) -> None:
        self._root = schema
        self._anchors = {
            each[key]: each
            for each in subschemas(schema)
            for key in ("$anchor", "$dynamicAnchor")
            if isinstance(each.get(key), str)
        }

    def at(self, reference: str) -> Any:
        """What `#/$defs/Money` or `#money` leads to; None where it leads nowhere here."""
        fragment = reference.removeprefix("#")
        if not reference.startswith("#"):
            return None
        if not fragment.startswith("/"):
            return self._root if fragment == "" else self._anchors.get(fragment)
        here = self._root
        for step in fragment[1:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
            if isinstance(here, list):
                here = dict(zip(map(str, range(len(here))), here, strict=True))
            if not isinstance(here, dict) or name not in here:
                return None
            here = here[name]
        return here

    def followed(self, schema: Any) -> tuple[Any, tuple[str, ...]]:
        """The schema behind a chain of references, what is said beside them kept, and the references."""
        chain: list[str] = []
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"] not in chain:
            reference = schema["$ref"]
            chain.append(reference)
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            target = self.at(reference)
            schema = {**target, **beside} if isinstance(target, dict) else beside
        return schema, tuple(chain)


def _dangling(schema: Any) -> Iterator[str]:
    definitions = Definitions(schema)
    has_own_base = any(isinstance(each.get("$id"), str) for each in subschemas(schema))
    for reference in _references(schema):
        if reference.startswith("#") and not has_own_base and definitions.at(reference) is None:
            yield f"The reference {_short(reference)} leads nowhere."


def _references(schema: Any) -> Iterator[str]:
    for each in subschemas(schema):
        for key in ("$ref", "$dynamicRef"):
            if isinstance(each.get(key), str):
                yield each[key]


def _matches(pattern: str, text: str) -> bool:
    """Whether text matches; yes where finding out could take too long."""
    if len(text) > LONGEST_MATCHED or len(pattern) > LONGEST_PATTERN or is_risky(pattern) or _repeats(pattern) > 3:
        return True
    return re.search(pattern, text) is not None


def _repeats(pattern: str) -> int:
    return len(re.findall(r"(?<!\\)(?:[*+]|\{\d*,?\d*\})", pattern))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, named: dict[str, Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, subschema in named.items():
            for name, value in instance.items():
                if _matches(pattern, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Equal items by their text: the library compares each with each where they cannot be sorted."""
    if wanted and isinstance(instance, list) and len({_text(each) for each in instance}) < len(instance):
        yield ValidationError("has an item twice")


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """The library searches names by pattern here too; with risky patterns it could search for ever."""
    if not isinstance(instance, dict):
        return
    known, named = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [name for name in instance if name not in known and not any(_matches(each, name) for each in named)]
    for name in extra:
        if wanted is False:
            yield ValidationError(f"{name!r} is not among the properties")
        else:
            yield from validator.descend(instance[name], wanted, path=name)


def _counted(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise TooMuch
        return keyword(validator, value, instance, schema)

    return check


_OWN = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_KEYWORDS = {name: _counted(keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **_OWN}.items()}
_Bounded = extend(Draft202012Validator, _KEYWORDS)  # type: ignore[no-untyped-call]
