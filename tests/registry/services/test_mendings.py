"""What an edit changes is said; what is hidden is not."""

import json
from typing import Any

import pytest

from registry.services import mendings
from registry.services.masks import HIDDEN, Shown, ShownHeader
from registry.services.mendings import HeaderChange, Mending
from registry.services.payloads import Opened

SECRET, OTHER = "ann@example.com", "cora@example.com"


def between(before: Any, after: Any, masked: Any = ("email",), headers: Any = ((), ())) -> Mending:
    old, new = (each if isinstance(each, bytes) else json.dumps(each).encode() for each in (before, after))
    return mendings.between(Opened(old, headers[0]), Opened(new, headers[1]), masked)


def test_headers_are_added_removed_and_changed() -> None:
    before = (("tenant", "blue"), ("tenant", "red"), ("old", "1"), ("n", 3), ("same", b"x"))
    after = (("tenant", "red"), ("tenant", "green"), ("new", "2"), ("n", "3"), ("same", b"x"))
    found = between({}, {}, headers=(before, after))
    assert found == Mending(
        (
            HeaderChange("tenant", "blue", "green"),
            HeaderChange("new", None, "2"),
            HeaderChange("old", "1", None),
        ),
        "same",
    )
    assert [each.kind for each in found.headers] == ["changed", "added", "removed"]
    assert found.summary == "headers tenant, new, old"


def test_a_body_is_compared_as_it_is_shown() -> None:
    found = between({"email": SECRET, "total": 1}, {"email": SECRET, "total": 2})
    shown = '{\n  "email": "•••••",\n  "total": %d\n}'
    assert found == Mending((), "changed", shown % 1, shown % 2, "json")
    assert found.summary == "body"


@pytest.mark.parametrize(
    ("before", "after", "body", "hidden"),
    [
        ({"email": SECRET, "n": 1}, {"email": OTHER, "n": 1}, "same", ("body/email",)),
        ({"email": SECRET, "n": 1}, {"email": OTHER, "n": 2}, "changed", ("body/email",)),
        ({"email": SECRET, "n": 1}, {"n": 1}, "changed", ()),
        ({"n": 1}, {"n": 1, "email": SECRET}, "changed", ()),
        ({"a": {"email": [SECRET, 1]}}, {"a": {"email": {"x": OTHER}}}, "same", ("body/a/email",)),
        ({"note": f'{{"email": "{SECRET}"}}'}, {"note": f'{{"email": "{OTHER}"}}'}, "same", ("body/note",)),
        (f"<a>{SECRET}</a>".encode(), f"<b>{OTHER}</b>".encode(), "hidden", ()),
        (f"<a>{SECRET}</a>".encode(), b'{"n": 1}', "hidden", ()),
        (f"\xff{SECRET}".encode("latin-1"), b"x", "hidden", ()),
        (json.dumps(SECRET).encode(), json.dumps(OTHER).encode(), "hidden", ()),
        ({"n": 1, "email": SECRET}, b'{"n":1,\n"email":"ann@example.com"}', "laid out", ()),
    ],
)
def test_nothing_that_is_hidden_leaks(before: Any, after: Any, body: str, hidden: Any) -> None:
    headers = ((("email", SECRET), ("t", {"email": SECRET})), (("email", OTHER), ("t", {"email": OTHER})))
    found = between(before, after, headers=headers)
    assert (found.body, found.hidden) == (body, hidden)
    assert SECRET not in repr(found)
    assert OTHER not in repr(found)
    assert [(each.name, each.kind, each.is_hidden) for each in found.headers] == [
        ("email", "changed", True),
        ("t", "changed", True),
    ]


def test_what_is_hidden_now_is_hidden_in_older_edits_too() -> None:
    found = between({"email": SECRET, "n": 1}, {"email": OTHER, "n": 2}, masked=("email", "n"))
    assert (found.body, found.hidden) == ("same", ("body/email", "body/n"))


def test_what_is_equal_is_no_difference() -> None:
    assert not between({"email": SECRET}, {"email": SECRET}, headers=((("email", 1),), (("email", 1),)))
    assert between({}, {}).summary == "nothing"


@pytest.mark.parametrize("long", [b"x" * 50_001, b"x\n" * 1_001, b'{"a": [' + b"1, " * 3_000 + b"1]}"])
def test_a_long_body_is_not_compared(long: bytes) -> None:
    assert between(long, b"x", masked=()).body == "long"


def test_bytes_are_not_compared() -> None:
    assert between(b"\xff\xfe", b"x", masked=()).body == "bytes"


def test_a_summary_is_short() -> None:
    headers = tuple((f"{'x' * 200}{place}", "1") for place in range(20))
    assert len(between({}, {"n": 1}, headers=((), headers)).summary) <= mendings.LONGEST_SUMMARY


def test_what_was_typed_is_compared_with_what_another_saved() -> None:
    theirs = Shown("one\ntwo", "text", (ShownHeader("tenant", "blue"), ShownHeader("user", HIDDEN, is_hidden=True)))
    found = mendings.typed(theirs, "one\n2", [("tenant", "red"), ("user", HIDDEN)])
    assert found == Mending((HeaderChange("tenant", "blue", "red"),), "changed", "one\ntwo", "one\n2")
    assert not mendings.typed(theirs, None, [("tenant", "blue"), ("user", HIDDEN)])
