"""Writes the trail, and checks that nobody changed it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registry import origin
from registry.models import ChainHead, Event, Integration, Person
from registry.record.documents import canonical_bytes
from registry.services import deliveries

REGISTRY = "registry"
"""The chain of acts that belong to no integration."""


def record(
    kind: str,
    *,
    by: Person | None,
    integration: Integration | None = None,
    subject: str,
    data: dict[str, Any] | None = None,
) -> Event:
    """Write down one act. Belongs in the transaction of the act, as its last statement but for what leaves."""
    event = _event(kind, by=by, integration=integration, subject=subject, data=data)
    event.save(force_insert=True)
    deliveries.hear(event)
    return event


def record_each(kind: str, told: Iterable[tuple[Integration, dict[str, Any]]], *, by: Person) -> None:
    """Write down one act done to many integrations: an event in the chain of each, all of one request."""
    events = [
        _event(kind, by=by, integration=each, subject=f"integration/{each.slug}", data=data) for each, data in told
    ]
    Event.objects.bulk_create(events, batch_size=500)


def _event(
    kind: str, *, by: Person | None, integration: Integration | None, subject: str, data: dict[str, Any] | None
) -> Event:
    here = origin.current.get()
    return Event(
        chain=integration.slug if integration else REGISTRY,
        actor=by,
        actor_name=(by.name if by else "the registry")[:310],
        origin_ip=here.ip[:45],
        request_id=here.request_id[:100],
        kind=kind,
        subject=subject[:300],
        data=canonical_bytes(data or {}).decode(),
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where the trail is not what was written."""

    chain: str
    sequence: int
    message: str


@dataclass(slots=True)
class Verdict:
    """What a check of the trail found."""

    events: int = 0
    chains: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.faults


def verify(*, chain: str = "") -> Verdict:
    """Read every event (of one chain, or of all) and compute its hash anew."""
    events = Event.objects.order_by("chain", "sequence")
    heads = ChainHead.objects.all()
    if chain:
        events, heads = events.filter(chain=chain), heads.filter(chain=chain)
    # The heads first: an event written while we read is then one more than its head, not one missing.
    ends = {head.chain: (head.sequence, head.hash) for head in heads}
    verdict = Verdict(chains=len(ends))
    seen: dict[str, tuple[int, str]] = {}
    for event in events.iterator(chunk_size=2_000):
        verdict.events += 1
        verdict.faults += _faults(event, *seen.get(event.chain, (0, "")))
        seen[event.chain] = (event.sequence, event.hash)
        if ends.get(event.chain, (0, ""))[0] == event.sequence and ends[event.chain][1] != event.hash:
            verdict.faults.append(Fault(event.chain, event.sequence, "is not the event the chain's head names"))
    verdict.faults += _cut_tails(ends, seen)
    return verdict


def _faults(event: Event, sequence: int, previous_hash: str) -> Iterator[Fault]:
    if event.sequence != sequence + 1:
        missing = f"{sequence + 1}" if event.sequence == sequence + 2 else f"{sequence + 1} to {event.sequence - 1}"
        yield Fault(event.chain, event.sequence, f"follows a gap: {missing} missing")
    elif event.previous_hash != previous_hash:
        yield Fault(event.chain, event.sequence, "does not continue from the event before it")
    if event_hash(event) != event.hash:
        yield Fault(event.chain, event.sequence, "was changed after it was written")


def _cut_tails(ends: dict[str, tuple[int, str]], seen: dict[str, tuple[int, str]]) -> Iterator[Fault]:
    for chain, (sequence, _) in ends.items():
        last = seen.get(chain, (0, ""))[0]
        if last < sequence:
            yield Fault(chain, sequence, f"is missing: the chain ends at {last} and should end at {sequence}")
    # A chain begun while we read has its head by now.
    begun = set(ChainHead.objects.filter(chain__in=seen.keys() - ends.keys()).values_list("chain", flat=True))
    for chain in seen.keys() - ends.keys() - begun:
        yield Fault(chain, seen[chain][0], "belongs to a chain without a head")


def event_hash(event: Event) -> str:
    """The hash of an event by its own fields; `chained_hash` does it without Django."""
    return chained_hash(
        event.previous_hash,
        event.chain,
        str(event.sequence),
        moment(event.at),
        "" if event.actor_id is None else str(event.actor_id),
        event.actor_name,
        event.origin_ip,
        event.request_id,
        event.kind,
        event.subject,
        event.data,
    )


def chained_hash(*fields: str) -> str:
    """SHA-256 of the fields, each as "<bytes>:<text>". The database computes the same (migration 0002)."""
    return hashlib.sha256(b"".join(_length_safe(fields))).hexdigest()


def moment(at: datetime) -> str:
    """A moment as it enters the hash: UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _length_safe(fields: Iterable[str]) -> Iterator[bytes]:
    for text in fields:
        content = text.encode()
        yield f"{len(content)}:".encode() + content
