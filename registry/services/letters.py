"""What people decide of single dead letters: park, reopen, archive, discard, hand over, settle what is uncertain."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, NotAllowed
from registry.models import (
    DeadLetter,
    DeadLetterSource,
    LetterMove,
    LetterNote,
    Person,
    RedriveItem,
    RedriveJob,
)
from registry.services import ledger, locks, masks, payloads, trail
from registry.services.masks import Shown
from registry.services.text import LONGEST_REMARK, Reading, browsed, fitted

MANY = 100
"""More letters than this at once are sent again, or thrown away within a day, by two people."""
A_DAY = timedelta(days=1)
LONGEST_NOTE = 5_000
LONGEST_PATH = 500
"""Characters of the path to a hidden value that the trail holds; of a longer one also its hash."""
MOST_TOLD = 100
"""So many letters an event of the trail names; how many there were it says in any case."""
State = DeadLetter.State
PARKS = (State.OPEN,)
REOPENS = (State.PARKED, State.ARCHIVED)
ARCHIVES = (State.OPEN, State.PARKED)
DISCARDS = (State.OPEN, State.PARKED, State.ARCHIVED)
Item = RedriveItem.State
SETTLED: dict[str, str] = {
    State.PUBLISHED: "counts as sent",
    State.QUEUED: "waits to be sent again",
    State.OPEN: "is open again",
}
"""What became of a letter that was settled by hand, in words."""


@transaction.atomic
def park(source: DeadLetterSource, keys: Iterable[int], *, why: str, by: Person) -> int:
    """Set open letters aside until somebody opens them again. How many were."""
    return _moved(source, keys, PARKS, State.PARKED, "letter.parked", why=why, by=by)


@transaction.atomic
def reopen(source: DeadLetterSource, keys: Iterable[int], *, why: str, by: Person) -> int:
    """Take parked and archived letters up again. How many were."""
    return _moved(source, keys, REOPENS, State.OPEN, "letter.reopened", why=why, by=by)


@transaction.atomic
def archive(source: DeadLetterSource, keys: Iterable[int], *, why: str, by: Person) -> int:
    """Close letters that need nothing more. They may be opened again while their payload is kept. How many were."""
    return _moved(source, keys, ARCHIVES, State.ARCHIVED, "letter.archived", why=why, by=by)


@transaction.atomic
def discard(source: DeadLetterSource, keys: Iterable[int], *, why: str, by: Person, among: int = 0) -> int:
    """Throw letters away with all they hold, for ever. How many were.

    Where it takes two, one archives and another discards what was archived. `among` says how many they are with
    those that go in other batches.
    """
    keys = set(keys)
    require_redriver(by)
    # Held from here on, so that none is opened again between the look at it and its end.
    locks.integration(source.integration_id)
    if because := needs_second(source, max(among, len(keys)), by=by):
        mine = DeadLetter.objects.filter(source=source, pk__in=keys).exclude(state=State.ARCHIVED)
        own = DeadLetter.objects.filter(source=source, pk__in=keys, state=State.ARCHIVED, moved_by=by)
        if mine.exists() or own.exists():
            raise Conflict(
                f"Two people discard these: {because}.",
                "Archive them first; then somebody else discards what you archived.",
            )
    moved = _moved(source, keys, DISCARDS, State.DISCARDED, "letter.discarded", why=why, by=by)
    gone = DeadLetter.objects.filter(source=source, pk__in=keys, state=State.DISCARDED)
    payloads.forget(gone.values_list("pk", flat=True))
    return moved


def needs_second(source: DeadLetterSource, count: int, *, by: Person) -> str:
    """Why so many letters of this source are not this person's to throw away; "" if they are."""
    if source.integration.criticality == "critical":
        return f"{source.integration.name} is critical"
    if count > MANY:
        return f"they are more than {MANY}"
    if count + _discarded_alone(source, by) > MANY:
        return f"with those {by.name} discarded alone here in the last day they are more than {MANY}"
    return ""


