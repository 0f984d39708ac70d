"""Each protocol's definition is shown as tables and in words, checked as it is typed, and stops nothing."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from registry.models import Integration, Person, Revision
from registry.services import revisions
from tests.console import browsing
from tests.registry.definitions import test_graphql, test_proto

DOCUMENT = "/integrations/orders-to-payments/"
CONTRACTS = "/integrations/orders-to-payments/edit/contracts/"
EVENTS = "/integrations/orders-to-payments/edit/events/"
PROTO = """syntax = "proto3";
package stock.v1;
import "google/protobuf/timestamp.proto";
// Keeps the shelves.
service Stock {
  rpc Reserve (ReserveRequest) returns (Reservation); // Ten minutes.
  rpc Watch (stream ReserveRequest) returns (stream Reservation);
}
message ReserveRequest { map<string, Line> lines = 1; message Line { uint32 count = 1; } }
message Reservation {
  State state = 1;
  oneof until { google.protobuf.Timestamp at = 2; bool never = 3 [deprecated = true]; }
}
enum State { OPEN = 0; TAKEN = 1; }
"""
SCHEMA = '{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "minimum": 3}}}'


@pytest.fixture
def browser(client: Client, ann: Person, integration: Integration) -> Client:
    """Ann's browser."""
    client.force_login(ann)
    return client


@pytest.fixture
def write(draft: Revision, ann: Person) -> Any:
    """Writes one contract, and events, into the draft."""

    def save(contract: dict[str, Any], events: list[dict[str, Any]] | None = None) -> None:
        now = Revision.objects.get(pk=draft.pk)
        document = {"contracts": [{"name": "api", **contract}], "events": events or []}
        revisions.save(now, document, by=ann, if_match=now.etag)

    return save


def read(client: Client) -> str:
    """What one reads in the document."""
    page = client.get(DOCUMENT)
    assert page.status_code == 200
    return browsing.text(page)


def test_a_proto_source_is_shown_as_methods_and_types(browser: Client, write: Any) -> None:
    write({"protocol": "grpc", "definition": {"proto": PROTO}})
    told = read(browser)
    assert "Service Stock Keeps the shelves. Method Takes Returns How" in told
    assert "Reserve Ten minutes. ReserveRequest Reservation One answer" in told
    assert "Watch stream ReserveRequest stream Reservation Both stream" in told
    assert "1 lines map<string, Line >" in told.replace("Line>", "Line >")
    assert "2 at google.protobuf.Timestamp one of until 3 never bool one of until, deprecated" in told
    assert "enum State 0 OPEN 1 TAKEN" in told
    page = browser.get(DOCUMENT).content.decode()
    assert 'id="contract-1-type-ReserveRequest-Line"' in page
    assert '<a href="#contract-1-type-ReserveRequest-Line">Line</a>' in page


def test_a_proto_source_that_cannot_be_read_is_shown_as_it_is(browser: Client, write: Any) -> None:
    write({"protocol": "grpc", "definition": {"proto": "message {"}})
    assert "This source cannot be read as it is; the rules say where. Source message {" in read(browser)


def test_graphql_is_shown_as_operations_and_types(browser: Client, write: Any) -> None:
    write({"protocol": "graphql", "definition": {"graphql": test_graphql.SHOP}})
    told = read(browser)
    assert "Query article id: ID! region: Region = WEST Article One article. old deprecated — Int" in told
    assert "Mutation rate id: ID! stars: Int! Article!" in told
    assert "type Article What is sold. id ID! variants [Article!]! Takes first: Int = 3" in told


