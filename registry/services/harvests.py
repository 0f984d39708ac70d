"""Takes dead letters in: each once, whoever dies while it happens. What was read is committed with where it ended."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry import brokers, deaths
from registry.brokers import BrokerError, Found
from registry.errors import kind_and_place
from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    DepthReading,
    GroupHour,
    RedriveAttempt,
)
from registry.models.letters import DeadLetterQuerySet, open_since
from registry.models.sources import READINGS_KEPT_DAYS
from registry.services import endpoints, payloads, retention, returns, sightings, sources
from registry.services.masks import Mask
from registry.services.sightings import Terms
from registry.services.text import fitted
from registry.services.trends import hour_of

log = logging.getLogger(__name__)

State = DeadLetter.State
LEASE = timedelta(minutes=2)
BATCH = 500
MOST_AT_ONCE = 5_000
"""Letters of one source before others have their turn."""
LONGEST_RUN_S = 120
FAILED_WAIT = timedelta(minutes=10)
"""Queues count how often a message was taken and given back, and some drop it at twenty: what nobody foresaw, and will
most likely happen again, is not tried every few seconds."""

GROW = """
UPDATE registry_deadlettergroup AS g SET letters = g.letters + seen.letters,
    first_at = least(g.first_at, seen.first_at), last_at = greatest(g.last_at, seen.last_at)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS seen(id, letters, first_at, last_at)
WHERE g.id = seen.id
"""
HOURS = """
INSERT INTO registry_grouphour AS h (group_id, hour, letters)
SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[])
ON CONFLICT (group_id, hour) DO UPDATE SET letters = h.letters + excluded.letters
"""
NUMBERS = "SELECT nextval(pg_get_serial_sequence('registry_deadletter', 'id')) FROM generate_series(1, %s)"


class LostLease(Exception):
    """Somebody else reads the source by now, or it is read otherwise: what we still hold may not be written."""


@dataclass(slots=True)
class Reader:
    """Who reads a source just now, by the lease's fence."""

    source: DeadLetterSource
    fence: int
    terms: Terms

    def held(self) -> DeadLetterSource:
        """The source, locked, while it is still ours. Raises LostLease."""
        now = DeadLetterSource.objects.select_for_update(no_key=True).get(pk=self.source.pk)
        if now.fence != self.fence or not now.is_active:
            raise LostLease
        # What its owner hides while a batch is being read is hidden in that batch.
        self.source.searchable, self.source.masked = now.searchable, now.masked
        self.terms.mask = Mask(now.masked)
        return now


def harvest_all(*, limit: int = MOST_AT_ONCE) -> int:
    """Take in what lies at all sources that are read, those first that waited longest. How many letters it were."""
    deadline = time.monotonic() + LONGEST_RUN_S
    reads = DeadLetterSource.objects.active().exclude(mode=DeadLetterSource.Mode.COUNTS)
    due = reads.free(timezone.now()).order_by(F("looked_at").asc(nulls_first=True), "id")
    taken = 0
    for key in list(due.values_list("pk", flat=True)):
        if time.monotonic() > deadline:
            break
        taken += harvest(key, limit=limit)
    return taken


def harvest(source_pk: int, *, limit: int = MOST_AT_ONCE) -> int:
    """Take in what lies there; 0 where somebody else does just now. What goes wrong is written down at the source."""
    began = timezone.now()
    reader = claim(source_pk)
    if reader is None:
        return 0
    source, taken, trouble, is_end, rest = reader.source, 0, "", False, None
    try:
        with endpoints.open(source.broker, source.place, source.place_kind) as broker:
            for batch in _batches(broker, reader):
                taken += batch
                if taken >= limit:
                    break
            else:
                is_end = True
    except LostLease:
        log.warning("somebody else reads %s by now; what was not committed is theirs", source.place)
        return taken
    except BrokerError as problem:
        trouble = str(problem)
    except Exception as problem:
        # One source must not keep the others from being read. What a client says may hold a password: it is not told.
        trouble = _unexpected(problem, source)
        if source.mode == DeadLetterSource.Mode.CONSUME:
            rest = FAILED_WAIT
            trouble += " It is tried again in ten minutes, as its queue may count each time."
    _leave(reader, trouble, through=began if is_end and not trouble else None, rest=rest)
    return taken


