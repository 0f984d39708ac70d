"""Sends what redrives gathered. Each attempt is committed before its first byte; what became of it, in one step after.

Several workers may run: a redrive has a lease and a fence, and whoever lost them settles only what it knows for sure.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from registry import permissions
from registry.brokers import Broker, BrokerError, Outgoing, Sent
from registry.errors import Conflict, Invalid, NotAllowed, kind_and_place
from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.sealing import Seal, Unsealed
from registry.services import edits, endpoints, ledger, marks, payloads, plans, redrives, returns, routes, sources, wire
from registry.services.payloads import Opened
from registry.services.plans import Selector
from registry.services.routes import Route
from registry.services.text import fitted

log = logging.getLogger(__name__)

SLICE_S = 4.0
"""So long a worker stays with one redrive before it looks at the others."""
CHUNK = 1_000
BATCH = 50
WINDOW = 200
SLOWEST_SEND_S = 25
"""What a client takes at most to say whether its broker has a message; nothing is begun later before the lease ends."""
WAVES = (1, 11)
MOST_RESENDS = 5
LONGEST_BACKOFF = timedelta(minutes=1)
AHEAD = timedelta(seconds=5)
"""So far a redrive that was held up may catch up with its rate."""
PATIENCE_S = 60
"""So long a worker that knows what became of letters waits for a database that is gone."""
LONGEST_WHY = 400
NOBODY_SAID = "Its worker did not say in time what became of it."
UNSEEN = "Nobody read whether it came back, and its retention is over."
UNREAD = "Waits until its dead letters are read."
LONGEST_UNREAD = timedelta(minutes=5)
"""So long, and a grace, a redrive goes on that nobody could see fail."""
SKIPPED_NUMBERS = 10_000_000
PRESUMED_AT_ONCE = 2_000
Age = tuple[datetime, int]
"""When a letter died, and its number: what makes it older or younger than another."""
Letter = DeadLetter.State
Item = RedriveItem.State
Job = RedriveJob.State
Tried = RedriveAttempt.State


class Lost(Exception):
    """The redrive is no longer ours to go on with: it was paused, or another worker has it."""


class Known(StrEnum):
    """What is known of an attempt."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNFIT = "unfit"
    """Refused for what it is, which tells nothing of other letters."""
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    """Not one byte left."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is committed, and what it sends."""

    attempt: RedriveAttempt
    message: Outgoing
    was_uncertain: bool
    """Whether an earlier attempt may have arrived, so that a refusal of this one tells nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    claim: Claim
    known: Known
    why: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What a contract's limit leaves one of the redrives that send there now."""

    limit: int
    contract: str
    redrives: int

    @property
    def per_minute(self) -> int:
        return max(1, self.limit // self.redrives)

    def __str__(self) -> str:
        among = f", and {self.redrives} redrives share that" if self.redrives > 1 else ""
        return f"Slowed to {self.per_minute:,} a minute: {self.contract} allows {self.limit:,}{among}."


@dataclass(slots=True)
class Lease:
    """A redrive in our hands until `ends`, by this process's clock."""

    job: RedriveJob
    fence: int
    ends: float
    share: Share | None = None
    """Known once it sends; None where the design states no limit."""

    @property
    def may_send(self) -> bool:
        return time.monotonic() < self.ends - min(SLOWEST_SEND_S, _lease_s() / 2)

    @property
    def rate_per_minute(self) -> int:
        """As it was asked for, or less: the limit may have been lowered since, or others send there too."""
        return min(self.job.rate_per_minute, self.share.per_minute) if self.share else self.job.rate_per_minute

    @property
    def slowed(self) -> str:
        """Why it is less; "" if it is not."""
        return str(self.share) if self.rate_per_minute < self.job.rate_per_minute else ""


def drive() -> int:
    """One bell: declare what nobody answered for, presume what did not come back, and go on with every redrive."""
    marks.look()
    sweep()
    presume()
    now = timezone.now()
    due = RedriveJob.objects.moving().free(now).filter(Q(next_send_at__isnull=True) | Q(next_send_at__lte=now))
    return sum(
        _advance_apart(key)
        for key in list(due.order_by(F("next_send_at").asc(nulls_first=True)).values_list("pk", flat=True))
    )


def _advance_apart(job_pk: int) -> int:
    """One redrive must not keep the others from being sent. What a client says may hold a password: it is not told."""
    try:
        return advance(job_pk)
    except Exception as problem:
        kind, where = kind_and_place(problem)
        log.error("%s in redrive %s, at %s", kind, job_pk, where)
        _put_off(job_pk, f"{kind} while it was gone on with; the worker's log says where.")
        return 0


def advance(job_pk: int, *, seconds: float = SLICE_S) -> int:
    """Go on with one redrive for a while. How many letters were sent."""
    lease = _take(job_pk)
    if lease is None:
        return 0
    until = time.monotonic() + seconds
    try:
        if lease.job.state == Job.SELECTING:
            _gather(lease, until)
        return _send_waves(lease, until)
    except Lost:
        return 0
    finally:
        RedriveJob.objects.filter(pk=job_pk, fence=lease.fence).update(lease_until=None)


def sweep(*, at: datetime | None = None) -> int:
    """Say of attempts whose worker did not answer in time that nobody knows of them. How many there were."""
    swept = 0
    while count := _sweep(at or timezone.now()):
        swept += count
    return swept


def presume(*, at: datetime | None = None) -> int:
    """Presume that letters which did not come back in their time were processed. How many.

    Their time is over once the place where they would lie was read to its end after it. Of a source that nobody reads
    any more nobody knows: its letters stay sent until their retention is over.
    """
    now, presumed = at or timezone.now(), 0
    for source in DeadLetterSource.objects.filter(Exists(_published().filter(source=OuterRef("pk")))):
        sent, returns_within = _published().filter(source=source), timedelta(seconds=source.returns_within_seconds)
        if source.read_through_at:
            before = min(now, source.read_through_at) - returns_within
            presumed += _presume(sent.filter(moved_at__lte=before), "It did not come back.", now)
        over = sent.filter(payload__kept_since__lt=now - timedelta(days=source.retention_days))
        presumed += _presume(over.filter(moved_at__lte=now - returns_within), UNSEEN, now)
    return presumed


def _presume(sent: QuerySet[DeadLetter], why: str, now: datetime) -> int:
    presumed = 0
    while keys := list(sent.order_by("moved_at").values_list("pk", flat=True)[:PRESUMED_AT_ONCE]):
        presumed += ledger.move_all(keys, Letter.PUBLISHED, Letter.PRESUMED_RESOLVED, why=why, at=now)
    return presumed


def _published() -> QuerySet[DeadLetter]:
    return DeadLetter.objects.of_state(Letter.PUBLISHED)


# --- the lease ---------------------------------------------------------------------------------------------------


def _lease_s() -> float:
    return float(settings.REDRIVE_LEASE_SECONDS)


def _take(job_pk: int) -> Lease | None:
    now = timezone.now()
    ends = time.monotonic() + _lease_s()
    free = RedriveJob.objects.moving().free(now).filter(pk=job_pk)
    if not free.update(lease_until=now + timedelta(seconds=_lease_s()), fence=F("fence") + 1):
        return None
    job = RedriveJob.objects.select_related("source__integration", "source__broker__environment").get(pk=job_pk)
    return Lease(job, job.fence, ends)


def _hold(lease: Lease, *states: str) -> RedriveJob:
    """The redrive's row, locked, our lease renewed. Raises Lost."""
    ends = time.monotonic() + _lease_s()
    held = RedriveJob.objects.select_for_update(no_key=True).filter(pk=lease.job.pk).first()
    if held is None or held.fence != lease.fence or held.state not in states:
        raise Lost
    held.lease_until = timezone.now() + timedelta(seconds=_lease_s())
    held.save(update_fields=("lease_until",))
    held.source = lease.job.source
    lease.job, lease.ends = held, ends
    return held


# --- gathering ---------------------------------------------------------------------------------------------------


def _gather(lease: Lease, until: float) -> None:
    """Put the chosen letters into the redrive, a chunk at a time; where a worker dies, the next goes on."""
    route = routes.of(lease.job.source)
    try:
        while _gather_chunk(lease, route):
            if time.monotonic() >= until:
                raise Lost
    except Invalid as refused:
        _halt(lease, f"Its letters cannot be gathered. {refused}. {refused.mend}")


@transaction.atomic
def _gather_chunk(lease: Lease, route: Route) -> bool:
    """Whether there may be more."""
    job = _hold(lease, Job.SELECTING)
    found = (
        Selector.read(job.selector)
        .of(job.source)
        .of_state(Letter.OPEN)
        .filter(harvested_at__lte=job.requested_at)
        .exclude(Exists(RedriveItem.objects.filter(job=job, letter=OuterRef("pk"))))
        .annotate(**route.failures())
    )
    chosen = list(found.select_for_update(of=("self",)).order_by("died_at", "pk")[:CHUNK])
    if not chosen:
        _gathered(job, route)
        return False
    now, position, newest = timezone.now(), RedriveItem.objects.filter(job=job).count(), _edited(chosen)
    items = [_item(job, each, position + step, newest.get(each.pk), route, now) for step, each in enumerate(chosen)]
    RedriveItem.objects.bulk_create(items)
    going = [each.letter_id for each in items if each.state == Item.WAITING]
    ledger.move_all(going, Letter.OPEN, Letter.QUEUED, by=job.requested_by, why=f"Redrive {job.pk}", at=now)
    return True


def _edited(locked: Iterable[DeadLetter]) -> dict[int, int]:
    """The newest edit of each: their rows are held, so that what was saved while they were waited for is seen."""
    return dict(edits.newest(locked).values_list("letter_id", "pk"))


def _item(
    job: RedriveJob, letter: DeadLetter, position: int, edit: int | None, route: Route, now: datetime
) -> RedriveItem:
    clause = None if job.override_reason else route.clause(letter.failed_status, letter.failed_code)  # type: ignore[attr-defined]
    item = RedriveItem(job=job, letter=letter, position=position, edit_id=edit)
    if clause:
        item.state, item.note, item.settled_at = Item.SKIPPED, str(clause)[:500], now
    return item


def _gathered(job: RedriveJob, route: Route) -> None:
    """All are there: who has to agree is decided by what really is in it."""
    items = RedriveItem.objects.filter(job=job, state=Item.WAITING)
    job.total = items.count()
    edited = items.filter(edit__isnull=False).count()
    because = plans.second_because(route, job.total, edited, by=job.requested_by, besides=job)
    job.second_because = because[:500]
    job.needs_second = bool(job.second_because)
    job.version += 1
    if not job.total:
        job.state, job.ended_at = Job.FINISHED, timezone.now()
    else:
        job.state = Job.AWAITING_APPROVAL if job.needs_second and job.approved_by_id is None else Job.CANARY
    job.save(update_fields=("total", "second_because", "needs_second", "version", "state", "ended_at"))
    if job.state == Job.FINISHED:
        redrives.tell("redrive.finished", job, by=None, sent=0)


# --- sending -----------------------------------------------------------------------------------------------------


def _send_waves(lease: Lease, until: float) -> int:
    """Send as the rate allows, until there is nothing to do or the slice is over. How many were sent."""
    job, sent = lease.job, 0
    if job.state not in (Job.CANARY, Job.RUNNING):
        return 0
    route = routes.of(job.source)
    if why := route.refusal or _sealed(job.source):
        return _halt(lease, why)
    if why := _held_up(job, route):
        return _wait(lease, why)
    resends = sources.unknown_policy(route) == "resend"
    if not _has_work(job, resends=resends):
        return _go_on(lease)
    lease.share = _share(job, route)
    try:
        with endpoints.open(job.source.broker, job.source.topic, job.source.topic_kind) as broker:
            while time.monotonic() < until and _wait_for_rate(lease.job, until):
                if why := too_many_back(lease.job):
                    return _halt(lease, why)
                claims = _claim(lease, resends=resends)
                if not claims:
                    break
                told = _send_all(broker, claims, lease)
                _settle_patiently(told)
                sent += sum(each.known != Known.NOT_SENT for each in told)
                if lost := next((each.why for each in told if each.known in (Known.NOT_SENT, Known.UNKNOWN)), ""):
                    raise BrokerError(lost)
    except BrokerError as problem:
        return _set_back(lease, str(problem))
    return sent if sent and _has_work(lease.job, resends=resends) else sent + _go_on(lease)


def _held_up(job: RedriveJob, route: Route) -> str:
    """Why nothing is sent just now: a breaker, or that nobody would see it fail; "" where nothing holds it up."""
    if breaker := route.open_breaker():
        return f"Waits for the breaker. {breaker}"
    lately = timezone.now() - LONGEST_UNREAD - plans.grace(job.source)
    return UNREAD if job.state == Job.RUNNING and not _was_read(job, lately) else ""


def _share(job: RedriveJob, route: Route) -> Share | None:
    """Looked at as each slice begins: overrides come and go, and so do other redrives."""
    if route.limit is None:
        return None
    source, waiting = job.source, RedriveItem.objects.filter(job=OuterRef("pk"), state=Item.WAITING)
    there = {"source__integration": source.integration_id, "source__broker__environment": source.broker.environment_id}
    others = RedriveJob.objects.filter(state__in=(Job.CANARY, Job.RUNNING), source__topic=source.topic, **there)
    return Share(*route.limit, redrives=1 + others.exclude(pk=job.pk).filter(Exists(waiting)).count())


def _wait_for_rate(job: RedriveJob, until: float) -> bool:
    """Whether the rate allows to send before the slice is over."""
    wait = ((job.next_send_at or timezone.now()) - timezone.now()).total_seconds()
    if time.monotonic() + wait >= until:
        return False
    if wait > 0:
        time.sleep(wait)
    return True


def _claim(lease: Lease, *, resends: bool) -> list[Claim]:
    """Commit the next attempts, one letter of each key, before a byte of them leaves."""
    try:
        return _claim_batch(lease, resends)
    except IntegrityError:
        # Another redrive took a letter of the same key, or the same number, in this very moment; the next look sees it.
        return []


@transaction.atomic
def _claim_batch(lease: Lease, resends: bool) -> list[Claim]:
    job = _hold(lease, Job.CANARY, Job.RUNNING)
    most = _batch(lease.rate_per_minute)
    chosen = _sendable(job, _uncertain(job), most) if resends else []
    chosen += _sendable(job, _waiting(job), min(most - len(chosen), _left_of_wave(job)))
    opened = _openable(job, chosen)
    if not opened:
        return []
    now, tried = timezone.now(), _tried(chosen)
    attempts = RedriveAttempt.objects.bulk_create(
        RedriveAttempt(
            pk=wire.new_number(),
            item=item,
            letter=item.letter,
            number=tried.get(item.letter_id, 0) + 1,
            fence=lease.fence,
            wire_id=item.edit.wire_id if item.edit else item.letter.wire_id,
            claimed_at=now,
            lease_until=job.lease_until or now,
        )
        for item, _ in opened
    )
    keys = [item.letter_id for item, _ in opened]
    for was in (Letter.QUEUED, Letter.UNCERTAIN):
        ledger.move_all(keys, was, Letter.PUBLISHING, why=f"Redrive {job.pk}", at=now)
    RedriveItem.objects.filter(pk__in=[item.pk for item, _ in opened]).update(state=Item.SENDING)
    begins = max(job.next_send_at or now, now - AHEAD)
    job.next_send_at = begins + timedelta(minutes=1) * len(opened) / lease.rate_per_minute
    job.trouble, job.setbacks = lease.slowed, 0
    job.save(update_fields=("next_send_at", "trouble", "setbacks"))
    return [
        Claim(
            attempt,
            wire.outgoing(holds, attempt, redriven=item.letter.redrive_count),
            was_uncertain=item.state == Item.UNCERTAIN,
        )
        for attempt, (item, holds) in zip(attempts, opened, strict=True)
    ]


def _batch(rate_per_minute: int) -> int:
    """A fifth of a second's worth, so that the rate is kept within each second too."""
    return max(1, min(BATCH, rate_per_minute // 300))


def _waiting(job: RedriveJob) -> QuerySet[RedriveItem]:
    return RedriveItem.objects.filter(job=job, state=Item.WAITING, letter__state=Letter.QUEUED)


def _uncertain(job: RedriveJob) -> QuerySet[RedriveItem]:
    """Those that may be sent again by themselves: not for ever."""
    found = RedriveItem.objects.filter(job=job, state=Item.UNCERTAIN, letter__state=Letter.UNCERTAIN)
    return found.alias(sendings=Count("attempts")).filter(sendings__lt=MOST_RESENDS)


def _sendable(job: RedriveJob, items: QuerySet[RedriveItem], most: int) -> list[RedriveItem]:
    """Up to so many of these, the oldest of each key, where nothing of the key has to come to an end before."""
    chosen: list[int] = []
    passed: set[str] = set()
    after, wanted = -1, ("pk", "position", "state", "letter__ordering_key", "letter__died_at", "letter")
    while len(chosen) < most:
        ahead = items.filter(position__gt=after).exclude(letter__ordering_key__in=passed)
        window = list(ahead.order_by("position").values_list(*wanted)[:WINDOW])
        others = _others(job, {key for *_, key, _, _ in window if key})
        for item, after, state, key, *age in window:  # noqa: B007 - the next window begins after it
            if key in passed:
                continue
            if state == Item.WAITING and others.refused_before(key, *age):
                _leave_behind(job, key, others.refused[key])
            elif len(chosen) < most and not others.hold(key, state, *age):
                chosen.append(item)
            passed |= {key} - {""}
        if len(window) < WINDOW:
            break
    found = items.model._default_manager.filter(pk__in=chosen).select_related("letter__payload", "edit")
    return list(found.order_by("position"))


@dataclass(frozen=True, slots=True)
class Others:
    """Other letters of these keys that have to come to an end first. Letters are older or younger in one order alone,
    so no two wait for each other, in whatever redrives they are."""

    waiting: dict[str, Age]
    """The oldest in another redrive."""
    away: set[tuple[str, int]]
    """Those on their way."""
    uncertain: dict[str, Age]
    """The oldest of which nobody knows."""
    refused: dict[str, Age]
    """The oldest that was refused and is open."""

    def hold(self, key: str, state: str, *age: Any) -> bool:
        in_flight = any(each == key and letter != age[1] for each, letter in self.away)
        # The oldest uncertain one is sent again before others: after a restore all of a key are uncertain at once.
        in_doubt = key in self.uncertain and (state == Item.WAITING or self.uncertain[key] < age)
        return in_flight or in_doubt or (key in self.waiting and self.waiting[key] < age)

    def refused_before(self, key: str, *age: Any) -> bool:
        return key in self.refused and self.refused[key] < age


def _others(job: RedriveJob, keys: set[str]) -> Others:
    """In one statement: a letter goes round these states, and between two of them it would be seen in none."""
    if not keys:
        return Others({}, set(), {}, {})
    of_keys = DeadLetter.objects.filter(source=job.source, ordering_key__in=keys).order_by()
    items = RedriveItem.objects.filter(letter=OuterRef("pk"))
    others = RedriveJob.objects.under_way().filter(source=job.source).exclude(pk=job.pk)
    elsewhere = items.filter(state=Item.WAITING).exclude(job=job)
    waiting = of_keys.of_state(Letter.QUEUED).filter(Exists(others), Exists(elsewhere))
    refused = of_keys.of_state(Letter.OPEN).filter(Exists(items.filter(state=Item.REFUSED)))
    away = of_keys.of_state(Letter.PUBLISHING)
    uncertain = of_keys.of_state(Letter.UNCERTAIN)
    each_oldest = {"waiting": waiting, "refused": refused, "uncertain": uncertain}
    parts = [_aged(_oldest(each), which) for which, each in each_oldest.items()]
    found = Others({}, set(), {}, {})
    for which, key, *age in _aged(away, "away").union(*parts, all=True):
        match which:
            case "away":
                found.away.add((key, age[1]))
            case "uncertain":
                found.uncertain[key] = (age[0], age[1])
            case "waiting":
                found.waiting[key] = (age[0], age[1])
            case _:
                found.refused[key] = (age[0], age[1])
    return found


def _oldest(letters: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
    """Of each key."""
    return letters.order_by("ordering_key", "died_at", "pk").distinct("ordering_key")


def _aged(letters: QuerySet[DeadLetter], which: str) -> QuerySet[Any, Any]:
    return letters.annotate(which=Value(which)).values_list("which", "ordering_key", "died_at", "pk")


def _leave_behind(job: RedriveJob, key: str, refused: Age) -> None:
    """Letters do not overtake one of their key that was refused: they are open again, as that one is."""
    at, letter = refused
    younger = Q(letter__died_at__gt=at) | Q(letter__died_at=at, letter__gt=letter)
    behind = _waiting(job).filter(younger, letter__ordering_key=key)
    keys = list(behind.values_list("letter_id", flat=True))
    now, why = timezone.now(), f"Letter {letter} of the same key is older, was refused, and is open."
    ledger.move_all(keys, Letter.QUEUED, Letter.OPEN, why=why, at=now)
    RedriveItem.objects.filter(job=job, letter__in=keys).update(state=Item.SKIPPED, note=why, settled_at=now)


def _tried(items: Iterable[RedriveItem]) -> dict[int, int]:
    """The last attempt's number by letter."""
    found = RedriveAttempt.objects.filter(letter__in=[each.letter_id for each in items]).order_by()
    return dict(found.values_list("letter").annotate(Max("number")))


def _left_of_wave(job: RedriveJob) -> int:
    if job.wave >= len(WAVES):
        return BATCH
    begun = RedriveItem.objects.filter(job=job, is_unfit=False).exclude(
        state__in=(Item.WAITING, Item.SKIPPED, Item.CANCELLED)
    )
    return max(0, WAVES[job.wave] - begun.count())


def _openable(job: RedriveJob, chosen: Iterable[RedriveItem]) -> list[tuple[RedriveItem, Opened]]:
    """With what they hold. Letters whose payload is gone are left out, and open again."""
    opened = []
    seal = Seal(job.source.sealed_key)
    for item in chosen:
        item.letter.source = job.source
        try:
            opened.append((item, _opened(item, seal)))
        except Conflict as gone:
            _leave_out(item, f"{gone.message} {gone.mend}".strip())
    return opened


def _sealed(source: DeadLetterSource) -> str:
    """Why its letters cannot be opened at all; "" if they can."""
    try:
        Seal(source.sealed_key)
    except Unsealed as why:
        return f"Its payloads cannot be opened. {why}"
    return ""


def _opened(item: RedriveItem, seal: Seal) -> Opened:
    if item.edit is None:
        return payloads.opened(item.letter, seal=seal)
    item.edit.letter = item.letter
    return payloads.opened_edit(item.edit)


def _leave_out(item: RedriveItem, why: str) -> None:
    if item.state == Item.WAITING and ledger.move(item.letter, Letter.OPEN, why=why[:500]):
        RedriveItem.objects.filter(pk=item.pk).update(state=Item.SKIPPED, note=why[:500], settled_at=timezone.now())


def _send_all(broker: Broker, claims: Sequence[Claim], lease: Lease) -> list[Told]:
    """Send one by one. Once the broker does not answer, or the lease is about to end, nothing more is begun."""
    told: list[Told] = []
    stopped = ""
    for each in claims:
        if not stopped and not lease.may_send:
            stopped = "Its turn came too late."
        if stopped:
            told.append(Told(each, Known.NOT_SENT, stopped))
            continue
        try:
            outcome = broker.send(each.message)
            # What a broker answers may quote the letter, with what the database cannot keep.
            told.append(Told(each, _KNOWN[outcome.sent], fitted(outcome.why, LONGEST_WHY)))
            stopped = told[-1].why if outcome.sent == Sent.UNKNOWN else ""
        except BrokerError as problem:
            stopped = fitted(str(problem), LONGEST_WHY)
            told.append(Told(each, Known.NOT_SENT, stopped))
        except Exception as surprise:
            log.exception("sending failed in a way its client does not speak of")
            stopped = fitted(f"{type(surprise).__name__}: {surprise}", LONGEST_WHY)
            told.append(Told(each, Known.UNKNOWN, stopped))
    return told


_KNOWN = {
    Sent.CONFIRMED: Known.CONFIRMED,
    Sent.REFUSED: Known.REFUSED,
    Sent.UNFIT: Known.UNFIT,
    Sent.UNKNOWN: Known.UNKNOWN,
}


# --- settling ----------------------------------------------------------------------------------------------------


def _settle_patiently(told: Sequence[Told]) -> None:
    """Write down what is known, also where the database was gone for a moment."""
    until, wait = time.monotonic() + PATIENCE_S, 0.2
    while True:
        try:
            return settle(told)
        except (OperationalError, InterfaceError):
            if time.monotonic() + wait > until:
                raise
            connection.close()
            time.sleep(wait)
            wait = min(wait * 2, 5)


@transaction.atomic
def settle(told: Sequence[Told]) -> None:
    """What became of these attempts, also of those that were declared unknown meanwhile."""
    if not told:
        return
    job = RedriveJob.objects.select_for_update(no_key=True).get(pk=told[0].claim.attempt.item.job_id)
    keys = [each.claim.attempt.pk for each in told]
    held = RedriveAttempt.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    stand = dict(held.values_list("pk", "state"))
    now = timezone.now()
    for known in Known:
        for was_uncertain in (False, True):
            alike = [each for each in told if each.known == known and each.claim.was_uncertain == was_uncertain]
            ours = [each for each in alike if stand[each.claim.attempt.pk] == Tried.CLAIMED]
            late = [each for each in alike if stand[each.claim.attempt.pk] == Tried.UNKNOWN]
            _settle_alike(job, ours, known, was_uncertain, now)
            _settle_late(job, late, known, was_uncertain, now)


def _settle_alike(job: RedriveJob, told: list[Told], known: Known, was_uncertain: bool, now: datetime) -> None:
    if not told:
        return
    state = {Known.CONFIRMED: Tried.CONFIRMED, Known.UNKNOWN: Tried.UNKNOWN}.get(known, Tried.REFUSED)
    by_why: dict[str, list[Told]] = {}
    for each in told:
        by_why.setdefault(each.why, []).append(each)
    for why, alike in by_why.items():
        said = f"Nothing was sent: {why}" if known == Known.NOT_SENT else why
        attempts = RedriveAttempt.objects.filter(pk__in=[each.claim.attempt.pk for each in alike])
        attempts.update(state=state, settled_at=now, why=said)
        letters = [each.claim.attempt.letter_id for each in alike]
        _follow(job, letters, Letter.PUBLISHING, known, was_uncertain, said, now)


def _settle_late(job: RedriveJob, told: list[Told], known: Known, was_uncertain: bool, now: datetime) -> None:
    """The lease was over, and what is known still counts: a confirmation is one, however late."""
    if known == Known.UNKNOWN:
        return
    for each in told:
        attempt = each.claim.attempt
        said = f"Known late. {each.why}".strip()[:500]
        state = Tried.CONFIRMED if known == Known.CONFIRMED else Tried.REFUSED
        RedriveAttempt.objects.filter(pk=attempt.pk, state=Tried.UNKNOWN).update(state=state, settled_at=now, why=said)
        if known == Known.CONFIRMED:
            returns.take_back([attempt], now)
        newer = RedriveAttempt.objects.filter(letter=attempt.letter_id, number__gt=attempt.number)
        # A refusal says nothing of the attempts after it; a confirmation says that it arrived, whatever came after.
        if known == Known.CONFIRMED or not newer.exists():
            _follow(job, [attempt.letter_id], Letter.UNCERTAIN, known, was_uncertain, said, now)


def _follow(
    job: RedriveJob, letters: list[int], was: str, known: Known, was_uncertain: bool, why: str, now: datetime
) -> None:
    """Letters and items after their attempts. Letters that moved on meanwhile stay where they are."""
    keys = list(DeadLetter.objects.filter(pk__in=letters, state=was).order_by("pk").values_list("pk", flat=True))
    if known not in (Known.CONFIRMED, Known.UNKNOWN) and was_uncertain:
        arrived = _confirmed(keys)
        _arrive(job, arrived, was, "An earlier attempt was confirmed.", now)
        _doubt(job, [each for each in keys if each not in arrived], was, why, now)
    elif known == Known.CONFIRMED:
        _arrive(job, keys, was, "", now)
    elif known == Known.UNKNOWN:
        _doubt(job, keys, was, why, now)
    elif known in (Known.REFUSED, Known.UNFIT) or job.state == Job.CANCELLED:
        ledger.move_all(keys, was, Letter.OPEN, why=why, at=now)
        state = Item.CANCELLED if known == Known.NOT_SENT else Item.REFUSED
        _items(job, keys).update(state=state, is_unfit=known == Known.UNFIT, note=why, settled_at=now)
    else:
        ledger.move_all(keys, was, Letter.OPEN, why=why, at=now)
        ledger.move_all(keys, Letter.OPEN, Letter.QUEUED, why=f"Redrive {job.pk}", at=now)
        _items(job, keys).update(state=Item.WAITING, note=why)


def _arrive(job: RedriveJob, keys: Iterable[int], was: str, why: str, now: datetime) -> None:
    ledger.move_all(keys, was, Letter.PUBLISHED, why=why, at=now)
    _items(job, keys).update(state=Item.SENT, note=why, settled_at=now)


def _doubt(job: RedriveJob, keys: Iterable[int], was: str, why: str, now: datetime) -> None:
    if was != Letter.UNCERTAIN:
        ledger.move_all(keys, was, Letter.UNCERTAIN, why=why, at=now)
    _items(job, keys).update(state=Item.UNCERTAIN, note=why)


def _items(job: RedriveJob, letters: Iterable[int]) -> QuerySet[RedriveItem]:
    return RedriveItem.objects.filter(job=job, letter__in=list(letters), state__in=(Item.SENDING, Item.UNCERTAIN))


def _confirmed(letters: Iterable[int]) -> set[int]:
    found = RedriveAttempt.objects.filter(
        letter__in=list(letters), state=Tried.CONFIRMED, item__state__in=(Item.SENDING, Item.UNCERTAIN)
    )
    return set(found.values_list("letter_id", flat=True))


@transaction.atomic
def _sweep(now: datetime, *, before: datetime | None = None, why: str = NOBODY_SAID) -> int:
    over = RedriveAttempt.objects.filter(state=Tried.CLAIMED, lease_until__lte=before or now).order_by("pk")
    held = list(over.select_for_update(skip_locked=True)[:CHUNK])
    RedriveAttempt.objects.filter(pk__in=[each.pk for each in held]).update(
        state=Tried.UNKNOWN, settled_at=now, why=why
    )
    ledger.move_all([each.letter_id for each in held], Letter.PUBLISHING, Letter.UNCERTAIN, why=why, at=now)
    items = RedriveItem.objects.filter(pk__in=[each.item_id for each in held], state=Item.SENDING)
    items.update(state=Item.UNCERTAIN, note=why)
    return len(held)


# --- what comes between ------------------------------------------------------------------------------------------


def _has_work(job: RedriveJob, *, resends: bool) -> bool:
    """Whether something waits to be sent in this wave, or may be sent again."""
    return (_left_of_wave(job) > 0 and _waiting(job).exists()) or (resends and _uncertain(job).exists())


def too_many_back(job: RedriveJob) -> str:
    """Why it has to stop by itself; "" if it has not.

    Letters come back some time after they were sent: what counts is the window that ends with the last one known.
    """
    settled = RedriveItem.objects.filter(job=job, state__in=(Item.SENT, Item.REFUSED), is_unfit=False)
    if job.resumed_at:
        settled = settled.filter(settled_at__gt=job.resumed_at)
    failed = Q(came_back=True) | Q(state=Item.REFUSED)
    last = settled.filter(failed).order_by("-settled_at").values_list("settled_at", flat=True).first()
    if last is None:
        return ""
    window = list(
        settled.filter(settled_at__lte=last)
        .order_by("-settled_at", "-pk")
        .values_list("came_back", "state")[: job.stop_window]
    )
    back, refused = sum(each for each, _ in window), sum(state == Item.REFUSED for _, state in window)
    if job.wave < len(WAVES) or (back + refused) * 100 > job.stop_percent * len(window):
        return stopped_by(len(window), back=back, refused=refused)
    return ""


def stopped_by(count: int, *, back: int, refused: int) -> str:
    """What became of the last letters, in words."""
    if count == 1:
        return f"The last letter {'came back' if back else 'was refused'}."
    said = [f"{back} came back"] if back else []
    said += [f"{refused} {'was' if refused == 1 else 'were'} refused"] if refused else []
    return f"Of the last {count} letters {' and '.join(said)}."


@transaction.atomic
def _go_on(lease: Lease) -> int:
    """Nothing may be sent now: finish, begin the next wave, or say what it waits for."""
    job = _hold(lease, Job.CANARY, Job.RUNNING)
    if why := too_many_back(job):
        redrives.halt(job, why, by=None)
        return 0
    counts = _counts(job)
    if _is_over(counts):
        _finish(job, counts)
    elif job.wave < len(WAVES) and not (_left_of_wave(job) or counts.get(Item.SENDING) or counts.get(Item.UNCERTAIN)):
        _begin_wave(job)
    elif counts.get(Item.UNCERTAIN):
        _note(job, f"Waits for a person: of {counts[Item.UNCERTAIN]:,} letters nobody knows whether they arrived.")
    elif counts.get(Item.WAITING):
        _note(job, "Waits for older letters of the same keys.")
    return 0


def finish_if_over(job: RedriveJob) -> None:
    """End a redrive, whose row is held, of which nothing is left to send."""
    counts = _counts(job)
    if _is_over(counts):
        _finish(job, counts)


def _counts(job: RedriveJob) -> dict[str, int]:
    return dict(RedriveItem.objects.filter(job=job).order_by().values_list("state").annotate(Count("pk")))


def _is_over(counts: dict[str, int]) -> bool:
    return not any(counts.get(each) for each in (Item.WAITING, Item.SENDING, Item.UNCERTAIN))


def _begin_wave(job: RedriveJob) -> None:
    """The next wave, once what was sent had time to come back, and whoever reads would have seen it."""
    last = RedriveItem.objects.filter(job=job, state=Item.SENT).aggregate(at=Max("settled_at"))["at"]
    pending = RedriveItem.objects.filter(job=job, state=Item.SENT, letter__state=Letter.PUBLISHED)
    over = (last or timezone.now()) + plans.grace(job.source)
    if last and pending.exists():
        if over > timezone.now():
            return _note(job, f"Waits until {over:%H:%M:%S} UTC whether the first letters come back.")
        if not _was_read(job, over):
            return _note(job, UNREAD)
    job.wave += 1
    job.state = Job.RUNNING if job.wave == len(WAVES) else Job.CANARY
    job.trouble = ""
    job.save(update_fields=("wave", "state", "trouble"))
    return None


def _was_read(job: RedriveJob, at: datetime) -> bool:
    """Whether all is known that had died by then."""
    return DeadLetterSource.objects.filter(pk=job.source_id, read_through_at__gte=at).exists()


def _finish(job: RedriveJob, counts: dict[str, int]) -> None:
    job.state, job.ended_at, job.trouble, job.version = Job.FINISHED, timezone.now(), "", job.version + 1
    job.save(update_fields=("state", "ended_at", "trouble", "version"))
    redrives.tell("redrive.finished", job, by=None, counts=counts)


def _note(job: RedriveJob, trouble: str) -> None:
    job.trouble = trouble[:500]
    job.save(update_fields=("trouble",))


@transaction.atomic
def _halt(lease: Lease, why: str) -> int:
    redrives.halt(_hold(lease, Job.SELECTING, Job.CANARY, Job.RUNNING), why, by=None)
    return 0


@transaction.atomic
def _wait(lease: Lease, trouble: str) -> int:
    _note(_hold(lease, Job.CANARY, Job.RUNNING), trouble)
    return 0


@transaction.atomic
def _set_back(lease: Lease, problem: str) -> int:
    """The broker cannot be asked: later once more, each time a little later."""
    _back_off(_hold(lease, Job.CANARY, Job.RUNNING), problem)
    return 0


@transaction.atomic
def _put_off(job_pk: int, problem: str) -> None:
    """The same for a redrive that is no longer in our hands."""
    for job in RedriveJob.objects.moving().filter(pk=job_pk).select_for_update(no_key=True):
        _back_off(job, problem)


def _back_off(job: RedriveJob, problem: str) -> None:
    job.setbacks = min(job.setbacks + 1, 1_000)
    job.next_send_at = timezone.now() + min(LONGEST_BACKOFF, timedelta(seconds=2 ** min(job.setbacks, 10)))
    job.trouble = fitted(problem, 500)
    job.save(update_fields=("setbacks", "next_send_at", "trouble"))


@transaction.atomic
def restored(*, by: Person, why: str = "The database was restored from a backup.") -> tuple[int, int]:
    """After a restore: nobody knows what was sent since the backup. How many letters that concerns, and redrives.

    All that was on its way or in a redrive under way becomes uncertain, redrives pause, and nothing is sent by itself.
    """
    if not permissions.may_release(by):
        raise NotAllowed("Only an approver says so.", "Ask an approver.")
    now = timezone.now()
    jobs = RedriveJob.objects.exclude(state__in=(Job.DRAFT, *redrives.ENDED)).select_for_update(
        no_key=True, of=("self",)
    )
    held = list(jobs.order_by("pk"))
    letters = 0
    while count := _sweep(now, before=now + timedelta(days=366), why=why):
        letters += count
    begun = [each for each in held if each.total and (each.approved_by_id or not each.needs_second)]
    letters += sum(_in_doubt(each, why, now) for each in begun)
    _number_from_afar()
    return letters, redrives.halt_all(why, by=by)


def _in_doubt(job: RedriveJob, why: str, now: datetime) -> int:
    """Of letters that waited when the backup was made, nobody knows whether they were sent since."""
    waiting = _waiting(job)
    keys = list(waiting.values_list("letter_id", flat=True))
    waiting.update(state=Item.UNCERTAIN, note=why)
    return ledger.move_all(keys, Letter.QUEUED, Letter.UNCERTAIN, why=why, at=now)


def _number_from_afar() -> None:
    """Letters on the way name roots this database never gave: it must not give those numbers to others."""
    with connection.cursor() as cursor:
        table = "registry_deadletter"
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), nextval(pg_get_serial_sequence(%s, 'id')) + %s)",
            [table, table, SKIPPED_NUMBERS],
        )
