"""A JSON Schema as a table: each property with its type, whether it must be there, its range and what it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .schemas import Definitions, listed, named, read

MOST_ROWS = 150
MOST_STEPS = 3_000
"""Schemas looked at: references may double at every level."""
DEEPEST = 8
LONGEST_RANGE = 200
_BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("pattern", "matches {}"),
    ("contentEncoding", "encoded as {}"),
    ("contentMediaType", "holds {}"),
)
_SIZES = (
    ("minLength", "maxLength", "character"),
    ("minItems", "maxItems", "item"),
    ("minProperties", "maxProperties", "property"),
)
_FLAGS = (
    ("uniqueItems", "all different"),
    ("readOnly", "read only"),
    ("writeOnly", "write only"),
    ("deprecated", "deprecated"),
)
_WAYS = (("oneOf", "one of"), ("anyOf", "any of"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `depth` says how far inside it lies; a `way` is one of several forms, not a property."""

    name: str
    type: str
    is_required: bool = False
    range: str = ""
    doc: str = ""
    depth: int = 0
    is_way: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, and whether there are more than are worth showing."""

    rows: tuple[Row, ...] = ()
    is_cut: bool = False

    @property
    def has_words(self) -> bool:
        """Whether anything is said of a field beyond its type."""
        return any(each.doc or each.range for each in self.rows)


@lru_cache(maxsize=256)
def table(text: str) -> Table:
    """The table of a schema's text; no rows where it cannot be read, or says nothing of what is in it."""
    found = read(text)
    if found.problem or not isinstance(found.value, dict):
        return Table()
    rows: list[Row] = []
    for row in _Tabling(found.value).whole():
        if len(rows) == MOST_ROWS:
            return Table(tuple(rows), is_cut=True)
        rows.append(row)
    return Table(tuple(rows))


class _Tabling:
    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.definitions = Definitions(schema)
        self.steps = 0

    def whole(self) -> Iterator[Row]:
        schema, chain = self.definitions.followed(self.schema)
        inside = self.inside(schema, 0, chain)
        first = next(inside, None)
        if first is None and isinstance(schema, dict) and self.type(schema):
            yield Row("(the whole)", self.type(schema), range=_range(schema), doc=_doc(schema))
        elif first is not None:
            if _is_list(schema):
                yield Row("(the whole)", self.type(schema), range=_range(schema), doc=_doc(schema))
            yield first
            yield from inside

    def inside(self, schema: Any, depth: int, chain: tuple[str, ...]) -> Iterator[Row]:
        """The rows below a schema: of its properties, of its items' properties, of its alternatives."""
        self.steps += 1
        if not isinstance(schema, dict) or depth > DEEPEST or self.steps > MOST_STEPS:
            return
        yield from self.properties(schema, depth, chain)
        inner, further = self.definitions.followed(schema.get("items"))
        if not set(further) & set(chain):
            yield from self.inside(inner, depth, (*chain, *further))
        for place, each in enumerate(listed(schema, "prefixItems")):
            yield from self.row(f"[{place}]", each, depth, chain, is_required=False)
        yield from self.ways(schema, depth, chain)

    def properties(self, schema: dict[str, Any], depth: int, chain: tuple[str, ...]) -> Iterator[Row]:
        required = {each for each in listed(schema, "required") if isinstance(each, str)}
        for name, inner in named(schema, "properties").items():
            yield from self.row(name, inner, depth, chain, is_required=name in required)
        for pattern, inner in named(schema, "patternProperties").items():
            yield from self.row(f"/{pattern}/", inner, depth, chain, is_required=False)
        if named(schema, "additionalProperties"):
            name = "(any other name)" if "properties" in schema else "(any name)"
            yield from self.row(name, schema["additionalProperties"], depth, chain, is_required=False)
        for each in listed(schema, "allOf"):
            inner, further = self.definitions.followed(each)
            if not set(further) & set(chain):
                yield from self.inside(inner, depth, (*chain, *further))

    def row(self, name: str, schema: Any, depth: int, chain: tuple[str, ...], *, is_required: bool) -> Iterator[Row]:
        inner, further = self.definitions.followed(schema)
        if not isinstance(inner, dict):
            yield Row(name, "nothing" if inner is False else "anything", is_required, depth=depth)
            return
        is_seen = bool(set(further) & set(chain))
        type_ = self.type(inner)
        if is_seen:
            type_ = f"{type_}, as above" if type_ else "as above"
        yield Row(name, type_ or "anything", is_required, _range(inner), _doc(inner), depth)
        if not is_seen:
            yield from self.inside(inner, depth + 1, (*chain, *further))

    def ways(self, schema: dict[str, Any], depth: int, chain: tuple[str, ...]) -> Iterator[Row]:
        for keyword, words in _WAYS:
            ways = [self.definitions.followed(each) for each in listed(schema, keyword)]
            if not any(_has_inside(each) for each, _ in ways):
                continue
            for place, (each, further) in enumerate(ways, start=1):
                name = (_text(each, "title") if isinstance(each, dict) else "") or _last(further) or f"form {place}"
                yield Row(f"{words}: {name}", self.type(each) or "anything", doc=_doc(each), depth=depth, is_way=True)
                if not set(further) & set(chain):
                    yield from self.inside(each, depth + 1, (*chain, *further))

    def type(self, schema: Any, depth: int = 0) -> str:
        """A schema's type in words; "" where it states none."""
        if not isinstance(schema, dict):
            return ""
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)[:80]
        kind = schema.get("type")
        if isinstance(kind, list):
            return " or ".join(str(each) for each in kind) + _format(schema)
        if kind == "array" and depth < DEEPEST:
            inner, _ = self.definitions.followed(schema.get("items"))
            of = self.type(inner, depth + 1)
            return f"list of {of}" if of else "list"
        if isinstance(kind, str):
            return kind + _format(schema)
        return self._unstated(schema, depth)

    def _unstated(self, schema: dict[str, Any], depth: int) -> str:
        for keyword, _ in _WAYS:
            ways = [self.definitions.followed(each)[0] for each in listed(schema, keyword)[:8]]
            words = [self.type(each, depth + 1) for each in ways] if depth < 3 else []
            if words and all(words):
                return " or ".join(dict.fromkeys(words))[:120]
        for each in listed(schema, "allOf")[:8]:
            if depth < DEEPEST and (found := self.type(self.definitions.followed(each)[0], depth + 1)):
                return found
        if "properties" in schema:
            return "object"
        return "" if "enum" not in schema else " or ".join(dict.fromkeys(map(_kind, listed(schema, "enum"))))


