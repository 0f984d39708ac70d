"""A file brought in: seen before anything is saved, then made an integration or taken into a draft."""

import gzip
import json
import time
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from registry.importers import LARGEST_FILE
from registry.models import Event, Integration, Person, Revision, Upload
from registry.services import revisions
from tests import landscape
from tests.api.test_imports import BODIES
from tests.console.browsing import form, text
from tests.registry.importers.corpus import own, real

NEW = "/integrations/new/"
BRING = "/integrations/orders-to-payments/import/"


@pytest.fixture
def browser(client: Client, ann: Person, catalog: landscape.Catalog) -> Client:
    """Ann's browser."""
    client.force_login(ann)
    return client


def brought(browser: Client, content: str | bytes, name: str = "file.yaml", url: str = NEW) -> Any:
    """The page after a file was chosen and sent."""
    data = content.encode() if isinstance(content, str) else content
    return browser.post(
        url, {"bring": "1", "text": "", "format": "", "file": SimpleUploadedFile(name, data)}, follow=True
    )


def again(browser: Client, page: Any, **said: Any) -> Any:
    """The preview's form sent as it stands there, with some answers changed."""
    return browser.post(page.request["PATH_INFO"], form(page) | said)


def newest(slug: str) -> Revision:
    draft = Integration.objects.select_related("current").get(slug=slug).current
    assert draft is not None
    return draft


# --- the pages --------------------------------------------------------------------------------------------------------


