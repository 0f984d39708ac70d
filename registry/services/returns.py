"""Letters that come back after they were sent again, and letters whose consumer says that they are done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry.brokers import ATTEMPT, Found, Headers, first
from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Environment,
    Integration,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import ledger
from registry.services.wire import ROOT

State = DeadLetter.State
Item = RedriveItem.State
Tried = RedriveAttempt.State
DIGITS = 18
IN_DOUBT = (State.PUBLISHING, State.UNCERTAIN)
NOT_ARRIVED = (State.OPEN, State.QUEUED)
"""In these states is a letter of which somebody said that it did not arrive."""
UNSETTLED = (Item.WAITING, Item.SENDING, Item.UNCERTAIN)
AFTER_ALL = "It arrived after all."
DONE = "Its consumer reported it done."
EARLY = "Its consumer had it before its broker's answer was written down."
AS_BEFORE = "It lay there again as it was before it was sent: it died again, or its queue gave it back late."


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a letter that was found came from; a stranger comes from nothing."""

    parent: DeadLetter | None = None
    root: DeadLetter | None = None
    redrive_count: int = 0
    parked_why: str = ""
    """Why it is not simply open; "" if it is."""
    told: str = ""
    """Why its headers were not believed; "" if they were, or there are none."""


STRANGER = Lineage()


def attempt_number(headers: Headers) -> int | None:
    """Which attempt of ours a message says it is. Anybody may say so."""
    text = first(headers, ATTEMPT)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def came_back(source: DeadLetterSource, found: Found, at: datetime, *, group_key: str = "") -> Lineage:
    """What this letter came from, by our own headers; that one is returned by it. Inside the harvest's transaction.

    Anybody may write such headers: what does not fit what we sent is a stranger, and it is told why. Nor is a letter
    of ours that dies at another source one that came back: its own consumer may have done it.
    """
    number = attempt_number(found.headers)
    if number is None:
        return STRANGER
    attempt = _attempt(source, number)
    if attempt is None:
        return Lineage(told="Its headers name an attempt of ours that never was at this source.")
    parent = attempt.letter
    if first(found.headers, ROOT) != str(parent.root_id or parent.pk):
        return Lineage(told="Its headers name an attempt of ours at another letter.")
    if attempt.state == Tried.REFUSED:
        return Lineage(told="Its headers name an attempt of ours that was not sent.")
    _return(attempt, parent, at)
    count = parent.redrive_count + 1
    return Lineage(parent, parent.root or parent, count, _parked_why(source, parent, count, group_key))


def came_back_as_before(attempt: RedriveAttempt, at: datetime) -> Lineage:
    """What a letter came from that is again, to the byte, as it was before this attempt sent it. That one is returned.

    Some consumers give what dies no headers but their own. A queue may also give back late what it was told of, so the
    letter is parked: a person sees one too many, and nothing is sent again.
    """
    parent = DeadLetter.objects.select_related("root").get(pk=attempt.letter_id)
    _return(attempt, parent, at)
    return Lineage(parent, parent.root or parent, parent.redrive_count + 1, AS_BEFORE)


def hold_redrives(letters: Iterable[int]) -> None:
    """Keep whoever sends for a redrive from claiming or settling these. Attempts are locked after it, as they do."""
    items = RedriveItem.objects.filter(letter__in=list(letters), state__in=UNSETTLED)
    _hold_redrives_of(items)


def take_back(attempts: Iterable[RedriveAttempt], at: datetime) -> None:
    """What these sent did arrive, though somebody said that it did not and the letter is open or waits to be sent."""
    sent_by = {each.letter_id: each.item_id for each in attempts}
    letters = DeadLetter.objects.filter(pk__in=sent_by, state__in=NOT_ARRIVED).order_by("pk")
    keys = list(letters.select_for_update(no_key=True).values_list("pk", flat=True))
    if not keys:
        return
    waiting = RedriveItem.objects.filter(letter__in=keys, state=Item.WAITING)
    _hold_redrives_of(waiting)
    waiting.exclude(pk__in=sent_by.values()).update(state=Item.SKIPPED, note=AFTER_ALL, settled_at=at)
    waiting.update(state=Item.UNCERTAIN, note=AFTER_ALL)
    for was in NOT_ARRIVED:
        ledger.move_all(keys, was, State.UNCERTAIN, why=AFTER_ALL, at=at)


