"""Redrives to test with: a stream at the tests' own Valkey, letters of it, and a redrive that is under way."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Environment,
    Instance,
    InstanceReport,
    Integration,
    Person,
    RedriveJob,
    System,
)
from registry.services import redrives, sending
from tests import landscape, letters

DEDUPLICATION = {"strategy": "processed_events", "window": "P14D"}
_numbers = itertools.count(1)


def document(topic: str, **sections: Any) -> dict[str, Any]:
    """A design with a topic that bears being sent again."""
    stated = {
        "name": topic,
        "kind": "topic",
        "retention": "P7D",
        "key": "orderId",
        "producer": "order-service",
        "consumer_groups": ["payment-workers"],
        "dead_letter": f"{topic}.dead",
    }
    dead = {"name": f"{topic}.dead", "kind": "topic", "retention": "P14D", "producer": "payment-service"}
    return landscape.document(**{"topics": [stated, dead], "deduplication": DEDUPLICATION} | sections)


@dataclass
class Stream:
    """The topic as its consumer sees it."""

    client: redis.Redis
    name: str

    def messages(self) -> list[dict[str, str]]:
        found: Any = self.client.xrange(self.name)
        return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in found]

    def ids(self) -> list[str]:
        return [each["message-id"] for each in self.messages()]


def stream() -> Stream:
    client = redis.Redis.from_url(settings.REDIS_URL)
    name = f"orders.events.{uuid.uuid4().hex[:12]}"
    client.xgroup_create(name, "payment-workers", mkstream=True)
    return Stream(client, name)


def source(of: Integration, topic: str, *, by: Person, **more: Any) -> DeadLetterSource:
    """A source whose topic is that stream."""
    production = Environment.objects.get(slug="production")
    at = letters.broker(production, url=settings.REDIS_URL)
    return letters.source(of, at, by=by, topic=topic, **more)


def begun(of: DeadLetterSource, *chosen: DeadLetter, by: Person, key: str = "", **more: Any) -> RedriveJob:
    """A redrive of these letters, of all where none is named, that workers go on with."""
    selector = {"letters": [each.pk for each in chosen]}
    given = {"reason": "The provider is back", "idempotency_key": key or f"key-{next(_numbers)}"}
    return redrives.start(redrives.draft(of, selector, by=by, **given | more), by=by)


Begin = Callable[..., RedriveJob]


def states(of: DeadLetterSource) -> list[str]:
    """Of its letters, the oldest first."""
    return list(of.letters.order_by("pk").values_list("state", flat=True))


def over(days: int = 1) -> datetime:
    """A moment when every lease of now is over."""
    return timezone.now() + timedelta(days=days)


def freed(job: RedriveJob) -> RedriveJob:
    """As if its worker had died long ago."""
    RedriveJob.objects.filter(pk=job.pk).update(lease_until=None, next_send_at=None)
    sending.sweep(at=over())
    return job


def driven(job: RedriveJob, *, most: int = 60) -> RedriveJob:
    """Gone on with until it moves no more; whatever was sent is presumed done at once."""
    for _ in range(most):
        RedriveJob.objects.filter(pk=job.pk).update(next_send_at=None, rate_per_minute=60_000)
        sending.advance(job.pk, seconds=1)
        sending.presume(at=over())
        job.refresh_from_db()
        if job not in RedriveJob.objects.moving() or "person" in job.trouble:
            break
    return job


class Killed(BaseException):
    """The worker dies here."""


def dies(*_: Any, **__: Any) -> NoReturn:
    raise Killed


def reported(of: DeadLetterSource, breaker: str) -> InstanceReport:
    """An instance of the consumer that says so of its breaker."""
    system, now = System.objects.get(slug="order-service"), timezone.now()
    place = of.broker.environment
    instance = Instance.objects.create(
        system=system, environment=place, name="pod-1", sdk="python/7", started_at=now, seen_at=now
    )
    told = {"payments-api": {"state": breaker, "since": now.isoformat()}}
    return InstanceReport.objects.create(
        instance=instance, integration=of.integration, environment=place, reported_at=now, breakers=told
    )


def without_guards(statements: str) -> None:
    """Bring rows into a state that would take long to come about."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statements)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
