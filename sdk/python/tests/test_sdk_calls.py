"""The conversation of one call, without any I/O: how often, how long, and when not."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration_registry.breaker import Permit
from integration_registry.calls import (
    SAFE,
    Answered,
    Asked,
    Failed,
    Refresh,
    Send,
    Verdict,
    Wait,
    converse,
)
from integration_registry.errors import CircuitOpen, LimitReached
from integration_registry.line import Line
from integration_registry.settings import Contract, parse
from sdk_contract.registry import Registry

REGISTRY = Registry()
POST = Asked("POST", has_key=True)


def contract(**changes: Any) -> Contract:
    return parse(REGISTRY.release(1, **changes).body).contracts["payments-api"]


class Talk:
    """Plays a call against a list of results; keeps what was said and a clock that only waiting and sending move."""

    def __init__(self, contract: Contract, asked: Asked, *results: Answered | Failed, took_s: float = 0.01) -> None:
        self.contract, self.asked, self.results, self.took_s = contract, asked, list(results), took_s
        self.now, self.refreshed = 100.0, 0
        self.sent: list[Send] = []
        self.waits: list[float] = []
        self.line = Line("payments-api", lambda: self.now)

    def run(self, random: Random | None = None) -> Verdict:
        talk = converse(self.contract, self.asked, self.line, clock=lambda: self.now, random=random or Random(1))
        try:
            command = next(talk)
            while True:
                command = talk.send(self.do(command))
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict

    def do(self, command: Any) -> Any:
        if isinstance(command, Wait):
            self.waits.append(command.seconds)
            self.now += command.seconds
            return None
        if isinstance(command, Refresh):
            self.refreshed += 1
            return True
        assert isinstance(command, Send)
        self.sent.append(command)
        self.now += self.took_s
        return self.results[min(len(self.sent), len(self.results)) - 1]


def run(asked: Asked, *results: Answered | Failed, **changes: Any) -> tuple[Talk, Verdict]:
    talk = Talk(contract(**changes), asked, *results)
    return talk, talk.run()


def test_the_waits_are_those_of_the_settings() -> None:
    talk, verdict = run(POST, Answered(500), Answered(503), Answered(201))
    assert (talk.waits, verdict) == ([0.02, 0.04], Verdict(Answered(201), 3))


@pytest.mark.parametrize(("jitter", "low", "high"), [("full", 0, 1), ("equal", 0.5, 1), ("none", 1, 1)])
def test_jitter_leaves_to_chance_what_is_stated(jitter: str, low: float, high: float) -> None:
    waits = [run_waits(jitter, Random(seed))[0] for seed in range(200)]
    assert all(low * 0.02 <= each <= high * 0.02 for each in waits)
    assert (max(waits) - min(waits) > 0.8 * (high - low) * 0.02) or jitter == "none"


def run_waits(jitter: str, random: Random) -> list[float]:
    talk = Talk(contract(retry={"jitter": jitter}), POST, Answered(500))
    talk.run(random)
    return talk.waits


def test_retry_after_goes_before_the_delays() -> None:
    talk, verdict = run(POST, Answered(429, retry_after_s=1.5), Answered(200))
    assert verdict.attempts == 2 and 1.5 <= talk.waits[0] <= 1.65


def test_a_retry_after_that_does_not_fit_the_total_ends_the_call_at_once() -> None:
    talk, verdict = run(POST, Answered(429, retry_after_s=60))
    assert (talk.waits, verdict.attempts, verdict.stopped_by) == ([], 1, "time")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_what_the_table_calls_final_is_not_repeated_even_if_the_retry_list_names_it(status: int) -> None:
    _, verdict = run(POST, Answered(status), retry={"retry_on_statuses": [status]})
    assert verdict.attempts == 1


def test_what_the_table_backs_off_from_is_repeated_though_the_retry_list_does_not_name_it() -> None:
    _, verdict = run(POST, Answered(429), retry={"retry_on_statuses": []})
    assert (verdict.attempts, verdict.stopped_by, verdict.action) == (3, "retries", "back_off_retry_after")


def test_fail_fast_is_retried_while_closed_only_if_the_retry_list_names_it() -> None:
    assert run(POST, Answered(503))[1].attempts == 3
    assert run(POST, Answered(503), retry={"retry_on_statuses": [500]})[1].attempts == 1


def test_credentials_are_refreshed_once_and_outside_the_count_of_retries() -> None:
    with_credentials = Asked("POST", has_key=True, can_refresh=True)
    talk, verdict = run(with_credentials, Answered(401), Answered(200), retry={"max_retries": 0})
    assert (talk.refreshed, talk.waits, verdict.attempts) == (1, [], 2)
    talk, verdict = run(with_credentials, Answered(401))
    assert (talk.refreshed, verdict.attempts, verdict.result) == (1, 2, Answered(401))
    assert run(POST, Answered(401))[1].attempts == 1


@pytest.mark.parametrize(
    ("method", "result", "attempts"),
    [
        ("POST", Answered(500), 1),
        ("PATCH", Failed("timeout"), 1),
        ("POST", Failed("broken"), 1),
        ("POST", Failed("unreachable"), 3),
        ("POST", Answered(429), 3),
        ("GET", Answered(500), 3),
        ("PUT", Failed("timeout"), 3),
    ],
)
def test_an_unsafe_call_without_a_key_is_repeated_only_if_it_was_certainly_not_carried_out(
    method: str, result: Answered | Failed, attempts: int
) -> None:
    talk, verdict = run(Asked(method), result, idempotent=None, idempotency_header=None)
    assert len(talk.sent) == attempts
    assert (verdict.stopped_by == "unsafe") == (attempts == 1)


def test_a_contract_that_is_not_idempotent_repeats_reads_alone() -> None:
    assert run(Asked("DELETE"), Answered(500), idempotent=False)[1].attempts == 1
    assert run(Asked("GET"), Answered(500), idempotent=False)[1].attempts == 3


def test_network_errors_are_repeated_only_if_stated() -> None:
    assert run(POST, Failed("timeout"))[1].attempts == 3
    assert run(POST, Failed("timeout"), retry={"retry_on_network_errors": False})[1].attempts == 1


def test_a_breaker_that_opens_between_attempts_ends_the_call_with_the_last_answer() -> None:
    breaker = {"minimum_calls": 2, "failure_percent": 100}
    talk, verdict = run(POST, Answered(500), retry={"max_retries": 5}, circuit_breaker=breaker)
    assert (verdict.attempts, verdict.stopped_by, verdict.result) == (2, "circuit", Answered(500))
    with pytest.raises(CircuitOpen) as caught:
        talk.run()
    assert caught.value.retry_in_s == pytest.approx(1, abs=0.1) and len(talk.sent) == 2


def test_neither_429_nor_any_other_refusal_of_ours_opens_the_breaker() -> None:
    talk = Talk(contract(circuit_breaker={"minimum_calls": 1}), POST, Answered(429), Answered(404), Answered(409))
    talk.run()
    assert talk.line.breaker(talk.contract)[0] == "closed"


def test_a_full_limit_rejects_before_anything_is_sent() -> None:
    talk = Talk(contract(rate_limit={"burst_per_second": 1}), POST, Answered(200))
    talk.run()
    with pytest.raises(LimitReached) as caught:
        talk.run()
    assert (len(talk.sent), caught.value.action, caught.value.retry_in_s) == (1, "reject_immediately", None)


def test_a_limit_that_waits_waits_within_the_total_time() -> None:
    talk = Talk(contract(rate_limit={"burst_per_second": 1, "burst_action": "wait"}), POST, Answered(200))
    talk.run()
    assert talk.run().attempts == 1 and 0.9 < talk.waits[0] < 1.1
    minute = {"requests_per_minute": 1, "requests_per_minute_action": "wait"}
    talk = Talk(contract(rate_limit=minute), POST, Answered(200))
    talk.run()
    with pytest.raises(TimeoutError):
        talk.run()


def test_retries_count_under_the_limits_and_end_there() -> None:
    _, verdict = run(POST, Answered(500), retry={"max_retries": 5}, rate_limit={"requests_per_minute": 2})
    assert (verdict.attempts, verdict.stopped_by) == (2, "limit")


def test_a_call_given_up_hands_its_leave_back() -> None:
    talk = Talk(contract(circuit_breaker={"minimum_calls": 1}), POST, Answered(500))
    talk.run()
    assert talk.line.breaker(talk.contract)[0] == "open"
    talk.now += 1
    for _ in range(3):
        conversation = converse(talk.contract, POST, talk.line, clock=lambda: talk.now, random=Random())
        assert isinstance(next(conversation), Send)
        conversation.close()


results = st.one_of(
    st.builds(
        Answered,
        st.sampled_from([200, 201, 400, 401, 404, 409, 422, 429, 500, 502, 503, 504]),
        st.none() | st.floats(0, 20),
    ),
    st.builds(Failed, st.sampled_from(["unreachable", "timeout", "broken"])),
)
policies = st.fixed_dictionaries(
    {
        "idempotent": st.sampled_from([True, False, None]),
        "retry": st.fixed_dictionaries(
            {
                "max_retries": st.integers(0, 10),
                "delays_ms": st.lists(st.integers(0, 2_000), min_size=1, max_size=10),
                "jitter": st.sampled_from(["full", "equal", "none"]),
                "retry_on_network_errors": st.booleans(),
            }
        ),
        "circuit_breaker": st.none() | st.fixed_dictionaries({"minimum_calls": st.integers(1, 12)}),
        "timeouts": st.fixed_dictionaries({"total_ms": st.integers(1, 20_000)}),
    }
)


@given(
    policy=policies,
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    key=st.booleans(),
    refresh=st.booleans(),
    played=st.lists(results, min_size=1, max_size=14),
    took_s=st.floats(0, 3),
    seed=st.integers(0, 99),
)
def test_whatever_the_provider_does_a_call_keeps_its_bounds(
    policy: dict[str, Any], method: str, key: bool, refresh: bool, played: list[Any], took_s: float, seed: int
) -> None:
    agreed = contract(**policy)
    talk = Talk(agreed, Asked(method, key, refresh), *played, took_s=took_s)
    began = talk.now
    verdict = talk.run(Random(seed))
    sent = [played[min(index, len(played) - 1)] for index in range(len(talk.sent))]
    assert verdict.attempts == len(talk.sent) <= 1 + agreed.retry.max_retries + talk.refreshed
    assert talk.refreshed <= 1 and verdict.result == sent[-1]
    total = agreed.timeouts.total_ms / 1_000
    assert all(each.ends_at <= began + total + 1e-9 for each in talk.sent), "no attempt may outlive the call"
    assert sum(talk.waits) <= total
    if method not in SAFE and not key and (method in ("POST", "PATCH") or agreed.idempotent is False):
        certain = [
            Failed("unreachable"),
            *(each for each in sent if isinstance(each, Answered) and each.status in (401, 429)),
        ]
        assert all(each in certain for each in sent[:-1]), "what may have been carried out is not repeated"


def test_each_leave_is_handed_back_exactly_once() -> None:
    out: list[Permit] = []

    class Gate(Line):
        def enter(self, contract: Contract, *, is_first: bool) -> Any:
            entered = super().enter(contract, is_first=is_first)
            assert isinstance(entered, Permit)
            out.append(entered)
            return entered

        def leave(self, permit: Permit, contract: Contract, result: Any) -> None:
            out.remove(permit)
            super().leave(permit, contract, result)

    talk = Talk(contract(), POST, Answered(500), Failed("timeout"), Answered(200))
    talk.line = Gate("payments-api", lambda: talk.now)
    talk.run()
    assert out == []
