"""Threads on places of a record, and values proposed and taken."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Comment, Event, Integration, OutboxMessage, Person, Review, Revision, SignOff, Thread
from registry.services import reviews, threads

RETRIES = "contracts[payments-api].policy.retry.max_retries"


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()


def opened(review: Review, by: Person, path: str = RETRIES, **fields: Any) -> Thread:
    stated: dict[str, Any] = {"text": "Why so few?"}
    return threads.open_thread(review.revision, path=path, by=by, **(stated | fields))


def test_the_last_signature_waits_for_open_threads(
    review: Review, cora: Person, zoe: Person, sign: Callable[..., None]
) -> None:
    thread = opened(review, cora)
    sign(review, "author", "consumer_lead", "provider_lead", "platform")
    with pytest.raises(Conflict, match="1 thread is still open"):
        sign(review, "approver")
    assert SignOff.objects.filter(role="approver").count() == 0
    threads.resolve(thread, by=cora)
    sign(review, "approver")
    assert Integration.objects.get().in_force is not None


def test_a_thread_is_settled_by_whoever_opened_it_or_an_approver_and_an_answer_opens_it_again(
    review: Review, ann: Person, cora: Person, paul: Person, zoe: Person
) -> None:
    thread = opened(review, cora)
    for by in (ann, paul):
        with pytest.raises(NotAllowed):
            threads.resolve(thread, by=by)
    threads.resolve(thread, by=zoe)
    with pytest.raises(Conflict):
        threads.resolve(thread, by=zoe)
    threads.reply(thread, text="Not yet.", by=paul)
    thread.refresh_from_db()
    assert not thread.is_resolved
    assert [each.text for each in thread.comments.all()] == ["Why so few?", "Not yet."]
    assert list(Event.objects.filter(kind__startswith="thread").order_by("id").values_list("kind", flat=True)) == [
        "thread.opened",
        "thread.resolved",
        "thread.answered",
    ]


def test_a_proposed_value_is_taken_with_one_act_and_begins_the_next_round(
    review: Review, ann: Person, cora: Person, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead")
    thread = opened(review, cora, text="", proposal=1)
    following = threads.take(thread.comments.get(), by=ann)
    assert following is not None
    assert (following.round, following.version, following.submitted_by) == (2, "0.2", ann)
    assert following.record.contracts[0].policy.retry.max_retries == 1
    assert following.change_note == f"First version\n\nTook the value Cora Cole proposed for {RETRIES}."
    assert (
        SignOff.objects.get().void_reason == f"Withdrawn by Ann Archer: Took the value Cora Cole proposed for {RETRIES}"
    )
    thread.refresh_from_db()
    assert thread.is_resolved
    with pytest.raises(Conflict):
        threads.take(thread.comments.get(), by=ann)


def test_a_value_the_rules_refuse_leaves_a_draft(review: Review, ann: Person, cora: Person) -> None:
    thread = opened(review, cora, path="contracts[payments-api].policy.timeouts.total_ms", proposal=10)
    assert threads.take(thread.comments.get(), by=ann) is None
    revision = Revision.objects.get()
    assert (revision.state, revision.record.contracts[0].policy.timeouts.total_ms) == ("draft", 10)
    assert Review.objects.get().state == "withdrawn"


def test_a_value_is_taken_into_a_draft_without_a_round(draft: Revision, ann: Person, cora: Person) -> None:
    thread = threads.open_thread(draft, path="sla.rto", text="", proposal="PT4H", by=cora)
    assert threads.take(thread.comments.get(), by=ann) is None
    assert Revision.objects.get().record.sla.rto == "PT4H"
    assert not Review.objects.exists()


def test_a_proposal_may_clear_a_field_and_may_be_declined(review: Review, ann: Person, cora: Person) -> None:
    thread = opened(review, cora, path="overview.project", proposal=None)
    comment = thread.comments.get()
    threads.decline(comment, by=ann)
    comment.refresh_from_db()
    assert (comment.outcome, comment.decided_by) == (Comment.Outcome.DECLINED, ann)
    assert not Thread.objects.get().is_resolved
    assert Review.objects.get().is_open


@pytest.mark.parametrize(
    ("path", "proposal", "problem"),
    [
        (RETRIES, "three", "is not a whole number"),
        (RETRIES, 99, "is more than 10"),
        (RETRIES, 2, "is what the field says already"),
        ("", 2, "needs a field"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    review: Review, cora: Person, path: str, proposal: Any, problem: str
) -> None:
    with pytest.raises(Invalid) as refused:
        opened(review, cora, path=path, proposal=proposal)
    assert [(each.path, each.message) for each in refused.value.problems] == [("proposal", problem)]


@pytest.mark.parametrize("path", ["nothing", "contracts[#9]", "contracts[", "overview.purpose.x", "x" * 600])
def test_a_place_that_is_not_there_is_refused(review: Review, cora: Person, path: str) -> None:
    with pytest.raises(Invalid):
        opened(review, cora, path=path)


def test_who_has_no_say(review: Review, cora: Person, mallory: Person, approved: Integration) -> None:
    with pytest.raises(Conflict, match="approved and never changes"):
        opened(review, cora)
    with pytest.raises(NotAllowed):
        opened(review, mallory)


def test_those_concerned_hear_of_it(review: Review, ann: Person, cora: Person) -> None:
    OutboxMessage.objects.all().delete()
    thread = opened(review, cora)
    threads.reply(thread, text="Because.", by=ann)
    told = OutboxMessage.objects.filter(kind="mail").order_by("id").values_list("payload__to", flat=True)
    assert list(told) == ["ann@example.com", "cora@example.com"]


def test_changing_a_text_under_review_is_for_its_author(review: Review, cora: Person) -> None:
    with pytest.raises(NotAllowed):
        reviews.revise(review, review.record, by=cora, reason="x")
