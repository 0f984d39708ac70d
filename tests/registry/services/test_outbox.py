"""What leaves the process was decided, and arrives at least once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.utils import timezone

from registry.live.hints import CHANNEL
from registry.models import OutboxMessage
from registry.services import outbox
from registry.tasks import deliver_outbox, prune_outbox

LETTER = {"to": "ann@example.com", "subject": "Hello", "text": "Text"}


@pytest.mark.django_db
def test_mail_is_delivered_once_to_each() -> None:
    outbox.put("mail", LETTER, {**LETTER, "to": "zoe@example.com"})
    assert outbox.deliver() == 2
    assert [message.to for message in mail.outbox] == [["ann@example.com"], ["zoe@example.com"]]
    assert outbox.deliver() == 0
    assert OutboxMessage.objects.filter(delivered_at=None).count() == 0


@pytest.mark.django_db
def test_a_release_is_hinted_at_to_whoever_listens() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as listening:
        listening.subscribe(CHANNEL)
        listening.get_message(timeout=5)
        outbox.put("release.published", {"environment": "staging", "integration": "orders", "number": 7})
        deliver_outbox()
        told = listening.get_message(timeout=5)
    assert told is not None
    assert json.loads(told["data"]) == {"environment": "staging", "integration": "orders", "number": 7}


@pytest.mark.django_db
def test_what_could_not_be_delivered_is_tried_again_later_and_longer(settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere.sock"
    outbox.put("release.published", {"number": 1})
    outbox.put("mail", LETTER)
    waits = []
    for _ in range(3):
        before = timezone.now()
        outbox.deliver()
        message = OutboxMessage.objects.get(kind="release.published")
        waits.append(round((message.next_attempt_at - before).total_seconds()))
        OutboxMessage.objects.filter(pk=message.pk).update(next_attempt_at=before)
    assert waits == [2, 4, 8]
    message = OutboxMessage.objects.get(kind="release.published")
    assert (message.attempts, message.delivered_at) == (3, None)
    assert message.last_error.startswith("ConnectionError")
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_waits_end_at_an_hour() -> None:
    now = timezone.now()
    assert outbox._next_attempt(now, 10_000) == now + timedelta(hours=1)


@pytest.mark.django_db
def test_what_was_decided_in_vain_never_leaves() -> None:
    with pytest.raises(ZeroDivisionError):
        _decide_and_fail()
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_nobody_carries_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="nobody carries pigeon"):
        outbox.put("pigeon", {})


@pytest.mark.django_db
def test_a_bell_that_cannot_be_rung_stops_nothing(
    settings: Any, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere.sock"
    outbox._doorbell.cache_clear()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            outbox.put("mail", LETTER)
    finally:
        outbox._doorbell.cache_clear()
    assert OutboxMessage.objects.count() == 1


@transaction.atomic
def _decide_and_fail() -> None:
    outbox.put("mail", LETTER)
    raise ZeroDivisionError


@pytest.mark.django_db
def test_what_arrived_long_ago_is_forgotten_and_nothing_else() -> None:
    outbox.put("mail", *[LETTER] * 5)
    old = timezone.now() - timedelta(days=31)
    keys = list(OutboxMessage.objects.order_by("id").values_list("pk", flat=True))
    OutboxMessage.objects.update(created_at=old)
    OutboxMessage.objects.filter(pk__in=keys[:3]).update(delivered_at=old)
    OutboxMessage.objects.filter(pk=keys[3]).update(delivered_at=timezone.now())
    assert outbox.prune(limit=2) == 2
    prune_outbox()
    assert list(OutboxMessage.objects.values_list("pk", flat=True)) == keys[3:]
