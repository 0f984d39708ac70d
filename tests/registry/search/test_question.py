"""What somebody types is read as a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.search import question
from registry.search.question import Term


def terms(text: str) -> list[str]:
    return [" ".join(each.words) + ("" if each.is_whole else "*") for each in question.read(text).terms]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("payment", ["payment*"]),
        ("orders  retry", ["orders*", "retry*"]),
        ("createPayment", ["create payment*"]),
        ('"refund order" now', ["refund order", "now*"]),
        ("“refund order", ["refund order"]),
        ("a", ["a"]),
        ("429", ["429*"]),
        ("https://example.com", ["https example com*"]),
        ("-", []),
        ("- & | ! ( ) :* <-> '", []),
        ("💥", []),
        ("", []),
        ("\x00a\x00b", ["a", "b"]),
        ("half \ud800", ["half*"]),
        (" ".join("abcdefghijklmnop"), list("abcdefghij")),
    ],
)
def test_words_and_phrases(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_what_must_not_be_there_is_meant_word_for_word() -> None:
    asked = question.read('orders -staging -"dead letter" -in-depth')
    assert [each.text for each in asked.terms] == ["orders"]
    assert asked.without == (
        Term("staging", (("staging",),), is_whole=True),
        Term("dead letter", (("dead", "letter"),), is_whole=True),
        Term("in-depth", (("in", "depth"),), is_whole=True),
    )


def test_filters_narrow() -> None:
    asked = question.read("in:contracts in:topic type:file-based -criticality:low team:checkout system:order-service x")
    assert asked.kinds == ("contract", "topic")
    assert asked.marks == ("@type=file_based", "@team=checkout", "@system=order-service")
    assert asked.without_marks == ("@criticality=low",)
    assert asked.problems == ()


@pytest.mark.parametrize(
    "text",
    ["in:nothing", "type:magic", "criticality:", "team:it's", 'team:"a b"', "-in:contracts", f"team:{'x' * 200}"],
)
def test_a_filter_that_is_none_is_told_and_left_out(text: str) -> None:
    asked = question.read(f"{text} orders")
    assert (asked.kinds, asked.marks, asked.without_marks) == ((), (), ())
    assert len(asked.problems) == (0 if text == "criticality:" else 1)
    assert "orders" in [each.text for each in asked.terms]


@given(st.text())
def test_any_text_is_a_question(text: str) -> None:
    asked = question.read(text)
    for each in (*asked.terms, *asked.without):
        assert all(word.isalnum() for word in each.words)
