"""What every SDK must do, case by case. Each is a function that drives a Bench; an AssertionError fails it."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .harness import Harness
from .provider import Provider, Reply
from .registry import INTEGRATION, TOKEN, Key, Registry, Release

WITHIN_S = 1.0
LATE_S = 1.0
"""How late a busy machine may be; what waits wrongly waits longer."""


@dataclass
class Bench:
    """What a case works with: both scripted servers, the harness, and an empty folder."""

    registry: Registry
    provider: Provider
    harness: Harness
    folder: Path
    options: dict[str, Any]

    def publish(self, number: int = 1, **changes: Any) -> Release:
        return self.registry.publish(number, **{"endpoint": self.provider.url, **changes})

    def start(self, **options: Any) -> None:
        """Start the SDK afresh; it has three seconds to settle."""
        details = {
            "url": self.registry.url,
            "token": TOKEN,
            "integration": INTEGRATION,
            "cache_dir": str(self.folder),
            "instance": "bench-1",
            **self.options,
            **options,
        }
        self.harness.ask("start", **details)

    def obey(self, **changes: Any) -> None:
        """Publish release 1 with these changes, and start under it."""
        self.publish(1, **changes)
        self.start()
        assert self.state()["release"] == 1

    def call(self, method: str = "GET", path: str = "/", **details: Any) -> dict[str, Any]:
        return self.harness.ask("call", contract="payments-api", method=method, path=path, **details)

    def state(self) -> dict[str, Any]:
        return self.harness.ask("state")

    def within(self, seconds: float, true: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.02)

    def listening(self) -> None:
        """Wait until the SDK listens to hints and has asked its first questions."""
        streams = self.registry.streams
        with suppress(AssertionError):
            self.within(2, lambda: self.registry.streams > 0, "the stream is opened")
        if streams or self.registry.streams:
            time.sleep(0.7)


@dataclass(frozen=True)
class Case:
    """One thing that must hold."""

    name: str
    about: str
    run: Callable[[Bench], None]
    needs: frozenset[str]


CASES: list[Case] = []


def case(about: str, *needs: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    def noted(run: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CASES.append(Case(run.__name__.replace("_", " "), about, run, frozenset(needs)))
        return run

    return noted


def each(about: str, variants: Iterable[str], *needs: str) -> Callable[[Callable[[Bench, str], None]], None]:
    """One case for each of these."""

    def noted(run: Callable[[Bench, str], None]) -> None:
        for variant in variants:
            name = f"{run.__name__.replace('_', ' ')}: {variant}"
            CASES.append(Case(name, about, lambda bench, of=variant: run(bench, of), frozenset(needs)))  # type: ignore[misc]

    return noted


# --- settings ----------------------------------------------------------------------------------------------------


@case("settings")
def the_release_in_force_is_obeyed(bench: Bench) -> None:
    bench.obey(retry={"max_retries": 0})
    bench.provider.will(500, 200)
    assert bench.call()["status"] == 500


@case("settings")
def the_etag_is_sent_and_304_changes_nothing(bench: Bench) -> None:
    release = bench.publish(1)
    bench.start()
    bench.listening()
    bench.registry.cut_streams()
    bench.within(5, lambda: bench.registry.asked[-1][1:] == (release.etag, 304), "a conditional question")
    assert bench.state()["release"] == 1


@case("settings")
def a_change_is_obeyed_within_a_second(bench: Bench) -> None:
    bench.obey()
    bench.listening()
    bench.publish(2)
    bench.within(WITHIN_S, lambda: bench.state()["release"] == 2, "release 2")


LIES: dict[str, Callable[[Release], Release]] = {
    "a page of HTML": lambda release: replace(release, body=b"<h1>Hello</h1>", content_type="text/html"),
    "HTML that says it is JSON": lambda release: replace(release, body=b"<h1>Hello</h1>"),
    "a body cut short": lambda release: replace(release, truncate=True),
    "a wrong hash": lambda release: replace(release, body=release.body.replace(b"5000", b"5001")),
    "a wrong signature": lambda release: replace(release, signature=Key().sign(release.body)),
    "no signature": lambda release: replace(release, signature="", key_id=""),
    "an error": lambda release: replace(release, status=500),
}


@each("settings", LIES)
def what_is_no_genuine_release_changes_nothing(bench: Bench, lie: str) -> None:
    bench.obey()
    bench.listening()
    bench.registry.serve(LIES[lie](bench.registry.release(2, endpoint=bench.provider.url, retry={"max_retries": 0})))
    time.sleep(0.6)
    assert bench.state()["release"] == 1
    bench.provider.will(500, 200)
    assert bench.call()["status"] == 200


UNSAFE: dict[str, dict[str, Any]] = {
    "retries without end": {"retry": {"max_retries": 1_000}},
    "a wait below nothing": {"retry": {"delays_ms": [-5]}},
    "no time at all": {"timeouts": {"total_ms": 0}},
    "a breaker at 0 percent": {"circuit_breaker": {"failure_percent": 0}},
    "a number as text": {"retry": {"max_retries": "3"}},
    "true for a number": {"retry": {"max_retries": True}},
}


@each("settings", UNSAFE)
def an_unsafe_value_is_refused_though_it_is_signed(bench: Bench, value: str) -> None:
    bench.obey()
    bench.listening()
    bench.publish(2, **UNSAFE[value])
    time.sleep(0.6)
    assert bench.state()["release"] == 1


@case("settings")
def a_lower_number_is_refused_unless_the_epoch_rose(bench: Bench) -> None:
    bench.publish(7)
    bench.start()
    bench.listening()
    bench.publish(3)
    time.sleep(0.6)
    assert bench.state()["release"] == 7
    bench.publish(4, epoch=2)
    # The refused answer before may have slowed the SDK down; a minute is the most it may take.
    bench.within(62, lambda: bench.state()["release"] == 4, "release 4 of the new epoch")


@case("settings")
def the_settings_of_another_integration_are_refused(bench: Bench) -> None:
    bench.obey()
    bench.listening()
    bench.registry.serve(bench.registry.release(2, integration="other", endpoint=bench.provider.url))
    time.sleep(0.6)
    assert bench.state()["release"] == 1


@case("settings")
def without_the_registry_it_goes_on(bench: Bench) -> None:
    bench.obey()
    bench.registry.stop()
    time.sleep(0.3)
    bench.provider.will(500, 200)
    assert bench.call()["status"] == 200
    assert bench.state()["release"] == 1


@case("settings")
def without_the_registry_it_starts_from_the_last_good_settings(bench: Bench) -> None:
    bench.obey(retry={"max_retries": 0})
    bench.harness.ask("stop")
    bench.registry.stop()
    bench.start()
    assert bench.state()["release"] == 1
    bench.provider.will(500, 200)
    assert bench.call()["status"] == 500


@case("settings")
def a_spoiled_file_of_last_good_settings_is_not_believed(bench: Bench) -> None:
    bench.obey()
    bench.harness.ask("stop")
    bench.registry.stop()
    spoiled = 0
    for path in (each for each in bench.folder.rglob("*") if each.is_file()):
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"5000", b"9000"))
        spoiled += path.read_bytes() != whole
    assert spoiled, "the last good settings are in no file of cache_dir"
    bench.start()
    assert bench.state()["release"] is None


@case("settings")
def a_registry_that_comes_up_later_is_found(bench: Bench) -> None:
    bench.registry.stop()
    bench.start()
    assert bench.state()["release"] is None
    bench.publish(1)
    bench.registry.start()
    bench.within(15, lambda: bench.state()["release"] == 1, "release 1")


@case("settings")
def a_refused_token_takes_nothing_away(bench: Bench) -> None:
    bench.obey()
    bench.listening()
    bench.registry.status = 401
    bench.registry.cut_streams()
    time.sleep(0.5)
    assert bench.state()["release"] == 1 and bench.call()["status"] == 200


@case("settings", "public_keys")
def with_pinned_keys_no_other_key_is_believed(bench: Bench) -> None:
    pinned, new = dict(bench.registry.keys), Key()
    bench.publish(1)
    bench.start(public_keys=pinned)
    bench.listening()
    bench.registry.keys[new.id] = new.public
    bench.publish(2, key=new)
    time.sleep(0.6)
    assert bench.state()["release"] == 1


@case("reports")
def it_reports_what_it_obeys(bench: Bench) -> None:
    bench.obey()
    bench.within(3, lambda: _told(bench).get("release") == 1, "a report of release 1")
    last = bench.registry.reports[-1]
    assert last["instance"] == "bench-1" and last["sdk"] and last["started_at"]
    assert len(_told(bench)["content_hash"]) == 64 and _told(bench)["applied_at"]


@case("reports")
def it_reports_what_it_refuses_and_why(bench: Bench) -> None:
    bench.obey()
    bench.listening()
    bench.publish(2, retry={"max_retries": 1_000})
    bench.within(3, lambda: (_told(bench).get("refused") or {}).get("release") == 2, "a report of the refusal")
    assert "max_retries" in _told(bench)["refused"]["reason"] and _told(bench)["release"] == 1


@case("reports")
def it_reports_a_breaker_that_opens_and_what_it_counted(bench: Bench) -> None:
    bench.obey(circuit_breaker={"minimum_calls": 2}, retry={"max_retries": 0})
    bench.provider.usual = Reply(500)
    bench.call()
    bench.call()
    is_open = {"payments-api": "open"}
    bench.within(3, lambda: _breakers(bench) == is_open, "a report of the open breaker")
    counters = _told(bench)["counters"]["payments-api"]
    assert (counters["calls"], counters["failures"], counters["retries"]) == (2, 2, 0)


# --- calls -------------------------------------------------------------------------------------------------------


@case("calls")
def it_retries_as_often_and_as_late_as_stated(bench: Bench) -> None:
    bench.obey(retry={"max_retries": 2, "delays_ms": [100, 300]})
    bench.provider.usual = Reply(503)
    assert bench.call("POST")["status"] == 503
    first, second, third = (each.at for each in bench.provider.seen)
    assert 0.1 <= second - first < 0.1 + LATE_S and 0.3 <= third - second < 0.3 + LATE_S


@case("calls")
def a_status_that_is_not_listed_is_not_retried(bench: Bench) -> None:
    bench.obey()
    bench.provider.usual = Reply(418)
    assert bench.call()["status"] == 418
    assert len(bench.provider.seen) == 1


@case("calls")
def a_call_has_one_key_and_the_next_another(bench: Bench) -> None:
    bench.obey()
    bench.provider.will(500, 200)
    bench.call("POST")
    bench.call("POST")
    first, again, other = (each.headers.get("idempotency-key") for each in bench.provider.seen)
    assert first and first == again and other and other != first


@case("calls")
def a_key_of_the_caller_is_kept(bench: Bench) -> None:
    bench.obey()
    bench.provider.will(500, 200)
    bench.call("POST", headers={"Idempotency-Key": "order-1"})
    assert [each.headers.get("idempotency-key") for each in bench.provider.seen] == ["order-1"] * 2


@each("calls", ("500", "no answer", "a cut connection"))
def an_unsafe_call_without_a_key_is_not_repeated(bench: Bench, after: str) -> None:
    bench.obey(idempotent=False, timeouts={"read_ms": 200})
    bench.provider.usual = {
        "500": Reply(500),
        "no answer": Reply(after_s=0.5),
        "a cut connection": Reply(cut=True),
    }[after]
    bench.call("POST")
    assert len(bench.provider.seen) == 1


@case("calls")
def retry_after_is_waited_for(bench: Bench) -> None:
    bench.obey()
    bench.provider.will(Reply(429, {"Retry-After": "1"}), 200)
    assert bench.call("POST")["status"] == 200
    assert 1.0 <= bench.provider.seen[1].at - bench.provider.seen[0].at < 1.0 + LATE_S


@case("calls")
def a_retry_after_beyond_the_total_time_ends_the_call(bench: Bench) -> None:
    bench.obey()
    bench.provider.usual = Reply(429, {"Retry-After": "3600"})
    began = time.monotonic()
    assert bench.call()["status"] == 429
    assert time.monotonic() - began < LATE_S and len(bench.provider.seen) == 1


@each("calls", ("400", "403", "404", "409", "422"))
def what_the_error_table_calls_final_is_not_repeated(bench: Bench, status: str) -> None:
    bench.obey(retry={"retry_on_statuses": [int(status), 500]})
    bench.provider.usual = Reply(int(status))
    assert bench.call()["status"] == int(status)
    assert len(bench.provider.seen) == 1


@case("calls", "credentials")
def credentials_are_refreshed_once(bench: Bench) -> None:
    bench.publish(1, retry={"max_retries": 0})
    bench.start(credentials=["old", "new", "newest"])
    bench.provider.tokens = {"new"}
    assert bench.call("POST")["status"] == 200
    assert [each.headers["authorization"] for each in bench.provider.seen] == ["Bearer old", "Bearer new"]
    bench.provider.tokens = set()
    assert bench.call("POST")["status"] == 401
    assert len(bench.provider.seen) == 4


@case("calls")
def no_first_byte_in_time_is_retried(bench: Bench) -> None:
    bench.obey(timeouts={"read_ms": 200})
    bench.provider.will(Reply(after_s=3), 200)
    assert bench.call()["status"] == 200
    assert 0.2 <= bench.provider.seen[1].at - bench.provider.seen[0].at < 0.2 + LATE_S


@case("calls")
def a_cut_connection_is_retried(bench: Bench) -> None:
    bench.obey()
    bench.provider.will(Reply(cut=True), 200)
    assert bench.call()["status"] == 200


@case("calls")
def a_dripping_body_ends_with_the_attempt(bench: Bench) -> None:
    bench.obey(retry={"max_retries": 0, "attempt_timeout_ms": 300})
    bench.provider.usual = Reply(drip_s=0.05, body=b"x" * 200)
    began = time.monotonic()
    assert bench.call()["error"] == "timeout"
    assert time.monotonic() - began < 0.3 + LATE_S


@case("calls")
def the_total_time_bounds_all_attempts(bench: Bench) -> None:
    timeouts = {"read_ms": 200, "total_ms": 500}
    bench.obey(retry={"max_retries": 10, "delays_ms": [10]}, timeouts=timeouts)
    bench.provider.usual = Reply(after_s=3)
    began = time.monotonic()
    assert bench.call()["error"] == "timeout"
    assert time.monotonic() - began < 0.5 + LATE_S


@case("calls")
def the_breaker_opens_and_a_trial_closes_it(bench: Bench) -> None:
    breaker = {"minimum_calls": 4, "failure_percent": 50, "open_seconds": 1}
    bench.obey(circuit_breaker=breaker, retry={"max_retries": 0})
    bench.provider.will(200, 200, 500, 500)
    for _ in range(4):
        bench.call()
    assert bench.call()["error"] == "circuit_open"
    assert len(bench.provider.seen) == 4
    time.sleep(1.05)
    assert bench.call()["status"] == 200
    assert bench.state()["breakers"]["payments-api"] == "closed"


@case("calls")
def a_failed_trial_opens_it_again(bench: Bench) -> None:
    bench.obey(circuit_breaker={"minimum_calls": 1, "open_seconds": 1}, retry={"max_retries": 5})
    bench.provider.usual = Reply(500)
    bench.call()
    assert len(bench.provider.seen) == 1, "an open breaker ends the retries as well"
    time.sleep(1.05)
    bench.call()
    assert len(bench.provider.seen) == 2
    assert bench.call()["error"] == "circuit_open"


@case("calls")
def neither_429_nor_404_counts_in_the_breaker(bench: Bench) -> None:
    bench.obey(circuit_breaker={"minimum_calls": 2}, retry={"max_retries": 0})
    bench.provider.will(404, 429, 429, 404)
    for _ in range(4):
        bench.call()
    assert bench.call()["status"] == 200


@case("calls")
def a_breaker_is_forced_open_and_closed(bench: Bench) -> None:
    bench.obey()
    bench.listening()
    bench.publish(2, circuit_breaker={"forced": "open"})
    bench.within(WITHIN_S, lambda: bench.state()["release"] == 2, "release 2")
    assert bench.call()["error"] == "circuit_open" and bench.provider.seen == []
    time.sleep(0.5)
    bench.publish(3, circuit_breaker={"forced": "closed", "minimum_calls": 1}, retry={"max_retries": 0})
    bench.within(WITHIN_S, lambda: bench.state()["release"] == 3, "release 3")
    bench.provider.usual = Reply(500)
    for _ in range(5):
        assert bench.call()["status"] == 500


@case("calls")
def a_full_limit_sends_nothing(bench: Bench) -> None:
    bench.obey(rate_limit={"requests_per_minute": 2})
    assert [bench.call().get("status") for _ in range(2)] == [200, 200]
    assert bench.call()["error"] == "limit_reached"
    assert len(bench.provider.seen) == 2


@case("calls")
def a_limit_that_waits_waits(bench: Bench) -> None:
    bench.obey(rate_limit={"burst_per_second": 1, "burst_action": "wait"})
    bench.call()
    assert bench.call()["status"] == 200
    assert 0.95 <= bench.provider.seen[1].at - bench.provider.seen[0].at < 0.95 + LATE_S


@case("calls", "context")
def ids_and_traces_are_passed_on(bench: Bench) -> None:
    bench.obey()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    bench.provider.will(500, 200)
    bench.call(context={"request_id": "r-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    for seen in bench.provider.seen:
        assert seen.headers["x-request-id"] == "r-1"
        assert seen.headers["traceparent"].split("-")[1] == trace
    bench.call()
    assert bench.provider.seen[-1].headers["x-request-id"] != "r-1"


@case("events", "events")
def an_event_takes_effect_once(bench: Bench) -> None:
    bench.obey()
    said = [bench.harness.ask("process", event_id=event, group="payers")["result"] for event in ("e-1", "e-1", "e-2")]
    assert said == ["done", "duplicate", "done"]
    assert bench.harness.ask("process", event_id="e-3", group="payers", fail=True)["result"] == "failed"
    assert bench.harness.ask("process", event_id="e-3", group="payers")["result"] == "done"


@case("events", "events")
def an_effect_that_rolls_back_is_not_done(bench: Bench) -> None:
    bench.obey()
    assert bench.harness.ask("process", event_id="e-4", group="payers", roll_back=True)["result"] == "failed"
    said = [bench.harness.ask("process", event_id="e-4", group="payers")["result"] for _ in range(2)]
    assert said == ["done", "duplicate"], "it is done once it is delivered again"


def _told(bench: Bench) -> dict[str, Any]:
    """What the last report says of the integration."""
    found: dict[str, Any] = (
        bench.registry.reports[-1]["integrations"].get(INTEGRATION, {}) if bench.registry.reports else {}
    )
    return found


def _breakers(bench: Bench) -> dict[str, str]:
    return {name: each["state"] for name, each in _told(bench).get("breakers", {}).items()}
