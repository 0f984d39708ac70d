"""How words are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.search import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("payments-api", "payments api"),
        ("createPayment", "create payment"),
        ("HTTPServer_v2.orderID", "http server v2 order id"),
        ("POST /payments/{paymentId}", "post payments payment id"),
        ("VALIDATION_ERROR", "validation error"),
        ("com.example.Order.PLACED.v1", "com example order placed v1"),
        ("Crème brûlée, Ångström, Łódź, Straße", "creme brulee angstrom lodz strasse"),
        ("cafe\u0301", "cafe"),
        ("支付 接口", "支 付 接 口"),
        ("הזמנות العُملاء", "הזמנות العملاء"),
        ("ﷺ ½ Ⅷ", "صلىاللهعليهوسلم 12 viii"),
        ("💥 --- '\"\\ :* & | ! <->", ""),
        ("x" * 500, "x" * 60),
    ],
)
def test_words_are_small_bare_and_taken_apart(text: str, found: str) -> None:
    assert " ".join(words.of(text)) == found


def test_a_vector_tells_where_each_word_stands() -> None:
    assert words.vector("POST /payments", ["createPayment"], context="Orders", marks=["@in=operation"]) == (
        "'post':1A '^post':1A 'payments':2A '^payments':2A 'create':13 'payment':14 '+createpayment':13 '~orders':25"
        " '=post payments' '@in=operation'"
    )


@given(st.text(), st.lists(st.text()))
def test_no_text_makes_a_sign_of_a_vector(title: str, texts: list[str]) -> None:
    vector = words.vector(title, texts, context=title)
    assert "@" not in vector
    assert "\\" not in vector
    assert vector.count("'") % 2 == 0


def test_a_long_text_is_found_by_its_beginning_only() -> None:
    vector = words.vector("", [" ".join(f"w{n}" for n in range(10_000))])
    assert "'w3000':" in vector
    assert "'w9000':" not in vector


def test_words_worth_knowing_are_of_letters_alone() -> None:
    assert words.known(words.vector("POST /payments pay_1", ["a1b2c3d4 reconciliation"], context="Orders")) == [
        "post",
        "payments",
        "pay",
        "reconciliation",
    ]
