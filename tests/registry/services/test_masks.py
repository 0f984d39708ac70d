"""What a source hides is hidden, wherever in a letter it stands."""

import json
from typing import Any

import pytest

from registry.services import masks
from registry.services.masks import HIDDEN, Mask, ShownHeader
from registry.services.payloads import Opened

ORDER = {
    "id": 7,
    "customer": {"email": "ann@example.com", "name": "Ann"},
    "items": [{"card": "4111"}, {"card": "5500"}],
}
MASKED = ("customer.email", "$.items[*].card", "X-User")


def shown(body: Any, headers: Any = (), masked: Any = MASKED) -> masks.Shown:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return masks.shown(Opened(raw, headers), masked)


def test_fields_and_headers_are_hidden_and_named() -> None:
    found = shown(ORDER, (("x-user", "ann"), ("traceparent", "00-1")))
    assert json.loads(found.body) == {
        "id": 7,
        "customer": {"email": HIDDEN, "name": "Ann"},
        "items": [{"card": HIDDEN}, {"card": HIDDEN}],
    }
    assert found.hidden == ("body/customer/email", "body/items/0/card", "body/items/1/card", "headers/x-user")
    assert found.headers == (ShownHeader("x-user", HIDDEN, True), ShownHeader("traceparent", "00-1"))


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"customer": {"EMAIL": "ann@example.com"}}},
        [{"order": {"customer": {"email": ["ann@example.com"]}}}],
        {"customer": {"email": {"private": "ann@example.com"}}},
        {"payload": '{"customer": {"email": "ann@example.com"}}'},
        {"payload": ' <customer email="ann@example.com"/>'},
        {"data_base64": "YW5uQGV4YW1wbGUuY29t ann@example.com"},
        b"<customer><email>ann@example.com</email></customer>",
        b'{"customer": {"email": "x"}, "customer": {"email": "ann@example.com"}}',
        b'{"customer": {"email": "ann@example.com"}',
        b'"ann@example.com"',
        b"\xff\xfeann@example.com",
        b'{"a":' * 2_000 + b'{"customer": {"email": "ann@example.com"}}' + b"}" * 2_000,
    ],
)
def test_no_form_of_a_body_leaks(body: Any) -> None:
    found = shown(body)
    assert "ann@example.com" not in found.body
    assert found.hidden


@pytest.mark.parametrize(
    "value",
    [
        '{"customer": {"email": "ann@example.com"}}',
        b' [{"customer": {"email": "ann@example.com"}}]',
        '<customer email="ann@example.com"/>',
        ["kept", b'{"customer": {"email": "ann@example.com"}}'],
    ],
)
def test_no_header_leaks_what_it_holds_as_text(value: Any) -> None:
    found = shown({}, (("x-original-body", value), ("x-plain", "kept")))
    assert [each.is_hidden for each in found.headers] == [True, False]
    assert "ann@example.com" not in str(found.headers)
    assert found.hidden == ("headers/x-original-body",)
    assert "ann@example.com" not in str(Mask(MASKED).over_headers((("x-original-body", value),)))
    assert shown({}, (("x-original-body", value),), masked=()).headers[0].value == masks.text(value)


def test_what_hides_nothing_shows_all() -> None:
    assert shown(b"<a/>", masked=()) == masks.Shown("<a/>", "text")
    assert shown(b"\xff\x00", masked=()) == masks.Shown("ff 00", "bytes")
    assert shown({"a": "\u202e"}, masked=()).body == '{\n  "a": "\u202e"\n}'
    assert shown(b"", masked=MASKED) == masks.Shown("", "text")


def test_a_long_body_is_cut() -> None:
    found = shown(b"x" * (masks.LONGEST_SHOWN + 1), masked=())
    assert (len(found.body), found.is_cut) == (masks.LONGEST_SHOWN, True)


def test_each_hidden_value_is_found_by_its_path() -> None:
    opened = Opened(
        json.dumps({**ORDER, "a/b": {"~": {"secret": 1}}}).encode(), (("X-User", b"ann"), ("n", {"x": [1]}))
    )
    found = masks.shown(opened, ("secret", *MASKED, "n"))
    assert {path: masks.value_at(opened, path) for path in found.hidden} == {
        "body/customer/email": "ann@example.com",
        "body/items/0/card": "4111",
        "body/items/1/card": "5500",
        "body/a~1b/~0/secret": "1",
        "headers/X-User": "ann",
        "headers/n": '{"x": [1]}',
    }
    for nowhere in ("body/nowhere", "body/items/9/card", "body/items/x", "headers/none"):
        assert masks.value_at(opened, nowhere) is None


def test_a_mask_of_nothing_hides_nothing() -> None:
    assert not Mask(["", " "])