def _discarded_alone(source: DeadLetterSource, by: Person) -> int:
    """How many letters of this source somebody threw away in the last day that nobody else had archived before."""
    since = timezone.now() - A_DAY
    gone = DeadLetter.objects.filter(source=source, state=State.DISCARDED, moved_by=by, moved_at__gt=since)
    before = LetterMove.objects.filter(letter=OuterRef("pk"), version=OuterRef("version") - 1)
    return gone.exclude(Exists(before.filter(became=State.ARCHIVED).exclude(by=by))).order_by()[: MANY + 1].count()


@transaction.atomic
def settle_uncertain(letter: DeadLetter, *, arrived: bool, why: str, by: Person) -> DeadLetter:
    """Say of a letter nobody knows of whether it arrived: it is sent, or is not.

    Then it waits again in its redrive, where it is the oldest of its key; it is open where that has ended.
    """
    why = _reason(why, by)
    locks.integration(letter.source.integration_id)
    of_letter = RedriveJob.objects.under_way().filter(items__letter=letter, items__state=Item.UNCERTAIN)
    job = of_letter.select_for_update(no_key=True, of=("self",)).first()
    held = DeadLetter.objects.select_for_update().get(pk=letter.pk)
    if held.state != State.UNCERTAIN:
        raise Conflict(f"It is {held.get_state_display().lower()}.", "Only what is uncertain is settled by hand.")
    now = timezone.now()
    became = Item.SENT if arrived else Item.WAITING if job else Item.REFUSED
    RedriveItem.objects.filter(letter=held, state=Item.UNCERTAIN).update(
        state=became, note=f"{by.name}: {why}"[:500], settled_at=None if became == Item.WAITING else now
    )
    ledger.move(held, State.PUBLISHED if arrived else State.OPEN, by=by, why=why, at=now)
    if job and not arrived:
        ledger.move(held, State.QUEUED, by=by, why=f"Redrive {job.pk}", at=now)
    _tell("letter.settled", held.source, [held.pk], by=by, why=why, arrived=arrived)
    return held


@transaction.atomic
def assign(source: DeadLetterSource, keys: Iterable[int], *, to: Person | None, by: Person) -> int:
    """Hand letters to somebody, or to nobody. How many were."""
    require_redriver(by)
    if to is not None and not to.is_active:
        raise Conflict(f"{to.name}'s account is closed.", "Choose somebody else.")
    locks.integration(source.integration_id)
    found = DeadLetter.objects.filter(source=source, pk__in=set(keys))
    told = sorted(found.values_list("pk", flat=True))
    found.update(assignee=to)
    _tell("letter.assigned", source, told, by=by, to=to.username if to else None)
    return len(told)


@transaction.atomic
def note(letter: DeadLetter, *, text: str, by: Person) -> LetterNote:
    """Write something down about a letter."""
    require_redriver(by)
    reading = Reading()
    text = reading.prose("text", text, longest=LONGEST_NOTE)
    reading.done()
    locks.integration(letter.source.integration_id)
    noted = LetterNote.objects.create(letter=letter, by=by, at=timezone.now(), text=text)
    # A note may quote what the letter hides: the trail, which forgets nothing, has only its hash.
    told = {"letter": letter.pk, "note": noted.pk, "sha256": payloads.sha256(text.encode())}
    _tell_of(letter, "letter.noted", told, by=by)
    return noted


def shown(letter: DeadLetter, *, by: Person) -> Shown:
    """What the letter holds, without what its source hides."""
    require_reader(by)
    try:
        return masks.shown(payloads.opened(letter), letter.source.masked)
    except Conflict as gone:
        return Shown(gone.message, "gone")


