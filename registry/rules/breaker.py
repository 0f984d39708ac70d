"""Circuit breakers: whether they can open at all, and whether anybody hears of it."""

from decimal import Decimal

from ..record.findings import Severity
from ..record.policy import CircuitBreaker, Policy
from .base import Place, Said, rule

USUAL_MINIMUM = 100
"""What resilience4j and .NET take where the design says nothing."""


@rule("breaker-never-opens", Severity.ERROR, "The breaker can never open", on=CircuitBreaker)
def never_opens(place: Place[CircuitBreaker]) -> Said:
    """A breaker judges only once the minimum number of calls is in its window. With less traffic it never judges, and
    stays closed though every call fails.

    Bad: 30 calls a minute, window 10 s, minimum 20: only 5 calls are ever in the window. Good: window 60 s, minimum
    10.

    Lengthen the window, lower the minimum, or correct the expected calls per minute.
    """
    breaker, expected = place.part, place.contract.expected_requests_per_minute
    if expected is None or breaker.window_seconds is None or breaker.minimum_calls is None:
        return
    calls = expected * breaker.window_seconds // 60
    if calls < breaker.minimum_calls:
        yield (
            "minimum_calls",
            f"{expected:,} calls a minute put {calls:,} in a window of {breaker.window_seconds:,} s; "
            f"the breaker waits for {breaker.minimum_calls:,}.",
            _reach(calls),
        )


def _reach(calls: int) -> str:
    return f"Use {calls // 2} or a longer window." if calls >= 4 else "Use a longer window and a lower minimum."


@rule("breaker-minimum-missing", Severity.WARNING, "No minimum number of calls", on=CircuitBreaker)
def minimum_missing(place: Place[CircuitBreaker]) -> Said:
    """Where the design does not say how many calls a breaker needs before it judges, common libraries take 100. An
    integration with less traffic then has a breaker that never opens.

    Bad: 50 percent in 30 s, 40 calls a minute, minimum not stated. Good: the same with a minimum of 10.

    State the minimum: about half the calls expected in one window.
    """
    breaker, expected = place.part, place.contract.expected_requests_per_minute
    if breaker.failure_percent is None or breaker.minimum_calls is not None:
        return
    message = f"No minimum is stated; common libraries then wait for {USUAL_MINIMUM} calls."
    mend = "State it: about half the calls expected in one window."
    if expected is not None and breaker.window_seconds is not None:
        calls = expected * breaker.window_seconds // 60
        message += f" About {calls:,} are expected in the window."
        mend = f"State it, such as {max(calls // 2, 2):,}."
    yield "minimum_calls", message, mend


@rule("breaker-hair-trigger", Severity.ERROR, "One failure opens the breaker", on=CircuitBreaker)
def hair_trigger(place: Place[CircuitBreaker]) -> Said:
    """With a minimum of 1, the first call in a quiet minute decides alone: if it fails, 100 percent failed. The .NET
    resilience library refuses a minimum below 2, and throws when it reads one anew.

    Bad: minimum 1. Good: minimum 10.

    Raise the minimum.
    """
    if place.part.minimum_calls == 1:
        yield "minimum_calls", "The breaker opens after a single failed call.", "Use 2 or more, such as 10."


@rule("breaker-all-must-fail", Severity.WARNING, "The breaker opens only when everything fails", on=CircuitBreaker)
def all_must_fail(place: Place[CircuitBreaker]) -> Said:
    """At 100 percent one success in the window keeps the breaker closed. Providers seldom fail completely: health
    checks and cached answers still succeed.

    Bad: 100 percent in 30 s. Good: 50 percent in 30 s.

    Lower the threshold.
    """
    if place.part.failure_percent == 100:
        yield "failure_percent", "One success in the window keeps the breaker closed.", "Use less, such as 50."


@rule("breaker-alert-never", Severity.WARNING, "The open-breaker alert never fires", on=CircuitBreaker)
def alert_never(place: Place[CircuitBreaker]) -> Said:
    """After the open time the breaker lets a trial call through and is no longer open. An alert that waits for longer
    than that is never raised, however long the provider is down.

    Bad: open for 30 s, alert after 60 s. Good: open for 30 s, alert after 20 s.

    Alert after less than the open time.
    """
    opened, alert = place.part.open_seconds, place.part.alert_after_seconds
    if opened is not None and alert is not None and alert > opened:
        yield (
            "alert_after_seconds",
            f"The alert waits for {alert:,} s, but the breaker is open for {opened:,} s at a time.",
            f"Use {opened:,} s or less.",
        )


@rule("breaker-window-short", Severity.ERROR, "The window is shorter than two attempts", on=Policy)
def window_short(place: Place[Policy]) -> Said:
    """A call counts when it ends. In a window shorter than two timeouts the slow failures of one outage never meet.
    The .NET resilience library refuses less than twice the attempt timeout, and throws when it reads that anew.

    Bad: window 5 s, attempt timeout 4,000 ms. Good: window 30 s, attempt timeout 2,000 ms.

    Lengthen the window to at least twice the attempt timeout.
    """
    window, attempt = place.part.circuit_breaker.window_seconds, place.part.retry.attempt_timeout_ms
    if window is not None and attempt is not None and window * 1_000 < 2 * attempt:
        yield (
            "circuit_breaker.window_seconds",
            f"The window is {window:,} s; two attempts may take {2 * attempt:,} ms.",
            f"Use {-(-2 * attempt // 1_000):,} s or more.",
        )


@rule("breaker-one-call", Severity.HINT, "One call with its retries can open the breaker", on=Policy)
def one_call(place: Place[Policy]) -> Said:
    """Each attempt counts in the breaker. If one call makes as many attempts as the breaker's minimum, a single
    unlucky call stops everybody's.

    Bad: 3 retries (4 attempts), minimum 4. Good: 3 retries, minimum 20.

    Raise the minimum above the number of attempts.
    """
    attempts, minimum = place.part.retry.attempts, place.part.circuit_breaker.minimum_calls
    if attempts is not None and minimum is not None and 1 < minimum <= attempts:
        yield (
            "circuit_breaker.minimum_calls",
            f"One call makes up to {attempts} attempts; the breaker judges after {minimum}.",
            f"Use more than {attempts}.",
        )


@rule("breaker-below-normal", Severity.WARNING, "The breaker opens while all is well", on=CircuitBreaker)
def below_normal(place: Place[CircuitBreaker]) -> Said:
    """The service levels say how many calls may fail on an ordinary day. A breaker that opens at that share stops all
    calls because of failures both sides agreed to.

    Bad: 5 percent may fail, the breaker opens at 5 percent. Good: 0.5 percent may fail, the breaker opens at 50.

    Raise the threshold well above the error rate, or promise a better one.
    """
    opens, normal = place.part.failure_percent, place.record.sla.error_rate_percent
    if opens is not None and normal is not None and opens <= Decimal(normal):
        yield (
            "failure_percent",
            f"The breaker opens at {opens} % of failures, but {normal} % may fail by the service levels.",
            f"Use far more than {normal} %, or promise a better rate.",
        )
