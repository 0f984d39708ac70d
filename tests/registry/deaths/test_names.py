"""Each name the design lists stands in a sample, and is read; or there is a reason why it only goes no further."""

from collections.abc import Iterable
from typing import Any

import pytest

from registry import deaths
from registry.brokers.base import Headers, Value
from registry.deaths import belongs_to, meaning
from tests.registry.deaths import samples
from tests.registry.deaths.record import told


def named(begun: str, ends: str) -> list[str]:
    return [f"{begun}{each}" for each in ends.split()]


NAMES = (
    *named("x-death/", "queue reason count time exchange routing-keys original-expiration"),
    *named("x-first-death-", "queue reason exchange"),
    *named("x-last-death-", "queue reason exchange"),
    *("x-delivery-count", "x-acquired-count"),
    *named("x-opt-deaths/", "queue reason count first-time last-time exchange routing-keys ttl"),
    *named("__connect.errors.", "topic partition offset connector.name task.id stage class.name"),
    *named("__connect.errors.exception.", "class.name message stacktrace"),
    *named("__streams.errors.", "exception stacktrace message topic partition offset"),
    *named("kafka_dlt-exception-", "fqcn cause-fqcn message stacktrace"),
    *named("kafka_dlt-key-exception-", "fqcn message stacktrace"),
    *named("kafka_dlt-original-", "topic partition offset consumer-group timestamp timestamp-type"),
    *named("kafka_original-", "topic partition offset consumer-group timestamp timestamp-type"),
    *named("kafka_exception-", "fqcn cause-fqcn message stacktrace"),
    *named("retry_topic-", "attempts backoff-timestamp original-timestamp"),
    *named("x-original-", "topic partition offset timestamp timestamp-type exchange routingKey"),
    *named("x-exception-", "fqcn message stacktrace"),
    *named("dead-letter-", "reason cause topic partition offset exception-class-name cause-class-name"),
    *named("NServiceBus.", "FailedQ TimeOfFailure MessageId CorrelationId ConversationId RelatedTo ContentType"),
    *named("NServiceBus.", "EnclosedMessageTypes OriginatingEndpoint OriginatingMachine ProcessingEndpoint"),
    *named("NServiceBus.", "ProcessingMachine TimeSent Retries MessageIntent"),
    *named("NServiceBus.ExceptionInfo.", "ExceptionType InnerExceptionType HelpLink Message Source StackTrace Data."),
    *named("ServiceControl.", "RetryTo TargetEndpointAddress EditOf Retry.UniqueMessageId Retry.StagingId"),
    *named("ServiceControl.Retry.", "Attempt.MessageId AcknowledgementQueue Successful"),
    "$.diagnostics.",
    *named("MT-Fault-", "ExceptionType Message StackTrace Timestamp InputAddress Address ConsumerType MessageType"),
    *named("MT-", "Fault-RetryCount Fault-RedeliveryCount Reason Host- Redelivery-Count OriginalMessageId"),
    *named("rbs2-", "error-details source-queue delivery-count msg-type"),
    *("reason_poisoned", "topic_poisoned", "handler_poisoned", "subscriber_poisoned"),
    *named("dlq-", "reason error-class original-topic failed-at attempts"),
    *("DeadLetterReason", "DeadLetterErrorDescription", "DeadLetterSource"),
    *named("sqs:", "ApproximateReceiveCount ApproximateFirstReceiveTimestamp SentTimestamp SenderId MessageGroupId"),
    *named("sqs:", "MessageDeduplicationId SequenceNumber DeadLetterQueueSourceArn"),
    *named("CloudPubSubDeadLetterSource", "DeliveryCount Subscription SubscriptionProject TopicPublishTime"),
    "CloudPubSubDeadLetterSourceDeliveryErrorMessage",
    *named("ce_knativeerror", "dest code data"),
    *("RECONSUMETIMES", "DELAY_TIME", "REAL_TOPIC", "RETRY_TOPIC", "ORIGIN_MESSAGE_ID", "ORIGIN_MESSAGE_IDY_TIME"),
)
"""As the design lists them; those of a table after its name, and of a namespace none or one of it."""
ONLY_LEFT_OUT = {
    "$.diagnostics.": "ids of hosts and of a licence, of which its processing machine tells what a person can use",
}
SAMPLES = {name: samples.headers(samples.sample(name)["headers"]) for name in samples.names()}


