"""Writing a record in the browser: what is typed is kept, saved, checked, and merged with what others save."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client
from model_bakery.utils import seq
from pytest_django import DjangoAssertNumQueries

from console import fields
from registry.models import Integration, Person, Review, Revision
from registry.record import SECTIONS
from registry.services import revisions
from tests import landscape
from tests.console import browsing

PARTIES = "/integrations/orders-to-payments/edit/parties/"
OVERVIEW = "/integrations/orders-to-payments/edit/overview/"
CONTRACTS = "/integrations/orders-to-payments/edit/contracts/"
YAML = "/integrations/orders-to-payments/edit/yaml/"
HTMX = {"HX-Request": "true"}


def form(page: Any) -> dict[str, str]:
    return browsing.form(page, "sheet")


def notes(page: Any) -> list[str]:
    """What stands beside the fields, as text."""
    found = re.findall(r'<p class="note is-[a-z]+">(.*?)</p>', page.content.decode(), re.S)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", each)).split()) for each in found]


def saved(integration: Integration) -> dict[str, Any]:
    draft = Integration.objects.select_related("current").get(pk=integration.pk).current
    assert draft is not None
    return dict(draft.document)


@pytest.fixture
def browser(client: Client, ann: Person, integration: Integration) -> Client:
    """Ann's browser."""
    client.force_login(ann)
    return client


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_page_counts_its_queries(
    browser: Client, section: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(8):
        page = browser.get(f"/integrations/orders-to-payments/edit/{section}/")
    assert page.status_code == 200


def test_the_yaml_page_and_the_page_for_a_new_one_count_their_queries(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(8):
        assert browser.get(YAML).status_code == 200
    with django_assert_num_queries(4):
        assert browser.get("/integrations/new/").status_code == 200


def test_a_save_as_it_is_changes_nothing(browser: Client, integration: Integration, draft: Revision) -> None:
    for section in SECTIONS:
        url = f"/integrations/orders-to-payments/edit/{section}/"
        assert browser.post(url, form(browser.get(url))).status_code == 302
    after = Revision.objects.get(pk=draft.pk)
    assert (after.lock_version, after.document) == (draft.lock_version, draft.document)


def test_a_changed_field_is_saved(browser: Client, integration: Integration) -> None:
    answer = browser.post(OVERVIEW, form(browser.get(OVERVIEW)) | {"overview.purpose": "Take money."})
    assert (answer.status_code, answer["Location"]) == (302, OVERVIEW)
    assert saved(integration)["overview"]["purpose"] == "Take money."


def test_save_and_next_leads_through_the_sections_to_submission(browser: Client) -> None:
    first = browser.post(OVERVIEW, form(browser.get(OVERVIEW)) | {"next": "1"})
    assert first["Location"].endswith("/edit/sla/")
    url = "/integrations/orders-to-payments/edit/monitoring/"
    assert browser.post(url, form(browser.get(url)) | {"next": "1"})["Location"].endswith("/submit/")


def test_blank_rows_are_not_saved(browser: Client, integration: Integration) -> None:
    page = browser.post(PARTIES, form(browser.get(PARTIES)) | {"act": "add:parties"})
    browser.post(PARTIES, form(page))
    assert len(saved(integration)["parties"]) == 2


def test_a_pointer_leads_to_its_field(browser: Client) -> None:
    page = browser.get(CONTRACTS, {"at": "contracts[payments-api].policy.retry.max_retries"})
    focused = re.findall(r'<input[^>]*id="([^"]*)"[^>]*autofocus', page.content.decode())
    assert focused == ["f-contracts-0-policy-retry-max_retries"]


@pytest.mark.parametrize("at", ["", "nonsense[", "contracts", "contracts[gone].policy", "\x00", "overview.purpose"])
def test_a_pointer_to_nothing_does_no_harm(browser: Client, at: str) -> None:
    assert browser.get(CONTRACTS, {"at": at}).status_code == 200


# --- values that cannot be kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "typed", "note"),
    [
        ("protocol", "pigeon", "Protocol is not one of the choices."),
        ("name", "Two words", "Name is not a plain name. Use small letters, digits, dots and hyphens"),
        ("idempotent", "maybe", "Idempotent is neither yes nor no."),
        ("expected_requests_per_minute", "many", "Expected requests per minute is not a whole number."),
        ("policy.retry.retry_on_statuses", "500, 9", "“9” is less than 100. Write 100 or more."),
        ("policy.retry.multiplier", "1e5", "Multiplier is not a number."),
        ("authentication.rotation_period", "quarterly", "Rotation period is not an ISO 8601 duration. Write PT15M"),
        (
            "authentication.scopes",
            "a\nb\x07",
            "holds a character that cannot be shown (U+0007). Remove that character.",
        ),
        ("operations.0.request_schema", "\x00", "Request schema holds a character that cannot be shown (U+0000)."),
        ("base_urls.0.url", "ftp://x", "URL is not a web address. Start with https://"),
    ],
)
def test_a_value_that_cannot_be_kept_stands_there_again_with_the_mend(
    browser: Client, integration: Integration, name: str, typed: str, note: str
) -> None:
    before = saved(integration)
    page = browser.post(CONTRACTS, form(browser.get(CONTRACTS)) | {f"contracts.0.{name}": typed})
    assert page.status_code == 422
    assert form(page)[f"contracts.0.{name}"] == typed
    assert any(note in each for each in notes(page)), notes(page)
    assert saved(integration) == before


@pytest.mark.parametrize(
    "post",
    [
        {},
        {"overview.purpose": "x"},
        {"base": "forged", "whole": "1"},
        {"base": "\x00", "whole": "1"},
        {"clash": "forged"},
        {"act": "delete:overview", "base": "", "whole": ""},
    ],
)
def test_a_form_that_arrives_incomplete_changes_nothing(
    browser: Client, integration: Integration, post: dict[str, str]
) -> None:
    before = saved(integration)
    assert browser.post(OVERVIEW, post).status_code == 400
    assert saved(integration) == before


@pytest.mark.parametrize(
    "odd",
    [
        {"contracts.99999999999999999999.name": "x"},
        {"contracts.500.name": "ninth"},
        {"contracts.0": "text", "contracts": "text"},
        {"contracts.0.policy": "text"},
        {"contracts.0.name.first": "x"},
        {"contracts.-1.name": "x", "contracts.²3.name": "x"},
        {"contracts" + ".0" * 100: "deep"},
        {"act": "up:contracts.0.operations.99"},
        {"act": "restore:contracts", "undo.contracts": "forged"},
        {"act": "\x00"},
        {"noted": "contracts.0 nowhere \x00"},
    ],
)
def test_odd_posts_never_break_the_page(browser: Client, odd: dict[str, str]) -> None:
    whole = form(browser.get(CONTRACTS))
    for headers in ({}, HTMX):
        assert browser.post(CONTRACTS, whole | odd, headers=headers).status_code in (200, 302, 422)
        assert browser.post(f"{CONTRACTS}autosave/", whole | odd, headers=headers).status_code == 200


# --- the form's shape -------------------------------------------------------------------------------------------------


def systems(page: Any) -> list[str]:
    return [value for name, value in form(page).items() if name.endswith(".system")]


def test_rows_are_added_copied_moved_deleted_and_brought_back_without_javascript(browser: Client) -> None:
    page = browser.get(PARTIES)
    seen = [systems(page)]
    for act in ("add:parties", "duplicate:parties.0", "down:parties.0", "delete:parties.2", "restore:parties"):
        page = browser.post(PARTIES, form(page) | {"act": act})
        assert page.status_code == 200
        seen.append(systems(page))
    order, payment = "order-service", "payment-service"
    assert seen == [
        [order, payment],
        [order, payment, ""],
        [order, "", payment, ""],
        ["", order, payment, ""],
        ["", order, ""],
        ["", order, payment, ""],
    ]


def test_an_act_keeps_everything_typed(browser: Client) -> None:
    typed = form(browser.get(PARTIES)) | {"parties.0.system": "Not A Slug", "parties.1.contact": "  spaced  "}
    page = browser.post(PARTIES, typed | {"act": "add:parties"})
    assert {name: form(page)[name] for name in ("parties.0.system", "parties.1.contact")} == {
        "parties.0.system": "Not A Slug",
        "parties.1.contact": "  spaced  ",
    }
    assert "data-unsaved" in page.content.decode()


def test_an_act_with_htmx_answers_the_list_alone_and_says_where_the_focus_goes(browser: Client) -> None:
    typed = form(browser.get(CONTRACTS)) | {"act": "add:contracts.0.errors"}
    part = browser.post(CONTRACTS, typed, headers=HTMX).content.decode()
    assert re.findall(r'<div role="group" class="list" id="([^"]*)"', part) == ["f-contracts-0-errors"]
    assert re.findall(r'id="([^"]*)"[^>]* autofocus', part) == ["f-contracts-0-errors-5-status"]
    assert 'id="rail"' in part
    assert "<html" not in part


def test_blocks_stay_open_as_they_were_left(browser: Client) -> None:
    typed = form(browser.get(CONTRACTS)) | {"contracts.0.~open": "0", "contracts.0.operations.0.~open": "1"}
    page = browser.post(CONTRACTS, typed | {"check": "1"}).content.decode()
    assert re.findall(r'<details class="fold-item" id="([^"]*)"( open)?>', page) == [
        ("f-contracts-0", ""),
        ("f-contracts-0-operations-0", " open"),
        ("f-contracts-0-operations-0-responses-0", " open"),
    ]


# --- findings ---------------------------------------------------------------------------------------------------------


def test_without_javascript_a_check_shows_findings_and_saves_nothing(browser: Client, integration: Integration) -> None:
    before, typed = saved(integration), form(browser.get(OVERVIEW)) | {"overview.criticality": "critical"}
    page = browser.post(OVERVIEW, typed | {"check": "1"})
    assert any("Impact if down" in each for each in notes(page))
    assert "data-unsaved" in page.content.decode()
    assert saved(integration) == before


def test_every_field_has_a_sentence_of_help_and_an_example() -> None:
    wrong = [spec.name for spec in every_spec() if not (10 <= len(spec.help) <= 120 and spec.example)]
    assert wrong == []


def every_spec() -> Iterator[fields.Spec]:
    """Each control's field, section by section."""
    left = [fields.section_spec(section) for section in SECTIONS]
    while left:
        spec = left.pop()
        if spec.kind in ("group", "items"):
            left += fields.specs(spec.inner)
        else:
            yield spec


# --- two people at once -----------------------------------------------------------------------------------------------


@pytest.fixture
def ben(db: None) -> Person:
    """Another architect."""
    return landscape.person("ben", "Ben Osei", group="architects")


def save_meanwhile(draft: Revision, section: str, value: Any, *, by: Person) -> None:
    fresh = Revision.objects.select_related("integration").get(pk=draft.pk)
    revisions.save_section(fresh, section, value, by=by, if_match=fresh.etag)


def test_changes_to_different_fields_come_together_by_themselves(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    mine = form(browser.get(OVERVIEW)) | {"overview.purpose": "Mine."}
    theirs = draft.document["overview"] | {"project": "Theirs"}
    save_meanwhile(draft, "overview", theirs, by=ben)
    assert browser.post(OVERVIEW, mine).status_code == 302
    assert saved(integration)["overview"] == theirs | {"purpose": "Mine."}


def test_another_section_saved_meanwhile_is_no_conflict(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    mine = form(browser.get(OVERVIEW)) | {"overview.purpose": "Mine."}
    save_meanwhile(draft, "sla", {"rto": "PT1H"}, by=ben)
    browser.post(OVERVIEW, mine)
    assert (saved(integration)["sla"], saved(integration)["overview"]["purpose"]) == ({"rto": "PT1H"}, "Mine.")


@pytest.mark.parametrize(("choice", "kept"), [({"take-0": "mine"}, "Mine."), ({"all": "theirs"}, "Theirs.")])
def test_a_field_both_changed_is_asked_about_and_the_choice_is_saved(
    browser: Client, integration: Integration, draft: Revision, ben: Person, choice: dict[str, str], kept: str
) -> None:
    mine = form(browser.get(OVERVIEW)) | {"overview.purpose": "Mine.", "overview.impact_if_down": "Also mine."}
    save_meanwhile(draft, "overview", draft.document["overview"] | {"purpose": "Theirs.", "project": "P"}, by=ben)
    page = browser.post(OVERVIEW, mine)
    assert page.status_code == 409
    assert all(each in page.content.decode() for each in ("Mine.", "Theirs.", "Take the customer"))
    assert browser.post(OVERVIEW, browsing.form(page)).status_code == 409
    assert saved(integration)["overview"]["purpose"] == "Theirs."
    assert browser.post(OVERVIEW, browsing.form(page) | choice).status_code == 302
    expected = {"purpose": kept, "project": "P", "impact_if_down": "Also mine."}
    assert saved(integration)["overview"] == draft.document["overview"] | expected


def test_a_choice_is_asked_again_when_somebody_saves_while_it_is_made(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    mine = form(browser.get(OVERVIEW)) | {"overview.purpose": "Mine."}
    for words in ("Theirs.", "Theirs again."):
        save_meanwhile(draft, "overview", draft.document["overview"] | {"purpose": words}, by=ben)
        page = browser.post(OVERVIEW, mine)
        assert page.status_code == 409
        assert words in page.content.decode()
        mine = browsing.form(page) | {"take-0": "mine"}
    assert browser.post(OVERVIEW, mine).status_code == 302
    assert saved(integration)["overview"]["purpose"] == "Mine."


def test_what_was_typed_when_a_review_began_is_not_lost(browser: Client, draft: Revision, ann: Person) -> None:
    mine = form(browser.get(OVERVIEW)) | {"overview.purpose": "Typed in vain?"}
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First")
    page = browser.post(OVERVIEW, mine)
    assert page.status_code == 409
    assert form(page)["overview.purpose"] == "Typed in vain?"
    assert "is in review" in page.content.decode()


# --- YAML -------------------------------------------------------------------------------------------------------------


def test_the_yaml_of_a_record_saves_as_the_same_record(browser: Client, draft: Revision) -> None:
    typed = form(browser.get(YAML))
    assert browser.post(YAML, typed).status_code == 302
    assert Revision.objects.get(pk=draft.pk).etag == draft.etag


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a design record"),
        ("- a\n- b", "is not a design record"),
        ("overview:\n  tpye: x", "Did you mean type?"),
        ("sla:\n  latency_p99_ms: soon", "is not a whole number"),
        ("a: [1", "Line 1"),
        ("&a [*a]", "problem"),
        ("overview: {purpose: '\x07'}", "problem"),
        ('"\\ud800": 1', "problem"),
        ("[" * 5_000, "problem"),
        ("a: 1\na: 2", "problem"),
        ("x: " + "9" * 5_000, "problem"),
    ],
)
def test_yaml_that_is_no_record_stands_there_again_with_the_mend(
    browser: Client, integration: Integration, text: str, problem: str
) -> None:
    before = saved(integration)
    page = browser.post(YAML, form(browser.get(YAML)) | {"text": text})
    assert page.status_code == 422
    assert form(page)["text"] == text
    assert problem in unescape(page.content.decode())
    assert saved(integration) == before


def test_yaml_saved_by_two_is_merged_by_field(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser.get(YAML))
    mine = typed | {"text": typed["text"].replace("Take the customer's money once", "Mine")}
    save_meanwhile(draft, "sla", {"rto": "PT1H"}, by=ben)
    assert browser.post(YAML, mine).status_code == 302
    assert saved(integration)["sla"] == {"rto": "PT1H"}
    assert saved(integration)["overview"]["purpose"].startswith("Mine")
    save_meanwhile(draft, "overview", draft.document["overview"] | {"purpose": "Theirs"}, by=ben)
    page = browser.post(YAML, typed | {"text": typed["text"].replace("Take the customer's money once", "Third")})
    assert page.status_code == 409
    assert browser.post(YAML, browsing.form(page) | {"all": "mine"}).status_code == 302
    assert saved(integration)["overview"]["purpose"].startswith("Third")


# --- a new one --------------------------------------------------------------------------------------------------------


def test_a_new_integration_begins_blank_or_as_a_copy(browser: Client, integration: Integration) -> None:
    answer = browser.post("/integrations/new/", {"name": "Orders → stock", "slug": "", "project": "", "copy": ""})
    assert answer["Location"] == "/integrations/orders-to-stock/edit/overview/"
    assert saved(Integration.objects.get(slug="orders-to-stock")) == {}
    browser.post("/integrations/new/", {"name": "Copy", "slug": "copy", "copy": integration.slug})
    assert saved(Integration.objects.get(slug="copy")) == saved(integration)


def test_the_one_to_copy_is_typed_where_a_menu_would_be_too_long(
    browser: Client, integration: Integration, ann: Person
) -> None:
    assert '<option value="orders-to-payments">' in browser.get("/integrations/new/").content.decode()
    landscape.bulk_integrations(200, by=ann, slug=seq("number-"), criticality="low", state="proposed")
    page = browser.get("/integrations/new/?copy=orders-to-payments").content.decode()
    assert '<option value="orders-to-payments"' not in page
    assert '<input class="control mono" type="text" name="copy" value="orders-to-payments"' in page


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"name": "", "slug": ""}, "Name is missing"),
        ({"name": "X", "slug": "Not Plain"}, "The address is not a plain name"),
        ({"name": "X", "slug": "new"}, "The address is a word the registry needs itself"),
        ({"name": "X", "slug": "orders-to-payments"}, "is taken"),
        ({"name": "X", "slug": "x", "copy": "gone\x00"}, "is not there any more"),
        ({"name": "X\x00", "slug": "x"}, "holds a character that cannot be shown"),
        ({}, "Name is missing"),
    ],
)
def test_a_new_integration_says_what_is_wrong_beside_the_field(
    browser: Client, typed: dict[str, str], problem: str
) -> None:
    page = browser.post("/integrations/new/", typed)
    assert page.status_code == 422
    assert problem in page.content.decode()
    assert browsing.form(page, "begin")["name"] == typed.get("name", "")