def test_frames_are_grouped_by_who_sends_them(browser: Client, write: Any) -> None:
    frames = [
        {"name": "moved", "sent_by": "provider", "body_schema": SCHEMA, "example": '{"id": 3}'},
        {"name": "watch", "sent_by": "consumer"},
        {"name": "odd"},
    ]
    write({"protocol": "websocket", "consumer": "web-shop", "definition": {"frames": frames}})
    told = read(browser)
    assert re.search(
        "Sent by the consumer, web-shop watch .*Sent by the provider moved .*By whom is not stated yet odd", told
    )
    assert "id required integer At least 3 Example" in told
    assert 'id="contract-1-frame-1"' in browser.get(DOCUMENT).content.decode()


def test_an_exchange_says_what_its_pattern_lets_through(browser: Client, write: Any) -> None:
    definition = {"exchange": "orders", "exchange_type": "topic", "routing_key": "order.*",
                  "message_headers": [{"name": "x-region", "value": "eu", "required": True}]}  # fmt: skip
    write({"protocol": "amqp", "definition": definition})
    told = read(browser)
    assert "order.* lets through keys of the form order.<one word> Passes: order.a" in told
    assert "Message header Value Required x-region eu Yes" in told


def test_files_say_their_names_and_when_they_come_next(browser: Client, write: Any) -> None:
    definition = {"file_pattern": "settlement-{seq:04}.csv", "file_format": "csv", "file_encoding": "UTF-8",
                  "delimiter": "tab", "schedule": "30 2 * * * Europe/Amsterdam"}  # fmt: skip
    write({"protocol": "file", "definition": definition})
    told = read(browser)
    assert "Such as settlement-0001.csv , settlement-0002.csv" in told
    assert "CSV, UTF-8, fields parted by tabs" in told
    assert "At 02:30, every day ( 30 2 * * * Europe/Amsterdam )" in told
    assert re.search(r"Next, in UTC: (\w{3} \d+ \w{3}, 0[01]:30 ?;? ?){3}", told)


