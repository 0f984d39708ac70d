"""What a changed JSON Schema comes to, for whoever writes such data and for whoever reads it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .effects import MOST_EFFECTS, Effect
from .schemas import Definitions, listed, named, read

Changing = Literal["read", "written", "kept"]
"""Who changes: the reader of the data (of a request), their writer (of an answer), or both, where old ones are kept."""

MOST_STEPS = 4_000
DEEPEST = 30
_TYPES = frozenset({"string", "number", "integer", "boolean", "null", "array", "object"})
_LEAST = (("minimum", "minimum"), ("exclusiveMinimum", "lower bound"), ("minLength", "shortest length"),
          ("minItems", "fewest items"), ("minProperties", "fewest properties"))  # fmt: skip
_MOST = (("maximum", "maximum"), ("exclusiveMaximum", "upper bound"), ("maxLength", "longest length"),
         ("maxItems", "most items"), ("maxProperties", "most properties"))  # fmt: skip
_FORMS = (("pattern", "pattern"), ("format", "format"), ("multipleOf", "step"))


@dataclass(frozen=True, slots=True)
class Turn:
    """One difference: whether less is valid now than before, or more."""

    what: str
    narrows: bool = False
    widens: bool = False

    def breaks(self, changing: Changing) -> bool:
        """Whether the side that stays as it was may fail."""
        return (self.narrows and changing != "written") or (self.widens and changing != "read")


def effects(old: str, new: str, changing: Changing) -> list[Effect] | None:
    """The differences that matter; None where one of the two cannot be read. Flaws of a schema are passed over."""
    if any(read(each).problem or not isinstance(read(each).value, dict | bool) for each in (old, new)):
        return None
    turns = _Comparing(read(old).value, read(new).value).all()
    return [Effect(each.what, each.breaks(changing)) for each in list(dict.fromkeys(turns))[:MOST_EFFECTS]]


class _Comparing:
    def __init__(self, old: Any, new: Any) -> None:
        self.sides = (old, new)
        self.definitions = (Definitions(old), Definitions(new))
        self.steps = 0
        self.seen: set[tuple[int, int]] = set()

    def all(self) -> Iterator[Turn]:
        return self.compare(*self.sides, "", 0)

    def compare(self, old: Any, new: Any, at: str, depth: int) -> Iterator[Turn]:
        self.steps += 1
        keys = (id(old), id(new))
        if depth > DEEPEST or self.steps > MOST_STEPS or keys in self.seen:
            return
        self.seen.add(keys)
        was, now = _plain(self.definitions[0], old), _plain(self.definitions[1], new)
        name = at or "the whole"
        yield from _types(was, now, name)
        yield from _values(was, now, name)
        yield from _bounds(was, now, name)
        yield from self.properties(was, now, at, depth)
        if "items" in was or "items" in now:
            yield from self.compare(was.get("items", {}), now.get("items", {}), f"{at}[]", depth + 1)
        yield from self.ways(was, now, at, depth)

    def properties(self, was: dict[str, Any], now: dict[str, Any], at: str, depth: int) -> Iterator[Turn]:
        before, after = named(was, "properties"), named(now, "properties")
        must, may = _required(was), _required(now)
        for name in dict.fromkeys([*before, *after, *sorted(must | may)]):
            own = f"{at}.{name}" if at else name
            if name in may - must:
                known = "now required" if name in before else "new and required"
                yield Turn(f"{own} is {known}", narrows=True)
            elif name in must - may and name in after:
                yield Turn(f"{own} is no longer required", widens=True)
            elif name in before and name not in after:
                yield Turn(f"{own} is gone", narrows=now.get("additionalProperties") is False, widens=True)
            elif name in after and name not in before:
                yield Turn(f"{own} is new, and optional")
            if name in before and name in after:
                yield from self.compare(before[name], after[name], own, depth + 1)
        closed = (was.get("additionalProperties") is False, now.get("additionalProperties") is False)
        if closed[0] != closed[1]:
            what = "allows no other properties any more" if closed[1] else "now allows other properties"
            yield Turn(f"{at or 'the whole'} {what}", narrows=closed[1], widens=closed[0])

    def ways(self, was: dict[str, Any], now: dict[str, Any], at: str, depth: int) -> Iterator[Turn]:
        for keyword in ("oneOf", "anyOf"):
            before, after = listed(was, keyword), listed(now, keyword)
            if before and not after:
                yield Turn(f"{at or 'the whole'} is no longer {keyword}", widens=True)
            elif after and not before:
                yield Turn(f"{at or 'the whole'} is now {keyword} of {len(after)} forms", narrows=True)
            else:
                yield from self.alternatives(before, after, at, depth)

    def alternatives(self, before: list[Any], after: list[Any], at: str, depth: int) -> Iterator[Turn]:
        """Forms are matched by what they say, then by their place."""
        known = {_text(each) for each in before} & {_text(each) for each in after}
        left = [each for each in before if _text(each) not in known]
        right = [each for each in after if _text(each) not in known]
        for one, other in zip(left, right, strict=False):
            yield from self.compare(one, other, at, depth + 1)
        if len(left) > len(right):
            yield Turn(f"{at or 'the whole'} has {len(left) - len(right)} form(s) less", narrows=True)
        if len(right) > len(left):
            yield Turn(f"{at or 'the whole'} has {len(right) - len(left)} form(s) more", widens=True)
        if known:
            # What stands behind an unchanged reference may have changed.
            both = {_text(each): each for each in after}
            for each in before:
                if _text(each) in known:
                    yield from self.compare(each, both[_text(each)], at, depth + 1)


def _plain(definitions: Definitions, schema: Any) -> dict[str, Any]:
    """A schema behind its references, with all it must also be; what allows everything is empty."""
    followed, _ = definitions.followed(schema)
    if followed is False:
        return {"not": {}}
    if not isinstance(followed, dict):
        return {}
    parts = listed(followed, "allOf")
    if not parts:
        return followed
    merged = {
        **followed,
        "properties": dict(named(followed, "properties")),
        "required": listed(followed, "required")[:],
    }
    for each in parts:
        inner, _ = definitions.followed(each)
        if isinstance(inner, dict):
            merged["properties"].update(named(inner, "properties"))
            merged["required"] += listed(inner, "required")
            merged = {**{name: value for name, value in inner.items() if name != "allOf"}, **merged}
    return merged


def _required(schema: dict[str, Any]) -> set[str]:
    return {each for each in listed(schema, "required") if isinstance(each, str)}


def _types(was: dict[str, Any], now: dict[str, Any], name: str) -> Iterator[Turn]:
    before, after = _allowed(was), _allowed(now)
    if before == after:
        return
    lost, gained = _beyond(before, after), _beyond(after, before)
    yield Turn(f"{name} is {_spoken(after)}, no longer {_spoken(before)}", bool(lost), bool(gained))


def _allowed(schema: dict[str, Any]) -> frozenset[str]:
    stated = schema.get("type")
    if isinstance(stated, str):
        return frozenset({stated})
    return frozenset(each for each in listed(schema, "type") if isinstance(each, str)) or _TYPES


def _beyond(these: frozenset[str], those: frozenset[str]) -> frozenset[str]:
    """What `these` allow and `those` do not; every integer is a number."""
    wider = those | {"integer"} if "number" in those else those
    return these - wider


def _spoken(types: frozenset[str]) -> str:
    return "anything" if types == _TYPES else " or ".join(sorted(types))


def _values(was: dict[str, Any], now: dict[str, Any], name: str) -> Iterator[Turn]:
    before, after = _choices(was), _choices(now)
    if before is None and after is None:
        return
    if before is None or after is None:
        what = f"{name} is now one of {_listed(after or {})}" if before is None else f"{name} may be any value now"
        yield Turn(what, narrows=before is None, widens=after is None)
        return
    if gone := {key: value for key, value in before.items() if key not in after}:
        yield Turn(f"{name} may no longer be {_listed(gone)}", narrows=True)
    if come := {key: value for key, value in after.items() if key not in before}:
        yield Turn(f"{name} may now be {_listed(come)}", widens=True)


def _choices(schema: dict[str, Any]) -> dict[str, Any] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return {_text(each): each for each in values} if isinstance(values, list) else None


def _listed(values: dict[str, Any]) -> str:
    shown = [each if isinstance(each, str) else key for key, each in values.items()]
    return ", ".join(each[:40] for each in shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")


def _bounds(was: dict[str, Any], now: dict[str, Any], name: str) -> Iterator[Turn]:
    for keyword, words in _LEAST:
        yield from _bound(was.get(keyword), now.get(keyword), f"{name}: {words}", more_narrows=True)
    for keyword, words in _MOST:
        yield from _bound(was.get(keyword), now.get(keyword), f"{name}: {words}", more_narrows=False)
    for keyword, words in _FORMS:
        one, other = was.get(keyword), now.get(keyword)
        if one != other:
            shown = " → ".join("none" if each is None else str(each)[:80] for each in (one, other))
            yield Turn(f"{name}: {words} {shown}", narrows=other is not None, widens=one is not None)
    if now.get("uniqueItems", False) is not was.get("uniqueItems", False):
        is_now = now.get("uniqueItems") is True
        yield Turn(f"{name}: items {'must' if is_now else 'need not'} differ", narrows=is_now, widens=not is_now)


def _bound(was: Any, now: Any, what: str, *, more_narrows: bool) -> Iterator[Turn]:
    if was == now or not all(each is None or _is_number(each) for each in (was, now)):
        return
    shown = " → ".join("none" if each is None else f"{each:,}" for each in (was, now))
    if was is None or now is None:
        yield Turn(f"{what} {shown}", narrows=was is None, widens=now is None)
    else:
        narrows = (now > was) is more_narrows
        yield Turn(f"{what} {shown}", narrows=narrows, widens=not narrows)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
