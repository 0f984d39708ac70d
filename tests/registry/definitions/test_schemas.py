"""Schemas are checked without network and within bounds, whatever they say."""

import json
import time
from functools import partial
from typing import Any

import pytest

from registry.definitions import schemas

TOO_DEEP = "It is nested too deep, or a pattern repeats too often, to be checked."


def mismatch(schema: Any, example: Any) -> str:
    return str(schemas.compare(json.dumps(schema), json.dumps(example)))


def test_what_is_hidden_is_named_by_where_it_begins() -> None:
    whole_numbers = {"additionalProperties": {"additionalProperties": {"type": "integer"}}}
    told = partial(schemas.unquoted, hides=lambda steps: steps[-1] == "customers")
    for value, said in (
        ({"customers": {"ann@example.com": "x"}}, "$.customers"),
        ({"others": {"a": "x"}}, "$.others.a"),
        ({"customers": "x"}, ""),
    ):
        found, _ = schemas.held(json.dumps(whole_numbers), value, told=told)
        assert str(found) == (f"{said}: does not hold to “type”" if said else "")


@pytest.mark.parametrize(
    ("schema", "example", "said"),
    [
        ({"type": "string"}, 1, "$: 1 is not of type 'string'"),
        ({"properties": {"a": {"pattern": "^[0-9]+$"}}}, {"a": "x"}, "$.a: 'x' does not match '^[0-9]+$'"),
        ({"patternProperties": {"^a": {"type": "string"}}}, {"ab": 1}, "$.ab: 1 is not of type 'string'"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, "$: 'b' is not among the properties"),
        ({"additionalProperties": {"type": "string"}}, {"b": 1}, "$.b: 1 is not of type 'string'"),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1}], "$: has an item twice"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, 1, "$: 1 is not of type 'null'"),
        ({"unevaluatedProperties": False}, {"a": 1}, "$: Unevaluated properties are not allowed ('a' was unexpected)"),
        ({"type": "object", "required": ["a"]}, {"a": None}, ""),
        (True, 1, ""),
    ],
)
def test_an_example_is_compared_with_its_schema(schema: Any, example: Any, said: str) -> None:
    assert mismatch(schema, example) == said


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {}}}', ""),
        ('{"$ref": "#/$defs/none"}', "The reference #/$defs/none leads nowhere."),
        ('{"$ref": "#there", "$defs": {"x": {"$anchor": "there"}}}', ""),
        ('{"pattern": "("}', "$.pattern: '(' is not a 'regex'"),
        ('{"pattern": "a{99999999999999999999}"}', TOO_DEEP),
        (
            '{"not":' * 38 + '{"type": 1}' + "}" * 38,
            "$" + ".not" * 38 + ".type: 1 is not valid under any of the given schemas",
        ),
        ('{"not":' * 59 + "{}" + "}" * 59, ""),
        ("3", "A schema is an object, or true or false."),
        ('{"minLength": -1}', "$.minLength: -1 is less than the minimum of 0"),
    ],
)
def test_a_flaw_of_a_schema_is_named(schema: str, said: str) -> None:
    assert schemas.flaw(schema) == said


@pytest.mark.parametrize(
    ("schema", "remote"),
    [
        ({"$ref": "https://example.com/a.json"}, ["https://example.com/a.json"]),
        ({"$ref": "other.json#/a"}, ["other.json#/a"]),
        ({"$id": "https://example.com/a.json", "items": {"$ref": "https://example.com/a.json"}}, []),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, []),
        ({"const": {"$ref": "https://example.com/a.json"}}, []),
    ],
)
def test_references_to_other_documents_are_told(schema: Any, remote: list[str]) -> None:
    assert schemas.remote_references(schema) == remote


@pytest.mark.parametrize(
    ("pattern", "risky"),
    [
        ("(a+)+$", True),
        ("(a|a)*", True),
        ("((ab)*c)*", True),
        ("(?:x{2,})+", True),
        ("^[a-z]+@[a-z]+$", False),
        ("(ab)+", False),
        (r"\(a+\)+", False),
        ("[(+)]+", False),
    ],
)
def test_a_repetition_in_a_repetition_is_risky(pattern: str, risky: bool) -> None:
    assert schemas.is_risky(pattern) is risky


NESTED = {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}}}
HOSTILE = {
    "endless": ({"$ref": "#"}, 1),
    "doubling": (NESTED | {"$ref": "#/$defs/d0"}, 1),
    "pattern": ({"pattern": "(a+)+$"}, "a" * 200 + "!"),
    "long pattern": ({"pattern": "a*a*a*a*a*a*a*b"}, "a" * 250),
    "pattern of names": ({"patternProperties": {"(a+)+$": {}}, "additionalProperties": False}, {"a" * 200 + "!": 1}),
    "unique": ({"uniqueItems": True}, [{"a": n} for n in range(4_000)]),
    "deep": ({"properties": {"a": {"$ref": "#"}}}, json.loads('{"a":' * 50 + "1" + "}" * 50)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_done_with_in_a_second(name: str) -> None:
    schema, example = HOSTILE[name]
    begun = time.process_time()
    text = json.dumps(schema)
    schemas.flaw(text)
    mismatch(schema, example)
    assert time.process_time() - begun < 3


def unchecked(schema: str, example: str) -> bool:
    return schemas.compare(schema, example).is_unchecked


def test_what_cannot_be_compared_is_told() -> None:
    assert unchecked('{"$ref": "#"}', "1")
    assert unchecked("{}", "[" * 50 + "]" * 50)
    assert unchecked("{}", '"' + "a" * 60_000 + '"')
    assert not unchecked("{}", "1")


def test_what_the_schemas_of_one_record_cost_together_is_bounded_and_does_not_depend_on_what_is_remembered() -> None:
    choices = [{"properties": {"x": {"const": each}}, "required": [f"a{each}"]} for each in range(40)]
    schema = {"type": "array", "items": {"anyOf": choices}}
    pairs = [(json.dumps(schema | {"title": str(each)}), json.dumps([{"x": 1}] * 40)) for each in range(60)]

    def compared() -> list[bool]:
        with schemas.bounded(nodes=3_000, steps=5_000):
            return [unchecked(*pair) for pair in pairs]

    first = compared()
    assert compared() == first
    assert 0 < first.count(False) < len(first)
    assert first == sorted(first)