def count_depths() -> int:
    """How much lies at each source, for its chart; it harms none. How many could be counted."""
    counted = 0
    active = DeadLetterSource.objects.active().select_related("broker")
    deadline = time.monotonic() + LONGEST_RUN_S
    for source in active.order_by(F("looked_at").asc(nulls_first=True), "id"):
        if time.monotonic() > deadline:
            break
        counted += _count(source)
    return counted


def prune(*, at: datetime | None = None, limit: int = 5_000) -> int:
    """Forget payloads whose retention is over, and counts no chart shows. How many payloads went."""
    now = at or timezone.now()
    kept_since = now - timedelta(days=READINGS_KEPT_DAYS)
    DepthReading.objects.filter(minute__lt=kept_since).delete()
    GroupHour.objects.filter(hour__lt=kept_since).delete()
    gone = 0
    for source in DeadLetterSource.objects.order_by("id"):
        gone += retention.expire(source, now, limit - gone)
        if gone >= limit:
            break
    return gone


@transaction.atomic
def claim(key: int) -> Reader | None:
    """A lease on the source; None where somebody else has one, or it is not read."""
    now = timezone.now()
    reads = DeadLetterSource.objects.active().free(now).exclude(mode=DeadLetterSource.Mode.COUNTS).filter(pk=key)
    source = (
        reads.select_related("broker__environment", "integration")
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
        .first()
    )
    if source is None:
        return None
    source.fence, source.lease_until = source.fence + 1, now + LEASE
    source.save(update_fields=("fence", "lease_until"))
    terms = Terms.of(sources.design(source), source.topic, masked=source.masked)
    return Reader(source, source.fence, terms)


def _leave(reader: Reader, trouble: str, *, through: datetime | None, rest: timedelta | None) -> None:
    """Let others read, after a `rest` if any; `through` is when we began, if we came to the end.

    Whoever lost their lease changes nothing.
    """
    mine = DeadLetterSource.objects.filter(pk=reader.source.pk, fence=reader.fence)
    now, read = timezone.now(), {"read_through_at": through} if through else {}
    mine.update(lease_until=now + rest if rest else None, looked_at=now, trouble=fitted(trouble, 500), **read)


def _unexpected(problem: Exception, source: DeadLetterSource) -> str:
    kind, where = kind_and_place(problem)
    log.error("%s while reading %s, at %s", kind, source.place, where)
    return f"{kind} while it was read; the worker's log says where."


def _batches(broker: brokers.Broker, reader: Reader) -> Iterator[int]:
    """How many letters each batch brought, while there are any."""
    if reader.source.mode == DeadLetterSource.Mode.CONSUME:
        while taken := _take(broker, reader):
            yield taken.letters
    else:
        yield from _looks(broker, reader)


def _looks(broker: brokers.Broker, reader: Reader) -> Iterator[int]:
    cursor = reader.source.cursor
    while True:
        looked = broker.look(cursor, BATCH)
        if looked.made_anew:
            _begin_anew(reader)
            cursor = ""
            continue
        if looked.messages or looked.cursor != cursor:
            cursor = looked.cursor
            yield keep(reader, looked.messages, cursor=cursor, skipped=looked.skipped).letters
        if len(looked.messages) < BATCH and sum(len(each.body) for each in looked.messages) < brokers.MOST_BYTES:
            return


@transaction.atomic
def _begin_anew(reader: Reader) -> None:
    """Another log is there by now. What lay in the old one and was not copied is gone; that is told."""
    held = reader.held()
    sources.begin_anew(held)
    reader.source.generation = held.generation