# --- who may not ------------------------------------------------------------------------------------------------------


PAGES = (OVERVIEW, YAML, "/integrations/new/")


@pytest.mark.parametrize("url", PAGES)
def test_only_an_architect_writes(client: Client, integration: Integration, mallory: Person, url: str) -> None:
    client.force_login(mallory)
    assert client.get(url).status_code == 403
    assert client.post(url, {"text": "x", "name": "X"}).status_code == 403


@pytest.mark.parametrize("url", PAGES)
def test_whoever_is_not_signed_in_is_asked_to(client: Client, integration: Integration, url: str) -> None:
    for answer in (client.get(url), client.post(url, {})):
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")


def test_unknown_sections_and_integrations_are_not_found(browser: Client) -> None:
    for url in ("orders-to-payments/edit/nothing/", "gone/edit/overview/", "gone/edit/yaml/", "gone/submit/"):
        assert browser.get(f"/integrations/{url}").status_code == 404


def test_without_a_draft_the_editor_says_what_to_do(
    client: Client, approved: Integration, ann: Person, mallory: Person
) -> None:
    client.force_login(ann)
    assert "Start a draft" in client.get(OVERVIEW).content.decode()


def test_during_a_review_the_editor_leads_to_it(browser: Client, review: Review) -> None:
    page = browser.get(OVERVIEW).content.decode()
    assert "is in review" in page
    assert "/integrations/orders-to-payments/review/" in page
