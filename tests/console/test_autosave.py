"""Saving while somebody types: what is saved, what others' changes become, and what is said where nothing can be."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from console import presence
from registry.models import Event, Integration, Person, Review, Revision
from registry.services import revisions
from tests import landscape
from tests.console import browsing

EDIT = "/integrations/orders-to-payments/edit"
OVERVIEW, PARTIES, CONTRACTS = f"{EDIT}/overview/", f"{EDIT}/parties/", f"{EDIT}/contracts/"
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, ann: Person, integration: Integration) -> Client:
    """Ann's browser."""
    client.force_login(ann)
    return client


@pytest.fixture
def ben(db: None) -> Person:
    """Another architect."""
    return landscape.person("ben", "Ben Osei", group="architects")


def form(browser: Client, url: str) -> dict[str, str]:
    return browsing.form(browser.get(url), "sheet")


def autosave(browser: Client, url: str, typed: dict[str, str], *, status: int = 200) -> dict[str, Any]:
    answer = browser.post(f"{url}autosave/", typed, headers=SCRIPT)
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def saved(integration: Integration) -> dict[str, Any]:
    draft = Integration.objects.select_related("current").get(pk=integration.pk).current
    assert draft is not None
    return dict(draft.document)


def save_meanwhile(draft: Revision, section: str, value: Any, *, by: Person) -> None:
    fresh = Revision.objects.select_related("integration").get(pk=draft.pk)
    revisions.save_section(fresh, section, value, by=by, if_match=fresh.etag)


# --- saving -----------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_saved_and_the_next_save_goes_on_from_there(browser: Client, integration: Integration) -> None:
    typed = form(browser, OVERVIEW) | {"overview.purpose": "First."}
    first = autosave(browser, OVERVIEW, typed)
    assert (first["state"], first["said"], first["values"], first["lists"]) == ("saved", "", {}, {})
    second = autosave(browser, OVERVIEW, typed | {"base": first["base"], "overview.purpose": "Second."})
    assert (second["state"], saved(integration)["overview"]["purpose"]) == ("saved", "Second.")
    assert [each.actor_name for each in Event.objects.filter(kind="revision.saved")] == ["Ann Archer", "Ann Archer"]


def test_a_save_that_changes_nothing_leaves_no_event(browser: Client, draft: Revision) -> None:
    answer = autosave(browser, OVERVIEW, form(browser, OVERVIEW))
    assert (answer["state"], answer["etag"]) == ("saved", draft.etag)
    assert not Event.objects.filter(kind="revision.saved").exists()


