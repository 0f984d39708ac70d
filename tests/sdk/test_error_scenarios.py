"""The five error scenarios of the design document, with settings that people sign while services run.

Each is tried against a provider (or a broker) that really fails, under the settings of 1.0 and then under others, which
must be obeyed within a second of the last signature.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import integration_registry
import psycopg
import pytest
import redis
from django.conf import settings
from integration_registry import BearerToken, CircuitOpen, Integration, forget, schema
from sdk_contract.provider import Provider, Reply

from registry.models import Environment, Instance
from registry.services import overrides
from tests import landscape
from tests.sdk.conftest import HERE, SLUG, Change, database_url, wait_until

Holds = Callable[[float], float]


def told(integration: Integration) -> str:
    """The state of the breaker."""
    contract = integration.settings.contracts["payments-api"]
    return integration.outlet("payments-api").line.breaker(contract)[0]


def test_provider_returns_500_and_the_breaker_opens_after_the_threshold(
    obeyed: Integration, provider: Provider, change: Change, holds: Holds
) -> None:
    provider.usual = Reply(500)
    with obeyed.http("payments-api") as client:
        for _ in range(3):
            assert client.post("payments").status_code == 500
        assert len(provider.seen) == 9 and told(obeyed) == "closed"
        assert client.post("payments").status_code == 500
        assert len(provider.seen) == 10 and told(obeyed) == "open", "ten calls, half of which failed, and no sooner"
        with pytest.raises(CircuitOpen):
            client.post("payments")
        wait_until(lambda: reported_breaker(obeyed) == "open")

        holds(change(circuit_breaker={"open_seconds": 1, "minimum_calls": 2}))
        wait_until(lambda: told(obeyed) == "half_open", 1.5)
        provider.usual = Reply(201)
        assert client.post("payments").status_code == 201
        assert told(obeyed) == "closed"
        provider.usual = Reply(500)
        client.post("payments")
        assert told(obeyed) == "open" and len(provider.seen) == 13, "now two are enough"
        wait_until(lambda: reported_breaker(obeyed) == "open")


def test_provider_times_out_and_the_retry_policy_kicks_in(
    obeyed: Integration, provider: Provider, change: Change, holds: Holds
) -> None:
    holds(change(retry={"attempt_timeout_ms": 400}, timeouts={"read_ms": 300, "connect_ms": 200, "total_ms": 3_000}))
    provider.will(Reply(after_s=1), Reply(after_s=1), 201)
    with obeyed.http("payments-api") as client:
        assert client.post("payments").status_code == 201
        gaps = [later.at - earlier.at for earlier, later in zip(provider.seen, provider.seen[1:], strict=False)]
        assert 0.3 <= gaps[0] < 0.5 and 0.3 <= gaps[1] < 0.5, "the first byte is waited for, then the delay"
        assert len({each.headers["idempotency-key"] for each in provider.seen}) == 1

        holds(change(retry={"max_retries": 0}))
        provider.forget()
        provider.usual = Reply(after_s=1)
        with pytest.raises(httpx.ReadTimeout):
            client.post("payments")
        assert len(provider.seen) == 1


def test_the_auth_token_expired_and_the_refresh_flow_works(
    obeyed: Integration, provider: Provider, change: Change, holds: Holds
) -> None:
    issued = iter(["first", "second", "third"])
    provider.tokens = {"first"}
    with obeyed.http("payments-api", credentials=BearerToken(lambda: next(issued))) as client:
        assert client.post("payments").status_code == 200
        provider.tokens = {"second"}
        assert client.post("payments").status_code == 200
        assert [each.headers["authorization"] for each in provider.seen[1:]] == ["Bearer first", "Bearer second"]

        holds(change(errors=[{"status": "401", "code": "UNAUTHORIZED", "action": "alert_and_stop"}]))
        provider.tokens = {"third"}
        assert client.post("payments").status_code == 401
        assert len(provider.seen) == 4, "now nobody asks for another"


def test_the_rate_limit_is_exceeded_and_429_is_backed_off_from(
    obeyed: Integration, provider: Provider, change: Change, holds: Holds
) -> None:
    provider.will(Reply(429, {"Retry-After": "1"}), 201)
    with obeyed.http("payments-api") as client:
        assert client.post("payments").status_code == 201
        assert 1.0 <= provider.seen[1].at - provider.seen[0].at < 1.6
        assert told(obeyed) == "closed"

        holds(change(rate_limit={"burst_per_second": 1, "burst_action": "wait"}))
        provider.forget()
        assert [client.post("payments").status_code for _ in range(2)] == [200, 200]
        assert 0.95 <= provider.seen[1].at - provider.seen[0].at < 1.6, "now we keep to a pace of our own"


CONSUMER = """
    import os, sys
    import psycopg, redis
    from integration_registry import process_once

    name, dies = sys.argv[3:]
    broker, database = redis.Redis.from_url(sys.argv[1]), psycopg.connect(sys.argv[2])

    def pay(cursor):
        cursor.execute("INSERT INTO demo_payments (order_id) VALUES (%s)", (order,))
        if dies == "before the commit":
            os.kill(os.getpid(), 9)

    _, claimed, _ = broker.xautoclaim("orders.events", "payers", name, min_idle_time=0)
    new = broker.xreadgroup("payers", name, {"orders.events": ">"}, count=100) or [(None, [])]
    for entry, fields in [*claimed, *new[0][1]]:
        event, order = fields[b"id"].decode(), fields[b"order"].decode()
        print(process_once(database, event, "payers", pay, table="demo_processed_events"), event, flush=True)
        if dies == "before the acknowledgement":
            os.kill(os.getpid(), 9)
        broker.xack("orders.events", "payers", entry)
