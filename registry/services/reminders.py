"""Reviews that wait: those asked are reminded, and past the due date others hear of it. Each of it once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry.models import IndexedParty, Integration, Nudge, Person, Review, Role, granted
from registry.services import locks, notices, trail

Due = tuple[Review, Nudge.Kind, int]


def remind(*, now: datetime | None = None) -> int:
    """Send what is due. Several may run at once: of each reminder one goes out. How many went."""
    moment = now or timezone.now()
    return sum(_nudge(review.pk, kind, turn, moment) for review, kind, turn in _due(moment))


def _due(now: datetime) -> Iterator[Due]:
    sent = {(each.review_id, each.kind, each.turn) for each in Nudge.objects.filter(review__state=Review.State.OPEN)}
    reviews = Review.objects.open().exclude(integration__state=Integration.State.RETIRED)
    for review in reviews.defer("document").order_by("id"):
        waited = (now - review.submitted_at) // timedelta(days=settings.REMIND_AFTER_DAYS)
        overdue = (now - review.due_at) // timedelta(days=settings.REMIND_AFTER_DAYS) + 1
        for kind, turn in ((Nudge.Kind.REMINDER, waited), (Nudge.Kind.ESCALATION, overdue)):
            if turn > 0 and (review.pk, kind, turn) not in sent:
                yield review, kind, turn


@transaction.atomic
def _nudge(key: int, kind: Nudge.Kind, turn: int, now: datetime) -> bool:
    integration, _, review = locks.review(key)
    if not review.is_open:
        return False
    _, is_new = Nudge.objects.get_or_create(review=review, kind=kind, turn=turn, defaults={"at": now})
    if not is_new:
        return False
    missing = ", ".join(role.label.lower() for role in review.lacking())
    if kind == Nudge.Kind.REMINDER:
        people = notices.asked(review)
        notices.reminded(review, people)
    else:
        people = list(_others(review))
        notices.escalated(review, people, missing)
    data = {"round": review.round, "missing": missing, "told": sorted(person.username for person in people)}
    about = f"integration/{integration.slug}/{review.version}"
    act = "review.reminded" if kind == Nudge.Kind.REMINDER else "review.escalated"
    trail.record(act, by=None, integration=integration, subject=about, data=data)
    return True


def _others(review: Review) -> Iterator[Person]:
    """Who could get it signed: all members of the teams whose lead is missing, the platform, approvers, the author."""
    lacking = review.lacking()
    sides = {Role.CONSUMER_LEAD: "consumer", Role.PROVIDER_LEAD: "provider"}
    parties = IndexedParty.objects.filter(
        revision=review.revision_id, role__in=[side for role, side in sides.items() if role in lacking]
    ).exclude(team_slug="")
    concerned = Q(pk=review.submitted_by_id) | Q(memberships__team__slug__in=parties.values("team_slug"))
    if Role.PLATFORM in lacking:
        concerned |= Q(memberships__team__is_platform=True)
    if Role.APPROVER in lacking:
        concerned |= granted("approve_revision")
    yield from Person.objects.filter(concerned, is_active=True).distinct().order_by("pk")
