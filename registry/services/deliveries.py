"""Acts on their way to webhooks: as CloudEvents, signed, retried, and logged. The rows are the queue."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from registry import outgoing
from registry.errors import Conflict
from registry.models import Delivery, DeliveryAttempt, Event, Webhook
from registry.sealing import WEBHOOKS, box
from registry.services import acts, outbox

TASK = "registry.tasks.deliver_webhooks"
SOURCE = "/registry"
TYPE = "registry."
"""What a kind such as `review.signed` begins with as a CloudEvents type."""
KINDS: dict[str, str] = {
    kind: acts.WORDS[kind]
    for kind in (
        "revision.submitted",
        "review.signed",
        "review.changes_requested",
        "review.withdrawn",
        "review.reminded",
        "review.escalated",
        "revision.approved",
        "release.published",
        "release.promoted",
        "release.rolled_back",
        "release.restored",
        "release.scheduled",
        "release.schedule_cancelled",
        "release.schedule_refused",
        "override.begun",
        "override.ended",
        "override.reviewed",
        "thread.opened",
        "thread.answered",
        "thread.resolved",
        "integration.created",
        "integration.deprecated",
        "integration.retired",
        "redrive.requested",
        "redrive.approved",
        "redrive.paused",
        "redrive.resumed",
        "redrive.cancelled",
        "redrive.finished",
        "source.defined",
        "source.changed",
        "source.mode_changed",
        "source.made_anew",
        "letter.parked",
        "letter.reopened",
        "letter.archived",
        "letter.discarded",
        "letter.assigned",
        "letter.settled",
        "letter.noted",
        "letter.edited",
        "letter.revealed",
        "letter.downloaded",
    )
}
"""What a webhook may ask for, in words."""
HEADERS = {"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "integration-registry"}
MOST_ATTEMPTS = 14
"""With doubling waits up to six hours: about a day and a half."""
LONGEST_WAIT = timedelta(hours=6)
KEPT_FOR = timedelta(days=30)


def hear(event: Event) -> None:
    """Put an act on its way to every webhook that asked for its kind. Part of the act's own transaction."""
    if event.kind not in KINDS:
        return
    listeners = list(Webhook.objects.filter(is_active=True, kinds__contains=[event.kind]))
    if not listeners:
        return
    now, told = timezone.now(), _cloud_event(event)
    Delivery.objects.bulk_create(
        Delivery(
            webhook=each,
            event_id=told["id"],
            kind=event.kind,
            body=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
            created_at=now,
            next_attempt_at=now,
        )
        for each in listeners
    )
    transaction.on_commit(ring)


def ring() -> None:
    """Wake a worker; beat does so anyway."""
    outbox.ring(TASK)


def deliver(*, limit: int = 200) -> int:
    """Send what is due, oldest first. Several may run at once; they take different deliveries."""
    delivered = 0
    for _ in range(limit):
        outcome = _deliver_next()
        if outcome is None:
            break
        delivered += outcome
    return delivered


def prune(*, limit: int = 10_000) -> int:
    """Forget deliveries that ended long ago, the oldest first."""
    ended = Delivery.objects.exclude(state=Delivery.State.WAITING).filter(created_at__lt=timezone.now() - KEPT_FOR)
    keys = list(ended.order_by("id").values_list("pk", flat=True)[:limit])
    Delivery.objects.filter(pk__in=keys).delete()
    return len(keys)


def signed_headers(secret: str, event_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: id, seconds since 1970, and an HMAC-SHA256 of "id.time.body"."""
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, b".".join((event_id.encode(), seconds.encode(), body)), hashlib.sha256)
    return {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": seconds,
        "Webhook-Signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
    }


def secret_of(webhook: Webhook) -> str:
    """The secret, opened. Raises Conflict where SECRET_KEY is no longer the one it was sealed with."""
    try:
        return box(WEBHOOKS).decrypt(webhook.sealed_secret.encode()).decode()
    except InvalidToken:
        raise Conflict("Its secret was sealed with another SECRET_KEY.", "Make the webhook anew.") from None


@transaction.atomic
def _deliver_next() -> bool | None:
    """Whether the next one arrived; None if nothing is due."""
    now = timezone.now()
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_attempt_at__lte=now, webhook__is_active=True)
    held = due.select_for_update(skip_locked=True, of=("self",)).order_by("next_attempt_at", "id").first()
    if held is None:
        return None
    webhook = Webhook.objects.get(pk=held.webhook_id)
    started = time.monotonic()
    status, error = _attempt(webhook, held)
    spent_ms = round((time.monotonic() - started) * 1_000)
    held.attempts += 1
    DeliveryAttempt.objects.create(delivery=held, at=now, status=status, duration_ms=spent_ms, error=error)
    if not error:
        held.state, held.delivered_at = Delivery.State.DELIVERED, timezone.now()
    elif held.attempts >= MOST_ATTEMPTS:
        held.state = Delivery.State.GIVEN_UP
    else:
        held.next_attempt_at = timezone.now() + _wait(held.attempts)
        _postpone_others(held)
    held.save()
    return not error


def _attempt(webhook: Webhook, delivery: Delivery) -> tuple[int | None, str]:
    """The answer's status, and what went wrong ("" if nothing did)."""
    body = delivery.body.encode()
    try:
        signed = signed_headers(secret_of(webhook), delivery.event_id, body, timezone.now())
        answer = outgoing.post(webhook.url, body, {**HEADERS, **signed}, allowed=settings.WEBHOOK_NETWORKS)
    except outgoing.Refused as refused:
        return None, f"Not connected: {refused}"[:500]
    except outgoing.Failed as failed:
        return None, str(failed)[:500]
    except Conflict as unsealed:
        return None, unsealed.message
    if 200 <= answer.status < 300:
        return answer.status, ""
    said = answer.body.decode("utf-8", "replace").replace("\x00", "").strip()[:200]
    return answer.status, f"Answered {answer.status}. {said}".strip()


def _postpone_others(failed: Delivery) -> None:
    """What else waits for the same address waits with it, so that one that hangs does not hold up the rest."""
    others = list(
        Delivery.objects.filter(
            webhook=failed.webhook_id, state=Delivery.State.WAITING, next_attempt_at__lt=failed.next_attempt_at
        )
        .exclude(pk=failed.pk)
        .select_for_update(skip_locked=True)
        .values_list("pk", flat=True)
    )
    Delivery.objects.filter(pk__in=others).update(next_attempt_at=failed.next_attempt_at)


def _wait(attempts: int) -> timedelta:
    return min(timedelta(seconds=5 * 2 ** min(attempts, 16)), LONGEST_WAIT)


def _cloud_event(event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event.hash,
        "source": f"{settings.PUBLIC_URL.rstrip('/')}{SOURCE}",
        "type": f"{TYPE}{event.kind}",
        "subject": event.subject,
        "time": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "datacontenttype": "application/json",
        "data": {"by": event.actor_name, "chain": event.chain, "sequence": event.sequence, **event.details},
    }
