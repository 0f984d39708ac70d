"""Dead letters to test with: a source of the landscape's integration, and letters in its ledger."""

import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from registry import sealing
from registry.brokers import Found
from registry.models import (
    Broker,
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    Environment,
    GroupHour,
    Integration,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import harvests, integrations, ledger, payloads
from registry.services.trends import hour_of
from tests import landscape

_numbers = itertools.count(1)

TYPE = "com.example.orders.order.placed.v1"
SCHEMA = {"type": "object", "required": ["order"], "properties": {"order": {"type": "integer"}}}
_TOPIC = {"kind": "topic", "broker": "Kafka main", "producer": "payment-service"}
SECTIONS: dict[str, Any] = {
    "events": [
        {
            "name": "order.PLACED",
            "type": TYPE,
            "source": "https://orders.example.com/orders",
            "published_by": "payment-service",
            "consumed_by": ["order-service"],
            "data_schema": json.dumps(SCHEMA),
        }
    ],
    "topics": [
        {**_TOPIC, "name": "orders.events", "key": "tenant", "retention": "P7D", "dead_letter": "orders.dlq"},
        {**_TOPIC, "name": "orders.dlq", "retention": "P30D"},
    ],
    "ordering": [{"topic": "orders.events", "guarantee": "strict", "scope": "tenant"}],
    "deduplication": {"strategy": "processed_events", "store": "processed_events", "window": "P60D"},
}


def document(**sections: Any) -> dict[str, Any]:
    """The landscape's document with a topic whose failures go to a dead letter topic."""
    return landscape.document(**SECTIONS | sections)


def integration(*, by: Person) -> Integration:
    """Orders to payments, as the landscape has it, with that document."""
    return integrations.create(name="Orders to payments", slug="orders-to-payments", document=document(), by=by)


def broker(environment: Environment, *, kind: str = "redis-streams", slug: str = "", **more: Any) -> Broker:
    """A broker that is only named."""
    named = {"slug": slug or f"broker-{next(_numbers)}", "url": "redis://127.0.0.1:1/0", "created_at": timezone.now()}
    return Broker.objects.create(environment=environment, kind=kind, **named | more)


def source(integration: Integration, at: Broker, *, by: Person | None = None, **more: Any) -> DeadLetterSource:
    """A source of the topic orders.events; with `by`, who agreed that it be copied, as it was all the time."""
    now = timezone.now()
    agreed: dict[str, Any] = {"consented_by": by, "consented_at": now, "read_through_at": now + timedelta(days=2)}
    read = agreed | {"mode": DeadLetterSource.Mode.CURSOR} if by else {}
    given = {"topic": "orders.events", "place": f"orders.events.dead.{next(_numbers)}", "created_at": now}
    return DeadLetterSource.objects.create(
        integration=integration, broker=at, sealed_key=sealing.new_key(), **given | read | more
    )


def letter(
    of: DeadLetterSource, *, body: bytes = b'{"order": 1}', headers: Any = (), key: bytes | None = None, **more: Any
) -> DeadLetter:
    """A letter of the ledger with its payload, as a harvest would have put it there."""
    number, now = next(_numbers), timezone.now()
    error = more.pop("error_class", "TimeoutError")
    group, _ = DeadLetterGroup.objects.get_or_create(
        source=of,
        key=hashlib.sha256(error.encode()).hexdigest()[:32],
        defaults={"error_class": error, "first_at": now, "last_at": now},
    )
    DeadLetterGroup.objects.filter(pk=group.pk).update(letters=F("letters") + 1)
    given = {
        "id_kind": DeadLetter.IdKind.OFFSET,
        "identity": str(number),
        "position": str(number),
        "wire_id": f"evt-{number}",
        "moved_at": now,
        "died_at": now,
        "harvested_at": now,
        "error_class": error,
        "size": len(body),
        "ordering_key": key.decode() if key else "",
    }
    made = DeadLetter.objects.create(source=of, group=group, **given | more)
    payloads.keep(of, [(made, Found("", body, tuple((name, value) for name, value in headers), key))])
    DeadLetterSource.objects.filter(pk=of.pk).update(harvested=F("harvested") + 1)
    hour, _ = GroupHour.objects.get_or_create(group=group, hour=hour_of(made.died_at), defaults={"letters": 0})
    GroupHour.objects.filter(pk=hour.pk).update(letters=F("letters") + 1)
    return made


def sent_again(letter: DeadLetter, *, by: Person, state: str = "confirmed") -> RedriveAttempt:
    """The attempt of a redrive at this letter, that ended so."""
    now = timezone.now()
    job = RedriveJob.objects.create(
        source=letter.source,
        idempotency_key=f"k-{letter.pk}",
        selector={},
        reason="r",
        rate_per_minute=1,
        requested_by=by,
        requested_at=now,
    )
    is_refused = state == RedriveAttempt.State.REFUSED
    item_state = RedriveItem.State.REFUSED if is_refused else RedriveItem.State.SENT
    item = RedriveItem.objects.create(job=job, letter=letter, position=1, state=item_state)
    last = DeadLetter.State.OPEN if is_refused else DeadLetter.State.PUBLISHED
    for each in (DeadLetter.State.QUEUED, DeadLetter.State.PUBLISHING, last):
        assert ledger.move(letter, each)
    sent: dict[str, Any] = {"state": state, "settled_at": now, "claimed_at": now, "lease_until": now}
    return RedriveAttempt.objects.create(item=item, letter=letter, number=1, fence=1, wire_id=letter.wire_id, **sent)


def taken(source: DeadLetterSource, *messages: Found) -> list[DeadLetter]:
    """These messages, as one batch of a reader of the source."""
    DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=None)
    reader = harvests.claim(source.pk)
    assert reader is not None
    seen = set(DeadLetter.objects.values_list("pk", flat=True))
    harvests.keep(reader, messages)
    return list(DeadLetter.objects.exclude(pk__in=seen).order_by("id"))
