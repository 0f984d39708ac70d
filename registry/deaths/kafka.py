"""Kafka's: Connect, Streams, Spring Kafka, Spring Cloud Stream, SmallRye."""

from .base import LONGEST_STACK, Death, Family, Fields, count, first_line, inner, position

CONNECT, STREAMS = "__connect.errors.", "__streams.errors."


def _connect(of: Fields) -> Death:
    return Death(
        reason=of.text(f"{CONNECT}stage"),
        error_class=of.text(f"{CONNECT}exception.class.name"),
        message=of.text(f"{CONNECT}exception.message"),
        origin=of.text(f"{CONNECT}topic"),
        stack=of.text(f"{CONNECT}exception.stacktrace", longest=LONGEST_STACK),
        consumer=of.text(f"{CONNECT}connector.name"),
        origin_position=position(of.value(f"{CONNECT}partition"), of.value(f"{CONNECT}offset")),
    )


def _streams(of: Fields) -> Death:
    return Death(
        error_class=of.text(f"{STREAMS}exception"),
        message=of.text(f"{STREAMS}message"),
        origin=of.text(f"{STREAMS}topic"),
        stack=of.text(f"{STREAMS}stacktrace", longest=LONGEST_STACK),
        origin_position=position(of.value(f"{STREAMS}partition"), of.value(f"{STREAMS}offset")),
    )


def _spring_dead(of: Fields) -> Death:
    dead = "kafka_dlt-"
    return Death(
        error_class=inner(
            of.text(f"{dead}exception-fqcn", f"{dead}key-exception-fqcn"), of.text(f"{dead}exception-cause-fqcn")
        ),
        message=of.text(f"{dead}exception-message", f"{dead}key-exception-message"),
        origin=of.text(f"{dead}original-topic"),
        attempts=count(of.value("retry_topic-attempts", "kafka_deliveryAttempt")),
        stack=of.text(f"{dead}exception-stacktrace", f"{dead}key-exception-stacktrace", longest=LONGEST_STACK),
        consumer=of.text(f"{dead}original-consumer-group"),
        origin_position=position(of.value(f"{dead}original-partition"), of.value(f"{dead}original-offset")),
    )


def _spring_retry(of: Fields) -> Death:
    return Death(
        error_class=inner(of.text("kafka_exception-fqcn"), of.text("kafka_exception-cause-fqcn")),
        message=of.text("kafka_exception-message"),
        origin=of.text("kafka_original-topic"),
        attempts=count(of.value("retry_topic-attempts")),
        stack=of.text("kafka_exception-stacktrace", longest=LONGEST_STACK),
        consumer=of.text("kafka_original-consumer-group"),
        origin_position=position(of.value("kafka_original-partition"), of.value("kafka_original-offset")),
    )


def _cloud_stream(of: Fields) -> Death:
    stack = of.text("x-exception-stacktrace", longest=LONGEST_STACK)
    return Death(
        error_class=of.text("x-exception-fqcn") or first_line(stack)[0],
        message=of.text("x-exception-message"),
        origin=of.text("x-original-topic"),
        stack=stack,
        origin_position=position(of.value("x-original-partition"), of.value("x-original-offset")),
    )


def _smallrye(of: Fields) -> Death:
    return Death(
        error_class=inner(of.text("dead-letter-exception-class-name"), of.text("dead-letter-cause-class-name")),
        message=of.text("dead-letter-reason", "dead-letter-cause"),
        origin=of.text("dead-letter-topic"),
        origin_position=position(of.value("dead-letter-partition"), of.value("dead-letter-offset")),
    )


FAMILIES = (
    # What could not be read is put beside the message as a serialised exception.
    Family("Spring Kafka", ("kafka_dlt-", "springdeserializerexception"), _spring_dead),
    Family("Spring Kafka retry topics", ("kafka_original-", "kafka_exception-", "retry_topic-"), _spring_retry),
    Family("Kafka Connect", (CONNECT,), _connect),
    Family("Kafka Streams", (STREAMS,), _streams),
    Family(
        "SmallRye",
        (
            *("dead-letter-reason", "dead-letter-cause", "dead-letter-topic", "dead-letter-partition"),
            *("dead-letter-offset", "dead-letter-exception-class-name"),
        ),
        _smallrye,
    ),
    Family(
        "Spring Cloud Stream",
        (
            *("x-original-topic", "x-original-partition", "x-original-offset", "x-original-timestamp"),
            *("x-exception-fqcn", "x-exception-message", "x-exception-stacktrace"),
        ),
        _cloud_stream,
        signs=("x-original-topic", "x-exception-fqcn"),
    ),
)
