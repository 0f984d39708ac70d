"""Kafka's: Connect, Streams, Spring Kafka, Spring Cloud Stream, SmallRye."""

from collections.abc import Sequence

from .base import ANY, LONG, LONGEST_STACK, WHOLE, Death, Family, Fields, count, first_line, inner, number, position

CONNECT, STREAMS = "__connect.errors.", "__streams.errors."
DEAD, RETRY, BINDER = "kafka_dlt-original-", "kafka_original-", "x-original-"
PACKED: dict[str, Sequence[int]] = {
    **{
        f"{each}{name}": size
        for each in (DEAD, RETRY, BINDER)
        for name, size in (("partition", WHOLE), ("offset", LONG))
    },
    **{f"{each}timestamp": LONG for each in (DEAD, RETRY, BINDER)},
    "kafka_deliveryattempt": WHOLE,
    "retry_topic-attempts": (1, *WHOLE),
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
    dead = "kafka_dlt-"
    return Death(
        error_class=inner(
            of.text(f"{dead}exception-fqcn", f"{dead}key-exception-fqcn"), of.text(f"{dead}exception-cause-fqcn")
        ),
        message=of.text(f"{dead}exception-message", f"{dead}key-exception-message"),
        origin=of.text(f"{dead}original-topic"),
        attempts=_tries(of),
        stack=of.text(f"{dead}exception-stacktrace", f"{dead}key-exception-stacktrace", longest=LONGEST_STACK),
        consumer=of.text(f"{dead}original-consumer-group"),
        origin_position=_position(of, DEAD),
    )


def _spring_retry(of: Fields) -> Death:
    return Death(
        error_class=inner(of.text("kafka_exception-fqcn"), of.text("kafka_exception-cause-fqcn")),
        message=of.text("kafka_exception-message"),
        origin=of.text("kafka_original-topic"),
        attempts=_tries(of),
        stack=of.text("kafka_exception-stacktrace", longest=LONGEST_STACK),
        consumer=of.text("kafka_original-consumer-group"),
        origin_position=_position(of, RETRY),
    )


def _cloud_stream(of: Fields) -> Death:
    stack = of.text("x-exception-stacktrace", longest=LONGEST_STACK)
    return Death(
        error_class=of.text("x-exception-fqcn") or first_line(stack)[0],
        message=of.text("x-exception-message"),
        origin=of.text("x-original-topic"),
        stack=stack,
        origin_position=_position(of, BINDER),
    )


def _smallrye(of: Fields) -> Death:
    return Death(
        error_class=inner(of.text("dead-letter-exception-class-name"), of.text("dead-letter-cause-class-name")),
        message=of.text("dead-letter-reason", "dead-letter-cause"),
        origin=of.text("dead-letter-topic"),
        origin_position=position(number(of.value("dead-letter-partition")), number(of.value("dead-letter-offset"))),
    )


def _position(of: Fields, where: str) -> str:
    return position(of.packed(f"{where}partition", PACKED), of.packed(f"{where}offset", PACKED))


def _tries(of: Fields) -> int | None:
    told = [count(of.packed(each, PACKED)) for each in ("retry_topic-attempts", "kafka_deliveryAttempt")]
    return told[0] if told[0] is not None else told[1]


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