def _hold_redrives_of(items: QuerySet[RedriveItem]) -> None:
    keys = set(items.values_list("job", flat=True))
    if keys:
        list(RedriveJob.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk"))


@transaction.atomic
def resolve(
    integration: Integration,
    attempts: Iterable[int],
    *,
    environment: Environment | None = None,
    at: datetime | None = None,
) -> int:
    """What a consumer says it has done, by the attempts it saw. How many letters are resolved by it."""
    named = RedriveAttempt.objects.filter(pk__in=set(attempts), letter__source__integration=integration)
    if environment:
        named = named.filter(letter__source__broker__environment=environment)
    letter_of = dict(named.values_list("pk", "letter_id"))
    keys = set(letter_of.values())
    now = at or timezone.now()
    _arrive(letter_of, now)
    return sum(
        ledger.move_all(keys, was, State.RESOLVED, why=DONE, at=now)
        for was in (State.PUBLISHED, State.PRESUMED_RESOLVED, State.UNCERTAIN)
    )


def _arrive(letter_of: Mapping[int, int], at: datetime) -> None:
    """Letters of these attempts that are on their way, uncertain, or said not to have arrived: their consumer has them.

    Its report may be here before the worker wrote down what the broker answered, and is not made again. Whoever sends
    for a redrive holds it while they claim or settle: so do we, and what they settle later finds nothing to do.
    """
    doubted = DeadLetter.objects.filter(pk__in=set(letter_of.values()), state__in=(*NOT_ARRIVED, *IN_DOUBT))
    keys = list(doubted.values_list("pk", flat=True))
    if not keys:
        return
    hold_redrives(keys)
    open_ones = RedriveAttempt.objects.filter(letter__in=keys, state__in=(Tried.CLAIMED, Tried.UNKNOWN))
    held = list(open_ones.select_for_update().order_by("pk"))
    reported = [each for each in held if each.pk in letter_of]
    others = [each for each in held if each.pk not in letter_of and each.state == Tried.CLAIMED]
    take_back(reported, at)
    for state, attempts in ((Tried.CONFIRMED, reported), (Tried.UNKNOWN, others)):
        RedriveAttempt.objects.filter(pk__in=[each.pk for each in attempts]).update(
            state=state, settled_at=at, why=DONE
        )
    ledger.move_all(keys, State.PUBLISHING, State.PUBLISHED, why=EARLY, at=at)
    items = RedriveItem.objects.filter(letter__in=keys, state__in=(Item.SENDING, Item.UNCERTAIN))
    items.update(state=Item.SENT, note=DONE, settled_at=at)


def _attempt(source: DeadLetterSource, number: int) -> RedriveAttempt | None:
    held = RedriveAttempt.objects.select_for_update(of=("self",)).filter(pk=number, letter__source=source)
    return held.select_related("letter__root", "letter__group", "item").first()


def _return(attempt: RedriveAttempt, parent: DeadLetter, at: datetime) -> None:
    """The letter was sent, whatever we knew of it: it is back. One that comes back twice changes nothing more."""
    if attempt.state != Tried.RETURNED:
        attempt.state, attempt.settled_at, attempt.why = Tried.RETURNED, at, "It came back."
        attempt.save(update_fields=("state", "settled_at", "why"))
    take_back([attempt], at)
    parent = DeadLetter.objects.select_for_update(no_key=True).get(pk=parent.pk)
    if parent.state == State.PUBLISHING and not _has_other(attempt):
        ledger.move(parent, State.PUBLISHED, why="It came back before its broker's answer was written down.", at=at)
    if parent.state in (State.PUBLISHED, State.UNCERTAIN, State.PRESUMED_RESOLVED):
        ledger.move(parent, State.RETURNED, why="It came back.", at=at)
    item = RedriveItem.objects.filter(pk=attempt.item_id)
    if parent.state == State.RETURNED:
        item.filter(state__in=(Item.SENDING, Item.UNCERTAIN)).update(state=Item.SENT, settled_at=at)
    item.update(came_back=True)


def _has_other(attempt: RedriveAttempt) -> bool:
    """Whether another attempt at the letter is on its way."""
    return RedriveAttempt.objects.filter(letter=attempt.letter_id, state=Tried.CLAIMED).exists()


def _parked_why(source: DeadLetterSource, parent: DeadLetter, count: int, group_key: str) -> str:
    if count >= source.max_redrives:
        return f"It was sent again {count} times." if count > 1 else "It was sent again once."
    return "It died of the same as before it was sent again." if group_key == parent.group.key else ""