def _has_inside(schema: Any) -> bool:
    return isinstance(schema, dict) and any(
        name in schema for name in ("properties", "patternProperties", "items", "allOf", "oneOf", "anyOf")
    )


def _is_list(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "array"


def _text(schema: dict[str, Any], name: str) -> str:
    value = schema.get(name)
    return value if isinstance(value, str) else ""


def _doc(schema: Any) -> str:
    return (_text(schema, "description") or _text(schema, "title")) if isinstance(schema, dict) else ""


def _format(schema: dict[str, Any]) -> str:
    stated = _text(schema, "format")
    return f" ({stated})" if stated else ""


def _last(references: tuple[str, ...]) -> str:
    return references[0].rpartition("/")[2].lstrip("#") if references else ""


def _kind(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array"}
    return names.get(type(value), "object")


def _range(schema: dict[str, Any]) -> str:
    """Which values are allowed, in words."""
    words: list[str] = []
    values = listed(schema, "enum")
    if values:
        shown = ", ".join(_shown(each) for each in values[:12])
        words.append(f"one of {shown}" + (f" and {len(values) - 12} more" if len(values) > 12 else ""))
    low, high = schema.get("minimum"), schema.get("maximum")
    is_span = low is not None and high is not None
    if is_span:
        words.append(f"{_shown(low)} to {_shown(high)}")
    for name, form in _BOUNDS:
        if name in schema and not (is_span and name in ("minimum", "maximum")):
            words.append(form.format(_shown(schema[name])))
    for least, most, one in _SIZES:
        words += _size(schema.get(least), schema.get(most), one)
    words += [word for name, word in _FLAGS if schema.get(name) is True]
    if "default" in schema:
        words.append(f"else {_shown(schema['default'])}")
    text = "; ".join(words)
    return text if len(text) <= LONGEST_RANGE else text[: LONGEST_RANGE - 1] + "…"


def _size(least: Any, most: Any, one: str) -> list[str]:
    many = "properties" if one == "property" else f"{one}s"
    if least is None and most is None:
        return []
    if least == most:
        return [f"{least} {one if least == 1 else many}"]
    if most is None:
        return [f"at least {least} {one if least == 1 else many}"]
    return [f"{least} to {most} {many}" if least else f"at most {most} {one if most == 1 else many}"]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)[:60]
