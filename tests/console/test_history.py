"""Revisions in time, and an older one taken up again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import Integration, Person, Review, Revision
from registry.services import releases, reviews, revisions
from tests import landscape
from tests.console.browsing import form, text

BASE = "/integrations/orders-to-payments"
HISTORY, RESTORE = f"{BASE}/history/", f"{BASE}/restore/"
Signs = Callable[..., None]


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture
def second(approved: Integration, ann: Person, sign: Signs) -> Integration:
    """1.1 is in force; its first round was withdrawn after ann had signed."""
    draft = revisions.start_draft(approved, by=ann)
    document = landscape.document(sla={"rto": "PT1H"})
    draft = revisions.save(draft, document, by=ann, if_match=draft.etag)
    first = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="An RTO")
    sign(first, "author")
    reviews.withdraw(first, by=ann, reason="Too short")
    draft = Revision.objects.get(pk=draft.pk)
    document["sla"]["rto"] = "PT4H"
    draft = revisions.save(draft, document, by=ann, if_match=draft.etag)
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="A longer RTO"))
    return Integration.objects.select_related("current", "in_force").get(pk=approved.pk)


def test_a_revision_tells_its_state_size_rounds_and_where_it_is_served(second: Integration, by_ann: Client) -> None:
    page = text(by_ann.get(HISTORY))
    newest = page[page.index("1.2 Approved in force") :]
    assert newest.startswith("1.2 Approved in force Compare with 1.0 Approved just now written by Ann Archer 1 change")
    assert "A longer RTO Local release 2, served now, since just now Staging release 2" in newest
    assert "Round 1 1.1 Withdrawn Ann Archer, just now Restore… Too short Ann Archer author, void" in newest
    assert "Round 2 Approved Zoe Zimmer, just now Ann Archer author Cora Cole consumer team lead" in newest
    oldest = page[page.index("1.0 Superseded") :]
    assert "Local release 1, first just now" in oldest


def test_a_release_taken_up_again_is_told(second: Integration, by_ann: Client, zoe: Person) -> None:
    first = second.revisions.get(major=1, minor=0)
    environment = second.releases.first().environment  # type: ignore[union-attr]
    releases.publish(first, environment, by=zoe)
    page = text(by_ann.get(HISTORY))
    assert f"{environment.name} release 3, 2 in all, served now" in page[page.index("1.0 Superseded") :]


def test_a_breaking_change_is_marked(approved: Integration, ann: Person, by_ann: Client) -> None:
    draft = revisions.start_draft(approved, by=ann)
    revisions.save(draft, landscape.document(contracts=[]), by=ann, if_match=draft.etag)
    assert "1.1 Draft Compare with 1.0 Saved just now written by Ann Archer 1 change Breaking" in text(
        by_ann.get(HISTORY)
    )


def test_any_two_texts_are_chosen_without_a_script(second: Integration, by_ann: Client) -> None:
    page = by_ann.get(HISTORY).content.decode()
    for name in ("from", "to"):
        for number in ("1.2", "1.1", "1.0"):
            assert f'<input type="radio" name="{name}" value="{number}"' in page
    assert by_ann.get(f"{BASE}/diff/?from=1.1&to=1.2").status_code == 200


def test_the_history_costs_the_same_however_long_it_is(
    second: Integration, ann: Person, by_ann: Client, sign: Signs, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(9):
        by_ann.get(HISTORY)
    for number in range(3):
        draft = revisions.start_draft(Integration.objects.get(pk=second.pk), by=ann)
        document = landscape.document(sla={"rto": f"PT{number + 5}H"})
        draft = revisions.save(draft, document, by=ann, if_match=draft.etag)
        sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note=f"{number}"))
    with django_assert_num_queries(9):
        by_ann.get(HISTORY)


# --- an older version taken up again ----------------------------------------------------------------------------------


def test_what_restoring_would_do_is_shown_before_it_is_done(second: Integration, by_ann: Client) -> None:
    page = by_ann.get(f"{RESTORE}?from=1.0")
    assert "A draft is opened from 1.2, which is in force." in text(page)
    assert "− Removed: RTO (acceptable downtime) 4 hours" in text(page)
    assert Revision.objects.filter(integration=second).count() == 2


def test_restoring_opens_a_draft_and_leads_to_it(second: Integration, by_ann: Client) -> None:
    page = by_ann.get(f"{RESTORE}?from=1.0")
    done = by_ann.post(f"{RESTORE}?from=1.0", form(page), follow=True)
    assert done.redirect_chain == [(f"{BASE}/edit/sla/", 302)]
    assert "Restored from 1.0: service levels. This is draft 1.3." in text(done)
    assert Integration.objects.get(pk=second.pk).current.document == landscape.document()  # type: ignore[union-attr]


def test_nobodys_edit_is_lost_to_a_restore(second: Integration, ann: Person, by_ann: Client) -> None:
    draft = revisions.start_draft(second, by=ann)
    draft = revisions.save_section(draft, "overview", {"purpose": "Other."}, by=ann, if_match=draft.etag)
    page = by_ann.get(f"{RESTORE}?from=1.0")
    assert "The draft 1.3 is open." in text(page)
    seen = {"etag": form(page)["etag"], "section": ["overview", "sla"]}
    draft = revisions.save_section(draft, "overview", {"purpose": "Written meanwhile."}, by=ann, if_match=draft.etag)
    refused = by_ann.post(f"{RESTORE}?from=1.0", seen)
    assert refused.status_code == 409
    assert "The draft was saved again since you opened this page" in text(refused)
    assert "Written meanwhile" in text(refused)
    assert Revision.objects.get(pk=draft.pk).document["overview"] == {"purpose": "Written meanwhile."}
    done = by_ann.post(f"{RESTORE}?from=1.0", form(refused) | {"section": ["sla"]})
    assert done.status_code == 302
    assert Revision.objects.get(pk=draft.pk).document == landscape.document(overview={"purpose": "Written meanwhile."})


def test_a_restore_of_nothing_is_asked_again(second: Integration, by_ann: Client) -> None:
    refused = by_ann.post(f"{RESTORE}?from=1.0", {})
    assert (refused.status_code, "Choose at least one section." in text(refused)) == (422, True)
    odd = by_ann.post(f"{RESTORE}?from=1.0", {"section": ["\x00", "sla"]})
    assert (odd.status_code, "is not a section" in text(odd)) == (422, True)
    assert "Nothing to restore" in text(by_ann.get(f"{RESTORE}?from=1.2"))


def test_a_text_in_review_is_not_written_over(review: Review, by_ann: Client) -> None:
    for answer in (by_ann.get(f"{RESTORE}?from=0.1"), by_ann.post(f"{RESTORE}?from=0.1", {"section": ["sla"]})):
        assert answer.status_code == 409
        assert "Version 0.1 is in review" in text(answer)
    assert "Restore…" not in text(by_ann.get(HISTORY))


def test_who_may_not_write_is_offered_no_restore(second: Integration, client: Client, mallory: Person) -> None:
    client.force_login(mallory)
    assert "Restore…" not in text(client.get(HISTORY))
    assert client.get(f"{RESTORE}?from=1.0").status_code == 403
    assert client.post(f"{RESTORE}?from=1.0", {"section": ["sla"]}).status_code == 403
    assert Revision.objects.filter(integration=second).count() == 2


# --- the document of an old revision ----------------------------------------------------------------------------------


def test_the_document_of_an_old_revision_says_that_it_is_not_in_force(second: Integration, by_ann: Client) -> None:
    page = by_ann.get(f"{BASE}/?revision=1.0")
    assert "1.0 is not in force. It was superseded by a later revision; 1.2 is what services obey." in text(page)
    assert f'href="{BASE}/diff/?from=1.0&amp;to=1.2"' in page.content.decode()
    assert f'href="{BASE}/restore/?from=1.0"' in page.content.decode()
    assert "not in force" not in text(by_ann.get(f"{BASE}/"))


def test_a_draft_says_what_is_in_force_meanwhile(second: Integration, ann: Person, by_ann: Client) -> None:
    revisions.start_draft(second, by=ann)
    assert "1.3 is not in force. It is a draft; 1.2 is what services obey." in text(by_ann.get(f"{BASE}/"))
    assert "1.2 is in force. 1.3 is a draft: what it would change" in text(by_ann.get(f"{BASE}/?revision=1.2"))
