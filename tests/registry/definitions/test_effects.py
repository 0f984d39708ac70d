"""A changed definition tells what breaks, and for whom."""

import json
import time
from typing import Any

import pytest

from registry.definitions import proto, schema_effects
from registry.definitions.effects import Effect
from registry.definitions.proto.effects import effects

OLD = """syntax = "proto3";
service Stock {
  rpc Watch (Id) returns (stream Item);
  rpc Old (Id) returns (Item);
}
message Id { string id = 1; }
message Item { int32 count = 2; string gone = 3; string kept = 4; string name = 5; repeated string tags = 6; }
enum State { UNKNOWN = 0; OPEN = 1; SHUT = 2; }
"""
NEW = """syntax = "proto3";
service Stock {
  rpc Watch (stream Id) returns (stream Item);
  rpc New (Id) returns (Item);
}
message Id { string id = 2; }
message Item {
  reserved 4;
  int64 count = 2;
  bool fresh = 3;
  string title = 5;
  string tags = 6;
  string extra = 8;
}
enum State { UNKNOWN = 0; OPEN = 2; LOST = 3; }
"""


def test_a_changed_proto_source_tells_methods_fields_and_values() -> None:
    assert effects(proto.parse(OLD), proto.parse(NEW)) == [
        Effect("Stock.Old can no longer be called", True),
        Effect("Stock.Watch: server streams, now both stream", True),
        Effect("Stock.New can now be called"),
        Effect("Id.id has the number 2, no longer 1: old bytes are misread", True),
        Effect("Item.count is int64, no longer int32: the bytes stay readable, generated code changes", True),
        Effect("Item.gone is gone", True),
        Effect("Item.fresh is new, under the number 3 that gone had", True),
        Effect("Item.name is now called title: code and JSON, not the bytes", True),
        Effect("Item.tags is string, no longer repeated string: old bytes are misread", True),
        Effect("Item.extra is new"),
        Effect("Item.kept is gone; its number 4 is reserved", True),
        Effect("State has no value SHUT any more", True),
        Effect("State.OPEN is 2, no longer 1: old bytes are misread", True),
        Effect("State has a new value LOST"),
    ]


def test_comments_and_order_come_to_nothing() -> None:
    turned = OLD.replace("int32 count = 2; string gone = 3;", "string gone = 3; // no more\n  int32 count = 2;")
    assert effects(proto.parse(OLD), proto.parse(turned)) == []


# what is different, whether it breaks whoever sends requests, reads answers, or reads what was kept
SCHEMAS: list[tuple[Any, Any, str, str]] = [
    ({"required": ["a"]}, {"required": ["a", "b"], "properties": {"b": {}}}, "b is new and required", "read kept"),
    ({"properties": {"b": {}}}, {"required": ["b"], "properties": {"b": {}}}, "b is now required", "read kept"),
    (
        {"required": ["b"], "properties": {"b": {}}},
        {"properties": {"b": {}}},
        "b is no longer required",
        "written kept",
    ),
    ({"properties": {"b": {}}}, {}, "b is gone", "written kept"),
    ({}, {"properties": {"b": {}}}, "b is new, and optional", ""),
    ({"type": "number"}, {"type": "integer"}, "the whole is integer, no longer number", "read kept"),
    ({"type": "integer"}, {"type": "number"}, "the whole is number, no longer integer", "written kept"),
    ({"type": "string"}, {"type": "integer"}, "the whole is integer, no longer string", "read written kept"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "the whole may no longer be b", "read kept"),
    ({"enum": ["a"]}, {"enum": ["a", "c"]}, "the whole may now be c", "written kept"),
    ({"minimum": 1}, {"minimum": 2}, "the whole: minimum 1 → 2", "read kept"),
    ({"maxLength": 9}, {"maxLength": 10}, "the whole: longest length 9 → 10", "written kept"),
    ({}, {"pattern": "^a"}, "the whole: pattern none → ^a", "read kept"),
    ({}, {"additionalProperties": False}, "the whole allows no other properties any more", "read kept"),
    ({"items": {"type": "string"}}, {"items": {"type": ["string", "null"]}},
     "[] is null or string, no longer string", "written kept"),
    ({"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "string"}, {"type": "null"}]},
     "the whole has 1 form(s) more", "written kept"),
    (
        {"properties": {"m": {"$ref": "#/$defs/M"}}, "$defs": {"M": {"type": "string"}}},
        {"properties": {"m": {"$ref": "#/$defs/M"}}, "$defs": {"M": {"type": "integer"}}},
        "m is integer, no longer string",
        "read written kept",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "breaks"), SCHEMAS, ids=[each[2] for each in SCHEMAS])
def test_a_changed_schema_breaks_writers_or_readers(old: Any, new: Any, what: str, breaks: str) -> None:
    for changing in ("read", "written", "kept"):
        found = schema_effects.effects(json.dumps(old), json.dumps(new), changing)
        assert found == [Effect(what, changing in breaks.split())], changing


def test_words_about_a_schema_and_a_reference_written_out_come_to_nothing() -> None:
    old = {"properties": {"m": {"$ref": "#/$defs/M"}}, "$defs": {"M": {"type": "string"}}}
    new = {"properties": {"m": {"type": "string", "description": "Money."}}, "title": "Order"}
    assert schema_effects.effects(json.dumps(old), json.dumps(new), "kept") == []
    assert schema_effects.effects("{", "{}", "kept") is None


def test_schemas_that_refer_to_themselves_are_compared_in_a_second() -> None:
    doubling = {}
    for n in range(30):
        following = {"$ref": f"#/$defs/d{n + 1}"}
        doubling[f"d{n}"] = {"allOf": [following] * 2, "properties": {"a": following}}
    old = json.dumps({"$ref": "#/$defs/d0", "$defs": {**doubling, "d30": {"type": "string"}}})
    new = json.dumps({"$ref": "#/$defs/d0", "$defs": {**doubling, "d30": {"type": "integer"}}})
    begun = time.process_time()
    assert schema_effects.effects(old, new, "kept")
    assert time.process_time() - begun < 3


MALFORMED = {"properties": 3, "required": 1, "type": [{}, 5], "enum": "x", "allOf": {}, "oneOf": 7, "minimum": "1",
             "maxLength": None, "items": [1], "$ref": 4, "additionalProperties": "no"}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_schema_with_flaws_is_compared_as_far_as_it_goes(name: str) -> None:
    odd = json.dumps({"properties": {"a": {name: MALFORMED[name]}}, name: MALFORMED[name], "allOf": [MALFORMED, 3]})
    sound = '{"properties": {"a": {"type": "string", "minimum": 3, "maxLength": 4, "required": ["b"]}}}'
    for pair in ((odd, sound), (sound, odd), (odd, odd)):
        assert schema_effects.effects(*pair, "kept") is not None
