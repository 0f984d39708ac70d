"""One logical call as a conversation: what to send, when to wait, when to stop. Pure: no I/O, no clock of its own.

`converse` yields commands and is sent what came of them, so the synchronous and the asynchronous client share it whole.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Literal, Protocol

from .breaker import Permit
from .settings import Contract, ErrorRow

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REPEATABLE = SAFE | {"PUT", "DELETE"}
# What these statuses ask for is not mended by asking again.
FINAL_ACTIONS = frozenset({"fix_request", "alert_and_stop", "check_resource", "skip_as_duplicate", "escalate"})
RETRY_ACTIONS = frozenset({"back_off_retry_after", "retry_with_backoff"})
LONGEST_RETRY_AFTER_S = 86_400.0
# Whoever was told "in 5 seconds" should not come back in step with all others.
SPREAD = 0.1

Problem = Literal["unreachable", "timeout", "broken"]
"""unreachable: no connection, so nothing was sent; timeout: no answer in time; broken: cut off or not HTTP."""


@dataclass(frozen=True, slots=True)
class Send:
    """Make an attempt: connect, first byte and everything by these times."""

    attempt: int
    connect_s: float
    read_s: float
    ends_at: float
    total_ends_at: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """Get new credentials; then say whether there are some."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider answered."""

    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer came."""

    problem: Problem


Command = Send | Wait | Refresh
Result = Answered | Failed | bool | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What matters of a request."""

    method: str
    has_key: bool = False
    can_refresh: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call ended, and what the error table asks for."""

    result: Answered | Failed
    attempts: int
    action: str | None = None
    code: str | None = None
    stopped_by: str = ""
    """Why it was not tried again, where it might have been: retries, time, circuit, limit, unsafe."""


class Gate(Protocol):
    """What stands before each attempt: the breaker and the limits of one contract."""

    def enter(self, contract: Contract, *, is_first: bool) -> "Permit | Wait | Exception": ...
    def leave(self, permit: Permit, contract: Contract, result: Answered | Failed | None) -> None: ...


def converse(
    contract: Contract, asked: Asked, gate: Gate, *, clock: Callable[[], float], random: Random
) -> Generator[Command, Result, Verdict]:
    """Make the call. Raises what the gate says when it lets not even the first attempt through."""
    ends_at = clock() + contract.timeouts.total_ms / 1_000
    attempts = retries = 0
    was_refreshed = False
    last: Answered | Failed | None = None
    while True:
        entered = yield from _enter(contract, gate, ends_at, clock, is_first=last is None)
        if not isinstance(entered, Permit):
            if last is None:
                raise entered
            return _verdict(contract, last, attempts, stopped_by=type(entered).__name__)
        attempts += 1
        last = yield from _attempt(contract, gate, entered, attempts, ends_at, clock)
        if _wants_refresh(contract, asked, last) and not was_refreshed:
            was_refreshed = True
            if (yield Refresh()):
                continue
            return _verdict(contract, last, attempts, stopped_by="credentials")
        why_not = _why_not(contract, asked, last, retries)
        if why_not is not None:
            return _verdict(contract, last, attempts, stopped_by=why_not)
        wait_s = _wait_s(contract, last, retries, random)
        if clock() + wait_s >= ends_at:
            return _verdict(contract, last, attempts, stopped_by="time")
        retries += 1
        if wait_s:
            yield Wait(wait_s, "before a retry")


def _enter(
    contract: Contract, gate: Gate, ends_at: float, clock: Callable[[], float], *, is_first: bool
) -> Generator[Command, Result, Permit | Exception]:
    while True:
        entered = gate.enter(contract, is_first=is_first)
        if not isinstance(entered, Wait):
            return entered
        if clock() + entered.seconds >= ends_at:
            return TimeoutError("the limit leaves no room within the total time")
        yield entered


def _attempt(
    contract: Contract, gate: Gate, permit: Permit, attempt: int, total_ends_at: float, clock: Callable[[], float]
) -> Generator[Command, Result, Answered | Failed]:
    result: Answered | Failed | None = None
    now = clock()
    own = contract.retry.attempt_timeout_ms
    ends_at = total_ends_at if own is None else min(total_ends_at, now + own / 1_000)
    left = max(0.001, ends_at - now)
    times = contract.timeouts
    try:
        said = yield Send(
            attempt, min(times.connect_ms / 1_000, left), min(times.read_ms / 1_000, left), ends_at, total_ends_at
        )
        assert isinstance(said, Answered | Failed)
        result = said
    finally:
        gate.leave(permit, contract, result)
    return result


def row_for(contract: Contract, result: Answered | Failed) -> ErrorRow | None:
    """What the error table says of this result."""
    return contract.error_for(result.status) if isinstance(result, Answered) and result.status >= 400 else None


def counts_as_failure(contract: Contract, result: Answered | Failed) -> bool:
    """Whether the breaker takes this for a provider in trouble; a refusal of ours, or of our pace, is none."""
    if isinstance(result, Failed):
        return True
    row = row_for(contract, result)
    return result.status >= 500 or (row is not None and row.action == "fail_fast")


def _wants_refresh(contract: Contract, asked: Asked, result: Answered | Failed) -> bool:
    row = row_for(contract, result)
    return asked.can_refresh and row is not None and row.action == "refresh_credentials_and_retry_once"


def _why_not(contract: Contract, asked: Asked, result: Answered | Failed, retries: int) -> str | None:
    """Why this is not tried again; empty where nobody would, None where it is."""
    if not _is_worth_it(contract, result):
        return ""
    if not may_repeat(contract, asked, result):
        return "unsafe"
    return "retries" if retries >= contract.retry.max_retries else None


def _is_worth_it(contract: Contract, result: Answered | Failed) -> bool:
    if isinstance(result, Failed):
        return contract.retry.on_network_errors
    row = row_for(contract, result)
    action = row.action if row else None
    if action in FINAL_ACTIONS or action == "refresh_credentials_and_retry_once":
        return False
    return result.status in contract.retry.on_statuses or action in RETRY_ACTIONS


def may_repeat(contract: Contract, asked: Asked, result: Answered | Failed) -> bool:
    """Whether doing it again cannot do it twice: safe methods, a key, or a call that was certainly not carried out."""
    if asked.method in SAFE or asked.has_key:
        return True
    if isinstance(result, Failed) and result.problem == "unreachable":
        return True
    if isinstance(result, Answered) and result.status == 429:
        return True
    return asked.method in REPEATABLE and contract.idempotent is not False


def _wait_s(contract: Contract, result: Answered | Failed, retries: int, random: Random) -> float:
    """How long to wait before the next retry; what the provider asks for goes first."""
    if isinstance(result, Answered) and result.retry_after_s is not None:
        asked_for = min(max(0.0, result.retry_after_s), LONGEST_RETRY_AFTER_S)
        return asked_for * (1 + random.uniform(0, SPREAD))
    delay_s = contract.retry.delay_ms(retries) / 1_000
    if contract.retry.jitter == "full":
        return random.uniform(0, delay_s)
    return random.uniform(delay_s / 2, delay_s) if contract.retry.jitter == "equal" else delay_s


def _verdict(contract: Contract, result: Answered | Failed, attempts: int, *, stopped_by: str) -> Verdict:
    row = row_for(contract, result)
    stop = {"CircuitOpen": "circuit", "LimitReached": "limit", "TimeoutError": "time"}.get(stopped_by, stopped_by)
    return Verdict(result, attempts, row.action if row else None, row.code if row else None, stop)