def test_the_pages_count_their_queries(
    browser: Client, integration: Integration, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        assert browser.get(NEW).status_code == 200
    with django_assert_num_queries(4):
        assert browser.get(BRING).status_code == 200
    brought(browser, own("van-positions.asyncapi3.yaml"))
    key = Upload.objects.get().pk
    with django_assert_num_queries(9):
        assert browser.get(reverse("import-new", args=[key])).status_code == 200
    with django_assert_num_queries(17):
        assert browser.get(reverse("import-into", args=["orders-to-payments", key])).status_code == 200
    with django_assert_num_queries(4):
        assert browser.get(reverse("import-source", args=[key])).status_code == 200


@pytest.mark.parametrize("name", ["import-new", "import-source"])
def test_a_file_is_seen_by_nobody_but_whoever_brought_it(browser: Client, name: str, mallory: Person) -> None:
    brought(browser, own("orders.openapi.yaml"))
    url = reverse(name, args=[Upload.objects.get().pk])
    ben = landscape.person("ben", "Ben Osei", group="architects")
    browser.force_login(ben)
    answer = browser.get(url)
    assert answer.status_code == 404
    assert "This file is not kept any more" in text(answer)
    browser.force_login(mallory)
    assert browser.get(url).status_code == 403


def test_only_an_architect_brings_a_file_into_a_draft(
    client: Client, integration: Integration, mallory: Person
) -> None:
    client.force_login(mallory)
    assert client.get(BRING).status_code == 403
    assert client.get(reverse("import-into", args=["orders-to-payments", uuid.uuid4()])).status_code == 403
    assert brought(client, own("orders.openapi.yaml")).status_code == 403
    assert not Upload.objects.exists()


def test_a_file_that_is_gone_can_be_brought_again(browser: Client, integration: Integration) -> None:
    for url in (
        reverse("import-new", args=[uuid.uuid4()]),
        reverse("import-into", args=["orders-to-payments", uuid.uuid4()]),
    ):
        answer = browser.get(url)
        assert answer.status_code == 404
        assert "Bring it in again" in text(answer)


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_broken_file_comes_back_as_text_with_its_line_shown(browser: Client) -> None:
    page = brought(browser, "openapi: 3.1.0\npaths:\n  /a: *x\ninfo: {}\n", "shop.yaml")
    assert page.status_code == 422
    assert "shop.yaml line 3, column 7: an alias (*) is not allowed. Write the value out." in text(page)
    assert "<mark>  /a: *x</mark>" in page.content.decode()
    assert form(page)["text"].startswith("openapi: 3.1.0")
    mended = browser.post(
        NEW, form(page) | {"text": "openapi: 3.1.0\r\npaths: {/a: {get: {responses: {}}}}"}, follow=True
    )
    assert mended.status_code == 200
    assert bytes(Upload.objects.get().content) == b"openapi: 3.1.0\npaths: {/a: {get: {responses: {}}}}"
    assert mended.context["upload"].filename == "pasted text"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "api.yaml is empty. Choose a file with something in it, or paste its text."),
        (gzip.compress(b"openapi: 3.1.0" * 100, mtime=0), "api.yaml is a gzip archive, not text. Unpack it"),
        (b"a" * (LARGEST_FILE + 1), "api.yaml is larger than 2,000,000 bytes. Leave out what is not needed."),
        (b"a" * 20_000_000, "api.yaml is larger than 2,000,000 bytes."),
        (
            b"Dear all,\nplease find attached",
            "api.yaml line 1, column 1: is no format that can be read. Choose one of:",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_nothing_is_kept(browser: Client, content: bytes, said: str) -> None:
    page = brought(browser, content, "api.yaml")
    assert page.status_code == 422
    assert said in text(page)
    assert not Upload.objects.exists()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("way", ["file", "text"])
def test_hostile_files_break_no_page(browser: Client, name: str, way: str) -> None:
    content = BODIES[name]
    data: dict[str, Any] = {"bring": "1", "format": ""}
    if way == "file":
        data["file"] = SimpleUploadedFile("a.yaml", content)
    else:
        data["text"] = content.decode("utf-8", "replace")
    begun = time.process_time()
    page = browser.post(NEW, data)
    assert time.process_time() - begun < 3
    assert page.status_code in (302, 400, 413, 422)
    if page.status_code == 302:
        begun = time.process_time()
        assert browser.get(page["Location"]).status_code == 200
        assert time.process_time() - begun < 3


def test_a_wrong_ending_or_a_wrong_choice_can_be_corrected(browser: Client) -> None:
    page = brought(browser, own("shop.graphql"), "shop.yaml")
    assert page.context["upload"].format == "graphql"
    wrong = again(browser, page, format="proto")
    assert wrong.status_code == 422
    assert "shop.yaml: line 1, column 1:" in text(wrong)
    assert "begins no declaration." in text(wrong)
    assert again(browser, wrong, format="graphql").status_code == 200


# --- a new integration ------------------------------------------------------------------------------------------------


def test_the_preview_shows_what_was_understood_and_what_was_not_by_line(browser: Client) -> None:
    page = brought(browser, own("orders.openapi.yaml"), "orders.yaml")
    sections = {each.section: (each.names, len(each.guesses)) for each in page.context["understood"]}
    assert sections == {
        "overview": (("Type", "Purpose"), 1),
        "parties": (("order-service",), 1),
        "contracts": (("orders-api",), 7),
        "monitoring": (("Tracing",), 0),
    }
    left = {each.text: each.lines for each in page.context["left"]}
    assert left["TRACE is not a method of a contract."] == ((42, "trace: {responses: {}}"),)
    assert "“default” covers every other failure: 5xx, with the usual action." in text(page)
    assert not Integration.objects.exists()


def test_answers_go_into_the_record_and_into_the_trail(browser: Client) -> None:
    page = brought(browser, own("van-positions.asyncapi3.yaml"), "vans.yaml")
    made = again(
        browser,
        page,
        name="Orders to vans",
        own="order-service",
        other="payment-service",
        criticality="medium",
        impact="Nobody sees a van.",
        rto="PT4H",
        rpo="PT15M",
        create="1",
    )
    assert made["Location"] == "/integrations/orders-to-vans/submit/", "nothing is missing"
    document = newest("orders-to-vans").document
    assert document["parties"] == [
        {"role": "provider", "system": "order-service", "team": "checkout", "contact": "delivery@groenmarkt.example"},
        {"role": "consumer", "system": "payment-service", "team": "payments"},
    ]
    assert document["sla"] == {"rto": "PT4H", "rpo": "PT15M"}
    assert document["topics"][0]["consumer_groups"] == ["payment-service"]
    assert document["deduplication"]["strategy"] == "processed_events"
    told = json.loads(Event.objects.get(kind="integration.created").data)["imported"]
    assert told["filename"] == "vans.yaml"
    assert told["sha256"] == Upload.objects.get().sha256
    assert "topics" in told["sections"]


def test_one_lands_at_the_first_field_that_is_missing(browser: Client) -> None:
    page = brought(browser, own("stock.proto"), "stock.proto")
    made = again(browser, page, name="Shop to stock", create="1", usual="1")
    assert made["Location"].startswith("/integrations/shop-to-stock/edit/overview/?at=overview.")
    landed = browser.get(made["Location"])
    assert "things are still to be said; this is the first." in text(landed)


def test_without_the_usual_settings_only_what_the_file_says_is_taken(browser: Client) -> None:
    page = brought(browser, own("orders.openapi.yaml"))
    given = form(page) | {"name": "Plain", "create": "1"}
    del given["usual"]
    browser.post(page.request["PATH_INFO"], given)
    document = newest("plain").document
    assert "policy" not in document["contracts"][0]
    assert "metrics" not in document["monitoring"]


def test_a_name_that_is_taken_keeps_every_answer(browser: Client, integration: Integration) -> None:
    page = brought(browser, own("orders.openapi.yaml"))
    refused = again(browser, page, name="Orders to payments", other="order-service", project="Renewal", create="1")
    assert refused.status_code == 422
    assert "The address orders-to-payments is taken." in text(refused)
    assert (form(refused)["other"], form(refused)["project"]) == ("order-service", "Renewal")


def test_a_name_as_people_say_it_becomes_a_systems_short_name(browser: Client) -> None:
    page = again(browser, brought(browser, own("orders.openapi.yaml")), own="Gift Cards", other="Payment Service")
    assert (form(page)["own"], form(page)["other"]) == ("gift-cards", "payment-service")
    assert "payment-service is not in the catalog" not in text(page)
    assert "gift-cards is not in the catalog" in text(page)


def test_a_system_of_the_catalog_is_recognised_by_a_name_that_is_near(browser: Client) -> None:
    page = brought(browser, own("orders.openapi.yaml").replace("title: Orders API", "title: Payments API"))
    assert form(page)["own"] == "payment-service"


def test_looking_again_in_the_background_never_creates(browser: Client) -> None:
    page = brought(browser, own("orders.openapi.yaml"))
    answer = browser.post(page.request["PATH_INFO"], form(page) | {"create": "1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert not Integration.objects.exists()


def test_of_a_large_api_one_takes_what_is_used(browser: Client) -> None:
    page = brought(browser, real("openapi3-flagsmith-800kB.yaml"))
    assert "604 in the file, and a contract holds 200" in text(page) or "operations: " in text(page)
    chosen = again(browser, page, only=["Audit", "Analytics"])
    [contract] = chosen.context["shown"].record.contracts
    assert len(contract.operations) == 9
    assert len(chosen.content) < 200_000


# --- the file itself --------------------------------------------------------------------------------------------------


def test_the_file_is_shown_with_what_became_of_each_line(browser: Client) -> None:
    brought(browser, own("van-positions.asyncapi3.yaml"), "vans.yaml")
    url = reverse("import-source", args=[Upload.objects.get().pk])
    page = text(browser.get(url, {"line": "26"}))
    assert "partitions: 12 taken: Partitions: 12" in page
    assert "x-dead-letter-topic: vans.positions.dlq taken: Dead letter: vans.positions.dlq" in page
    for line in ("0", "-1", "99999999", "x", "\x00", "9" * 50):
        assert browser.get(url, {"line": line}).status_code == 200
    assert browser.get(url, {"draft": "orders-to-payments"}).status_code == 200


# --- into a draft -----------------------------------------------------------------------------------------------------


PAYMENTS = """
openapi: 3.1.0
info: {title: Payments, description: Take money in another way.}
paths:
  /payments:
    post: {operationId: create-payment, summary: Take money., responses: {}}
  /refunds:
    post: {operationId: refund, responses: {}}
"""


def test_a_file_adds_to_the_draft_and_what_is_stated_stays(browser: Client, integration: Integration) -> None:
    page = brought(browser, PAYMENTS, "payments.yaml", BRING)
    assert form(page)["contract"] == "payments-api", "the only REST contract of the draft"
    assert (form(page)["own"], form(page)["other"]) == ("payment-service", "order-service")
    paths = [each.path for each in page.context["changes"]]
    assert "contracts[payments-api].operations[refund]" in paths
    before = newest("orders-to-payments").document
    assert again(browser, page, create="1").status_code == 302
    after = newest("orders-to-payments").document
    assert after["overview"] == before["overview"]
    assert after["parties"] == before["parties"]
    assert [each["name"] for each in after["contracts"]] == ["payments-api"]
    assert "refund" in [each["name"] for each in after["contracts"][0]["operations"]]
    told = json.loads(Event.objects.get(kind="revision.imported").data)
    assert (told["imported"]["filename"], told["imported"]["sections"]) == ("payments.yaml", ["contracts"])


def test_where_both_say_something_else_one_chooses_per_field_or_all(browser: Client, integration: Integration) -> None:
    page = brought(browser, PAYMENTS, "payments.yaml", BRING)
    conflicts = [each.path for each, _ in page.context["conflicts"]]
    assert "overview.purpose" in conflicts
    one = again(browser, page, **{"take:overview.purpose": "theirs"})
    assert [each.path for each, taken in one.context["conflicts"] if taken] == ["overview.purpose"]
    every = again(browser, page, all="theirs")
    assert all(taken for _, taken in every.context["conflicts"])
    again(browser, one, create="1")
    assert newest("orders-to-payments").document["overview"]["purpose"] == "Take money in another way."


def test_a_draft_that_somebody_saved_meanwhile_is_looked_at_again(
    browser: Client, integration: Integration, draft: Revision, ann: Person
) -> None:
    page = brought(browser, PAYMENTS, "payments.yaml", BRING)
    revisions.save_section(draft, "overview", {"purpose": "Changed"}, by=ann, if_match=draft.etag)
    refused = again(browser, page, create="1")
    assert refused.status_code == 409
    assert "Somebody saved this draft meanwhile." in text(refused)
    assert "refund" not in json.dumps(newest("orders-to-payments").document)
    assert again(browser, refused, create="1").status_code == 302
    assert newest("orders-to-payments").document["overview"]["purpose"] == "Changed"


def test_what_the_draft_says_already_changes_nothing(browser: Client, integration: Integration) -> None:
    page = brought(browser, json.dumps(landscape.document()), "record.json", BRING)
    assert page.context["changes"] == []
    answer = browser.post(page.request["PATH_INFO"], form(page) | {"create": "1"}, follow=True)
    assert "The draft says all of record.json already; nothing changed." in text(answer)
    assert not Event.objects.filter(kind__startswith="revision.").exists()


def test_a_text_in_review_takes_no_file(
    browser: Client, integration: Integration, draft: Revision, ann: Person
) -> None:
    page = brought(browser, PAYMENTS, "payments.yaml", BRING)
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First")
    assert "is in review" in text(browser.get(BRING))
    answer = again(browser, page, create="1")
    assert answer.status_code in (200, 409)
    assert "in review" in text(answer)


# --- a template or a copy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rest", "events", "files"])
def test_a_template_begins_a_draft(browser: Client, name: str) -> None:
    answer = browser.post(NEW, {"name": "Shop to stock", "start": name})
    assert answer["Location"] == "/integrations/shop-to-stock/edit/overview/"
    document = newest("shop-to-stock").document
    assert document["monitoring"]["metrics"][0]["name"].startswith("integration_shop_to_stock_")


def test_a_copy_wants_to_know_of_what(browser: Client, integration: Integration) -> None:
    refused = browser.post(NEW, {"name": "Again", "start": "copy", "copy": ""})
    assert refused.status_code == 422
    assert "The integration to copy and what is ticked do not go together. Choose the one to copy." in text(refused)
    both = browser.post(NEW, {"name": "Again", "start": "events", "copy": "orders-to-payments"})
    assert "Tick “A copy”, or set the menu back." in text(both)
    browser.post(NEW, {"name": "Again", "start": "copy", "copy": "orders-to-payments"})
    assert newest("again").document == newest("orders-to-payments").document


def test_blank_states_nothing(browser: Client) -> None:
    browser.post(NEW, {"name": "Empty", "start": "blank"})
    assert newest("empty").document == {}
