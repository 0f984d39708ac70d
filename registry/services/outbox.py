"""What leaves the process: written with the decision, delivered afterwards, at least once."""

import functools
import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import Celery
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from registry.live.hints import CHANNEL
from registry.models import OutboxMessage

log = logging.getLogger(__name__)

TASK = "registry.tasks.deliver_outbox"
LONGEST_WAIT = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)
"""How long a delivered message stays to be looked at."""


def put(kind: str, *payloads: dict[str, Any]) -> None:
    """Send these once the transaction commits; each is delivered and retried by itself."""
    if kind not in CARRIERS:
        raise ValueError(f"nobody carries {kind}")
    now = timezone.now()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(kind=kind, payload=payload, created_at=now, next_attempt_at=now) for payload in payloads
    )
    transaction.on_commit(ring)


def ring(task: str = TASK) -> None:
    """Wake a worker. Beat does so every ten seconds anyway, so a ring that fails costs only time."""
    try:
        _doorbell().send_task(task, retry=False, ignore_result=True)
    except Exception:
        log.warning("could not wake a worker; the outbox is delivered at the next beat", exc_info=True)


@functools.cache
def _doorbell() -> Celery:
    """An application that only sends, and would rather give up than keep the person who saved waiting."""
    app = Celery("doorbell", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    impatient = {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
    }
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **impatient}
    app.conf.broker_connection_timeout = 1
    return app


def deliver(*, limit: int = 1_000) -> int:
    """Deliver what is due, oldest first. Several may run at once; they take different messages."""
    delivered = 0
    for _ in range(limit):
        outcome = _deliver_next()
        if outcome is None:
            break
        delivered += outcome
    return delivered


@transaction.atomic
def _deliver_next() -> bool | None:
    """Whether the next message arrived; None if nothing is due."""
    now = timezone.now()
    due = OutboxMessage.objects.filter(delivered_at__isnull=True, next_attempt_at__lte=now).order_by(
        "next_attempt_at", "id"
    )
    message = due.select_for_update(skip_locked=True).first()
    if message is None:
        return None
    message.attempts += 1
    try:
        CARRIERS[message.kind](message.payload)
    except Exception as problem:
        message.last_error = f"{type(problem).__name__}: {problem}"[:1_000].replace("\x00", "")
        message.next_attempt_at = _next_attempt(now, message.attempts)
        log.warning("outbox message %s (%s) was not delivered: %s", message.pk, message.kind, message.last_error)
    else:
        message.delivered_at = now
        message.last_error = ""
    message.save()
    return message.delivered_at is not None


def prune(*, limit: int = 10_000) -> int:
    """Forget what arrived long ago, the oldest first and so many at most; what has not arrived is never forgotten."""
    arrived = OutboxMessage.objects.filter(delivered_at__lt=timezone.now() - KEPT_FOR).order_by("id")
    deleted, _ = OutboxMessage.objects.filter(pk__in=list(arrived.values_list("pk", flat=True)[:limit])).delete()
    return deleted


def _next_attempt(now: datetime, attempts: int) -> datetime:
    return now + min(timedelta(seconds=2 ** min(attempts, 16)), LONGEST_WAIT)


def _publish_hint(payload: dict[str, Any]) -> None:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5) as client:
        client.publish(CHANNEL, json.dumps(payload))


def _send_mail(payload: dict[str, Any]) -> None:
    send_mail(payload["subject"], payload["text"], None, [payload["to"]])


CARRIERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "release.published": _publish_hint,
    "mail": _send_mail,
}


def waiting() -> Iterable[OutboxMessage]:
    """What has not arrived yet, for the console and for metrics."""
    return OutboxMessage.objects.filter(delivered_at__isnull=True)
