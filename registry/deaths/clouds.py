"""What hosted brokers write: Azure Service Bus, Amazon SQS, Google Pub/Sub, and Knative's eventing."""

import base64
import binascii

from .base import Death, Family, Fields, count, details, text

PUBSUB = "CloudPubSubDeadLetterSource"
TOLD_BY_PUBSUB = ("DeliveryCount", "Subscription", "SubscriptionProject", "TopicPublishTime", "DeliveryErrorMessage")
SIGNS_OF_SQS = ("approximatereceivecount", "deadletterqueuesourcearn")
MOST_DATA = 8_000


def _azure(of: Fields) -> Death:
    return Death(
        reason=of.text("DeadLetterReason"),
        message=of.text("DeadLetterErrorDescription"),
        origin=of.text("DeadLetterSource"),
    )


def _sqs(of: Fields) -> Death:
    """Amazon says nothing of why. What it did not move itself was received by us alone."""
    source = of.text("DeadLetterQueueSourceArn", "sqs:DeadLetterQueueSourceArn")
    received = count(of.value("ApproximateReceiveCount", "sqs:ApproximateReceiveCount"))
    return Death(
        origin=source.rpartition(":")[2],
        attempts=received - 1 if received and source else None,
        # By its clock a message was sent then, and it does not tell when it moved one.
        sent_at=of.moment("sqs:SentTimestamp", "SentTimestamp"),
        details=details(
            ("First received", of.moment("sqs:ApproximateFirstReceiveTimestamp", "ApproximateFirstReceiveTimestamp")),
            ("Received, with our looks", received),
            ("Sender", of.text("sqs:SenderId", "SenderId")),
            ("Message group", of.text("sqs:MessageGroupId", "MessageGroupId")),
            ("Deduplication id", of.text("sqs:MessageDeduplicationId", "MessageDeduplicationId")),
            ("Sequence number", of.text("sqs:SequenceNumber", "SequenceNumber")),
        ),
    )


def _pubsub(of: Fields) -> Death:
    project, subscription = of.text(f"{PUBSUB}SubscriptionProject"), of.text(f"{PUBSUB}Subscription")
    return Death(
        message=of.text(f"{PUBSUB}DeliveryErrorMessage"),
        origin="/".join(each for each in (project, subscription) if each),
        attempts=count(of.value(f"{PUBSUB}DeliveryCount")),
        consumer=subscription,
        sent_at=of.moment(f"{PUBSUB}TopicPublishTime"),
    )


def _knative(of: Fields) -> Death:
    names = ("knativeerrordata", "ce_knativeerrordata", "ce-knativeerrordata")
    code = of.text("knativeerrorcode", "ce_knativeerrorcode", "ce-knativeerrorcode")
    return Death(
        reason=f"HTTP {code}" if code else "",
        message=_decoded(of.text(*names, longest=MOST_DATA)),
        consumer=of.text("knativeerrordest", "ce_knativeerrordest", "ce-knativeerrordest"),
    )


def _decoded(told: str) -> str:
    try:
        return text(base64.b64decode(told, validate=True).decode()) if told else ""
    except (binascii.Error, ValueError):
        return told[:2_000]


FAMILIES = (
    Family("Azure Service Bus", ("deadletterreason", "deadlettererrordescription", "deadlettersource"), _azure),
    Family(
        "Knative",
        tuple(f"{binding}knativeerror{each}" for binding in ("", "ce_", "ce-") for each in ("dest", "code", "data")),
        _knative,
    ),
    Family("Google Pub/Sub", tuple(f"{PUBSUB}{each}".lower() for each in TOLD_BY_PUBSUB), _pubsub),
    Family(
        "Amazon SQS",
        ("sqs:", "approximatereceivecount", "approximatefirstreceivetimestamp", "deadletterqueuesourcearn"),
        _sqs,
        signs=tuple(f"{space}{each}" for space in ("", "sqs:") for each in SIGNS_OF_SQS),
    ),
)