def test_an_autosave_that_changes_nothing_and_a_look_count_their_queries(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    typed = form(browser, OVERVIEW)
    with django_assert_num_queries(14):
        autosave(browser, OVERVIEW, typed)
    with django_assert_num_queries(4):
        browser.get(f"{OVERVIEW}here/")


def test_findings_come_with_each_save(browser: Client) -> None:
    answer = autosave(browser, OVERVIEW, form(browser, OVERVIEW) | {"overview.criticality": "critical"})
    assert "Impact if down is not stated" in answer["parts"]
    swapped = set(re.findall(r'id="([^"]*)"[^>]*hx-swap-oob', answer["parts"]))
    assert swapped == {"rail", "summary", "f-overview-impact_if_down-notes"}


def test_a_finding_that_is_mended_leaves_its_field(browser: Client) -> None:
    typed = form(browser, OVERVIEW) | {"overview.impact_if_down": "Nobody can pay."}
    assert "overview.impact_if_down" in typed["noted"]
    parts = autosave(browser, OVERVIEW, typed)["parts"]
    assert re.search(r'<div class="notes" id="f-overview-impact_if_down-notes" hx-swap-oob="true">\s*</div>', parts)


def test_only_a_form_that_can_be_kept_is_saved(browser: Client, integration: Integration) -> None:
    before = saved(integration)
    typed = form(browser, CONTRACTS)
    answer = autosave(
        browser,
        CONTRACTS,
        typed | {"contracts.0.protocol": "pigeon", "contracts.0.policy.retry.max_retries": "many"},
    )
    assert (answer["state"], answer["said"]) == ("problems", "2 values cannot be kept as typed.")
    assert "Max retries</strong> is not a whole number" in answer["parts"]
    assert saved(integration) == before


@pytest.mark.parametrize("typed", [{}, {"base": "forged", "whole": "1"}, {"base": "\x00", "whole": "1"}])
def test_a_form_that_arrives_incomplete_is_refused(
    browser: Client, integration: Integration, typed: dict[str, str]
) -> None:
    before = saved(integration)
    assert autosave(browser, OVERVIEW, typed, status=400)["state"] == "refused"
    assert saved(integration) == before


def test_what_is_typed_while_a_review_runs_is_refused_and_said(browser: Client, draft: Revision, ann: Person) -> None:
    typed = form(browser, OVERVIEW) | {"overview.purpose": "Too late?"}
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First")
    answer = autosave(browser, OVERVIEW, typed)
    assert answer["state"] == "refused"
    assert "is in review, so its text is frozen. Withdraw the review" in answer["said"]


# --- two at once ------------------------------------------------------------------------------------------------------


def test_others_changes_to_other_fields_come_back_with_who_made_them(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser, OVERVIEW) | {"overview.purpose": "  Mine. "}
    save_meanwhile(draft, "overview", draft.document["overview"] | {"project": "Theirs"}, by=ben)
    answer = autosave(browser, OVERVIEW, typed)
    assert (answer["state"], answer["values"]) == ("saved", {"overview.project": "Theirs"})
    assert answer["said"] == "Ben Osei changed 1 field here."
    assert saved(integration)["overview"] | {"project": "Theirs", "purpose": "Mine."} == saved(integration)["overview"]


def test_a_look_without_edits_brings_what_others_saved_and_changes_nothing(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser, OVERVIEW)
    save_meanwhile(draft, "overview", draft.document["overview"] | {"purpose": "Theirs."}, by=ben)
    before = saved(integration)
    assert autosave(browser, OVERVIEW, typed)["values"] == {"overview.purpose": "Theirs."}
    assert saved(integration) == before


def test_rows_others_added_come_as_the_whole_list_with_the_focus_where_it_was(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser, PARTIES) | {"parties.1.contact": "mine@example.com"}
    parties = draft.document["parties"]
    broker = {"role": "provider", "system": "broker", "team": "payments", "contact": "b@example.com"}
    save_meanwhile(draft, "parties", [broker, *parties], by=ben)
    answer = autosave(browser, PARTIES, typed | {"focus": "parties.1.contact"})
    rows = browsing.form_in(answer["lists"]["f-parties"])
    assert [rows[f"parties.{row}.contact"] for row in range(3)] == [
        "b@example.com",
        "checkout@example.com",
        "mine@example.com",
    ]
    assert re.findall(r'id="([^"]*)"[^>]* autofocus', answer["lists"]["f-parties"]) == ["f-parties-2-contact"]
    assert saved(integration)["parties"][2]["contact"] == "mine@example.com"


def test_a_page_that_could_not_take_the_others_changes_goes_on_from_what_it_sent(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    """While the answer was under way somebody typed in the very field it brings: that is a choice, not a loss."""
    typed = form(browser, OVERVIEW) | {"overview.purpose": "Mine."}
    save_meanwhile(
        draft, "overview", draft.document["overview"] | {"project": "Theirs", "type": "bidirectional"}, by=ben
    )
    first = autosave(browser, OVERVIEW, typed)
    assert set(first["values"]) == {"overview.project", "overview.type"}
    meanwhile = typed | {"base": first["sent"], "overview.project": "Mine as well"}
    second = autosave(browser, OVERVIEW, meanwhile)
    assert (second["state"], second["said"]) == ("clash", "Ben Osei changed Project too.")
    third = autosave(browser, OVERVIEW, typed | {"base": first["sent"], "overview.impact_if_down": "All"})
    assert (third["state"], set(third["values"])) == ("saved", {"overview.project", "overview.type"})
    assert (
        saved(integration)["overview"] | {"project": "Theirs", "purpose": "Mine.", "impact_if_down": "All"}
        == (saved(integration)["overview"])
    )


def test_a_field_both_changed_is_not_saved_until_somebody_chose(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser, OVERVIEW) | {"overview.purpose": "Mine."}
    save_meanwhile(draft, "overview", draft.document["overview"] | {"purpose": "Theirs."}, by=ben)
    assert autosave(browser, OVERVIEW, typed)["state"] == "clash"
    assert saved(integration)["overview"]["purpose"] == "Theirs."
    page = browser.post(OVERVIEW, typed)
    assert "Ben Osei saved this meanwhile" in page.content.decode()
    after = browser.post(OVERVIEW, browsing.form(page) | {"all": "mine"}, follow=True)
    assert 'data-tags="settled"' in after.content.decode()
    assert saved(integration)["overview"]["purpose"] == "Mine."


# --- who else is here -------------------------------------------------------------------------------------------------


def look(browser: Client, section: str) -> dict[str, Any]:
    answer = browser.get(f"{EDIT}/{section}/here/", headers=SCRIPT)
    assert (answer.status_code, answer["Cache-Control"].split(",")[0]) == (200, "max-age=0")
    return dict(answer.json())


def said_of_others(answer: dict[str, Any]) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer["others"]).split())


