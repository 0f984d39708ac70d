"""Whatever a file holds, it is imported or refused with a reason, and soon."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.importers import IMPORTERS, Importer, read
from registry.importers.source import read_source
from registry.record import documents
from registry.record.findings import InvalidRecord

from .corpus import own

NAMES = [each.name for each in IMPORTERS]
ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def refs(count: int, width: int) -> str:
    """Schemas that each hold the next one several times: 10 to the 12th when inlined."""
    schemas = {
        f"s{n}": {"properties": {f"p{k}": {"$ref": f"#/components/schemas/s{n + 1}"} for k in range(width)}}
        for n in range(count)
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/s0"}}}}
    paths = {f"/{n}": {"post": {"requestBody": body, "responses": {"200": body}}} for n in range(20)}
    return json.dumps({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})


LOOP = '{"openapi": "3.1.0", "paths": {"/a": {"get": {"requestBody": {"$ref": "#/x"}}}}, "x": {"$ref": "#/x"}}'
HOSTILE = {
    "depth": '{"openapi": "3.1.0", "paths": ' + "[" * 5_000,
    "yaml depth": "openapi: 3.1.0\npaths: " + "[" * 5_000,
    "alias bomb": "openapi: 3.1.0\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "a huge number": '{"openapi": "3.1.0", "paths": {}, "x": 1' + "0" * 400 + "}",
    "a reference to itself": LOOP,
    "references that multiply": refs(12, 10),
    "a long chain of references": refs(400, 2),
    "NUL": "openapi: 3.1.0\npaths: {}\n\x00",
    "half a character": "openapi: 3.1.0\n\ud800",
    "20 MB": "openapi: 3.1.0\n" + "a" * 20_000_000,
    "many paths": json.dumps({"openapi": "3.1.0", "paths": {f"/{n}": {"get": {}} for n in range(20_000)}}),
    "many channels": json.dumps({"asyncapi": "3.0.0", "channels": {f"c{n}": {} for n in range(20_000)}}),
    "open comments": 'syntax = "proto3";' + "/*" * 90_000,
    "open strings": 'syntax = "proto3";' + '"' * 150_000,
    "open messages": "message A {" * 15_000,
    "brackets": 'syntax = "proto3"; option a = ' + "{" * 150_000,
    "many fields": "message A {" + "".join(f"int32 a{n} = {n};\n" for n in range(1, 8_000)) + "}",
    "graphql depth": "type Query { a(b: Int = " + "[" * 100_000 + ") : Int }",
    "graphql quotes": "type Query {" + '"""' * 60_001,
    "graphql fields": "type Query {" + "a: Int\n" * 25_000 + "}",
    "rules": "# Integration Design\n" + "| a |\n|" + "-|" * 400_000,
    "table cells": "# Integration Design\n## 4.2 Topics / Queues\n| a |\n| - |\n|" + "\\|" * 400_000,
    "stars": "# Integration Design\n" + "**" * 500_000,
    "bold": "# Integration Design\n" + "**a:** " * 200_000,
    "fences": "# Integration Design\n" + "```\n" * 50_000,
    "open fences": "# Integration Design\n" + "".join(f"{'`' * (3 + n % 50)}\nx\n" for n in range(25_000)),
    "pipes": "# Integration Design\nA: " + " | B: x" * 200_000,
    "alert": "# Integration Design\n## 7.1 Key Metrics\n| Alert Condition |\n|-|\n| > 5" + " for 1" * 100_000 + " |",
    "rotation": "# Integration Design\n## 3.1 Integration: a\n#### Authentication\n|a|b|\n|-|-|\n|Key rotation|Every "
    + "(P1" * 200_000
    + "|",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_done_with_in_a_second(name: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(InvalidRecord):
        documents.parse(read(HOSTILE[name]).document)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(max_size=80) | st.text("{}[]()<>\"'`#*|-:;=,.\\/ \n\tabco01", max_size=120))
@ANY
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    with contextlib.suppress(InvalidRecord):
        documents.parse(read(text, format=name).document)


SCALARS = st.none() | st.booleans() | st.integers(-9, 10**12) | st.floats(-5, 5) | st.text(max_size=8)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.text(max_size=5) | st.just("$ref"), SCALARS, max_size=2)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, each in inside for place in places(each, (*path, step)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("name", ["orders.openapi.yaml", "orders.asyncapi2.json", "positions.asyncapi3.yaml"])
@given(data=st.data())
@settings(ANY, max_examples=150)
def test_a_document_with_a_wrong_value_anywhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    value = read_source(own(name)).value
    for _ in range(data.draw(st.integers(1, 3))):
        value = replaced(value, data.draw(st.sampled_from(places(value)[1:])), data.draw(VALUES))
    with contextlib.suppress(InvalidRecord):
        documents.parse(read(json.dumps(value), format=name.split(".")[1].rstrip("23")).document)


@pytest.mark.parametrize("name", ["stock.proto", "shop.graphql", "filled.md"])
@given(data=st.data())
@ANY
def test_a_document_with_a_piece_missing_is_read_or_refused(name: str, data: st.DataObject) -> None:
    text = own(name)
    start = data.draw(st.integers(0, len(text)))
    with contextlib.suppress(InvalidRecord):
        documents.parse(read(text[:start] + text[start + data.draw(st.integers(1, 200)) :], name).document)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("orders.openapi.yaml", "openapi"),
        ("orders.asyncapi2.json", "asyncapi"),
        ("positions.asyncapi3.yaml", "asyncapi"),
        ("stock.proto", "proto"),
        ("shop.graphql", "graphql"),
        ("filled.md", "markdown"),
    ],
)
def test_a_format_is_known_by_its_text_alone(name: str, format: str) -> None:  # noqa: A002
    assert read(own(name)).format == format


def test_text_of_no_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidRecord) as caught:
        read("Dear all,\nplease find attached")
    [problem] = caught.value.problems
    assert problem.message == "line 1, column 1: is no format that can be read"
    assert problem.mend.startswith("Choose one of: Integration Design Document (Markdown), OpenAPI")


def test_our_own_document_comes_back_with_unknown_fields_listed() -> None:
    found = read(
        "overview:\n  purpose: Sell\n  colour: blue\nnonsense: 1\ncontracts:\n- name: Not A Slug\n  protocol: rest\n"
    )
    assert found.document == {"overview": {"purpose": "Sell"}, "contracts": [{"protocol": "rest"}]}
    assert [(note.line, note.path_in_source) for note in found.left_out] == [
        (3, "/overview/colour"),
        (4, "/nonsense"),
        (6, "/contracts/0/name"),
    ]


def test_importers_have_names_of_their_own() -> None:
    assert len(set(NAMES)) == len(IMPORTERS) == 6
    assert all(isinstance(each, Importer) and each.label for each in IMPORTERS)
