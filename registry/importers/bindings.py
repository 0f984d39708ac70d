"""What AsyncAPI's bindings of each protocol, and usual extensions, say of a topic or queue."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .fitting import duration, iso, line, one_value

__all__ = ["Fact", "channel_facts", "group_of"]

DAY = 86_400
QUEUES = ("amqp", "amqp1", "sqs", "jms", "ibmmq", "anypointmq")
TOLD = ("bindingVersion",)


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of a topic and its value; or, where there is no field for it, why `value` is not kept."""

    place: tuple[str, ...]
    field: str
    value: Any


def channel_facts(bindings: dict[str, Any], channel: dict[str, Any]) -> Iterator[Fact]:
    """Everything that is said of the topic, the protocol's own words before extensions."""
    for protocol, settings in bindings.items():
        if protocol in TOLD or settings is None:
            continue
        if protocol in READERS and isinstance(settings, dict):
            place = ("bindings", protocol)
            for fact in READERS[protocol](settings):
                yield Fact((*place, *fact.place), fact.field, fact.value)
            if protocol in QUEUES and not _is_topic(settings):
                yield Fact(place, "kind", "queue")
            yield from _extensions(settings, place)
        elif protocol not in ("ws", "http"):
            yield Fact(("bindings", protocol), "", f"Bindings for {protocol[:40]} have no place in a topic.")
    yield from _extensions(channel, ())


def group_of(bindings: dict[str, Any]) -> str | None:
    """The consumer group an operation reads with."""
    kafka, nats, pulsar = (_dict(bindings.get(each)) for each in ("kafka", "nats", "pulsar"))
    return one_value(kafka.get("groupId")) or line(nats.get("queue")) or line(pulsar.get("subscription"))


def _kafka(settings: dict[str, Any]) -> Iterator[Fact]:
    yield Fact((), "name", line(settings.get("topic")))
    yield Fact(("partitions",), "partitions", _count(settings.get("partitions")))
    yield Fact(("replicas",), "replication_factor", _count(settings.get("replicas")))
    configuration = _dict(settings.get("topicConfiguration"))
    for name, value in configuration.items():
        place = ("topicConfiguration", name)
        if name == "retention.ms":
            milliseconds = _whole(value)
            kept = iso(milliseconds // 1_000) if milliseconds is not None and milliseconds >= 0 else None
            endless = "Messages are kept for ever; a record states a duration." if milliseconds == -1 else ""
            yield Fact(place, "" if endless else "retention", endless or kept)
        else:
            yield Fact(place, "", f"{name[:60]} has no place in a topic.")


def _amqp(settings: dict[str, Any]) -> Iterator[Fact]:
    queue = _dict(settings.get("queue"))
    yield Fact((), "name", line(queue.get("name")))
    for holder in ("arguments", "x-arguments", "properties"):
        arguments = _dict(queue.get(holder))
        alive = _whole(arguments.get("x-message-ttl"))
        yield Fact(("queue", holder), "retention", None if alive is None else iso(alive // 1_000))
        routed = line(arguments.get("x-dead-letter-routing-key")) or line(arguments.get("x-dead-letter-exchange"))
        yield Fact(("queue", holder), "dead_letter", routed)


def _sqs(settings: dict[str, Any]) -> Iterator[Fact]:
    queue = _dict(settings.get("queue"))
    yield Fact(("queue",), "name", line(queue.get("name")))
    kept = _whole(queue.get("messageRetentionPeriod"))
    yield Fact(("queue",), "retention", None if kept is None else iso(kept))
    target = _dict(_dict(queue.get("redrivePolicy")).get("deadLetterQueue"))
    own = _dict(settings.get("deadLetterQueue"))
    named = line(target.get("name")) or (line(target.get("arn")) or "").rpartition(":")[2] or line(own.get("name"))
    yield Fact(("queue", "redrivePolicy"), "dead_letter", named or None)


def _pubsub(settings: dict[str, Any]) -> Iterator[Fact]:
    yield Fact((), "name", (line(settings.get("topic")) or "").rpartition("/")[2] or None)
    yield Fact((), "retention", duration(line(settings.get("messageRetentionDuration")) or ""))


def _pulsar(settings: dict[str, Any]) -> Iterator[Fact]:
    minutes = _whole(_dict(settings.get("retention")).get("time"))
    yield Fact(("retention",), "retention", iso(minutes * 60) if minutes and minutes > 0 else None)


def _jms(settings: dict[str, Any]) -> Iterator[Fact]:
    yield Fact((), "name", line(settings.get("destination")))


def _ibmmq(settings: dict[str, Any]) -> Iterator[Fact]:
    queue, topic = _dict(settings.get("queue")), _dict(settings.get("topic"))
    yield Fact((), "name", line(queue.get("objectName")) or line(topic.get("string")))


def _nothing(settings: dict[str, Any]) -> Iterator[Fact]:
    """What a protocol binds to a channel is no setting of a topic."""
    return iter(())


READERS: dict[str, Callable[[dict[str, Any]], Iterator[Fact]]] = {
    "kafka": _kafka,
    "amqp": _amqp,
    "sqs": _sqs,
    "googlepubsub": _pubsub,
    "pulsar": _pulsar,
    "jms": _jms,
    "ibmmq": _ibmmq,
    "mqtt": _nothing,
    "nats": _nothing,
}


def _is_topic(settings: dict[str, Any]) -> bool:
    return settings.get("destinationType") == "topic"


_EXTENDED = {
    "deadletter": "dead_letter",
    "deadletterqueue": "dead_letter",
    "deadlettertopic": "dead_letter",
    "dlq": "dead_letter",
    "dlt": "dead_letter",
    "retention": "retention",
    "partitions": "partitions",
    "replicas": "replication_factor",
    "replicationfactor": "replication_factor",
    "key": "key",
    "partitionkey": "key",
    "messagekey": "key",
    "broker": "broker",
    "producer": "producer",
}


def _extensions(holder: dict[str, Any], place: tuple[str, ...]) -> Iterator[Fact]:
    """`x-dead-letter-queue: orders.dlq` and its like."""
    for name, value in holder.items():
        field = _EXTENDED.get(re.sub("[^a-z]", "", name[2:].lower())) if name.startswith("x-") else None
        if field == "retention":
            yield Fact((*place, name), field, duration(line(value) or ""))
        elif field in ("partitions", "replication_factor"):
            yield Fact((*place, name), field, _count(value))
        elif field:
            yield Fact((*place, name), field, one_value(value) or line(_dict(value).get("name")))


def _whole(value: Any) -> int | None:
    """A number, written as one or as text."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else None


def _count(value: Any) -> int | None:
    found = _whole(value)
    return found if found is not None and found > 0 else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
