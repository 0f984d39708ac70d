"""Threads, proposed values, carried signatures and what changed since one looked, on the review page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from registry.models import ApprovalRule, Comment, Membership, Person, Review, Revision, SignOff, Thread, Visit
from registry.services import approvals, reviews, revisions, threads
from tests import landscape

WHERE = "/integrations/orders-to-payments/review/"
RETRIES = "contracts[payments-api].policy.retry.max_retries"


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()


@pytest.fixture
def by_cora(client: Client, cora: Person) -> Client:
    client.force_login(cora)
    return client


def as_person(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(answer: Any) -> str:
    return str(answer.content.decode())


def say(client: Client, **given: str) -> Any:
    return client.post("/integrations/orders-to-payments/threads/", {"path": RETRIES, "text": "Why so few?"} | given)


def test_a_thread_on_a_field_is_begun_answered_and_settled(by_cora: Client, review: Review, ann: Person) -> None:
    begun = say(by_cora)
    thread = Thread.objects.get()
    assert begun["Location"] == f"{WHERE}#thread-{thread.pk}"
    shown = page(by_cora.get(WHERE))
    assert "Contracts › payments-api › Policy › Retry › Max retries" in shown
    assert "The last signature waits until every thread is settled." in shown
    by_ann = as_person(ann)
    assert "Settle</button>" not in page(by_ann.get(WHERE))
    by_ann.post(f"/integrations/orders-to-payments/threads/{thread.pk}/", {"text": "It is a pilot."})
    assert "It is a pilot." in page(by_cora.get(WHERE))
    by_cora.post(f"/integrations/orders-to-payments/threads/{thread.pk}/", {"resolve": "1"})
    assert "Settled by Cora Cole" in page(by_cora.get(WHERE))


def test_a_proposed_value_is_read_as_its_field_reads_it_and_taken_with_one_click(
    by_cora: Client, review: Review, ann: Person, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead", "platform")
    say(by_cora, text="", propose="on", value="1")
    comment = Comment.objects.get()
    assert (comment.proposes, comment.proposal) == (True, 1)
    by_ann = as_person(ann)
    shown = page(by_ann.get(WHERE))
    assert "<del>2</del> → <ins>1</ins>" in shown
    taken = by_ann.post(f"/integrations/orders-to-payments/proposals/{comment.pk}/", {"take": "1"}, follow=True)
    assert "A new round is open with that value" in page(taken)
    following = Review.objects.open().get()
    assert (following.round, following.record.contracts[0].policy.retry.max_retries) == (2, 1)
    assert "Taken by Ann Archer" in page(by_ann.get(WHERE))


def test_a_list_is_proposed_as_it_is_typed(by_cora: Client, review: Review) -> None:
    say(by_cora, path="contracts[payments-api].policy.retry.retry_on_statuses", propose="on", value="500, 503")
    assert Comment.objects.get().proposal == [500, 503]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"propose": "on", "value": "three"}, "The proposal is not a whole number"),
        ({"propose": "on", "value": "99"}, "The proposal is more than 10"),
        ({"propose": "on", "value": "2"}, "is what the field says already"),
        ({"propose": "on", "path": "contracts", "value": "x"}, "proposed on a single field"),
        ({"propose": "on", "path": "nonsense", "value": "x"}, "proposed on a single field"),
        ({"path": "nonsense"}, "is no place in this record"),
        ({"text": "  "}, "The text is missing"),
        ({"text": "a\x00b"}, "cannot be shown"),
    ],
)
def test_what_cannot_be_said_is_refused_with_what_was_typed_still_there(
    by_cora: Client, review: Review, given: dict[str, str], words: str
) -> None:
    answer = say(by_cora, **given)
    assert answer.status_code == 422
    shown = page(answer)
    assert words in shown
    assert "Why so few?" in shown or "text" in given
    assert not Thread.objects.exists()


def test_a_declined_value_stays_in_the_thread(by_cora: Client, review: Review, ann: Person) -> None:
    say(by_cora, propose="on", value="1")
    comment = Comment.objects.get()
    as_person(ann).post(f"/integrations/orders-to-payments/proposals/{comment.pk}/", {"decline": "1"})
    assert "Declined by Ann Archer" in page(by_cora.get(WHERE))


def test_whoever_has_no_say_sees_no_form_and_is_refused(review: Review, cora: Person, mallory: Person) -> None:
    thread = threads.open_thread(review.revision, path="", text="Why?", by=cora)
    client = as_person(mallory)
    assert "Begin a thread" not in page(client.get(WHERE))
    assert say(client).status_code == 422
    assert client.post(f"/integrations/orders-to-payments/threads/{thread.pk}/", {"text": "x"}).status_code == 422
    assert Comment.objects.count() == 1


def test_a_thread_of_another_integration_is_not_found(by_cora: Client, review: Review, cora: Person) -> None:
    thread = threads.open_thread(review.revision, path="", text="Why?", by=cora)
    assert by_cora.post(f"/integrations/another/threads/{thread.pk}/", {"text": "x"}).status_code == 404


def test_what_is_said_is_never_markup(by_cora: Client, review: Review) -> None:
    say(by_cora, text="<script>alert(1)</script>")
    assert "<script>alert" not in page(by_cora.get(WHERE))


# --- since one looked -----------------------------------------------------------------------------------------------


def next_round(review: Review, ann: Person) -> Review:
    reviews.withdraw(review, by=ann, reason="A better text")
    draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
    draft = revisions.save_section(draft, "consistency", {"model": "strong"}, by=ann, if_match=draft.etag)
    return revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Better")


def test_what_changed_since_one_looked_can_be_shown_alone(by_cora: Client, review: Review, ann: Person) -> None:
    assert "since you looked" not in page(by_cora.get(WHERE))
    assert "Nothing changed since you looked" in page(by_cora.get(WHERE))
    next_round(review, ann)
    threads.open_thread(review.revision, path="sla", text="See?", by=ann)
    alone = page(by_cora.get(f"{WHERE}?since=seen"))
    assert "Only what changed since you looked" in alone
    assert "Changes since 0.1" in alone
    assert Visit.objects.get().review.round == 2


def test_new_comments_are_marked_until_one_looked(by_cora: Client, review: Review, ann: Person) -> None:
    by_cora.get(WHERE)
    threads.open_thread(review.revision, path="sla", text="See?", by=ann)
    assert "1 comment since you looked" in page(by_cora.get(WHERE))
    assert "Nothing changed since you looked" in page(by_cora.get(WHERE))


# --- signatures -----------------------------------------------------------------------------------------------------


def test_an_untouched_roles_signature_is_carried_over_with_one_click(
    by_cora: Client, review: Review, ann: Person, cora: Person, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead", "provider_lead")
    second = next_round(review, ann)
    assert "Carry my signature over" in page(by_cora.get(WHERE))
    given = {"review": str(second.pk), "seen": second.content_hash}
    answer = by_cora.post("/integrations/orders-to-payments/review/carry/consumer_lead/", given, follow=True)
    assert "stands for this round too" in page(answer)
    assert "carried over" in page(answer)
    assert SignOff.objects.filter(review=second).get().carried_from is not None


def test_a_stale_page_carries_nothing_over(
    by_cora: Client, review: Review, ann: Person, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead")
    next_round(review, ann)
    given = {"review": str(review.pk), "seen": review.content_hash}
    answer = by_cora.post("/integrations/orders-to-payments/review/carry/consumer_lead/", given)
    assert answer.status_code == 409
    assert SignOff.objects.filter(voided_at__isnull=True).count() == 0


def test_a_review_shows_the_roles_its_rule_asks_for(
    by_cora: Client, draft: Revision, ann: Person, ada: Person, mallory: Person
) -> None:
    approvals.save_rule(name="Small", weight=1, minimums={"author": 1, "platform": 2, "approver": 1}, by=ada)
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    shown = page(by_cora.get(WHERE))
    assert "the rule “Small”" in shown
    assert "2 of 2 missing" in shown
    assert "Consumer team lead" not in shown.split("Signatures")[-1]
    assert ApprovalRule.objects.count() == 1


def test_a_delegates_page_says_in_whose_place(review: Review, cora: Person, mallory: Person) -> None:
    now = timezone.now()
    approvals.delegate(to=mallory, starts_at=now, ends_at=now + timedelta(days=3), reason="Leave", by=cora)
    shown = page(as_person(mallory).get(WHERE))
    assert "in the place of Cora Cole" in shown
    reviews.sign(review, role="consumer_lead", by=mallory, password="mallory", seen_hash=review.content_hash)
    assert "For Cora Cole (cora), who is away until" in page(as_person(cora).get(WHERE))
    assert not Membership.objects.filter(person=mallory).exists()


def test_the_fields_under_discussion_can_be_linked_to(by_cora: Client, review: Review) -> None:
    shown = page(by_cora.get(f"{WHERE}?on={landscape.DOCUMENT['contracts'][0]['name']}"))
    assert "Begin a thread" in shown
    assert f'<option value="{RETRIES}" selected>' in page(by_cora.get(WHERE, {"on": RETRIES}))