def changed(headers: Headers, name: str, to: Value) -> Headers:
    """With another value under the name: of a header, of those of a namespace, or in a table's rows; None for none."""
    table, _, field = name.partition("/")
    if not field:
        kept = tuple((each, to) if is_of(each, name) else (each, value) for each, value in headers)
        return tuple(each for each in kept if to is not None or not is_of(each[0], name))
    rows: Any = dict(headers).get(table)
    now: Any = [row | {field: to} if field in row else row for row in rows or []]
    return tuple((each, now) if each == table else (each, value) for each, value in headers)


def is_of(name: str, known: str) -> bool:
    return name.startswith(known) if known.endswith((".", "-")) else name == known


def bearing(name: str) -> Iterable[Headers]:
    return [each for each in SAMPLES.values() if changed(each, name, None) != each]


def is_read(headers: Headers, name: str) -> bool:
    return any(told(deaths.read(changed(headers, name, to))) != told(deaths.read(headers)) for to in (None, "9"))


@pytest.mark.parametrize("name", NAMES)
def test_a_listed_name_stands_in_a_sample_and_is_read(name: str) -> None:
    found = bearing(name)
    assert found, "no sample has it"
    if name in ONLY_LEFT_OUT:
        assert all(
            each not in deaths.stripped(headers) for headers in found for each in headers if is_of(each[0], name)
        )
    else:
        assert any(is_read(each, name) for each in found)


def test_what_is_said_to_be_only_left_out_is_listed() -> None:
    assert set(ONLY_LEFT_OUT) <= set(NAMES)


def test_each_sample_says_whether_it_was_recorded_or_written() -> None:
    for name in samples.names():
        assert samples.sample(name)["made_by"].startswith(("recorded from ", "written from the names in ", "written: "))


def test_a_broker_that_was_not_recorded_is_not_said_to_be() -> None:
    recorded = {name for name in samples.names() if samples.sample(name)["made_by"].startswith("recorded")}
    told = {"RabbitMQ", "Amazon SQS"}
    assert all(set(samples.sample(name)["death"]["families"]) <= told for name in recorded)


@pytest.mark.parametrize(
    "reason",
    [
        *("HeaderSizeExceeded", "TTLExpiredException", "Session ID is null", "MaxTransferHopCountExceeded"),
        *("MaxDeliveryCountExceeded", "Session ID is null.", "rejected", "expired", "maxlen", "delivery_limit"),
    ],
)
def test_a_brokers_word_is_told_in_plain_ones(reason: str) -> None:
    assert meaning(reason).endswith(".")


def test_no_word_but_a_brokers_is_explained() -> None:
    assert meaning("") == meaning("the card was refused") == ""


TOPICS = ["orders", "orders.placed", "payments"]


@pytest.mark.parametrize(
    ("place", "topic"),
    [
        *(("orders-dlt", "orders"), ("orders.DLT", "orders"), ("orders.placed-retry", "orders.placed")),
        *(("orders-retry-1000", "orders"), ("payments_error", "payments"), ("payments_skipped", "payments")),
        *(("orders/$DeadLetterQueue", "orders"), ("dead-letter-topic-orders.placed", "orders.placed")),
        *(("orders-billing-DLQ", "orders"), ("orders-billing-RETRY", "orders"), ("orders-DLQ", "orders")),
        *(("orders", ""), ("orders-dead", ""), ("returns-dlt", ""), ("-dlt", ""), ("", ""), ("orders.placed", "")),
    ],
)
def test_a_places_name_says_whose_failures_lie_there(place: str, topic: str) -> None:
    assert belongs_to(place, TOPICS) == topic


def test_where_two_topics_may_be_meant_none_is() -> None:
    assert belongs_to("orders-billing-eu-DLQ", ["orders", "orders-billing"]) == ""