@transaction.atomic
def reveal(letter: DeadLetter, path: str, *, reason: str, by: Person) -> str:
    """One hidden value, in clear. Who saw it and why is written down first, and the value is not."""
    reason = _revealing(reason, by)
    opened = payloads.opened(letter)
    hidden = masks.shown(opened, letter.source.masked).hidden
    # A browser sends other line ends than a name may have.
    found = [path] if path in hidden else [each for each in hidden if browsed(each) == browsed(path)]
    value = masks.value_at(opened, found[0]) if len(found) == 1 else None
    if value is None:
        raise Conflict("Nothing is hidden there.", "Choose one of the hidden values.")
    told = {"letter": letter.pk, "path": fitted(found[0], LONGEST_PATH), "reason": reason}
    if len(found[0]) > LONGEST_PATH:
        told["path_sha256"] = payloads.sha256(found[0].encode(errors="replace"))
    _tell_of(letter, "letter.revealed", told, by=by)
    return value


@transaction.atomic
def download(letter: DeadLetter, *, reason: str, by: Person) -> bytes:
    """The body as it came, with what is hidden in it. Who took it and why is written down before it leaves."""
    reason = _revealing(reason, by)
    body = payloads.opened(letter).body
    told = {"letter": letter.pk, "reason": reason, "sha256": payloads.sha256(body), "size": len(body)}
    _tell_of(letter, "letter.downloaded", told, by=by)
    return body


def raw(letter: DeadLetter, *, by: Person) -> bytes:
    """The body as it came, where nothing of its source is hidden."""
    require_reader(by)
    if not letter.source.masked:
        return payloads.opened(letter).body
    if permissions.may_reveal(by):
        raise Conflict("Values of these letters are hidden.", "Download it from its page, with a reason.")
    raise NotAllowed("Values of these letters are hidden.", "Ask who is on call.")


def _revealing(reason: str, by: Person) -> str:
    if not permissions.may_reveal(by):
        raise NotAllowed("You may not see hidden values.", "Ask who is on call.")
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    reading.done()
    return reason


def _tell_of(letter: DeadLetter, kind: str, told: dict[str, Any], *, by: Person) -> None:
    about = f"{subject(letter.source)}/letter/{letter.pk}"
    trail.record(kind, by=by, integration=letter.source.integration, subject=about, data=told)


def _moved(
    source: DeadLetterSource,
    keys: Iterable[int],
    was: tuple[str, ...],
    to: str,
    kind: str,
    *,
    why: str,
    by: Person,
) -> int:
    why = _reason(why, by)
    locks.integration(source.integration_id)
    found = DeadLetter.objects.filter(source=source, pk__in=set(keys)).order_by("pk")
    held = dict(found.filter(state__in=was).select_for_update().values_list("pk", "state"))
    if not held:
        raise Conflict(
            f"None of them is {' or '.join(State(each).label.lower() for each in was)}.", "Look at them again."
        )
    now = timezone.now()
    for state in was:
        ledger.move_all([key for key, each in held.items() if each == state], state, to, by=by, why=why, at=now)
    _tell(kind, source, sorted(held), by=by, why=why)
    return len(held)


def _reason(why: str, by: Person) -> str:
    require_redriver(by)
    reading = Reading()
    why = reading.line("why", why, longest=LONGEST_REMARK)
    reading.done()
    return why


def require_reader(by: Person) -> None:
    if not permissions.may_read(by):
        raise NotAllowed("Your account is closed.", "Ask an administrator.")


def require_redriver(by: Person) -> None:
    if not permissions.may_redrive(by):
        raise NotAllowed("Only somebody on call decides what becomes of dead letters.", "Ask who is on call.")


def _tell(kind: str, source: DeadLetterSource, keys: list[int], *, by: Person, **more: object) -> None:
    data = {"source": source.place, "topic": source.topic, "letters": keys[:MOST_TOLD], "count": len(keys), **more}
    trail.record(kind, by=by, integration=source.integration, subject=subject(source), data=data)


def subject(source: DeadLetterSource) -> str:
    """What events of this source are about."""
    return f"integration/{source.integration.slug}/{source.broker.environment.slug}/source/{source.pk}"
