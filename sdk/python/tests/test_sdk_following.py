"""Settings are followed whatever the registry does, and what is held is never given up for something worse."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Connect, wait_until
from integration_registry import Integration, NoSettings
from integration_registry import Registry as Sdk
from integration_registry.cadence import Cadence
from sdk_contract.registry import INTEGRATION, TOKEN, Key, Registry, Release

DAY_S = 86_400


def test_a_change_is_obeyed_within_a_second(registry: Registry, connect: Connect) -> None:
    registry.publish(1)
    integration = connect().integration(INTEGRATION)
    wait_until(lambda: registry.streams)
    time.sleep(0.6)
    for number in range(2, 6):
        newest = registry.publish(number)
        took = wait_until(lambda etag=newest.etag: (held := integration.held) and held.etag == etag)  # type: ignore[misc]
        assert took < 1, took


def test_without_a_stream_the_next_question_brings_it(registry: Registry, connect: Connect) -> None:
    registry.has_stream = False
    registry.publish(1)
    clock = Clock()
    sdk = connect(clock=clock, report=False)
    integration = sdk.integration(INTEGRATION)
    registry.publish(2)
    sdk._stop.set()
    clock.now += 36
    sdk.turn()
    assert integration.settings.release == 2


@pytest.fixture
def trouble() -> dict[str, Callable[[Release], Release]]:
    forged = Key()
    return {
        "a page of HTML": lambda release: replace(release, body=b"<h1>Welcome</h1>", content_type="text/html"),
        "HTML that says it is JSON": lambda release: replace(release, body=b"<h1>Welcome</h1>"),
        "a body cut short": lambda release: replace(release, truncate=True),
        "a wrong hash": lambda release: replace(release, body=release.body.replace(b"5000", b"5001")),
        "a wrong signature": lambda release: replace(release, signature=forged.sign(release.body)),
        "an unknown key": lambda release: replace(release, key_id=forged.id, signature=forged.sign(release.body)),
        "no signature": lambda release: replace(release, signature=""),
        "an error": lambda release: replace(release, status=500),
        "an empty answer": lambda release: replace(release, body=b""),
        "no ETag": lambda release: replace(release, etag=""),
    }


KINDS = (
    "a page of HTML",
    "HTML that says it is JSON",
    "a body cut short",
    "a wrong hash",
    "a wrong signature",
    "an unknown key",
    "no signature",
    "an error",
    "an empty answer",
    "no ETag",
)


@pytest.mark.parametrize("kind", KINDS)
def test_in_trouble_what_is_held_stays_in_force_and_the_next_good_release_is_taken(
    registry: Registry, connect: Connect, trouble: dict[str, Callable[[Release], Release]], kind: str
) -> None:
    registry.publish(1)
    sdk, integration = settled(registry, connect)
    registry.serve(trouble[kind](registry.release(2)))
    asked(sdk, registry)
    assert integration.settings.release == 1
    assert kept_number(sdk, INTEGRATION) == 1
    registry.publish(3)
    asked(sdk, registry)
    assert (integration.settings.release, integration.refused, kept_number(sdk, INTEGRATION)) == (3, None, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"retry": {"max_retries": 99}}, "contracts.payments-api.retry.max_retries is 99; it must be from 0 to 10"),
        ({"timeouts": {"total_ms": 0}}, "contracts.payments-api.timeouts.total_ms is 0"),
        ({"epoch": 1, "number": 1}, "release 1 is before 5, which is held"),
    ],
)
def test_a_refused_release_is_reported_with_its_reason(
    registry: Registry, connect: Connect, changes: dict[str, Any], reason: str
) -> None:
    registry.publish(5)
    integration = connect().integration(INTEGRATION)
    wait_until(lambda: registry.streams)
    time.sleep(0.6)
    registry.publish(**{"number": 6, **changes})
    wait_until(lambda: integration.refused)
    wait_until(lambda: told(registry)["refused"])
    assert told(registry)["refused"]["reason"].startswith(reason)
    assert told(registry)["refused"]["release"] == changes.get("number", 6)
    assert (told(registry)["release"], integration.settings.release) == (5, 5)


def test_a_restored_registry_is_followed_since_its_epoch_rose(registry: Registry, connect: Connect) -> None:
    registry.publish(9)
    sdk, integration = settled(registry, connect)
    registry.publish(3, epoch=2)
    asked(sdk, registry)
    assert (integration.settings.release, kept_number(sdk, INTEGRATION)) == (3, 3)


def test_a_new_key_of_the_registry_is_fetched_but_a_pinned_one_is_all_there_is(
    registry: Registry, connect: Connect
) -> None:
    registry.publish(1)
    pinned, before = settled(registry, connect, public_keys=dict(registry.keys))
    trusting, after = settled(registry, connect)
    new = Key()
    registry.keys[new.id] = new.public
    registry.publish(2, key=new)
    asked(pinned, registry)
    asked(trusting, registry)
    assert (before.settings.release, after.settings.release) == (1, 2)
    assert "is not known here" in (before.refused or "")


def test_defaults_give_way_to_the_bootstrap_file_that_to_the_last_good_one_and_that_to_the_server(
    registry: Registry, tmp_path: Path
) -> None:
    default = {INTEGRATION: {"contracts": {"payments-api": {"timeouts": {"total_ms": 111}}}}}
    folders = {"bootstrap_dir": tmp_path / "bootstrap", "cache_dir": tmp_path / "kept"}
    port, url = registry.port, registry.url

    def start() -> tuple[str, int, int]:
        with Sdk(url, TOKEN, defaults=default, report=False, **folders) as sdk:  # type: ignore[arg-type]
            integration = sdk.integration(INTEGRATION, wait_s=3)
            held = integration.held
            assert held
            return held.source, held.settings.release, held.settings.contracts["payments-api"].timeouts.total_ms

    registry.stop()
    assert start() == ("defaults", 0, 111)
    registry.start()
    registry.publish(2)
    assert start() == ("server", 2, 5_000)
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / "kept" / f"{INTEGRATION}.json").rename(tmp_path / "bootstrap" / f"{INTEGRATION}.json")
    registry.stop()
    assert start() == ("bootstrap", 2, 5_000)
    registry.start()
    registry.publish(3, timeouts={"total_ms": 333})
    assert start() == ("server", 3, 333)
    registry.stop()
    assert start() == ("last known good", 3, 333)
    assert registry.port == port


def test_a_spoiled_file_is_not_believed(registry: Registry, connect: Connect, tmp_path: Path) -> None:
    registry.publish(1)
    settled(registry, connect)
    path = tmp_path / "kept" / f"{INTEGRATION}.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"body": whole["body"].replace("5000", "9000")}))
    registry.stop()
    with pytest.raises(NoSettings, match="nothing is known of orders-to-payments yet"):
        _ = connect().integration(INTEGRATION).settings


def test_a_registry_that_is_down_at_the_start_is_found_once_it_is_up(registry: Registry, connect: Connect) -> None:
    registry.stop()
    sdk = connect(random=Hurried())
    integration = sdk.integration(INTEGRATION, wait_s=0.2)
    assert integration.held is None
    registry.publish(4)
    registry.start()
    wait_until(lambda: integration.held, 5)
    assert integration.settings.release == 4


def test_for_a_whole_day_without_a_registry_what_is_held_is_obeyed_and_the_registry_is_asked_at_least_each_minute(
    registry: Registry, connect: Connect
) -> None:
    registry.publish(1)
    clock = Clock()
    sdk, integration = settled(registry, connect, clock=clock, random=Random(5))
    registry.stop()
    began, last, attempts = clock.now, clock.now, 0
    while clock.now - began < DAY_S:
        clock.now += sdk.turn()
        attempts += 1
        assert clock.now - last <= 61
        last = clock.now
        assert integration.settings.release == 1
    assert DAY_S / 60 < attempts < DAY_S / 10
    registry.start()
    registry.publish(2)
    clock.now += 61
    sdk.turn()
    assert integration.settings.release == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_slows_to_five_minutes_but_never_stops(
    registry: Registry, connect: Connect, status: int
) -> None:
    registry.publish(1)
    clock = Clock()
    sdk, integration = settled(registry, connect, clock=clock)
    registry.status = status
    clock.now += 40
    waits = []
    for _ in range(300):
        waits.append(sdk.turn())
        clock.now += waits[-1]
    assert all(240 <= each <= 360 for each in waits) and integration.settings.release == 1
    registry.status = None
    registry.publish(2)
    clock.now += 360
    sdk.turn()
    assert integration.settings.release == 2
    assert 24 <= sdk.turn() <= 36


def test_a_server_that_asks_for_patience_gets_it() -> None:
    cadence = Cadence(Random(1))
    cadence.failed(0.0, 200)
    assert cadence.due_at == 200
    cadence.failed(0.0, 9_999_999)
    assert cadence.due_at == 300


def test_the_rate_is_constant_and_hints_come_on_top_but_never_in_quick_succession() -> None:
    cadence, now, asked_at = Cadence(Random(2)), 0.0, []
    while now < 600:
        cadence.hint(now)
        if now >= cadence.due_at:
            cadence.answered(now)
            asked_at.append(now)
        now += 0.01
    assert min(later - earlier for earlier, later in pairwise(asked_at)) >= 0.5 - 1e-6
    quiet = Cadence(Random(2))
    for _ in range(200):
        quiet.answered(0.0)
        assert 24 <= quiet.due_at <= 36


def test_a_hint_for_what_is_held_asks_nothing(registry: Registry, connect: Connect) -> None:
    release = registry.publish(1)
    integration = connect().integration(INTEGRATION)
    wait_until(lambda: registry.streams)
    time.sleep(0.7)
    before = len(registry.asked)
    registry.serve(release)
    time.sleep(0.3)
    assert len(registry.asked) == before and integration.settings.release == 1


def test_each_reconnect_is_a_conditional_question(registry: Registry, connect: Connect) -> None:
    release = registry.publish(1)
    connect().integration(INTEGRATION)
    wait_until(lambda: registry.streams == 1)
    time.sleep(0.7)
    before = len(registry.asked)
    registry.cut_streams()
    wait_until(lambda: registry.streams == 2, 5)
    wait_until(lambda: len(registry.asked) > before)
    assert registry.asked[-1][1:] == (release.etag, 304)


def test_breakers_and_counts_are_reported_as_they_change(registry: Registry, connect: Connect) -> None:
    registry.publish(1, endpoint="http://127.0.0.1:1", circuit_breaker={"minimum_calls": 3}, retry={"max_retries": 2})
    integration = connect(instance="orders-1").integration(INTEGRATION)
    with integration.http("payments-api") as client:
        with pytest.raises(Exception, match="refused"):
            client.get("/")
        with pytest.raises(Exception, match="circuit breaker is open"):
            client.get("/")
    wait_until(lambda: told(registry)["breakers"].get("payments-api", {}).get("state") == "open")
    [last] = registry.reports[-1:]
    assert last["instance"] == "orders-1" and last["sdk"].startswith("integration-registry-sdk-python/")
    assert told(registry)["counters"]["payments-api"] == {
        "calls": 3,
        "failures": 3,
        "retries": 2,
        "rejected": 1,
        "timeouts": 0,
    }


def test_an_override_forces_the_breaker_at_once(registry: Registry, connect: Connect) -> None:
    registry.publish(1, endpoint="http://127.0.0.1:1")
    integration = connect().integration(INTEGRATION)
    wait_until(lambda: registry.streams)
    registry.publish(2, endpoint="http://127.0.0.1:1", circuit_breaker={"forced": "open"})
    wait_until(lambda: integration.settings.release == 2)
    with pytest.raises(Exception, match="held open by an override"), integration.http("payments-api") as client:
        client.get("/")
    wait_until(lambda: told(registry)["breakers"].get("payments-api", {}).get("state") == "forced_open")


def test_a_forked_process_follows_by_itself(registry: Registry, tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from integration_registry import Registry
registry = Registry({registry.url!r}, {TOKEN!r}, instance="parent")
integration = registry.integration({INTEGRATION!r})
integration.http("payments-api", base_url="http://127.0.0.1:1")
pid = os.fork()
if pid == 0:
    integration.outlet("payments-api").contract()
    deadline = time.monotonic() + 5
    while integration.settings.release != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os._exit(0 if integration.settings.release == 2 and registry.instance != "parent" else 1)
print("forked", flush=True)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    registry.publish(1)
    source = Path(sys.modules["integration_registry"].__file__ or "").parents[1]
    environment = os.environ | {"PYTHONPATH": str(source)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout and process.stdout.readline() == b"forked\n"
        wait_until(lambda: registry.streams >= 2, 5)
        registry.publish(2)
        assert process.wait(timeout=8) == 0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Hurried(Random):
    """Chance that always takes the shortest wait."""

    def uniform(self, a: float, b: float) -> float:
        return a


def settled(registry: Registry, connect: Connect, **options: Any) -> tuple[Sdk, Integration]:
    """The SDK with release 1 held, and its threads ended: from now on the test takes the turns."""
    registry.has_stream = False
    sdk = connect(report=False, **options)
    integration = sdk.integration(INTEGRATION)
    assert integration.held and integration.held.source == "server"
    sdk._stop.set()
    sdk._wake.set()
    for each in sdk._threads[:1]:
        each.join(2)
    return sdk, integration


def asked(sdk: Sdk, registry: Registry) -> None:
    """One question more, at once."""
    sdk._followers[INTEGRATION]._cadence.due_at = float("-inf")
    sdk.turn()


def kept_number(sdk: Sdk, integration: str) -> int:
    assert sdk._store
    kept = sdk._store.load(integration)
    assert kept
    return int(json.loads(kept.answer.body)["release"])


def told(registry: Registry) -> dict[str, Any]:
    """What the last report says of the integration."""
    last: dict[str, Any] = registry.reports[-1]["integrations"][INTEGRATION] if registry.reports else {}
    return {"refused": None, "breakers": {}, "counters": {}, "release": None} | last
