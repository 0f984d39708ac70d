"""How a letter died, on its page: what its headers say of it, without what is hidden, and as text only."""

from typing import Any

import pytest
from django.urls import reverse

from registry.models import DeadLetterSource, Environment, Integration, Person
from registry.services.masks import HIDDEN
from tests import letters
from tests.console.browsing import browse, text
from tests.registry.deaths import samples

SPRING = (
    ("kafka_dlt-exception-fqcn", b"a.Broken"),
    ("kafka_dlt-exception-message", b"no stock"),
    ("kafka_dlt-exception-stacktrace", "a.Broken: no stock\n\tat <b>x</b> \u202e\x1b[31m".encode()),
    ("kafka_dlt-original-topic", b"orders.placed"),
    ("kafka_dlt-original-partition", (5).to_bytes(4, "big")),
    ("kafka_dlt-original-offset", (4_294_967_301).to_bytes(8, "big")),
    ("kafka_dlt-original-timestamp", (1_762_243_885_000).to_bytes(8, "big")),
    ("kafka_dlt-original-timestamp-type", b"CreateTime"),
    ("kafka_dlt-original-consumer-group", b"payments"),
    ("tenant", b"blue"),
)


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops, place="orders.events.dead")


def page(source: DeadLetterSource, by: Person, headers: Any, **more: Any) -> Any:
    return browse(by).get(reverse("letter", args=[letters.letter(source, headers=headers, **more).pk]))


def test_it_says_who_failed_where_it_lay_and_by_whose_word(source: DeadLetterSource, ann: Person) -> None:
    shown = page(source, ann, SPRING)
    said = text(shown)
    assert "Failed in payments First lay in orders.placed, partition 5, offset 4294967301" in said
    assert "Sent 04 Nov 2025, 08:11:25 UTC" in said
    assert "As told by Spring Kafka" in said
    assert "Sent, by the clock of its producer" in said
    assert "Stack trace a.Broken: no stock" in said
    for harmful in ("<b>x</b>", "\u202e", "\x1b"):
        assert harmful not in shown.content.decode()
    assert "U+202E" in said


def test_a_header_of_bytes_says_what_number_or_moment_it_stands_for(source: DeadLetterSource, ann: Person) -> None:
    said = text(page(source, ann, SPRING))
    assert "kafka_dlt-original-partition 5 bytes 00 00 00 05" in said
    assert "kafka_dlt-original-offset 4294967301 bytes 00 00 00 01 00 00 00 05" in said
    assert "kafka_dlt-original-timestamp 04 Nov 2025, 08:11:25 UTC bytes 00 00 01 9a" in said
    assert "tenant blue" in said
    assert "U+0000" not in said
    sqs = text(page(source, ann, [("sqs:SentTimestamp", "1762243885000"), ("sqs:ApproximateReceiveCount", "4")]))
    assert "sqs:SentTimestamp 04 Nov 2025, 08:11:25 UTC 1762243885000" in sqs
    odd = text(page(source, ann, [("kafka_dlt-original-partition", b"null"), ("x-mine", b"\x00\x00\x00\x05")]))
    assert "kafka_dlt-original-partition null" in odd
    assert "x-mine U+0000 U+0000 U+0000 U+0005" in odd


@pytest.mark.parametrize("name", [name for name, _ in SPRING[2:]])
def test_what_its_source_hides_is_hidden_there_too(name: str, source: DeadLetterSource, ann: Person) -> None:
    source.masked = [name]
    source.save(update_fields=["masked"])
    told = dict(SPRING)[name]
    headers = [
        (each, b"secret-word" if each == name and name.endswith(("stacktrace", "topic", "group")) else value)
        for each, value in SPRING
    ]
    said = text(page(source, ann, headers))
    assert f"{name} {HIDDEN}" in said
    assert "secret-word" not in said
    assert f"bytes {told.hex(' ')}" not in said


def test_fields_of_a_table_that_are_hidden_are_hidden_there_too(source: DeadLetterSource, ann: Person) -> None:
    source.masked = ["routing-keys"]
    source.save(update_fields=["masked"])
    death = {"queue": "orders", "reason": "rejected", "count": 2, "exchange": "shop", "routing-keys": ["cora@example"]}
    said = text(page(source, ann, [("x-death", [death])]))
    assert "cora@example" not in said
    assert f"Exchange shop Routing keys {HIDDEN}" in said


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        ("azure-service-bus", "MaxDeliveryCountExceeded It was handed out as often as its queue allows"),
        ("rabbitmq-quorum", "Deliveries counted 21; RabbitMQ 4 lets a quorum queue go up to 20"),
        ("rabbitmq-quorum", "Times acquired 22"),
        ("nservicebus", "Thrown in Sales"),
        ("pulsar", "First lay in persistent://shop/orders/placed, 12:4:-1"),
        ("kafka-connect", "Failed in org.apache.kafka.connect.json.JsonConverter"),
    ],
)
def test_what_each_family_says_is_there(sample: str, told: str, source: DeadLetterSource, ann: Person) -> None:
    assert told in text(page(source, ann, samples.headers(samples.sample(sample)["headers"])))


def test_where_no_library_said_anything_nothing_is_told_of_it(source: DeadLetterSource, ann: Person) -> None:
    assert "How it died" not in text(page(source, ann, [("tenant", "blue")]))


def test_of_sqs_it_says_that_the_moment_is_of_its_sending(source: DeadLetterSource, ann: Person) -> None:
    source.broker.kind = "sqs"
    source.broker.save(update_fields=["kind"])
    headers = samples.headers(samples.sample("sqs-moved")["headers"])
    assert "SQS tells when it was sent, and not when it died" in text(page(source, ann, headers))