def test_each_sees_who_else_is_in_the_draft_and_where(
    browser: Client, draft: Revision, ben: Person, settings: Settings
) -> None:
    assert said_of_others(look(browser, "overview")) == ""
    other = Client()
    other.force_login(ben)
    assert "Ann Archer is here too" in browsing.text(other.get(OVERVIEW))
    other.get(f"{EDIT}/yaml/")
    assert said_of_others(look(browser, "overview")) == "BO Ben Osei is in YAML"
    other.get(OVERVIEW)
    seen = look(browser, "overview")
    assert said_of_others(seen) == "BO Ben Osei is here too"
    assert (seen["person"], seen["etag"]) == ("ann", draft.etag)


def test_whoever_left_is_forgotten(draft: Revision, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    presence.arrive(draft, "overview", ben)
    assert presence.arrive(draft, "sla", ann) == [presence.Visitor("Ben Osei", "overview")]
    monkeypatch.setattr(presence, "GONE_AFTER_SECONDS", -1)
    assert presence.arrive(draft, "sla", ann) == []


def test_without_valkey_the_editor_works_and_shows_nobody(
    browser: Client, ben: Person, draft: Revision, settings: Settings
) -> None:
    presence.arrive(draft, "overview", ben)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert browser.get(OVERVIEW).status_code == 200
    assert said_of_others(look(browser, "overview")) == ""


def test_a_draft_that_went_into_review_says_so(browser: Client, review: Review) -> None:
    assert look(browser, "overview")["etag"] == ""


# --- who may not, and what is too much --------------------------------------------------------------------------------


def test_whoever_was_signed_out_is_told_so_in_a_word_a_script_understands(client: Client, draft: Revision) -> None:
    for answer in (
        client.post(f"{OVERVIEW}autosave/", {}, headers=SCRIPT),
        client.post(OVERVIEW, {"act": "add:parties"}, headers=SCRIPT),
        client.get(f"{OVERVIEW}here/", headers=SCRIPT),
    ):
        assert answer.status_code == 401
    assert client.post(f"{OVERVIEW}autosave/", {}).status_code == 302


def test_only_an_architect_saves(client: Client, draft: Revision, mallory: Person) -> None:
    client.force_login(mallory)
    assert autosave(client, OVERVIEW, {}, status=403)["state"] == "refused"
    assert client.get(f"{OVERVIEW}here/").json()["etag"] == ""


def test_there_is_nothing_to_save_in_an_unknown_section(browser: Client) -> None:
    assert browser.post(f"{EDIT}/nothing/autosave/", {}).status_code == 404
    assert browser.post(f"{EDIT}/yaml/autosave/", {}).status_code == 404
    assert browser.get(f"{EDIT}/nothing/here/").status_code == 404
    assert browser.get(f"{OVERVIEW}autosave/").status_code == 405


@pytest.mark.parametrize("url", [f"{OVERVIEW}autosave/", OVERVIEW, f"{EDIT}/yaml/"])
def test_more_than_can_be_taken_is_refused_in_words(browser: Client, integration: Integration, url: str) -> None:
    before = saved(integration)
    for typed in ({"overview.purpose": "x" * 2_100_000}, {f"overview.{place}": "" for place in range(20_001)}):
        page = browser.post(url, typed)
        assert page.status_code == 413
        assert "more than this page can take at once" in page.content.decode()
        answer = browser.post(url, typed, headers=SCRIPT)
        assert (answer.status_code, answer["Content-Type"]) == (413, "text/plain")
    assert saved(integration) == before


# --- YAML -------------------------------------------------------------------------------------------------------------


YAML = f"{EDIT}/yaml/"


def ask_yaml(browser: Client, typed: dict[str, str]) -> dict[str, Any]:
    answer = browser.post(YAML, typed, headers=SCRIPT)
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


def said(answer: dict[str, Any]) -> list[str]:
    items = re.findall(r"<li class=\"is-(?:problem|error|warning|hint)\">(.*?)</li>", answer["parts"], re.S)
    return [" ".join(re.sub("<[^>]+>", " ", each).split()) for each in items]


def test_text_is_checked_line_by_line_while_it_is_typed_and_not_saved(
    browser: Client, integration: Integration, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before, typed = saved(integration), form(browser, YAML)
    text = (
        typed["text"]
        .replace("criticality: low", "criticality: lowest", 1)
        .replace("max_retries: 2", "max_retries: two")
    )
    lines = text.split("\n")
    with django_assert_num_queries(8):
        answer = ask_yaml(browser, typed | {"text": text, "check": "1"})
    first = next(at for at, line in enumerate(lines, 1) if "lowest" in line)
    second = next(at for at, line in enumerate(lines, 1) if "max_retries: two" in line)
    assert answer["lines"] == {str(first): "problem", str(second): "problem"}
    assert [each.split(" Choose")[0].split(" Write")[0] for each in said(answer)] == [
        f"Line {first} overview.criticality is not one of the choices.",
        f"Line {second} contracts[payments-api].policy.retry.max_retries is not a whole number.",
    ]
    assert saved(integration) == before


def test_findings_stand_on_their_lines(browser: Client) -> None:
    typed = form(browser, YAML)
    answer = ask_yaml(
        browser, typed | {"text": typed["text"].replace("max_retries: 2", "max_retries: 9"), "check": "1"}
    )
    line = next(at for at, each in enumerate(typed["text"].split("\n"), 1) if "max_retries" in each)
    assert answer["state"] == "checked"
    assert any(each.startswith(f"Line {line} ") for each in said(answer)), said(answer)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("overview:\n  purpose: a\n  purpose: b\n", 3, "is written twice"),
        ("overview: {}\nsla: &a {}\n", 2, "an anchor (&) is not allowed"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 1, "an anchor (&) is not allowed"),
        ("overview:\n  purpose: 'a\x07'\n", 2, "holds a character that cannot be shown"),
        ("overview:\n\tpurpose: x\n", 2, "found character"),
        ("overview: !!python/object:os.system x", 1, "the tag"),
        ("overview:\n" + "  - " * 5_000, 2, "is nested more than 60 deep"),
        ("- 1\n" * 160_000, 150_000, "holds more than 150,000 values"),
        ("", 1, "is not a design record"),
        ("\n\nsla: 3\n", 3, "is not a group of fields"),
    ],
)
def test_hostile_text_gets_a_line_and_a_mend(browser: Client, text: str, line: int, words: str) -> None:
    answer = ask_yaml(browser, form(browser, YAML) | {"text": text, "check": "1"})
    assert list(answer["lines"]) == [str(line)], said(answer)
    assert words in unescape(said(answer)[0])


