"""What people decide of all letters that fit, and not only of those they marked: what it comes to, then batch by batch.

A batch is one transaction with its event: whoever harvests or redrives meanwhile waits for one, not for all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Max, Q, QuerySet

from registry.errors import Conflict
from registry.models import DeadLetter, DeadLetterSource, Person
from registry.models.letters import DeadLetterQuerySet
from registry.services import letters

MOST_AT_ONCE = 10_000
"""So many letters one sweep takes: a few seconds' work."""
BATCH = 1_000
State = DeadLetter.State
Do = Callable[["Sweep", list[int], str, Person], int]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to letters: in which states it finds them, and how it is done."""

    takes: tuple[State, ...]
    do: Do
    needs_reason: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody saw of an act before they agreed: it is done to nothing else, however often they agree."""

    count: int
    newest: int
    """The newest letter there was: what is taken in later stays as it is."""
    last: int = 0
    """The last, in their order, that it would be done to at once; 0 where it would be done to all."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What an act would come to. Numbers above MOST_AT_ONCE stand for any more."""

    source: DeadLetterSource
    act: str
    found: DeadLetterQuerySet
    """Those it would be done to, in no order."""
    states: Mapping[State, int]
    """How many of those that fit are in each state the act takes."""
    others: int
    """Fit, and are in other states."""
    fitting: int
    count: int
    """How many it would be done to."""
    seen: Seen
    second_because: str = ""
    """Why one person may not do it to all of them; "" if they may."""

    @property
    def is_whole(self) -> bool:
        """Whether it is done to all of them at once."""
        return self.count <= MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of it."""

    done: int
    stopped: Conflict | None = None


ACTS: Mapping[str, Act] = {
    "archive": Act(letters.ARCHIVES, lambda sweep, keys, why, by: letters.archive(sweep.source, keys, why=why, by=by)),
    "park": Act(letters.PARKS, lambda sweep, keys, why, by: letters.park(sweep.source, keys, why=why, by=by)),
    "reopen": Act(letters.REOPENS, lambda sweep, keys, why, by: letters.reopen(sweep.source, keys, why=why, by=by)),
    "take": Act(
        (State.OPEN, State.PARKED, State.UNCERTAIN),
        lambda sweep, keys, why, by: letters.assign(sweep.source, keys, to=by, by=by),
        needs_reason=False,
    ),
    "discard": Act(
        letters.DISCARDS,
        lambda sweep, keys, why, by: letters.discard(sweep.source, keys, why=why, by=by, among=sweep.fitting),
    ),
}


def look(source: DeadLetterSource, rows: DeadLetterQuerySet, act: str, *, by: Person) -> Sweep:
    """What this act would come to for these letters of the source. Nothing changes by it."""
    letters.require_redriver(by)
    takes = ACTS[act].takes
    rows = rows.order_by()
    fit = rows.of_state(*takes)
    fitting = _counted(fit)
    second_because = letters.needs_second(source, fitting, by=by) if act == "discard" and fitting else ""
    if second_because:
        found = fit.of_state(State.ARCHIVED).exclude(moved_by=by)
    else:
        found = fit.exclude(assignee=by) if act == "take" else fit
    count = _counted(found)
    return Sweep(
        source=source,
        act=act,
        found=found,
        states={state: held for state in takes if (held := _counted(rows.of_state(state)))},
        others=_counted(rows.exclude(state__in=takes)),
        fitting=fitting,
        count=count,
        second_because=second_because,
        seen=Seen(
            count=min(count, MOST_AT_ONCE),
            newest=DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0,
            last=_keys(found)[MOST_AT_ONCE - 1 : MOST_AT_ONCE].first() or 0 if count > MOST_AT_ONCE else 0,
        ),
    )


def sweep(planned: Sweep, seen: Seen, *, why: str, by: Person) -> Swept:
    """Do it to what was seen and nothing else. What moved on meanwhile is left as it is."""
    found = planned.found.filter(pk__lte=seen.newest)
    if last := DeadLetter.objects.filter(pk=seen.last, source=planned.source).first():
        found = found.filter(Q(died_at__gt=last.died_at) | Q(died_at=last.died_at, pk__gte=last.pk))
    keys = list(_keys(found)[: min(max(seen.count, 0), MOST_AT_ONCE)])
    if not keys:
        raise Conflict("None of them is left to do this to.", "Look at them again.")
    do, done = ACTS[planned.act].do, 0
    for start in range(0, len(keys), BATCH):
        try:
            done += do(planned, keys[start : start + BATCH], why, by)
        except Conflict as stopped:
            if not done:
                raise
            return Swept(done, stopped)
    return Swept(done)


def _keys(rows: DeadLetterQuerySet) -> "QuerySet[DeadLetter, int]":
    """In the order of the list, which its indexes have them in."""
    return rows.order_by("-died_at", "-pk").values_list("pk", flat=True)


def _counted(rows: DeadLetterQuerySet) -> int:
    return rows[: MOST_AT_ONCE + 1].count()
