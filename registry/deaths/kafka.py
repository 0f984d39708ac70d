"""Kafka's: Connect, Streams, Spring Kafka, Spring Cloud Stream, SmallRye."""

from collections.abc import Sequence
from datetime import datetime

from .base import (
    ANY,
    LONG,
    LONGEST_NAME,
    LONGEST_STACK,
    ONE,
    WHOLE,
    Death,
    Family,
    Fields,
    count,
    details,
    first_line,
    inner,
    moment,
    number,
    position,
)

CONNECT, STREAMS = "__connect.errors.", "__streams.errors."
DEAD, RETRY, BINDER = "kafka_dlt-original-", "kafka_original-", "x-original-"
CLOCKS = {"CreateTime": "its producer", "LogAppendTime": "the broker"}
PACKED: dict[str, Sequence[int]] = {
    **{f"{each}partition": WHOLE for each in (DEAD, RETRY, BINDER)},
    **{f"{each}{told}": LONG for each in (DEAD, RETRY, BINDER) for told in ("offset", "timestamp")},
    "kafka_deliveryattempt": WHOLE,
    "retry_topic-attempts": (*ONE, *WHOLE),
    "retry_topic-backoff-timestamp": ANY,
    "retry_topic-original-timestamp": ANY,
}
"""Names under which Spring writes numbers as bytes, and how many they are. All others of Kafka's write digits."""


def _connect(of: Fields) -> Death:
    return Death(
        reason=of.text(f"{CONNECT}stage"),
        error_class=of.text(f"{CONNECT}exception.class.name"),
        message=of.text(f"{CONNECT}exception.message"),
        origin=of.text(f"{CONNECT}topic"),
        stack=of.text(f"{CONNECT}exception.stacktrace", longest=LONGEST_STACK),
        consumer=of.text(f"{CONNECT}connector.name"),
        details=details(
            ("Connector's task", of.text(f"{CONNECT}task.id")), ("Failed in", of.text(f"{CONNECT}class.name"))
        ),
        origin_position=position(number(of.value(f"{CONNECT}partition")), number(of.value(f"{CONNECT}offset"))),
    )


def _streams(of: Fields) -> Death:
    return Death(
        error_class=of.text(f"{STREAMS}exception"),
        message=of.text(f"{STREAMS}message"),
        origin=of.text(f"{STREAMS}topic"),
        stack=of.text(f"{STREAMS}stacktrace", longest=LONGEST_STACK),
        origin_position=position(number(of.value(f"{STREAMS}partition")), number(of.value(f"{STREAMS}offset"))),
    )


def _spring_dead(of: Fields) -> Death:
    return _spring(of, DEAD, "kafka_dlt-exception-", "kafka_dlt-key-exception-")


def _spring_retry(of: Fields) -> Death:
    return _spring(of, RETRY, "kafka_exception-", "kafka_key-exception-")


def _spring(of: Fields, original: str, failed: str, key_failed: str) -> Death:
    """What both tell; where only the key could not be read, its error is the one there is."""
    told, other = (failed, key_failed) if _failed(of, failed) else (key_failed, "")
    return Death(
        error_class=inner(of.text(f"{told}fqcn"), of.text(f"{told}cause-fqcn")),
        message=of.text(f"{told}message"),
        origin=of.text(f"{original}topic"),
        attempts=_tries(of),
        stack=of.text(f"{told}stacktrace", longest=LONGEST_STACK),
        consumer=of.text(f"{original}consumer-group"),
        origin_position=_position(of, original),
        sent_at=_moment(of, "retry_topic-original-timestamp") or _moment(of, f"{original}timestamp"),
        details=details(
            ("Error of the key", _error(of, other)),
            ("Sent, by the clock of", _clock(of, f"{original}timestamp-type")),
            ("Next try was due", _moment(of, "retry_topic-backoff-timestamp")),
        ),
    )


def _failed(of: Fields, begun: str) -> bool:
    return any(of.text(f"{begun}{each}") for each in ("fqcn", "message", "stacktrace"))


def _error(of: Fields, begun: str) -> str:
    told = (of.text(f"{begun}fqcn"), of.text(f"{begun}message")) if begun else ()
    return ": ".join(each for each in told if each)


def _moment(of: Fields, name: str) -> datetime | None:
    return moment(of.packed(name, PACKED))


def _clock(of: Fields, name: str) -> str:
    """Whose clock told when it was sent."""
    return CLOCKS.get(told := of.text(name, longest=LONGEST_NAME), told)


def _cloud_stream(of: Fields) -> Death:
    stack = of.text("x-exception-stacktrace", longest=LONGEST_STACK)
    return Death(
        error_class=of.text("x-exception-fqcn") or first_line(stack)[0],
        message=of.text("x-exception-message"),
        origin=of.text("x-original-topic"),
        stack=stack,
        origin_position=_position(of, BINDER),
        sent_at=_moment(of, f"{BINDER}timestamp"),
        details=details(("Sent, by the clock of", _clock(of, f"{BINDER}timestamp-type"))),
    )


def _smallrye(of: Fields) -> Death:
    return Death(
        error_class=inner(of.text("dead-letter-exception-class-name"), of.text("dead-letter-cause-class-name")),
        message=of.text("dead-letter-reason", "dead-letter-cause"),
        details=details(("Cause", _cause(of))),
        origin=of.text("dead-letter-topic"),
        origin_position=position(number(of.value("dead-letter-partition")), number(of.value("dead-letter-offset"))),
    )


def _cause(of: Fields) -> str:
    told = (of.text("dead-letter-cause-class-name"), of.text("dead-letter-cause"))
    return ": ".join(each for each in told if each)


def _position(of: Fields, where: str) -> str:
    return position(of.packed(f"{where}partition", PACKED), of.packed(f"{where}offset", PACKED))


def _tries(of: Fields) -> int | None:
    """How often it was tried. Retry topics write which try would come next, to their dead letters too."""
    coming = count(of.packed("retry_topic-attempts", PACKED))
    return coming - 1 if coming else count(of.packed("kafka_deliveryAttempt", PACKED))


FAMILIES = (
    # What could not be read is put beside the message as a serialised exception.
    Family(
        "Spring Kafka",
        ("kafka_dlt-", "springdeserializerexceptionkey", "springdeserializerexceptionvalue", "kafka_deliveryattempt"),
        _spring_dead,
        signs=("kafka_dlt-", "springdeserializerexceptionkey", "springdeserializerexceptionvalue"),
    ),
    Family(
        "Spring Kafka retry topics",
        (
            *(RETRY, "kafka_exception-", "kafka_key-exception-"),
            *("retry_topic-attempts", "retry_topic-backoff-timestamp", "retry_topic-original-timestamp"),
        ),
        _spring_retry,
    ),
    Family("Kafka Connect", (CONNECT,), _connect),
    Family("Kafka Streams", (STREAMS,), _streams),
    Family(
        "SmallRye",
        (
            *("dead-letter-reason", "dead-letter-cause", "dead-letter-topic", "dead-letter-partition"),
            *("dead-letter-offset", "dead-letter-exception-class-name", "dead-letter-cause-class-name"),
        ),
        _smallrye,
    ),
    Family(
        "Spring Cloud Stream",
        (
            *("x-original-topic", "x-original-partition", "x-original-offset"),
            *("x-original-timestamp", "x-original-timestamp-type"),
            *("x-exception-fqcn", "x-exception-message", "x-exception-stacktrace"),
        ),
        _cloud_stream,
        signs=("x-original-topic", "x-exception-fqcn"),
    ),
)