def _take(broker: brokers.Broker, reader: Reader) -> "Kept | None":
    """One batch into our custody: committed first, acknowledged then."""
    with broker.take(BATCH, once_alone=lambda: expect(reader)) as taken:
        if not taken.messages:
            return None
        kept = keep(reader, taken.messages, is_all=taken.is_all)
        is_heard = taken.settle()
    if is_heard:
        _settled(reader, kept.unsettled)
    return kept


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch."""

    letters: int
    """How many were new."""
    unsettled: list[int]
    """Letters without an id that the queue may give back until it has heard of our acknowledgement."""


@transaction.atomic
def keep(
    reader: Reader, messages: Sequence[Found], *, cursor: str = "", skipped: bool = False, is_all: bool = False
) -> Kept:
    """Write a batch down with where it ended, or that it is all there is. Raises LostLease where it is not ours now."""
    held, now = reader.held(), timezone.now()
    source = reader.source
    again = _given_back(source, messages, is_all=is_all)
    copied = _copied(reader, messages, now)
    fresh = [each for position, each in enumerate(messages) if position not in again and position not in copied]
    letters = _letters(reader, fresh, now)
    _in_groups(source, [letter for letter, _ in letters])
    inserted = _insert([letter for letter, _ in letters])
    new = [(letter, found) for letter, found in letters if letter.pk in inserted]
    payloads.keep(source, new)
    _grow([letter for letter, _ in new], now)
    held.harvested += len(new)
    held.lease_until = now + LEASE
    held.cursor = cursor or held.cursor
    held.skipped_at = now if skipped else held.skipped_at
    held.save(update_fields=("harvested", "lease_until", "cursor", "skipped_at"))
    unsettled = [letter.pk for letter, _ in new if letter.unsettled_count is not None]
    return Kept(len(new), [*unsettled, *again.values()])


@transaction.atomic
def expect(reader: Reader) -> None:
    """Nobody else reads, and what was not settled may be handed to us now: it will have been delivered once more.

    Committed before it is, so that another message, which we take and lose, never counts as one of these.
    """
    reader.held()
    _unsettled(reader.source).update(unsettled_count=F("unsettled_count") + 1)


def _copied(reader: Reader, messages: Sequence[Found], at: datetime) -> set[int]:
    """Positions of what we have from an earlier log: the same bytes in the same place, placed at the same moment.

    So a log that only went back a little, as after a failover, or moved to another cluster, brings none twice. Of what
    was discarded or has expired, the bytes are gone: there the size has to agree.
    """
    source = reader.source
    if not source.generation or source.mode != DeadLetterSource.Mode.CURSOR:
        return set()
    places = {each: position for position, found in enumerate(messages) for each in sightings.earlier(source, found)}
    rows = DeadLetter.objects.filter(source=source, identity__in=places)
    return {
        places[identity]
        for identity, died_at, size, sha256 in rows.values_list("identity", "died_at", "size", "payload__sha256")
        if _is_same(messages[places[identity]], reader.terms, died_at, size, sha256, at)
    }


def _is_same(found: Found, terms: Terms, died_at: datetime, size: int, sha256: str | None, at: datetime) -> bool:
    there = sightings.died_at(found, deaths.read(sightings.shown(found, terms)), at)
    is_body = payloads.sha256(found.body) == sha256 if sha256 else len(found.body) == size
    return there == died_at and is_body


def _given_back(source: DeadLetterSource, messages: Sequence[Found], *, is_all: bool) -> dict[int, int]:
    """Which of the messages are letters without an id that we have already: position to letter.

    Other letters that were not settled may come later, unless these are all there are: then the broker heard of them.
    """
    if source.mode != DeadLetterSource.Mode.CONSUME:
        return {}
    waiting = list(
        _unsettled(source).order_by("id").values_list("pk", "unsettled_count", "payload__sha256", "harvested_at")
    )
    if not waiting:
        return {}
    batch_of = {key: at for key, _, _, at in waiting}
    back = _batches_back(source, batch_of, messages)
    surely: dict[str, list[int]] = {}
    there: dict[tuple[int | None, str], list[int]] = {}
    for key, count, sha256, at in waiting:
        if at in back:
            surely.setdefault(sha256, []).append(key)
        else:
            there.setdefault((count, sha256), []).append(key)
    again: dict[int, int] = {}
    for position, found in enumerate(messages):
        if found.message_id:
            continue
        sha256 = payloads.sha256(found.body)
        alike = surely.get(sha256) if found.delivered else None
        alike = alike or there.get((found.delivered, sha256))
        if alike:
            again[position] = alike.pop(0)
    counts: dict[int, int | None] = {key: messages[position].delivered for position, key in again.items()}
    back |= {batch_of[key]: count for key, count in counts.items() if count and batch_of[key] not in back}
    rest = batch_of.keys() - counts.keys()
    # Those of which we know that they lie behind were not handed to us: the next time is not once more.
    counts |= {key: None if is_all else back[batch_of[key]] - 1 for key in rest if is_all or batch_of[key] in back}
    for count in set(counts.values()):
        keys = [key for key, told in counts.items() if told == count]
        _unsettled(source).filter(pk__in=keys).update(unsettled_count=count)
    return again


def _batches_back(
    source: DeadLetterSource, unsettled: Mapping[int, datetime], messages: Sequence[Found]
) -> dict[datetime, int]:
    """Batches that the queue gave back, by when we took them in, and how often it had delivered them before.

    It hears of our acknowledgement of a whole batch or of none. So where one letter of the batch is here again, by its
    id, all of them are, here or behind, however often the queue delivered them since.
    """
    near = {"pk__gte": min(unsettled) - BATCH, "pk__lte": max(unsettled) + BATCH}
    batches = DeadLetter.objects.filter(source=source, harvested_at__in=set(unsettled.values()), **near)
    named = dict(batches.filter(id_kind=DeadLetter.IdKind.MESSAGE_ID).values_list("identity", "harvested_at"))
    again = [each for each in messages if each.message_id and each.delivered] if named else []
    here = {sightings.identity(source, each, None)[1]: each.delivered or 0 for each in again}
    return {named[identity]: count for identity, count in here.items() if identity in named}


def _unsettled(source: DeadLetterSource) -> DeadLetterQuerySet:
    return DeadLetter.objects.filter(source=source, unsettled_count__isnull=False)


def _settled(reader: Reader, keys: list[int]) -> None:
    """The queue heard of our acknowledgement of these."""
    if keys:
        _unsettled(reader.source).filter(pk__in=keys).update(unsettled_count=None)


def _letters(reader: Reader, messages: Sequence[Found], at: datetime) -> list[tuple[DeadLetter, Found]]:
    """Rows for these messages, numbered, not yet inserted; for those we sent ourselves, what they descend from."""
    source, terms = reader.source, reader.terms
    terms.steps = sightings.MOST_STEPS
    attempts = _attempts(source, messages)
    read = [
        sightings.letter(source, each, terms, at=at, attempt=attempts.get(number))
        for number, each in enumerate(messages)
    ]
    for letter, number in zip(read, _numbers(len(read)), strict=True):
        letter.pk = number
    if attempts:
        known = _known(source, read)
        for number in attempts:
            letter = read[number]
            if letter.identity not in known:
                known.add(letter.identity)
                _descend(source, letter, messages[number], attempts[number], at)
    return list(zip(read, messages, strict=True))


def _attempts(source: DeadLetterSource, messages: Sequence[Found]) -> Mapping[int, RedriveAttempt]:
    """Messages that are attempts of ours, by where they stand.

    A header alone proves nothing, since many a program copies headers to whatever it sends next: the id must agree, or
    where none came along, the body.
    """
    claimed = {number: returns.attempt_number(each.headers) for number, each in enumerate(messages)}
    as_before = _as_before(source, messages)
    wanted = {each for each in (*claimed.values(), *as_before.values()) if each is not None}
    if not wanted:
        return {}
    ours = RedriveAttempt.objects.filter(pk__in=wanted, letter__source__integration=source.integration_id)
    returns.hold_redrives(ours.values_list("letter", flat=True))
    sha256 = Coalesce("item__edit__sha256", "letter__payload__sha256")
    # Locked in one order, as by whoever settles them or hears that they are done.
    sent = ours.annotate(sent_sha256=sha256).select_for_update(of=("self",)).order_by("pk").in_bulk()
    named = {
        number: sent[attempt]
        for number, attempt in claimed.items()
        if attempt in sent and _is_what_was_sent(source, messages[number], sent[attempt])
    }
    arrived = {key for key, each in sent.items() if each.state != RedriveAttempt.State.REFUSED}
    return {number: sent[attempt] for number, attempt in as_before.items() if attempt in arrived} | named


def _as_before(source: DeadLetterSource, messages: Sequence[Found]) -> dict[int, int]:
    """Messages that are what a letter was before it was sent again, by where they stand, with the last attempt at it.

    Taken for that letter, they would be lost. Where nothing was sent since they are that letter: a classic queue may
    give back what was acknowledged. So they are at SQS, which gives each message an id of its own.
    """
    if source.mode != DeadLetterSource.Mode.CONSUME or source.broker.kind == "sqs":
        return {}
    told = [sightings.identity(source, each, None) for each in messages]
    places = {number: known_by for number, (kind, known_by) in enumerate(told) if kind != DeadLetter.IdKind.WEAK}
    rows = DeadLetter.objects.filter(source=source, identity__in=set(places.values()))
    root_of = dict(rows.values_list("identity", Coalesce("root", "pk")))
    if not root_of:
        return {}
    roots = set(root_of.values())
    lineage = DeadLetter.objects.filter(Q(pk__in=roots) | Q(root__in=roots)).order_by()
    root_by_letter = dict(lineage.values_list("pk", Coalesce("root", "pk")))
    sent = RedriveAttempt.objects.filter(letter__in=root_by_letter).exclude(state=RedriveAttempt.State.REFUSED)
    # The last of each is what stays.
    last = {root_by_letter[of]: key for of, key in sent.order_by("letter", "number").values_list("letter", "pk")}
    return {number: last[root_of[each]] for number, each in places.items() if root_of.get(each) in last}


def _is_what_was_sent(source: DeadLetterSource, found: Found, attempt: RedriveAttempt) -> bool:
    told = sightings.message_id(source, found)
    sha256: str | None = attempt.sent_sha256  # type: ignore[attr-defined]
    return told == attempt.wire_id if told else sha256 == payloads.sha256(found.body)


def _known(source: DeadLetterSource, letters: Iterable[DeadLetter]) -> set[str]:
    """Identities the ledger has already."""
    rows = DeadLetter.objects.filter(source=source, identity__in={each.identity for each in letters} - {""})
    return set(rows.values_list("identity", flat=True))


def _descend(source: DeadLetterSource, letter: DeadLetter, found: Found, attempt: RedriveAttempt, at: datetime) -> None:
    if returns.attempt_number(found.headers) == attempt.pk:
        lineage = returns.came_back(source, found, at, group_key=letter.group.key)
    else:
        lineage = returns.came_back_as_before(attempt, at)
    letter.parent, letter.root, letter.redrive_count = lineage.parent, lineage.root, lineage.redrive_count
    letter.why = fitted(lineage.parked_why or lineage.told, 500)
    if lineage.parked_why:
        letter.state = State.PARKED


def _numbers(count: int) -> list[int]:
    """Numbers for new rows: what is sealed is bound to them before they are inserted."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [count])
        return [number for (number,) in cursor.fetchall()]