"""


@pytest.fixture
def broker(database: None) -> Iterator[Any]:
    with (
        redis.Redis.from_url(settings.REDIS_URL) as client,
        psycopg.connect(database_url(), autocommit=True) as sql,
    ):
        sql.execute(schema("demo_processed_events"))
        sql.execute("CREATE TABLE IF NOT EXISTS demo_payments (order_id text)")
        client.delete("orders.events")
        client.xgroup_create("orders.events", "payers", mkstream=True)
        yield client
        client.delete("orders.events")
        sql.execute("DROP TABLE demo_processed_events; DROP TABLE demo_payments")


def consumed(name: str, dies: str = "") -> list[str]:
    """What a consumer process said before it ended, or was killed."""
    source = str(Path(integration_registry.__file__).parents[1])
    command = [sys.executable, "-c", textwrap.dedent(CONSUMER), settings.REDIS_URL, database_url(), name, dies]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": source}, stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    assert done.returncode == (-signal.SIGKILL if dies else 0)
    return done.stdout.splitlines()


def paid() -> list[tuple[str]]:
    with psycopg.connect(database_url()) as database:
        return database.execute("SELECT order_id FROM demo_payments ORDER BY order_id").fetchall()


def test_a_duplicate_event_is_consumed_and_processed_once(broker: Any) -> None:
    """A broker delivers at least once: to whoever comes next, when a consumer is killed before it acknowledges."""
    for event, order in (("e-1", "o-1"), ("e-2", "o-2"), ("e-1", "o-1")):
        broker.xadd("orders.events", {"id": event, "order": order})
    assert consumed("first", dies="before the commit") == []
    assert paid() == []
    assert consumed("second", dies="before the acknowledgement") == ["done e-1"]
    assert consumed("third", dies="before the acknowledgement") == ["duplicate e-1"]
    assert consumed("fourth") == ["duplicate e-1", "done e-2", "duplicate e-1"]
    assert paid() == [("o-1",), ("o-2",)]
    assert broker.xpending("orders.events", "payers")["pending"] == 0


def test_the_deduplication_window_that_was_signed_is_the_one_that_is_kept(
    obeyed: Integration, change: Change, holds: Holds, broker: Any
) -> None:
    holds(change(**topics("P7D")))
    assert obeyed.topic("orders.events").deduplication_window == timedelta(days=7)
    holds(change(**topics("P1D")))
    window = obeyed.topic("orders.events").deduplication_window
    assert window == timedelta(days=1)
    with psycopg.connect(database_url()) as database:
        for event, age in (("old", "2 days"), ("new", "1 hour")):
            statement = (
                "INSERT INTO demo_processed_events VALUES (%s, 'payers', now() AT TIME ZONE 'UTC' - %s::interval)"
            )
            database.execute(statement, (event, age))
        database.commit()
        assert forget(database, window, table="demo_processed_events") == 1
        assert database.execute("SELECT event_id FROM demo_processed_events").fetchall() == [("new",)]


def test_somebody_on_call_holds_the_breaker_open_and_lets_it_go(
    obeyed: Integration, provider: Provider, change: Change, holds: Holds
) -> None:
    on_call = landscape.person("otto", "Otto Oncall", group="on-call")
    here = Environment.objects.get(slug=HERE)
    patch = {"contracts": {"payments-api": {"circuit_breaker": {"forced": "open"}}}}
    override = overrides.begin(
        change.integration, here, patch=patch, reason="The provider asks us to stop", minutes=5, by=on_call
    )
    holds(time.monotonic())
    assert obeyed.settings.override and obeyed.settings.override.reason == "The provider asks us to stop"
    with obeyed.http("payments-api") as client:
        with pytest.raises(CircuitOpen, match="held open by an override"):
            client.post("payments")
        wait_until(lambda: reported_breaker(obeyed) == "forced_open")
        overrides.end(override, by=on_call)
        holds(time.monotonic())
        assert client.post("payments").status_code == 200


def reported_breaker(integration: Integration) -> str | None:
    """The breaker as the registry was told."""
    report = Instance.objects.get(name=integration.registry.instance).reports.get(integration__slug=SLUG)
    state: str | None = report.breakers.get("payments-api", {}).get("state")
    return state


def topics(window: str) -> dict[str, Any]:
    topic = {
        "name": "orders.events",
        "kind": "topic",
        "broker": "valkey",
        "producer": "payment-service",
        "consumer_groups": ["payers"],
        "partitions": 1,
        "retention": "P7D",
    }
    return {"topics": [topic], "deduplication": {"strategy": "processed_events", "window": window}}
