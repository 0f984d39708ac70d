"""A pipeline sends a file as it is, and sees what it holds of a design record."""

import gzip
import hashlib
import time
from typing import Any

import pytest

from registry.models import Integration, Person, Upload
from tests.api.conftest import Speak
from tests.api.test_hostile import TEXTS
from tests.registry.importers.corpus import own
from tests.registry.importers.test_hostile import HOSTILE

IMPORT = "/api/v1/import"
BINARY = "application/octet-stream"


def test_what_a_file_holds_is_told_with_where_it_stands(ann: Person, speak: Speak) -> None:
    text = own("van-positions.asyncapi3.yaml").encode()
    answer = speak(ann).post(f"{IMPORT}?filename=vans.yaml", text, content_type=BINARY)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["format"], told["title"]) == ("asyncapi", "Van tracker events")
    assert told["sha256"] == hashlib.sha256(text).hexdigest()
    assert [each["name"] for each in told["document"]["topics"]] == ["vans.positions", "vans.doors", "delivery.replans"]
    assert told["understood"][0] == {
        "line": 1,
        "path_in_source": "/asyncapi",
        "target": "overview.type",
        "text": "AsyncAPI describes messages: asynchronous.",
        "kind": "taken",
    }
    assert {each["kind"] for each in told["left_out"]} == {"passed"}
    assert told["groups"][0] == {"name": "vans.positions", "count": 1}
    assert not Upload.objects.exists()
    assert not Integration.objects.exists()


def test_the_document_can_be_sent_to_begin_an_integration(ann: Person, speak: Speak) -> None:
    client = speak(ann)
    document = client.post(IMPORT, own("orders.openapi.yaml"), content_type="application/yaml").json()["document"]
    made = client.post(
        "/api/v1/integrations",
        {"name": "Shop to orders", "slug": "shop-to-orders", "document": document},
        content_type="application/json",
    )
    assert made.status_code == 201


def test_only_what_is_asked_for_is_taken(ann: Person, speak: Speak) -> None:
    answer = speak(ann).post(f"{IMPORT}?only=reading,/orders/", own("orders.openapi.yaml"), content_type=BINARY)
    [contract] = answer.json()["document"]["contracts"]
    assert [each["name"] for each in contract["operations"]] == ["get-orders", "get-orders-id-parts"]


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [("as=word", 422, "as"), ("colour=blue", 422, "colour"), ("filename=%00", 422, "filename")],
)
def test_a_query_that_asks_for_what_does_not_exist_is_refused(
    ann: Person, speak: Speak, query: str, status: int, pointer: str
) -> None:
    answer = speak(ann).post(f"{IMPORT}?{query}", "openapi: 3.1.0", content_type=BINARY)
    assert answer.status_code == status
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_a_broken_file_is_refused_with_line_and_column(ann: Person, speak: Speak) -> None:
    answer = speak(ann).post(f"{IMPORT}?as=openapi", "openapi: 3.1.0\npaths: *x", content_type=BINARY)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"pointer": "", "detail": "line 2, column 8: an alias (*) is not allowed", "mend": "Write the value out."}
    ]


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_a_form_is_not_a_file(ann: Person, speak: Speak, content_type: str) -> None:
    answer = speak(ann).post(IMPORT, b"openapi: 3.1.0", content_type=content_type)
    assert answer.status_code == 415
    assert "application/octet-stream" in answer.json()["mend"]


BODIES: dict[str, Any] = {
    **{name: body for name, (_, body, _) in TEXTS.items() if body},
    **{f"importers: {name}": text.encode(errors="surrogatepass") for name, text in HOSTILE.items()},
    "gzip": gzip.compress(b"openapi: 3.1.0" * 1_000, mtime=0),
    "utf-16": "openapi: 3.1.0\npaths: {}".encode("utf-16"),
    "binary": bytes(range(256)) * 1_000,
    "bidi": "openapi: 3.1.0\ninfo: {title: '\u202e\u2066evil'}\npaths: {}".encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_files_are_read_or_refused_and_soon(ann: Person, speak: Speak, name: str) -> None:
    client = speak(ann)
    begun = time.process_time()
    answer = client.post(f"{IMPORT}?filename=a.yaml", BODIES[name], content_type=BINARY)
    assert time.process_time() - begun < 3
    assert answer.status_code in (200, 400, 413), answer.content[:500]
    if answer.status_code == 400:
        assert all(each["detail"] and each["mend"] for each in answer.json()["errors"])
