"""What nobody touched comes back as it was, to the byte; what somebody typed is checked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Invalid
from registry.services import edited, masks
from registry.services.masks import HIDDEN, Mask
from registry.services.payloads import Opened
from registry.services.text import Reading, browsed

HOSTILE = st.text(st.sampled_from("ab \t\r\n\x00\x07\x0c\x1b\x7f\x85\u2028\u202e\ufeff\ufffd\U0001f600"), max_size=30)
VALUES = (
    HOSTILE | st.binary(max_size=8) | st.integers() | st.booleans() | st.lists(st.integers(), max_size=2) | st.none()
)


def body(before: bytes, given: str, *masked: str) -> bytes:
    reading = Reading()
    after = edited.body(reading, before, edited.text(given), Mask(masked), False)
    reading.done()
    return after


def headers(before: Any, given: Any, *masked: str) -> Any:
    reading = Reading()
    after = edited.headers(reading, tuple(before), given, Mask(masked))
    reading.done()
    return list(after)


def as_a_browser(text: str) -> str:
    """What it sends of a textarea: its line ends, whatever they were."""
    return browsed(text).replace("\n", "\r\n")


@given(HOSTILE)
def test_a_body_nobody_touched_is_what_it_was(text: str) -> None:
    before = text.encode()
    assert body(before, as_a_browser(masks.shown(Opened(before), ()).body)) == before


@given(st.lists(st.tuples(HOSTILE | st.just("email"), VALUES), max_size=6))
def test_headers_nobody_touched_are_what_they_were(before: list[tuple[str, Any]]) -> None:
    shown = masks.shown(Opened(b"", tuple(before)), ["email"]).headers
    given = [(as_a_browser(each.name), as_a_browser(each.value)) for each in shown]
    after = headers(before, given, "email")
    assert sorted(map(repr, after)) == sorted(map(repr, before))


@given(HOSTILE.map(lambda text: text.replace("\x00", "")), HOSTILE.map(lambda text: text.replace("\x00", "")))
def test_a_text_is_what_was_typed(before: str, typed: str) -> None:
    assert browsed(body(before.encode(), as_a_browser(typed)).decode()) == browsed(typed)


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ("a\r\nb\r\nc", "a\nB\nc", "a\r\nB\r\nc"),
        ("a\nb\r\nc\nd", "a\nb\nC\nd", "a\nb\r\nC\nd"),
        ("a\r\nb\nc\r\nd", "a\nc\nd", "a\r\nc\r\nd"),
        ("a\rb", "a\nx\nb", "a\rx\rb"),
        ("one", "one\ntwo", "one\ntwo"),
        ("a\r\nb", "", ""),
    ],
)
def test_lines_end_as_they_did(before: str, typed: str, after: str) -> None:
    assert body(before.encode(), as_a_browser(typed)) == after.encode()


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (b"\xff\xfe", "is not text"),
        (b"a\x00b", "is not text"),
        (b"x" * (masks.LONGEST_SHOWN + 1), "is too long to be changed here"),
    ],
)
def test_what_is_no_text_is_not_changed(before: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=f"body: {why}"):
        body(before, "else")


ITEMS = [{"card": "4111", "n": 1}, {"card": "5500", "n": 2}, {"card": "6011", "n": 3}]
A, B, C = ({"card": HIDDEN, "n": each} for each in (1, 2, 3))


@pytest.mark.parametrize(
    ("typed", "cards"),
    [
        ([A, B, C], ["4111", "5500", "6011"]),
        ([B, C], ["5500", "6011"]),
        ([C, A, B], ["6011", "4111", "5500"]),
        ([A, {"card": "new", "n": 9}, B, C], ["4111", "new", "5500", "6011"]),
        ([A, {"card": HIDDEN, "n": 20}, C], ["4111", "5500", "6011"]),
    ],
)
def test_a_hidden_value_goes_with_its_item(typed: Any, cards: list[str]) -> None:
    before = json.dumps({"items": ITEMS, "m": 1}).encode()
    after = json.loads(body(before, json.dumps({"items": typed, "m": 2}), "card"))
    assert [each["card"] for each in after["items"]] == cards


@pytest.mark.parametrize(
    ("before", "typed", "lost"),
    [
        ({"items": ITEMS}, {"items": [{"card": HIDDEN, "n": 20}, C]}, ["body/items/0"]),
        ({"items": ITEMS}, {"items": [B, {"card": HIDDEN, "n": 20}, C]}, ["body/items/1"]),
        ({"items": [{"card": "1"}, {"card": "2"}]}, {"items": [{"card": HIDDEN}]}, ["body/items/0"]),
        ({"card": "1"}, {"kard": HIDDEN}, ["body/kard"]),
        ({"n": 1}, {"n": 1, "card": HIDDEN}, ["body/card"]),
        ({"a": {"card": "1"}}, {"b": {"card": HIDDEN}}, ["body/b/card"]),
        ({"a/b": {"card": "1"}}, {"a/b": {"": HIDDEN}}, ["body/a~1b/"]),
    ],
)
def test_a_mask_that_stands_for_nothing_is_refused_and_never_sent(before: Any, typed: Any, lost: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        body(json.dumps(before).encode(), json.dumps(typed), "card")
    assert [each.path for each in refused.value.problems] == lost


def test_dots_that_were_there_stay() -> None:
    before = json.dumps({"note": HIDDEN, "n": 1}).encode()
    assert json.loads(body(before, json.dumps({"note": HIDDEN, "n": 2}), "card")) == {"note": HIDDEN, "n": 2}


def test_a_header_keeps_its_kind() -> None:
    before = [("tenant", b"nl"), ("tries", 3), ("ok", True), ("at", "x")]
    typed = [("tenant", "be"), ("tries", "4"), ("ok", "false"), ("at", "5"), ("new", "6")]
    assert headers(before, typed) == [("tenant", b"be"), ("tries", 4), ("ok", False), ("at", "5"), ("new", "6")]
    assert headers([("tries", 3)], [("tries", "many")]) == [("tries", "many")]


@pytest.mark.parametrize(
    ("before", "typed", "why"),
    [
        ([("raw", b"\xff")], [("raw", "fe")], "is not text"),
        ([("raw", "a\x00")], [("raw", "a")], "is not text"),
        ([("table", {"a": 1})], [("table", '{"a": 2}')], "is a table"),
        ([("table", {"email": "x", "n": 1})], [("table", '{"email": "•••••", "n": 2}')], "stands for a value"),
        ([("email", "x")], [("mail", HIDDEN)], "stands for a value"),
        ([], [("", "x")], "is missing"),
    ],
)
def test_a_header_that_cannot_be_typed_is_refused(before: Any, typed: Any, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        headers(before, typed, "email")


def test_a_header_that_is_no_text_may_be_left_out() -> None:
    assert headers([("raw", b"\xff"), ("tenant", "nl")], [("tenant", "nl")]) == [("tenant", "nl")]
