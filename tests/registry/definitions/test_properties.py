"""A schema as a table, and an example made from it."""

import json
import time
from typing import Any

import pytest

from registry.definitions import bodies, examples
from registry.definitions.properties import Row, table
from registry.record.contracts import Response
from registry.record.events import Event


def rows(schema: Any) -> tuple[Row, ...]:
    return table(json.dumps(schema)).rows


def test_properties_are_rows_with_type_range_and_meaning() -> None:
    assert rows(
        {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "format": "uuid", "description": "The order."},
                "count": {"type": "integer", "minimum": 1, "maximum": 99, "default": 1},
                "state": {"enum": ["open", "shut"]},
                "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Line"}},
                "note": {"type": ["string", "null"], "maxLength": 80},
            },
            "$defs": {"Line": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
        }
    ) == (
        Row("id", "string (uuid)", True, doc="The order."),
        Row("count", "integer", range="1 to 99; else 1"),
        Row("state", "string", range="one of open, shut"),
        Row("lines", "list of object", range="at least 1 item"),
        Row("sku", "string", True, depth=1),
        Row("note", "string or null", range="at most 80 characters"),
    )


def test_alternatives_are_told_apart() -> None:
    card = {"title": "Card", "type": "object", "properties": {"last4": {"type": "string"}}}
    way = {"oneOf": [card, {"$ref": "#/$defs/Cash"}]}
    assert rows({"properties": {"way": way}, "$defs": {"Cash": {"type": "null"}}}) == (
        Row("way", "object or null"),
        Row("one of: Card", "object", doc="Card", depth=1, is_way=True),
        Row("last4", "string", depth=2),
        Row("one of: Cash", "null", depth=1, is_way=True),
    )  # fmt: skip


def test_a_type_that_holds_itself_ends() -> None:
    assert rows({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": {"next": {"$ref": "#/$defs/Tree"}}}}}) == (
        Row("next", "object, as above"),
    )


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "pattern": "^a"}, (Row("(the whole)", "string", range="matches ^a"),)),
        ({"type": "array", "items": {"properties": {"a": True}}},
         (Row("(the whole)", "list of object"), Row("a", "anything"))),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, (Row("(any name)", "integer"),)),
        ({"properties": {"a": False}}, (Row("a", "nothing"),)),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {}}}]},
         (Row("a", "1"), Row("b", "anything"))),
        ({"prefixItems": [{"type": "string"}], "items": False}, (Row("[0]", "string"),)),
        ({}, ()),
        ([], ()),
        ("{", ()),
    ],
)  # fmt: skip
def test_odd_schemas_are_shown_too(schema: Any, expected: tuple[Row, ...]) -> None:
    assert (rows(schema) if schema != "{" else table("{").rows) == expected


NESTED = {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}}}
WAYS = {
    "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"properties": {"a": {}}}] * 3} for n in range(30)}
}
HOSTILE = [
    NESTED | {"$ref": "#/$defs/d0"},
    WAYS | {"$ref": "#/$defs/d0"},
    {"$ref": "#"},
    {"properties": {"a": {"$ref": "#"}}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"required": 1, "properties": {"a": {"enum": 1, "type": {}, "items": 3, "minLength": "x"}}},
    {"properties": {f"p{n}": {"pattern": "(a+)+$", "description": "x" * 50} for n in range(1_500)}},
    {"type": "string", "minLength": 10**15},
    {"type": "array", "minItems": 10**15, "items": {"type": "array", "minItems": 10**15, "items": {"minItems": 9}}},
]


@pytest.mark.parametrize("schema", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_schema_is_shown_and_exemplified_in_a_second(schema: Any) -> None:
    begun = time.process_time()
    assert len(rows(schema)) <= 150
    made = examples.made(Response(body_schema=json.dumps(schema)))
    assert made is None or len(made) < 100_000
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 9, "maxLength": 9}}},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
        {"type": "number", "maximum": -2},
        {"type": "array", "minItems": 3, "items": {"enum": ["x", "y"]}},
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
        {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
        {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}},
        {"type": "string", "pattern": "^pay_[a-z]{3}$", "examples": ["pay_abc"]},
        {"prefixItems": [{"type": "integer"}], "items": False, "type": "array"},
        {"const": {"a": None}},
        True,
    ],
)  # fmt: skip
def test_an_example_that_was_made_fits_its_schema(schema: Any) -> None:
    part = Response(body_schema=json.dumps(schema))
    made = examples.made(part)
    assert made is not None
    compared = bodies.compared(bodies.pair(part.model_copy(update={"body_example": made})))
    assert compared is not None
    assert compared.fits, (made, str(compared))


def test_an_events_example_is_a_whole_envelope_around_its_data() -> None:
    event = Event(type="com.example.a.b", source="/orders", data_schema='{"properties": {"n": {"type": "integer"}}}')
    made = json.loads(examples.made(event) or "")
    assert (made["specversion"], made["type"], made["source"], made["data"]) == (
        "1.0",
        "com.example.a.b",
        "/orders",
        {"n": 1},
    )


@pytest.mark.parametrize("text", [None, "{", '{"type": "nope"}'])
def test_no_example_is_made_from_what_is_no_schema(text: str | None) -> None:
    assert examples.made(Response(body_schema=text)) is None
