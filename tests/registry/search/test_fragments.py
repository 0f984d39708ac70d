"""The stretch of a text that answers a question."""

import pytest

from registry.search import fragments, question


def shown(text: str, asked: str, width: int = 0) -> str:
    found = fragments.match(text, question.read(asked).terms)
    return "".join(f"[{part}]" if hit else part for part, hit in fragments.marked(text, found.spans, width=width))


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("POST /payments/{paymentId}", "payment", "POST /[payments]/{[payment]Id}"),
        ("VALIDATION_ERROR", "error validation", "[VALIDATION]_[ERROR]"),
        ("createPayment", "createpayment", "[createPayment]"),
        ("payment-service", "payments", "payment-service"),
        ("create one, then a payment", "createPayment", "create one, then a payment"),
        ("create a payment", '"create a"', "[create a] payment"),
        ("crème brûlée", "BRULEE", "crème [brûlée]"),
        ("<b>payment</b>", "payment", "<b>[payment]</b>"),
        ("nothing", "payment", "nothing"),
    ],
)
def test_what_was_found_is_marked(text: str, asked: str, expected: str) -> None:
    assert shown(text, asked) == expected


def test_a_long_text_is_cut_around_what_was_found() -> None:
    text = "word " * 200 + "refund the customer " + "word " * 200
    cut = shown(text, "refund", width=80)
    assert cut.startswith("…word")
    assert "[refund] the customer" in cut
    assert cut.endswith("word…")
    assert len(cut) < 90


def test_a_text_without_spaces_is_cut_all_the_same() -> None:
    assert len(shown("x" * 10_000, "payment", width=80)) < 90
