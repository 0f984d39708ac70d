"""The books of dead letters: every step from one state to the next, and whether it all adds up."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, F
from django.utils import timezone

from registry.models import DeadLetter, LedgerReading, Person

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Balance:
    """One source's books. All but the first two are 0 where they are in order."""

    source_id: int
    harvested: int
    total: int
    missing: int
    """Taken in, and no row."""
    unattended: int
    """Being sent, and no attempt outstanding."""
    unqueued: int
    """Queued, and in no redrive."""
    strays: int
    """Attempts outstanding at letters that are not being sent."""
    imbalance: int
    """All of that together."""


def move(
    letter: DeadLetter,
    to: str,
    *,
    by: Person | None = None,
    why: str = "",
    at: datetime | None = None,
    **changes: Any,
) -> bool:
    """One step, if the letter is still as it was read; whether it was. The history is the database's own doing."""
    stands = DeadLetter.objects.filter(pk=letter.pk, state=letter.state, version=letter.version)
    told = {"state": to, "version": letter.version + 1, "moved_at": at or timezone.now(), "moved_by": by, "why": why}
    if not stands.update(**told, **changes):
        return False
    for name, value in {**told, **changes}.items():
        setattr(letter, name, value)
    return True


def move_all(
    keys: Iterable[int], was: str, to: str, *, by: Person | None = None, why: str = "", at: datetime | None = None
) -> int:
    """The same step for many; how many were still in that state."""
    stands = DeadLetter.objects.filter(pk__in=list(keys), state=was)
    return stands.update(state=to, version=F("version") + 1, moved_at=at or timezone.now(), moved_by=by, why=why)


def balances() -> list[Balance]:
    """The books of every source."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM registry_ledger ORDER BY source_id")
        return [Balance(*row) for row in cursor.fetchall()]


def imbalance() -> int:
    """0, or something was lost or made up."""
    return sum(each.imbalance for each in balances())


def check() -> int:
    """Look at the books, keep what was found, and say in the log where they do not add up."""
    now, found = timezone.now(), balances()
    states: dict[int, dict[str, int]] = {}
    counts = DeadLetter.objects.order_by().values_list("source", "state").annotate(Count("pk"))
    for source, state, count in counts:
        states.setdefault(source, {})[state] = count
    LedgerReading.objects.bulk_create(
        (
            LedgerReading(
                source_id=each.source_id, at=now, imbalance=each.imbalance, states=states.get(each.source_id, {})
            )
            for each in found
        ),
        update_conflicts=True,
        unique_fields=["source"],
        update_fields=["at", "imbalance", "states"],
    )
    for each in found:
        if each.imbalance:
            log.error("the books of source %s do not add up: %s", each.source_id, each)
    return sum(each.imbalance for each in found)