def test_a_script_saves_the_text_and_gets_what_others_saved(
    browser: Client, integration: Integration, draft: Revision, ben: Person
) -> None:
    typed = form(browser, YAML)
    mine = typed | {"text": typed["text"].replace("Take the customer's money once", "# no comment\n    Mine")}
    first = ask_yaml(browser, mine)
    assert (first["state"], first["merged"]) == ("saved", None)
    save_meanwhile(draft, "sla", {"rto": "PT1H"}, by=ben)
    second = ask_yaml(browser, mine | {"base": first["base"], "text": mine["text"].replace("Mine", "Yours")})
    assert (second["state"], second["said"]) == ("saved", "Ben Osei changed it too.")
    assert "rto: PT1H" in second["merged"]
    assert saved(integration)["sla"] == {"rto": "PT1H"}
    third = ask_yaml(browser, mine | {"base": second["base"], "text": "sla: {rto: soon}"})
    assert (third["state"], third["said"]) == ("problems", "1 problem to mend first.")
    save_meanwhile(draft, "sla", {"rto": "PT3H"}, by=ben)
    fourth = ask_yaml(browser, mine | {"base": second["base"], "text": second["merged"].replace("PT1H", "PT2H")})
    assert (fourth["state"], fourth["said"]) == ("clash", "Ben Osei changed the same.")