DOUBLING = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
SCHEMAS = {
    "deep": ('{"properties":' * 50 + "{}" + "}" * 50, "[" * 5_000),
    "doubling": (json.dumps({"$ref": "#/$defs/d0", "$defs": DOUBLING}), "1"),
    "pattern": ('{"pattern": "(a+)+$"}', '"' + "a" * 200 + '!"'),
}
MARKUP = "<img src=x>"
HOSTILE: dict[str, dict[str, Any]] = {
    # What is no UTF-8 no browser sends.
    **{f"proto: {name}": {"proto": each} for name, each in test_proto.HOSTILE.items() if "\ud800" not in each},
    **{f"graphql: {name}": {"graphql": each} for name, each in test_graphql.HOSTILE.items() if "\ud800" not in each},
    **{
        f"schema: {name}": {"frames": [{"name": "a", "body_schema": schema, "example": example}]}
        for name, (schema, example) in SCHEMAS.items()
    },
    "names": {"file_pattern": "{" * 299, "schedule": "1," * 140 + "1 * * * *", "routing_key": "#." * 140 + "#"},
    "markup in a proto": {"proto": f'syntax = "proto3"; // {MARKUP}\nmessage A {{ string a = 1; /* {MARKUP} */ }}'},
    "markup": {
        "graphql": f'type Query {{ "{MARKUP}" a: Int }}',
        **dict.fromkeys(("exchange", "routing_key", "file_pattern", "schedule"), MARKUP),
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_definitions_stop_no_page(browser: Client, write: Any, name: str) -> None:
    texts = {field: text for field, text in HOSTILE[name].items() if isinstance(text, str)}
    fields = {f"contracts.0.definition.{field}": text for field, text in texts.items()}
    form = browsing.form(browser.get(CONTRACTS), "sheet")
    for url, more in ((CONTRACTS, {"check": "1"}), (f"{CONTRACTS}autosave/", {}), (CONTRACTS, {})):
        checked = browser.post(url, form | fields | more)
        assert checked.status_code in (200, 302, 422)
    if all(0 < len(text) <= 200_000 and text.isascii() and "\x00" not in text for text in texts.values()):
        write({"protocol": "grpc", "definition": HOSTILE[name]})
        page = browser.get(DOCUMENT)
        assert page.status_code == 200
        assert b"<img src=x" not in page.content
        assert len(page.content) < 3_000_000


# --- the editor -------------------------------------------------------------------------------------------------------


def notes(page: Any) -> list[str]:
    """What stands beside the fields, as text."""
    found = re.findall(r'<p class="note is-[a-z]+">(.*?)</p>', page.content.decode(), re.S)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", each)).split()) for each in found]


def test_a_flaw_is_told_beside_the_field_with_a_link_to_its_place(browser: Client, write: Any) -> None:
    write({"protocol": "grpc"})
    form = browsing.form(browser.get(CONTRACTS), "sheet")
    typed = form | {"contracts.0.definition.proto": PROTO.replace("uint32 count", "Uint count")}
    page = browser.post(CONTRACTS, typed | {"check": "1"})
    said = "Error: Line 9, column 70 : “Uint” is not declared. Declare it, or correct the name. proto-invalid"
    assert said in notes(page)
    assert '<a href="#f-contracts-0-definition-proto" data-at="9:70">Line 9, column 70</a>' in page.content.decode()


def test_an_example_is_held_to_its_schema_as_either_is_left(browser: Client, write: Any) -> None:
    write({"protocol": "rest", "operations": [{"name": "a", "request_schema": SCHEMA, "request_example": '{"id": 3}'}]})
    page = browser.get(CONTRACTS)
    assert "Fits its schema." in notes(page)
    form = browsing.form(page, "sheet")
    for typed in ({"contracts.0.operations.0.request_example": '{"id": 2}'},
                  {"contracts.0.operations.0.request_schema": SCHEMA.replace("3", "4")}):  # fmt: skip
        told = notes(browser.post(CONTRACTS, form | typed | {"check": "1"}))
        assert any("$.id: " in each and "is less than the minimum of" in each for each in told), told
        assert "Fits its schema." not in told
    told = notes(browser.post(CONTRACTS, form | {"check": "1"}))
    assert "Fits its schema." in told


def test_an_example_is_made_from_the_schema_with_and_without_javascript(browser: Client, write: Any) -> None:
    write({"protocol": "rest"}, [{"name": "order.PLACED", "type": "com.example.a.b", "data_schema": SCHEMA}])
    page = browser.get(EVENTS)
    assert 'value="example:events.0.example"' in page.content.decode()
    act = browsing.form(page, "sheet") | {"act": "example:events.0.example"}
    made = json.loads(browsing.form(browser.post(EVENTS, act), "sheet")["events.0.example"])
    assert (made["type"], made["data"]) == ("com.example.a.b", {"id": 3})
    part = browser.post(EVENTS, act, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div class="field is-code')
    assert "Fits its schema." in part
    assert "example:events.0.example" not in part
    assert 'id="rail"' in part


@pytest.mark.parametrize(
    ("typed", "act", "notice"),
    [
        ({"events.0.example": "mine"}, "example:events.0.example", "There is an example already"),
        ({"events.0.data_schema": "{"}, "example:events.0.example", "before there is a schema without flaws"),
        ({}, "example:events.7.example", "no longer there"),
        ({}, "example:events.0.name", "no longer there"),
        ({}, "example:events.0", "no longer there"),
        ({}, "example:", "no longer there"),
        ({}, "example:events.x.y.z", "no longer there"),
    ],
)
def test_where_no_example_can_be_made_what_was_typed_stays(
    browser: Client, write: Any, typed: dict[str, str], act: str, notice: str
) -> None:
    write({"protocol": "rest"}, [{"name": "order.PLACED", "data_schema": SCHEMA}])
    form = browsing.form(browser.get(EVENTS), "sheet") | typed
    page = browser.post(EVENTS, form | {"act": act})
    assert page.status_code == 422
    assert notice in page.content.decode()
    after = browsing.form(page, "sheet")
    assert {name: after[name] for name in typed} == typed
