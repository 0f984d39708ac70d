"""When a source's retention is over, what its letters hold goes. What waited for somebody expires with it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from registry.models import DeadLetter, DeadLetterSource, Payload, RedriveItem, RedriveJob
from registry.services import ledger, payloads, redrives, routes, sending, sources

State = DeadLetter.State
Item = RedriveItem.State
KEPT = (State.OPEN, State.PARKED, State.ARCHIVED)
ENDED = (State.RESOLVED, State.PRESUMED_RESOLVED, State.RETURNED, State.DISCARDED, State.EXPIRED)
STUCK = (State.UNCERTAIN, State.QUEUED)
IN_A_REDRIVE = (Item.WAITING, Item.UNCERTAIN)


@transaction.atomic
def expire(source: DeadLetterSource, at: datetime, limit: int) -> int:
    """Letters of this source whose retention is over: what nobody decided on expires, and payloads go. How many went.

    One that is on its way, or that a worker has yet to send, is left until that has ended. One that is uncertain, or
    waits in a redrive that stands still, leaves the redrive: nobody could send it any more.
    """
    over = {"source": source, "kept_since__lt": at - timedelta(days=source.retention_days)}
    if not Payload.objects.filter(**over).exists():
        return 0
    free = _free(source)
    due = free.filter(**{f"payload__{name}": value for name, value in over.items()}).order_by("payload__kept_since")
    keys = list(due.values_list("pk", flat=True)[:limit])
    jobs = _held_jobs(keys)
    elsewhere = RedriveItem.objects.filter(letter=OuterRef("pk"), state__in=IN_A_REDRIVE).exclude(job__in=jobs)
    found = free.filter(~Exists(elsewhere), pk__in=keys).order_by("pk")
    held = dict(found.select_for_update(no_key=True).values_list("pk", "state"))
    if not held:
        return 0
    why = f"Its retention of {source.retention_days} days is over."
    for state in (*KEPT, *STUCK):
        ledger.move_all([key for key, each in held.items() if each == state], state, State.EXPIRED, why=why, at=at)
    stuck = [key for key, each in held.items() if each in STUCK]
    items = RedriveItem.objects.filter(letter__in=stuck, state__in=IN_A_REDRIVE)
    items.update(state=Item.CANCELLED, note=why, settled_at=at)
    payloads.forget(held)
    for job in jobs:
        if job.state not in redrives.ENDED and job.state not in redrives.MOVING:
            sending.finish_if_over(job)
    return len(held)


def _free(source: DeadLetterSource) -> QuerySet[DeadLetter]:
    """Letters that no worker has anything to do with."""
    of_letter = RedriveItem.objects.filter(letter=OuterRef("pk"))
    moving = of_letter.filter(job__state__in=redrives.MOVING)
    stands_still = of_letter.filter(state=Item.WAITING).exclude(job__state__in=redrives.MOVING)
    free = Q(state__in=(*KEPT, *ENDED)) | Q(Exists(stands_still), state=State.QUEUED)
    uncertain = Q(state=State.UNCERTAIN)
    if sources.unknown_policy(routes.of(source)) == "resend":
        again = moving.filter(state=Item.UNCERTAIN).alias(sendings=Count("attempts"))
        uncertain &= Q(~Exists(again.filter(sendings__lt=sending.MOST_RESENDS)))
    return DeadLetter.objects.filter(free | uncertain)


def _held_jobs(letters: Collection[int]) -> list[RedriveJob]:
    """The redrives these letters wait in, locked, so that none of them is sent meanwhile."""
    items = RedriveItem.objects.filter(letter__in=letters, state__in=IN_A_REDRIVE)
    jobs = RedriveJob.objects.filter(pk__in=set(items.values_list("job", flat=True))).order_by("pk")
    places = ("source__integration", "source__broker__environment")
    return list(jobs.select_for_update(no_key=True, of=("self",)).select_related(*places))
