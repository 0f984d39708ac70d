"""Watermill's poison queue, eventferry's dead letters, and Pulsar's retry letters."""

from .base import Death, Family, Fields, count, details, number

ORIGIN_IDS = ("origin_message_id", "origin_message_idy_time")
"""The second is what a release of Pulsar's client wrote for the first."""


def _watermill(of: Fields) -> Death:
    return Death(
        message=of.text("reason_poisoned"),
        origin=of.text("topic_poisoned"),
        consumer=of.text("handler_poisoned", "subscriber_poisoned"),
        details=details(("Subscriber", of.text("subscriber_poisoned"))),
    )


def _eventferry(of: Fields) -> Death:
    return Death(
        error_class=of.text("dlq-error-class"),
        message=of.text("dlq-reason"),
        origin=of.text("dlq-original-topic"),
        died_at=of.moment("dlq-failed-at"),
        attempts=count(of.value("dlq-attempts")),
    )


def _pulsar(of: Fields) -> Death:
    waited = number(of.value("DELAY_TIME"))
    return Death(
        origin=of.text("REAL_TOPIC"),
        attempts=count(of.value("RECONSUMETIMES")),
        origin_position=of.text(*ORIGIN_IDS, longest=200),
        details=details(
            ("Retry topic", of.text("RETRY_TOPIC")),
            ("Waited before the next try", f"{waited} ms" if waited is not None else ""),
        ),
    )


FAMILIES = (
    Family("Watermill", ("reason_poisoned", "topic_poisoned", "handler_poisoned", "subscriber_poisoned"), _watermill),
    Family(
        "eventferry",
        ("dlq-reason", "dlq-error-class", "dlq-original-topic", "dlq-failed-at", "dlq-attempts"),
        _eventferry,
    ),
    Family(
        "Pulsar",
        (*("reconsumetimes", "delay_time", "real_topic", "retry_topic"), *ORIGIN_IDS),
        _pulsar,
        signs=("reconsumetimes", "real_topic", *ORIGIN_IDS),
    ),
)
