"""Small readers: server-sent events, Retry-After, metrics."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration_registry import Integration, retry_after
from integration_registry.metrics import Collector, prefix, serve_text
from integration_registry.sse import LONGEST, Event, Reader, TooLong
from prometheus_client import CollectorRegistry, generate_latest
from sdk_contract.provider import Provider

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STREAM = (
    b': hello\n\nevent: release\r\nid: 7\r\ndata: {"a":1}\r\ndata: more\r\n\r\n'
    b"id: 8\rdata:x\r\revent: bookmark\nid: 9\n\ndata: cut"
)
EVENTS = [Event("release", '{"a":1}\nmore', "7"), Event("message", "x", "8"), Event("bookmark", "", "9")]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = Reader()
    found: list[Event] = []
    for start, end in pairwise(edges):
        found += reader.feed(STREAM[start:end])
    assert (found, reader.last_id) == (EVENTS, "9")


def test_a_stream_that_never_ends_a_line_is_none_of_ours() -> None:
    with pytest.raises(TooLong):
        list(Reader().feed(b"x" * (LONGEST + 1)))
    reader, line = Reader(), b"data: " + b"x" * 50_000 + b"\n"
    assert list(reader.feed(line)) == []
    assert list(reader.feed(line)) == []
    with pytest.raises(TooLong):
        list(reader.feed(line))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after.seconds(text, NOW) == seconds


def test_metrics_have_the_names_of_the_design_document(obeying: Callable[..., Integration], provider: Provider) -> None:
    integration = obeying(retry={"max_retries": 0}, circuit_breaker={"minimum_calls": 2})
    provider.will(200, 500)
    with integration.http("payments-api") as client:
        client.get("/")
        client.get("/")
    collector, own = Collector(integration.registry), CollectorRegistry()
    collector.watch_lag("orders-to-payments", "orders.events", lambda: 12)
    collector.watch_dead_letters("orders-to-payments", "orders.events.dlq", lambda: 1)
    own.register(collector)
    lines = generate_latest(own).decode().splitlines()
    start = "integration_orders_to_payments"
    for line in (
        f'{start}_requests_total{{contract="payments-api",outcome="200"}} 1.0',
        f'{start}_requests_total{{contract="payments-api",outcome="500"}} 1.0',
        f'{start}_error_rate{{contract="payments-api"}} 50.0',
        f'{start}_latency_p99_ms_count{{contract="payments-api"}} 2.0',
        f"# TYPE {start}_latency_p99_ms histogram",
        f'{start}_circuit_open{{contract="payments-api"}} 1.0',
        f'{start}_consumer_lag{{topic="orders.events"}} 12.0',
        f'{start}_dlq_depth{{topic="orders.events.dlq"}} 1.0',
        'integration_settings_release{integration="orders-to-payments"} 1.0',
        'integration_settings_refused{integration="orders-to-payments"} 0.0',
    ):
        assert line in lines
    assert b"_circuit_open" in serve_text(integration.registry)
    assert prefix("vans.to-app") == "integration_vans_to_app"
