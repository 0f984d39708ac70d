"""GraphQL is held to the language's own rules, within bounds."""

import time

import pytest

from registry.definitions import graphql, graphql_effects
from registry.definitions.effects import Effect
from tests.registry.importers.corpus import real

SHOP = """
type Query {
  "One article."
  article(id: ID!, region: Region = WEST): Article
  old: Int @deprecated
}
extend type Mutation { rate(id: ID!, stars: Int!): Article! }
enum Region { WEST EAST }
"What is sold."
type Article { id: ID!, variants(first: Int = 3): [Article!]! }
"""


def test_a_schema_says_what_can_be_asked_and_of_which_types() -> None:
    found = graphql.read(SHOP)
    assert found.flaws == ()
    assert [(each.kind, graphql.signature(each), each.is_deprecated) for each in found.operations] == [
        ("query", "article(id: ID!, region: Region): Article", False),
        ("query", "old: Int", True),
        ("mutation", "rate(id: ID!, stars: Int!): Article!", False),
    ]
    assert [(each.name, each.is_required, each.default) for each in found.operations[0].arguments] == [
        ("id", True, ""),
        ("region", False, "WEST"),
    ]
    assert found.operations[0].doc == "One article."
    assert [(each.kind, each.name, each.values, each.doc) for each in found.types] == [
        ("enum", "Region", ("WEST", "EAST"), ""),
        ("type", "Article", (), "What is sold."),
    ]


def test_operations_that_are_written_out_say_what_they_take_and_ask() -> None:
    text = "query Find($id: ID!, $deep: Boolean = false) { article(id: $id) { id @include(if: $deep) } }"
    [found] = graphql.read(text).operations
    assert (found.kind, found.name, found.returns) == ("query", "Find", "article")
    assert [(each.name, each.type, each.default) for each in found.arguments] == [
        ("$id", "ID!", ""),
        ("$deep", "Boolean", "false"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type Query {\n  a: Nope\n}", ["line 2, column 6: unknown type “Nope”"]),
        ("type Query {\n  a: Int", ["line 2, column 9: expected Name, found <EOF>"]),
        ("type Query { a: Int a: Int }", ["line 1, column 14: field “Query.a” can only be defined once"]),
        ("query Q($a: Int) { x }", ["line 1, column 9: variable “$a” is never used in operation “Q”"]),
        ("{ a { ...F } } fragment F on X { ...F }", ["line 1, column 34: cannot spread fragment “F” within itself"]),
        ("extend type X { b: Int }", ["line 1, column 13: cannot extend type “X” because it is not defined"]),
        (
            "type Query { a: Int } query Q { b }",
            ["line 1, column 33: cannot query field “b” on type “Query”. Did you mean “a”?"],
        ),
        ("type A @key(fields: \"id\") { id: ID! }", []),
        ("type Mutation { pay: Int }", []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_column(text: str, said: list[str]) -> None:
    assert [str(each) for each in graphql.read(text).flaws] == said


def test_a_public_schema_is_sound() -> None:
    found = graphql.read(real("graphql-payment-service.graphql"))
    assert (found.flaws, len(found.operations), len(found.types)) == ((), 21, 27)


def test_a_changed_schema_tells_what_breaks() -> None:
    old = "type Query { a(x: Int): A, b: Int } type A { id: ID!, s: S } enum S { X Y }"
    new = "type Query { a(x: Int, y: Int!): A, c: Int } type A { id: ID, s: S } enum S { X Y Z }"
    assert graphql_effects.effects(old, new) == [
        Effect("field Query.b was removed", True),
        Effect("a required argument Query.a(y:) was added", True),
        Effect("field A.id changed type from ID! to ID", True),
        Effect("enum value S.Z was added"),
        Effect("the query c is new"),
    ]


def test_the_consumers_own_queries_break_nobody() -> None:
    assert graphql_effects.effects("query A { a } query B { b }", "query A($x: Int) { a(x: $x) }") == [
        Effect("A: a is now A($x: Int): a"),
        Effect("the query B is no longer asked"),
    ]
    assert graphql_effects.effects("query A { a }", "query A {") is None


HOSTILE = {
    "deep": "{a" * 5_000,
    "2 MB": "a" * 2_000_000,
    "brackets": "[" * 5_000,
    "aliases": "{" + " ".join(f"a{n}: x {{ b }}" for n in range(1_900)) + "}",
    "many aliases": "{" + " ".join(f"a{n}: x" for n in range(9_000)) + "}",
    "overlapping": "type Query{x:Query} {" + "x{" * 50 + "x{x} " * 90 + "}" * 51,
    "fragments in a row": "{...F0}"
    + "".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(600)) + "fragment F600 on Q {a}",
    "doubling fragments": "type Query{x:Query} {...F0}"
    + "".join(f"fragment F{n} on Query {{ ...F{n + 1} x{{...F{n + 1}}} }}" for n in range(60))
    + "fragment F60 on Query {x{x}}",
    "unknown types": "type Query{" + " ".join(f"a{n}:N{n}" for n in range(9_000)) + "}",
    "one field again and again": "type Query{" + " ".join("a:Int" for _ in range(9_000)) + "}",
    "broken interfaces": "interface I{a:Int b:Int}" + "".join(f"type T{n} implements I{{c:Int}}" for n in range(3_000)),
    "inputs in a circle": "".join(f"input A{n}{{a:A{n + 1}!}}" for n in range(1_500)) + "input A1500{a:A0!}",
    "schemas": "schema{query:Q}" * 5_000,
    "directives": "type Query{a:Int" + "@a" * 9_000 + "}",
    "quotes": '"' * 150_000,
    "NUL": "\x00",
    "half a character": "\ud800",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_is_done_with_in_a_second(name: str) -> None:
    begun = time.process_time()
    found = graphql.read(HOSTILE[name])
    assert time.process_time() - begun < 3
    assert all(len(str(each)) < 400 for each in found.flaws)
