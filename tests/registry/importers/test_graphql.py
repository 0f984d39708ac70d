"""GraphQL: every root field is an operation."""

import pytest

from registry.importers import read
from registry.record.findings import InvalidRecord

from .corpus import imported, left, own


def test_queries_and_mutations_of_a_schema_are_operations() -> None:
    found = imported("shop.graphql")
    [contract] = found.document["contracts"]
    assert contract["definition"]["graphql"] == own("shop.graphql").strip()
    assert [(each["name"], each["summary"]) for each in contract["operations"]] == [
        ("products", "Find products."),
        ("product", "query product(id: ID!): Product"),
        ("put-in-basket", "mutation putInBasket(id: ID!): Basket!"),
        ("basket", "query basket: Basket"),
    ]
    assert left(found) == [(9, "The type Money is not declared in this file.")]


def test_a_document_of_operations_gives_their_names() -> None:
    [contract] = read("query FindOrder($id: ID!) {\n  order(id: $id) { id }\n}").document["contracts"]
    assert [each["name"] for each in contract["operations"]] == ["find-order"]


def test_of_203_root_fields_200_are_kept_and_three_named_as_left_out() -> None:
    fields = "\n".join(f"  field{number}: Int" for number in range(203))
    found = read(f"type Query {{\n{fields}\n}}")
    assert len(found.document["contracts"][0]["operations"]) == 200
    [note] = found.left_out
    assert note.text.endswith("the first 200 are kept, left out: field200, field201, field202")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type Query {\n  a Int\n}", "line 2, column 5: expected “:”, found Name “Int”"),
        ("type Query { a: " + "[" * 61 + "Int", "line 1, column 76: is nested more than 60 deep"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column(text: str, problem: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        read(text, "a.graphql")
    assert [each.message for each in caught.value.problems] == [problem]
