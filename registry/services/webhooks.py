"""Webhooks: addresses that hear of acts. Kept by administrators; what is sent is in `deliveries`."""

import base64
import secrets
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from registry import outgoing, permissions
from registry.errors import Conflict, NotAllowed
from registry.models import Delivery, Person, Webhook
from registry.sealing import WEBHOOKS, box
from registry.services import deliveries, trail
from registry.services.deliveries import KINDS
from registry.services.text import Reading


@transaction.atomic
def save(
    *,
    name: str,
    url: str,
    kinds: Iterable[str],
    is_active: bool = True,
    by: Person,
    webhook: Webhook | None = None,
) -> tuple[Webhook, str]:
    """Make or change a webhook; the secret is told only when it is made ("" otherwise)."""
    _require_administrator(by)
    reading = Reading()
    fields = {
        "name": reading.line("name", name),
        "url": reading.line("url", url, longest=2_000),
        "kinds": [kind for kind in KINDS if kind in set(kinds)],
        "is_active": is_active,
    }
    if fault := outgoing.check_url(str(fields["url"]), settings.WEBHOOK_NETWORKS):
        reading.refuse("url", fault, "Write an https address of a host that is reached from outside.")
    if not fields["kinds"]:
        reading.refuse("kinds", "is empty", "Choose at least one event.")
    reading.done()
    secret = "" if webhook else f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    held = Webhook.objects.select_for_update().get(pk=webhook.pk) if webhook else Webhook(created_by=by)
    before = {} if webhook is None else {field: getattr(held, field) for field in fields}
    for field, value in fields.items():
        setattr(held, field, value)
    if secret:
        held.created_at, held.sealed_secret = timezone.now(), box(WEBHOOKS).encrypt(secret.encode()).decode()
    if before != fields:
        held.save()
        kind = "webhook.changed" if before else "webhook.added"
        trail.record(kind, by=by, subject=f"webhook/{held.pk}", data={"before": before, "after": fields})
    return held, secret


@transaction.atomic
def redeliver(delivery: Delivery, *, by: Person) -> Delivery:
    """Send one again, at once, whatever became of it: the same event under the same id."""
    _require_administrator(by)
    held = Delivery.objects.select_for_update(of=("self",)).select_related("webhook").get(pk=delivery.pk)
    if held.state == Delivery.State.WAITING and held.next_attempt_at <= timezone.now():
        raise Conflict("It is on its way already.", "Look again in a moment.")
    held.state, held.delivered_at, held.attempts = Delivery.State.WAITING, None, 0
    held.next_attempt_at = timezone.now()
    held.save()
    trail.record("webhook.redelivered", by=by, subject=f"webhook/{held.webhook_id}", data={"event": held.event_id})
    transaction.on_commit(deliveries.ring)
    return held


def _require_administrator(by: Person) -> None:
    if not permissions.may_manage_catalog(by):
        raise NotAllowed("Only an administrator keeps webhooks.", "Ask an administrator.")
