"""Headers of every family say why a message died, and nothing in them breaks anything."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import deaths
from registry.brokers.base import Headers, Value
from registry.deaths import FAMILIES, group_key, normalised
from tests.registry.deaths import samples
from tests.registry.deaths.record import told

texts = st.text(max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=12) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
owned = st.sampled_from(sorted({each for family in FAMILIES for each in family.owns}))
known = st.sampled_from(sorted({name for each in samples.names() for name, _ in samples.sample(each)["headers"]}))
names = known | texts | st.tuples(owned, texts).map("".join)
ALIVE = (
    "traceparent",
    "tracestate",
    "ce_id",
    "ce_type",
    "content-type",
    "x-tenant",
    "Authorization-Scope",
    "kafka_key",
    *("cc", "x-original-url", "x-exception-handler", "dead-letter-policy", "dlq-owner", "SequenceNumber", "senderId"),
    *("dlq-reason-code", "dlq-attempts-left", "real_topic_x", "retry_topic-mine", "x-opt-anything"),
    *("x-death-note", "x-first-death-wish", "x-delivery-counted", "x-original-topics", "dead-letter-reasons"),
    *("reason_poisoned_by", "delay_time_zone", "origin_message_identity", "mt-reasons", "MT-Fault-Address"),
    *("rbs2-source-queue-owner", "rbs2-msg-type", "NServiceBus.RetriesAllowed", "DeadLetterReasonCode"),
    *("knativeerrors", "CloudPubSubDeadLetterSources", "approximateReceiveCountry", "springDeserializerExceptions"),
)
ORIGINS = frozenset(
    {
        *("__connect.errors.topic", "__streams.errors.topic", "kafka_dlt-original-topic", "kafka_original-topic"),
        *("x-original-topic", "dead-letter-topic", "nservicebus.failedq", "mt-fault-inputaddress", "topic_poisoned"),
        *("rbs2-source-queue", "dlq-original-topic", "deadlettersource", "x-original-routingkey", "real_topic"),
        *("x-first-death-queue", "x-last-death-queue"),
    }
)


@pytest.mark.parametrize("name", samples.names())
def test_a_sample_says_what_it_says(name: str) -> None:
    sample = samples.sample(name)
    assert told(deaths.read(samples.headers(sample["headers"]))) == sample["death"]


def test_every_family_has_a_sample() -> None:
    sampled = {family for each in samples.names() for family in samples.sample(each)["death"].get("families", [])}
    assert sampled == {each.name for each in FAMILIES}


@given(st.lists(st.tuples(names, values), max_size=12))
def test_whatever_the_headers_are_something_comes_out(given_headers: list[tuple[str, Any]]) -> None:
    found = deaths.read(tuple(given_headers))
    assert len(found.message) <= 2_000
    assert "\x00" not in f"{found.message}{found.origin}{found.error_class}{found.reason}{found.stack}"
    f"{found}".encode()
    assert found.attempts is None or 0 <= found.attempts < 2**31


def test_a_number_nobody_can_write_down_says_nothing() -> None:
    assert deaths.read((("dead-letter-reason", 10**5_000), ("dead-letter-offset", 10**5_000))).message == ""


@pytest.mark.parametrize("name", samples.names())
def test_what_a_broker_or_library_wrote_does_not_go_along_again(name: str) -> None:
    sample = samples.headers(samples.sample(name)["headers"])
    kept = dict(deaths.stripped((*sample, ("x-registry-attempt", "7"))))
    assert not deaths.read(tuple(kept.items())).families
    assert "x-registry-attempt" not in kept


def test_the_senders_own_headers_go_along() -> None:
    sent: Headers = tuple((name, "x") for name in ALIVE)
    assert deaths.stripped(sent) == sent


@pytest.mark.parametrize("namespace", sorted(each for family in FAMILIES for each in family.owns if each[-1] in ".-:"))
def test_of_a_namespace_nothing_goes_along(namespace: str) -> None:
    assert deaths.stripped(((f"{namespace}anything", "x"), (namespace[:-1], "x"))) == ((namespace[:-1], "x"),)


def test_text_is_never_taken_for_the_bytes_of_a_number() -> None:
    for families in ("__connect.errors.", "__streams.errors.", "dead-letter-"):
        for text in (b"null", b"-123", b"12345678", b"unknown!", b"\x00\x00\x00\x05"):
            said = deaths.read(((f"{families}topic", b"orders"), (f"{families}partition", text)))
            told = f"partition {text.decode()}" if text.lstrip(b"-").isdigit() else ""
            assert said.origin_position == told
    for text in (b"null", b"-123", b"1234"):
        said = deaths.read((("kafka_dlt-original-topic", b"orders"), ("kafka_dlt-original-partition", text)))
        assert said.origin_position == ("" if text == b"null" else f"partition {text.decode()}")


def test_only_as_many_bytes_as_its_library_writes_are_a_number() -> None:
    packed: Headers = (
        ("kafka_dlt-original-topic", b"orders"),
        ("kafka_dlt-original-partition", b"\x00\x00\x00\x00\x00\x00\x00\x05"),
        ("kafka_dlt-original-offset", b"\x00\x00\x00\x00\x00\x00\x01\x00"),
    )
    assert deaths.read(packed).origin_position == "offset 256"


@pytest.mark.parametrize("name", ["x-death", "x-opt-deaths"])
def test_to_expire_is_no_try_of_a_consumer(name: str) -> None:
    waited: dict[str, Value] = {"queue": "orders.wait", "reason": "expired", "count": 5}
    rejected: dict[str, Value] = {"queue": "orders", "reason": "rejected", "count": 3}
    said = deaths.read(((name, [waited, rejected]),))
    assert (said.attempts, said.reason, said.origin) == (3, "rejected", "orders")
    assert deaths.read(((name, [waited]),)).attempts is None


def test_a_forged_origin_is_shown_and_changes_nothing_else() -> None:
    genuine: Headers = (("kafka_dlt-exception-fqcn", b"a.B"), ("kafka_dlt-original-topic", b"orders"))
    forged: Headers = (("kafka_dlt-exception-fqcn", b"a.B"), ("kafka_dlt-original-topic", b"admin.secrets"))
    one, other = deaths.read(genuine), deaths.read(forged)
    assert (one.origin, other.origin) == ("orders", "admin.secrets")
    assert (one.error_class, one.message, one.families) == (other.error_class, other.message, other.families)


def test_the_last_of_two_headers_of_one_name_counts() -> None:
    assert deaths.read((("dead-letter-reason", "first"), ("Dead-Letter-Reason", "second"))).message == "second"


def test_class_and_message_are_of_one_error() -> None:
    spring: Headers = (("kafka_dlt-exception-fqcn", b"a.B"),)
    connect: Headers = (("__connect.errors.exception.message", b"of another"), ("__connect.errors.stage", b"TASK_PUT"))
    said = deaths.read((*connect, *spring))
    assert (said.error_class, said.message, said.reason) == ("a.B", "", "TASK_PUT")


@pytest.mark.parametrize("name", samples.names())
@pytest.mark.parametrize("forged", ["elsewhere", b"\xff" * 5_000])
def test_a_forged_origin_changes_no_other_part_of_any_family(name: str, forged: Value) -> None:
    headers = samples.headers(samples.sample(name)["headers"])
    said = deaths.read(tuple((each, forged if each.lower() in ORIGINS else value) for each, value in headers))
    genuine = deaths.read(headers)
    for other in ("First death", "Last death"):
        said.details.pop(other, None)
        genuine.details.pop(other, None)
    assert replace(said, origin="") == replace(genuine, origin="")


def test_no_header_chooses_where_a_letter_is_sent_or_what_a_broker_does_with_it() -> None:
    sent = ("CC", "BCC", "Nats-Rollup", "nats:subject", "amqp:user_id", "X-Registry-Root", "sqs:MessageGroupId")
    assert deaths.stripped(tuple((name, "x") for name in sent)) == ()


def test_deliveries_out_of_the_queue_it_lies_in_are_no_tries_of_its_consumer() -> None:
    assert deaths.read((("x-delivery-count", 7),)).attempts is None
    assert deaths.read((("sqs:ApproximateReceiveCount", "7"),)).attempts is None


def test_an_error_that_only_wraps_another_is_told_as_the_other() -> None:
    wrapping = "org.springframework.kafka.listener.ListenerExecutionFailedException"
    dlt = (("kafka_dlt-exception-fqcn", wrapping), ("kafka_dlt-exception-cause-fqcn", "a.Inner"))
    assert deaths.read(dlt).error_class == "a.Inner"
    own = (("kafka_dlt-exception-fqcn", "a.Outer"), ("kafka_dlt-exception-cause-fqcn", "a.Inner"))
    assert deaths.read(own).error_class == "a.Outer"
    trace = f"{wrapping}: failed\n\tat x\nCaused by: a.NoStock: none left\n\tat y"
    amqp = (("x-original-routingKey", "orders"), ("x-exception-stacktrace", trace))
    assert (deaths.read(amqp).error_class, deaths.read(amqp).message) == ("a.NoStock", "none left")
    rebus = "2 unhandled exceptions\nSystem.AggregateException: Some.\n ---> Shop.NoStockException: none left\n at z"
    said = deaths.read((("rbs2-error-details", rebus),))
    assert (said.error_class, said.message) == ("Shop.NoStockException", "none left")


@pytest.mark.parametrize(
    ("written", "tried"), [(b"\0\0\0\x05", 4), (b"\x05", 4), (b"\0\0\0\0", None), (b"\0\x05", None)]
)
def test_a_retry_topic_tells_one_try_more_than_there_were(written: bytes, tried: int | None) -> None:
    for failed in ("kafka_exception-fqcn", "kafka_dlt-exception-fqcn"):
        assert deaths.read(((failed, b"a.B"), ("retry_topic-attempts", written))).attempts == tried


@pytest.mark.parametrize(
    ("message", "alike"),
    [
        ("Order 4711 not found", "Order <n> not found"),
        ("Tenant b2e1a7c4-9d3f-4c1e-8f60-5a7c3be21d90 has no table", "Tenant <uuid> has no table"),
        ("refused by 10.1.2.3:5432 after 30 s", "refused by <ip> after <n> s"),
        ('Cannot read totalCents from "83,96"', "Cannot read totalCents from <text>"),
        ("at 2026-11-04T08:11:52.123Z and 2026-11-04 08:11", "at <time> and <time>"),
        ("mail to cora@example.com bounced", "mail to <email> bounced"),
        ("GET https://pay.example.com/v1/pay_93ab?x=1 gave 503", "GET <url> gave <n>"),
        ("hash 0x9f and deadbeef99", "hash <hex> and <hex>"),
        ("payment pay_8f3k2 is known", "payment <id> is known"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV is unknown", "<key> is unknown"),
        ("can't and won't", "can't and won't"),
        ("  spread \n over\tlines ", "spread over lines"),
    ],
)
def test_what_differs_from_case_to_case_is_left_out(message: str, alike: str) -> None:
    assert normalised(message) == alike


@given(st.lists(st.integers(min_value=0), min_size=3, max_size=3), st.uuids(), st.datetimes())
def test_other_numbers_ids_and_moments_make_no_other_message(numbers: list[int], key: Any, at: Any) -> None:
    message = "Order {} of {} at {}: {} of {} items".format(numbers[0], key, at.isoformat()[:19], *numbers[1:])
    assert normalised(message) == "Order <n> of <uuid> at <time>: <n> of <n> items"


@given(st.text(max_size=4_000) | st.text("05a'\"<>.:-/@?=_ \n", max_size=400))
def test_a_normalised_message_is_short_and_stays_as_it_is(message: str) -> None:
    once = normalised(message)
    assert len(once) <= 300
    assert normalised(once) == once


def test_deaths_are_alike_by_class_and_message() -> None:
    alike = {group_key("a.B", "", f"Order {each} of {each}-01-02 failed") for each in (2026, 2031, 1999)}
    assert len(alike) == 1
    assert group_key("a.C", "", "Order 1 of 2026-01-02 failed") not in alike
    assert group_key("a.B", "", "Payment 1 failed") not in alike
    assert group_key("", "rejected", "x") != group_key("", "expired", "x")
    assert group_key("", "order 1 is late", "") == group_key("", "order 2 is late", "")


HOSTILE: dict[str, Headers] = {
    "many names": tuple((f"x-death-{number}", "x") for number in range(60_000)),
    "many deaths": (("x-death", [{"reason": "rejected", "count": 10**4_000}] * 50_000),),
    "causes without end": (
        ("x-original-routingKey", ""),
        ("x-exception-stacktrace", "a.ExecutionException\n" + "Caused by: a.ExecutionException\n" * 30_000),
    ),
    "exceptions without end": (("rbs2-error-details", "aException (" * 80_000),),
    "base 64": (("ce_knativeerrordata", "QUJD" * 250_000),),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_hostile_headers_costs_next_to_nothing(name: str) -> None:
    began = time.process_time()
    deaths.read(HOSTILE[name])
    deaths.stripped(HOSTILE[name])
    assert time.process_time() - began < 1


@pytest.mark.parametrize("part", ["aaaa", "1.1.", "''''", "a_a_", "ffff", "a@b.", "\x00\x00\x00\x00"])
def test_a_million_hostile_characters_cost_next_to_nothing(part: str) -> None:
    message = part * 250_000
    began = time.process_time()
    deaths.read((("dead-letter-reason", message), ("x-death", [{"reason": message}] * 10_000)))
    normalised(message)
    assert time.process_time() - began < 1