def _in_groups(source: DeadLetterSource, letters: Sequence[DeadLetter]) -> None:
    """Put each into the group of what died of the same; new groups are made."""
    groups = [each.group for each in letters]
    wanted = {each.key: each for each in groups}
    DeadLetterGroup.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    kept = dict(DeadLetterGroup.objects.filter(source=source, key__in=wanted).values_list("key", "pk"))
    for letter, group in zip(letters, groups, strict=True):
        letter.group_id = kept[group.key]


def _insert(letters: Sequence[DeadLetter]) -> set[int]:
    """Which of them were new: the ledger has each identity once."""
    DeadLetter.objects.bulk_create(letters, ignore_conflicts=True)
    numbers = [each.pk for each in letters]
    return set(DeadLetter.objects.filter(pk__in=numbers).values_list("pk", flat=True))


def _grow(letters: Sequence[DeadLetter], now: datetime) -> None:
    """Count new letters in their groups, and in the hours they died in."""
    seen: dict[int, list[datetime]] = {}
    for each in letters:
        seen.setdefault(each.group_id, []).append(each.died_at)
    rows = [(key, len(moments), min(moments), max(moments)) for key, moments in sorted(seen.items())]
    kept_since = now - timedelta(days=READINGS_KEPT_DAYS)
    hours = Counter((each.group_id, hour_of(each.died_at)) for each in letters if each.died_at >= kept_since)
    with connection.cursor() as cursor:
        if rows:
            cursor.execute(GROW, [list(column) for column in zip(*rows, strict=True)])
        if hours:
            cursor.execute(HOURS, [*map(list, zip(*hours, strict=True)), list(hours.values())])


def _count(source: DeadLetterSource) -> bool:
    """Whether it could be counted."""
    trouble, depth = "", None
    try:
        with endpoints.open(source.broker, source.place, source.place_kind) as broker:
            depth = broker.depth(reads=source.reads)
    except BrokerError as problem:
        trouble = str(problem)
    except Exception as problem:
        trouble = _unexpected(problem, source)
    now = timezone.now()
    told = {"looked_at": now, "trouble": fitted(trouble, 500), "open_since": open_since()}
    if depth is not None:
        told |= {"depth": depth.messages, "oldest_at": depth.oldest_at}
    row = DeadLetterSource.objects.filter(pk=source.pk)
    row.update(**told)
    if depth is not None and depth.messages is not None:
        read = {"messages": depth.messages, "oldest_at": depth.oldest_at, "open_since": row.get().open_since}
        minute = now.replace(second=0, microsecond=0)
        DepthReading.objects.update_or_create(source=source, minute=minute, defaults=read)
    return depth is not None
