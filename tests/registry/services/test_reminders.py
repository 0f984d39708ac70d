"""Who is told of what waits, and that nobody is told twice."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from registry.models import Event, Membership, Notice, OutboxMessage, Person, Review
from registry.services import approvals, notices, reminders, reviews
from tests import landscape


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()


def told(kind: str) -> list[str]:
    return sorted(Notice.objects.filter(kind=kind).values_list("person__username", flat=True))


def after(days: float, review: Review) -> int:
    return reminders.remind(now=review.submitted_at + timedelta(days=days))


def test_those_asked_hear_of_a_new_review_on_the_page_and_by_mail(review: Review, zoe: Person) -> None:
    assert told("review.opened") == ["cora", "ivy", "paul"]  # zoe came later
    notice = Notice.objects.filter(person__username="cora").get()
    assert (notice.title, notice.url) == ("To sign: Orders to payments 0.1", "/integrations/orders-to-payments/review/")
    mail = OutboxMessage.objects.filter(kind="mail").values_list("payload__to", flat=True)
    assert sorted(mail) == ["cora@example.com", "ivy@example.com", "paul@example.com"]


def test_who_wants_no_mail_gets_none(draft: object, review: Review, cora: Person) -> None:
    cora.wants_mail = False
    cora.save()
    OutboxMessage.objects.all().delete()
    after(3, review)
    assert "cora" in told("review.reminded")
    assert "cora@example.com" not in OutboxMessage.objects.values_list("payload__to", flat=True)


def test_those_who_have_not_signed_are_reminded_every_three_days_once(
    review: Review, zoe: Person, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead")
    assert after(2.9, review) == 0
    assert after(3, review) == 1
    assert after(3.5, review) == 0
    assert told("review.reminded") == ["ann", "ivy", "paul", "zoe"]
    assert after(6, review) == 1
    assert told("review.reminded") == sorted(["ann", "ivy", "paul", "zoe"] * 2)
    event = Event.objects.filter(kind="review.reminded").earliest("id")
    assert (event.actor, event.details["missing"]) == (None, "author, provider team lead, platform/infra, approver")


def test_past_the_due_date_the_teams_other_members_hear_of_it(
    review: Review, catalog: landscape.Catalog, mallory: Person, zoe: Person, sign: Callable[..., None]
) -> None:
    Membership.objects.create(team=catalog.teams["payments"], person=mallory)
    sign(review, "consumer_lead")
    after(7.1, review)
    assert told("review.escalated") == ["ann", "ivy", "mallory", "paul", "zoe"]
    assert "still lacks: author, provider team lead" in Notice.objects.filter(kind="review.escalated")[0].text
    count = Notice.objects.count()
    assert after(7.2, review) == 0
    assert Notice.objects.count() == count


def test_a_review_that_ended_reminds_nobody(review: Review, ann: Person) -> None:
    reviews.withdraw(review, by=ann, reason="x")
    assert after(30, review) == 0


def test_whoever_signs_for_somebody_away_hears_of_it_too(review: Review, cora: Person, mallory: Person) -> None:
    now = timezone.now()
    approvals.delegate(to=mallory, starts_at=now, ends_at=now + timedelta(days=9), reason="Leave", by=cora)
    after(3, review)
    assert {"cora", "mallory"} <= set(told("review.reminded"))


def test_notices_are_read_by_whose_they_are(review: Review, cora: Person, paul: Person) -> None:
    mine = list(Notice.objects.filter(person=cora).values_list("pk", flat=True))
    assert notices.mark_read(paul, mine) == 0
    assert notices.mark_read(cora, mine) == 1
    assert notices.mark_read(paul) == 1
    assert notices.mark_read(paul) == 0
