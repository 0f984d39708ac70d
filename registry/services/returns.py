"""Letters that come back after they were sent again, and letters whose consumer says that they are done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from registry.brokers import ATTEMPT, Found, Headers, first
from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, RedriveAttempt, RedriveItem
from registry.services import ledger
from registry.services.wire import ROOT

State = DeadLetter.State
Item = RedriveItem.State
Tried = RedriveAttempt.State
DIGITS = 18


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
    keys = set(named.values_list("letter_id", flat=True))
    now = at or timezone.now()
    why = "Its consumer reported it done."
    uncertain = DeadLetter.objects.filter(pk__in=keys, state=State.UNCERTAIN).values_list("pk", flat=True)
    items = RedriveItem.objects.filter(letter__in=list(uncertain), state=Item.UNCERTAIN)
    moved = sum(
        ledger.move_all(keys, was, State.RESOLVED, why=why, at=now)
        for was in (State.PUBLISHED, State.PRESUMED_RESOLVED, State.UNCERTAIN)
    )
    items.update(state=Item.SENT, note=why, settled_at=now)
    return moved


def _attempt(source: DeadLetterSource, number: int) -> RedriveAttempt | None:
    held = RedriveAttempt.objects.select_for_update(of=("self",)).filter(pk=number, letter__source=source)
    return held.select_related("letter__root", "letter__group", "item").first()


def _return(attempt: RedriveAttempt, parent: DeadLetter, at: datetime) -> None:
    """The letter was sent, whatever we knew of it: it is back. One that comes back twice changes nothing more."""
    if attempt.state != Tried.RETURNED:
        attempt.state, attempt.settled_at, attempt.why = Tried.RETURNED, at, "It came back."
        attempt.save(update_fields=("state", "settled_at", "why"))
    parent = DeadLetter.objects.select_for_update(no_key=True).get(pk=parent.pk)
    if parent.state == State.PUBLISHING and not _has_other(attempt):
        ledger.move(parent, State.PUBLISHED, why="It came back before its broker's answer was written down.", at=at)
    if parent.state in (State.PUBLISHED, State.UNCERTAIN, State.PRESUMED_RESOLVED):
        ledger.move(parent, State.RETURNED, why="It came back.", at=at)
    item = attempt.item
    unsettled = item.state in (Item.SENDING, Item.UNCERTAIN) and parent.state == State.RETURNED
    settled = {"state": Item.SENT, "settled_at": at} if unsettled else {}
    RedriveItem.objects.filter(pk=item.pk).update(came_back=True, **settled)


def _has_other(attempt: RedriveAttempt) -> bool:
    """Whether another attempt at the letter is on its way."""
    return RedriveAttempt.objects.filter(letter=attempt.letter_id, state=Tried.CLAIMED).exists()


def _parked_why(source: DeadLetterSource, parent: DeadLetter, count: int, group_key: str) -> str:
    if count >= source.max_redrives:
        return f"It was sent again {count} times." if count > 1 else "It was sent again once."
    return "It died of the same as before it was sent again." if group_key == parent.group.key else ""
