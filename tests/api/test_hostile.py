"""Bodies that were made to break something: each is refused with its place, and nothing breaks."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from registry.models import Person, Revision
from tests.api.checked import CheckedClient
from tests.api.conftest import Speak

LIST = "/api/v1/integrations"
DRAFT = f"{LIST}/orders-to-payments/revisions/draft"
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (96 + n, 96 + n, b",".join([b"*%c" % (95 + n)] * 9)) for n in range(2, 10)
)
TEXTS: dict[str, tuple[str, bytes, int]] = {
    "nothing": ("json", b"", 415),
    "not json": ("json", b"overview: {}", 400),
    "a list": ("json", b"[]", 400),
    "a number": ("json", b"7", 400),
    "null": ("json", b"null", 400),
    "cut off": ("json", b'{"overview": {"purpose": "half', 400),
    "not utf-8": ("json", b'{"overview": {"purpose": "\xff\xfe"}}', 400),
    "a raw NUL": ("json", b'{"overview": {"purpose": "a\x00b"}}', 400),
    "an escaped NUL": ("json", b'{"overview": {"purpose": "a\\u0000b"}}', 400),
    "half a character": ("json", b'{"overview": {"purpose": "\\ud800"}}', 400),
    "half a character as a name": ("json", b'{"\\udfff": 1}', 400),
    "brackets 5,000 deep": ("json", b"[" * 5_000 + b"]" * 5_000, 400),
    "objects 5,000 deep": ("json", b'{"overview":' * 5_000 + b"1" + b"}" * 5_000, 400),
    "one name twice": ("json", b'{"sla": {}, "sla": {}}', 400),
    "10^400": ("json", b'{"contracts": [{"expected_requests_per_minute": 1' + b"0" * 400 + b"}]}", 400),
    "1e400": ("json", b'{"contracts": [{"expected_requests_per_minute": 1e400}]}', 400),
    "NaN": ("json", b'{"sla": {"availability_percent": NaN}}', 400),
    "20 MB": ("json", b'{"overview": {"purpose": "' + b"x" * 20_000_000 + b'"}}', 413),
    "2 MB of brackets": ("json", b"[" * 1_999_999, 400),
    "a control character": ("json", b'{"overview": {"project": "a\\u0007b"}}', 422),
    "a whole record too wide": ("json", b'{"topics": [' + b",".join([b"{}"] * 5_000) + b"]}", 422),
    "yaml bomb": ("yaml", BOMB, 400),
    "yaml anchors on themselves": ("yaml", b"a: &a [*a]", 400),
    "yaml tags": ("yaml", b"overview: !!python/object/apply:os.system ['true']", 400),
    "yaml names twice": ("yaml", b"sla: {}\nsla: {}", 400),
    "yaml depth": ("yaml", b"[" * 5_000, 400),
    "yaml of two documents": ("yaml", b"--- {}\n--- {}", 400),
    "yaml numbers as names": ("yaml", b"1: 2", 422),
    "yaml merge keys": ("yaml", b"<<: {}", 422),
    "yaml tabs": ("yaml", b"overview:\n\tpurpose: x", 400),
    "yaml NUL": ("yaml", b"overview: {purpose: 'a\x00'}", 400),
    "yaml float": ("yaml", b"contracts: [{expected_requests_per_minute: 1.5}]", 422),
}
SEND = {"save": ("put", DRAFT), "create": ("post", LIST), "submit": ("post", f"{DRAFT}/submit")}


@pytest.mark.parametrize("text", TEXTS)
def test_a_draft_survives(draft: Revision, ann: Person, speak: Speak, text: str) -> None:
    kind, body, status = TEXTS[text]
    client = speak(ann)
    started = time.process_time()
    answer = client.put(DRAFT, body, content_type=f"application/{kind}", headers={"If-Match": draft.etag})
    assert time.process_time() - started < 3
    assert answer.status_code == status, answer.content
    assert answer.json()["detail"]
    if status == 422:
        assert all(each["pointer"] for each in answer.json()["errors"])
    draft.refresh_from_db()
    assert draft.lock_version == 1


@pytest.mark.parametrize("text", [name for name, (kind, _, _) in TEXTS.items() if kind == "json"])
@pytest.mark.parametrize("way", ["create", "submit"])
def test_other_bodies_are_read_the_same_way(draft: Revision, ann: Person, speak: Speak, way: str, text: str) -> None:
    method, address = SEND[way]
    answer = sender(speak(ann), method)(
        address, TEXTS[text][1], content_type="application/json", headers={"If-Match": draft.etag}
    )
    assert answer.status_code in (400, 413, 415, 422), answer.content


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "x" * 5_000,
    ],
)
@pytest.mark.parametrize("way", SEND)
def test_other_types_are_refused_with_the_ones_that_are_read(
    draft: Revision, ann: Person, speak: Speak, way: str, content_type: str
) -> None:
    method, address = SEND[way]
    answer = sender(speak(ann), method)(address, b"{}", content_type=content_type, headers={"If-Match": draft.etag})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["mend"]


@pytest.mark.parametrize(
    "address",
    [
        f"{LIST}/%00",
        f"{LIST}/a%00b",
        f"{LIST}/..%2f..",
        f"{LIST}/%F0%9F%92%A5",
        f"{LIST}/ORDERS",
        f"{LIST}/{'x' * 500}",
        f"{LIST}/orders-to-payments/revisions/99999999.0",
        f"{LIST}/orders-to-payments/revisions/0.1%0A",
        f"{LIST}/orders-to-payments/revisions/999999.999999",
        f"{LIST}/",
        "/api/v1/settings/",
        "/api/v1/settings/%00",
        "/api/v2",
        "/api/",
    ],
)
def test_an_address_that_is_none_is_not_found(draft: Revision, ann: Person, speak: Speak, address: str) -> None:
    answer = speak(ann).get(address)
    assert answer.status_code == 404
    assert answer.json()["type"] == "/api/problems/not-found"


@pytest.mark.parametrize("held", ["\x00", "é" * 100, '"' * 3_000, ",", "W/", "*, *", "'"])
def test_odd_tags_match_nothing(draft: Revision, ann: Person, speak: Speak, held: str) -> None:
    client = speak(ann)
    assert client.get(DRAFT, headers={"If-None-Match": held}).status_code == 200
    answer = client.put(DRAFT, b"{}", content_type="application/json", headers={"If-Match": held})
    assert answer.status_code == 412


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=x", "\x00", ","])
def test_odd_wishes_for_a_format_break_nothing(draft: Revision, ann: Person, speak: Speak, accept: str) -> None:
    assert speak(ann).get(DRAFT, headers={"Accept": accept}).status_code in (200, 406)


def test_findings_of_the_oddest_record_that_is_kept_are_told(draft: Revision, ann: Person, speak: Speak) -> None:
    odd = (
        b'{"parties": [{}, {}], "contracts": [{"name": "a]b[c"}, {}], "overview": {"purpose": "\xe2\x80\xae<script>"}}'
    )
    client = speak(ann)
    saved = client.put(DRAFT, odd, content_type="application/json", headers={"If-Match": draft.etag})
    assert saved.status_code in (200, 422)
    assert client.get(f"{DRAFT}/findings").status_code == 200
    assert client.get(f"{LIST}/orders-to-payments/diff").status_code == 200


def sender(client: CheckedClient, method: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(client, method)
    return found
