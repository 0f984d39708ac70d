"""What one call can come to when everything fails."""

from dataclasses import dataclass

from ..record.contracts import Contract
from ..record.policy import Policy
from .consequence import NEVER


@dataclass(frozen=True, slots=True)
class WorstCase:
    """What one call can come to when everything fails: calls to the provider, and time in ms (None: unbounded)."""

    calls: int | None
    longest_ms: int | None


def worst_case(contract: Contract, environment: str = "") -> WorstCase:
    """The worst case of one call; the total timeout cuts it short where one is stated."""
    policy = contract.policy.inside(environment)
    return WorstCase(policy.retry.attempts, longest_ms(policy))


def longest_ms(policy: Policy) -> int | None:
    """The longest a call with all its attempts and waits can take."""
    times = [each for each in (policy.retry.longest_ms(), policy.timeouts.total_ms) if each is not None]
    return min(times, default=None)


def first_failure_ms(policy: Policy) -> int | None:
    """The longest the first attempt can take to fail."""
    timeouts, attempt = policy.timeouts, policy.retry.attempt_timeout_ms
    if attempt is None and timeouts.read_ms is not None:
        attempt = timeouts.read_ms + (timeouts.connect_ms or 0)
    return min((each for each in (attempt, timeouts.total_ms) if each is not None), default=None)


def opens_after_ms(policy: Policy, calls_per_minute: int | None) -> float | None:
    """How long every call must fail until the breaker opens, under even traffic; None where too little is stated.

    Until then the window still holds the calls that went well before.
    """
    breaker = policy.circuit_breaker
    if breaker.failure_percent is None or breaker.window_seconds is None:
        return None
    if calls_per_minute is not None and breaker.minimum_calls is not None:
        if calls_per_minute * breaker.window_seconds // 60 < breaker.minimum_calls:
            return NEVER
    return breaker.failure_percent * breaker.window_seconds * 10
