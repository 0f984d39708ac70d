"""Acts reach webhooks signed, at least once, and every attempt is written down."""

import base64
import hashlib
import hmac
import ipaddress
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Delivery, DeliveryAttempt, Event, Integration, Person, Review, Webhook
from registry.services import deliveries, reviews, webhooks


class Receiver:
    """A real server that keeps what it was sent, and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"busy")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hook(receiver: Receiver, ada: Person) -> tuple[Webhook, str]:
    return webhooks.save(
        name="Chat", url=receiver.url, kinds=["revision.submitted", "review.signed", "review.withdrawn"], by=ada
    )


def later(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_an_act_arrives_as_a_signed_cloud_event(
    hook: tuple[Webhook, str], receiver: Receiver, review: Review, sign: Callable[..., None]
) -> None:
    sign(review, "consumer_lead")
    assert deliveries.deliver() == 2
    assert [json.loads(body)["type"] for _, body in receiver.got] == [
        "registry.revision.submitted",
        "registry.review.signed",
    ]
    headers, body = receiver.got[-1]
    event = Event.objects.filter(kind="review.signed").get()
    told = json.loads(body)
    assert {name: told[name] for name in ("specversion", "id", "subject", "datacontenttype")} == {
        "specversion": "1.0",
        "id": event.hash,
        "subject": event.subject,
        "datacontenttype": "application/json",
    }
    assert told["source"].endswith("/registry")
    assert (told["data"]["by"], told["data"]["role"]) == ("Cora Cole", "consumer_lead")
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == event.hash
    _, secret = hook
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event.hash}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60


def test_what_nobody_asked_for_is_not_sent(hook: tuple[Webhook, str], integration: Integration) -> None:
    assert not Delivery.objects.exists()


def test_an_act_that_is_rolled_back_is_not_told(hook: tuple[Webhook, str], review: Review, cora: Person) -> None:
    before = Delivery.objects.count()
    with pytest.raises(NotAllowed):
        reviews.sign(review, role="approver", by=cora, password="cora", seen_hash=review.content_hash)
    assert Delivery.objects.count() == before


def test_what_fails_is_tried_again_later_and_each_attempt_is_written_down(
    hook: tuple[Webhook, str], receiver: Receiver, review: Review
) -> None:
    receiver.status = 503
    assert deliveries.deliver() == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivery.next_attempt_at > timezone.now() + timedelta(seconds=5)
    assert deliveries.deliver() == 0
    receiver.status = 200
    later(delivery)
    assert deliveries.deliver() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", 2)
    assert list(DeliveryAttempt.objects.values_list("status", "error")) == [(503, "Answered 503. busy"), (200, "")]
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [delivery.event_id] * 2


def test_one_that_never_answers_is_given_up_and_sent_again_by_hand(
    hook: tuple[Webhook, str], receiver: Receiver, review: Review, ada: Person, ann: Person
) -> None:
    receiver.status = 500
    delivery = Delivery.objects.get()
    Delivery.objects.filter(pk=delivery.pk).update(attempts=deliveries.MOST_ATTEMPTS - 1)
    assert deliveries.deliver() == 0
    delivery.refresh_from_db()
    assert delivery.state == "given_up"
    receiver.status = 200
    with pytest.raises(NotAllowed):
        webhooks.redeliver(delivery, by=ann)
    webhooks.redeliver(delivery, by=ada)
    with pytest.raises(Conflict):
        webhooks.redeliver(delivery, by=ada)
    assert deliveries.deliver() == 1
    assert Event.objects.filter(kind="webhook.redelivered").count() == 1


def test_an_address_that_fails_does_not_hold_up_the_others(
    hook: tuple[Webhook, str], receiver: Receiver, ada: Person, review: Review, ann: Person, settings: Any
) -> None:
    other, _ = webhooks.save(name="Gone", url="http://127.0.0.1:9/", kinds=["review.withdrawn"], by=ada)
    deliveries.deliver()
    for _ in range(3):
        Delivery.objects.create(
            webhook=other,
            event_id="x",
            kind="review.withdrawn",
            body="{}",
            created_at=timezone.now(),
            next_attempt_at=timezone.now(),
        )
    reviews.withdraw(review, by=ann, reason="x")
    assert deliveries.deliver() == 1
    assert DeliveryAttempt.objects.filter(delivery__webhook=other).count() == 1
    assert len(receiver.got) == 2


def test_an_address_inside_is_never_connected_to(
    hook: tuple[Webhook, str], receiver: Receiver, review: Review, settings: Any
) -> None:
    settings.WEBHOOK_NETWORKS = []
    assert deliveries.deliver() == 0
    assert (
        DeliveryAttempt.objects.get().error == "Not connected: 127.0.0.1 is at 127.0.0.1, which is not a public address"
    )
    assert receiver.got == []


def test_the_secret_is_told_once_and_kept_sealed(hook: tuple[Webhook, str], ada: Person) -> None:
    made, secret = hook
    assert secret.startswith("whsec_")
    assert secret not in made.sealed_secret
    assert deliveries.secret_of(made) == secret
    changed, again = webhooks.save(
        name="Chat", url=made.url, kinds=["review.signed"], is_active=False, by=ada, webhook=made
    )
    assert (again, changed.kinds, changed.is_active) == ("", ["review.signed"], False)
    assert deliveries.secret_of(changed) == secret
    assert secret not in "".join(Event.objects.values_list("data", flat=True))


def test_a_webhook_says_what_is_wrong_with_it(receiver: Receiver, ada: Person, ann: Person) -> None:
    with pytest.raises(Invalid) as refused:
        webhooks.save(name=" ", url="http://hooks.example.com/", kinds=["nonsense"], by=ada)
    assert [each.path for each in refused.value.problems] == ["name", "url", "kinds"]
    with pytest.raises(NotAllowed):
        webhooks.save(name="Mine", url=receiver.url, kinds=["review.signed"], by=ann)


def test_old_deliveries_are_forgotten_and_those_on_their_way_never(hook: tuple[Webhook, str], review: Review) -> None:
    old = timezone.now() - timedelta(days=31)
    Delivery.objects.update(created_at=old)
    assert deliveries.prune() == 0
    deliveries.deliver()
    assert deliveries.prune() == 1
