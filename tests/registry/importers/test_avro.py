"""Avro records are shown as JSON Schema, or not at all."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from registry.importers.avro import as_json_schema


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "example.Order", "doc": "An order.", "fields": list(fields)}


def test_a_record_keeps_its_fields_their_sense_and_what_may_be_left_out() -> None:
    line = {"type": "record", "name": "Line", "fields": [{"name": "article", "type": "string"}]}
    schema = as_json_schema(
        record(
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Its id."},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "DONE"]}},
            {"name": "note", "type": ["null", "string"], "default": None},
            {"name": "lines", "type": {"type": "array", "items": line}},
            {"name": "first", "type": "Line"},
            {"name": "labels", "type": {"type": "map", "values": "int"}, "default": {}},
        )
    )
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    assert schema["description"] == "An order."
    assert schema["required"] == ["id", "state", "lines", "first"]
    assert schema["properties"]["id"] == {"type": "string", "format": "uuid", "description": "Its id."}
    assert schema["properties"]["note"] == {"type": ["string", "null"]}
    assert schema["properties"]["first"] == {"$ref": "#/$defs/Line"}
    validator = Draft202012Validator(schema)
    good = {"id": "x", "state": "OPEN", "lines": [{"article": "a"}], "first": {"article": "b"}, "labels": {"a": 1}}
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"state": "LOST"})
    assert not validator.is_valid(good | {"first": {}})


def test_a_record_that_holds_itself_refers_to_itself() -> None:
    schema = as_json_schema(record({"name": "parent", "type": ["null", "Order"], "default": None}))
    assert schema is not None
    assert list(schema["$defs"]) == ["Order"]
    assert Draft202012Validator(schema).is_valid({"parent": {"parent": None}})


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "string",
        {"type": "enum", "name": "A", "symbols": []},
        {"type": "record", "name": "A"},
        {"type": "record", "fields": []},
        record({"name": "a", "type": "Nowhere"}),
        record({"type": "string"}),
        record({"name": "a", "type": {"type": "array"}}),
    ],
)
def test_what_is_no_whole_record_is_not_shown(schema: Any) -> None:
    assert as_json_schema(schema) is None


def test_depth_and_size_end_it() -> None:
    deep: Any = "string"
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    assert as_json_schema(record({"name": "a", "type": deep})) is None
    assert as_json_schema(record(*({"name": f"a{n}", "type": "int"} for n in range(3_000)))) is None
