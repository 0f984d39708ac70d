"""Timeouts: each must be able to fire, and the whole call must fit its budget."""

from ..record.findings import Severity
from ..record.policy import Policy
from .base import Place, Said, rule

SHORTEST_MS = 10
"""What Polly takes at least."""


@rule("budget-exceeded", Severity.ERROR, "Retries do not fit the total timeout", on=Policy)
def budget_exceeded(place: Place[Policy]) -> Said:
    """The total timeout is the budget of the whole call: all attempts and all waits between them. What does not fit
    is cut off, so the last retries are promised but never made.

    Bad: 4 attempts of 2,000 ms and waits of 1,400 ms need 9,400 ms; the total is 5,000 ms. Good: the total is 10,000
    ms, or the attempt timeout 900 ms.

    Raise the total, lower the attempt timeout, or make fewer retries. Whoever calls you needs a total longer than
    yours.
    """
    retry, total = place.part.retry, place.part.timeouts.total_ms
    longest, waits = retry.longest_ms(), retry.waits_ms()
    if not retry.max_retries or longest is None or waits is None or total is None or longest <= total:
        return
    yield (
        "timeouts.total_ms",
        f"{retry.attempts} attempts of {retry.attempt_timeout_ms:,} ms and waits of {sum(waits):,} ms "
        f"come to {longest:,} ms, more than the total of {total:,} ms.",
        f"Raise the total to {longest:,} ms, shorten the attempts, or make fewer retries.",
    )


@rule("waits-above-total", Severity.ERROR, "The waits alone are longer than the whole call", on=Policy)
def waits_above_total(place: Place[Policy]) -> Said:
    """The total timeout is the budget of the whole call. Waits that add up to more leave no time for a last attempt,
    and the .NET resilience library refuses them.

    Bad: waits of 1, 2 and 4 s, total 5,000 ms. Good: the same with a total of 15,000 ms.

    Raise the total, or wait less.
    """
    retry, total = place.part.retry, place.part.timeouts.total_ms
    waits = retry.waits_ms()
    if waits and total is not None and retry.attempt_timeout_ms is None and sum(waits) > total:
        yield (
            "timeouts.total_ms",
            f"The waits come to {sum(waits):,} ms, more than the total of {total:,} ms.",
            f"Raise the total well above {sum(waits):,} ms, or wait less.",
        )


@rule("timeout-tiny", Severity.ERROR, "A timeout shorter than libraries take", on=Policy)
def tiny(place: Place[Policy]) -> Said:
    """A call within one network takes milliseconds; a timeout of a few ends nearly all of them. The .NET resilience
    library refuses an attempt or a call of less than 10 ms, and throws when it reads one anew.

    Bad: attempt timeout 5 ms. Good: attempt timeout 500 ms.

    Lengthen it. Perhaps seconds were meant.
    """
    stated = {
        "retry.attempt_timeout_ms": place.part.retry.attempt_timeout_ms,
        "timeouts.total_ms": place.part.timeouts.total_ms,
    }
    for path, value in stated.items():
        if value is not None and value < SHORTEST_MS:
            yield path, f"{value} ms is less than any library takes.", f"Use {SHORTEST_MS} ms or more, such as 500."


@rule("attempt-above-total", Severity.ERROR, "One attempt is longer than the whole call", on=Policy)
def attempt_above_total(place: Place[Policy]) -> Said:
    """The total timeout ends a call whatever its attempts do. An attempt timeout above it never fires, and nothing is
    ever retried after a timeout. Some libraries refuse to start with it.

    Bad: attempt 5,000 ms, total 3,000 ms. Good: attempt 1,000 ms, total 3,000 ms.

    Lower the attempt timeout or raise the total.
    """
    attempt, total = place.part.retry.attempt_timeout_ms, place.part.timeouts.total_ms
    if attempt is not None and total is not None and attempt > total:
        yield (
            "retry.attempt_timeout_ms",
            f"One attempt may take {attempt:,} ms, but the whole call only {total:,} ms.",
            f"Lower the attempt timeout to {total:,} ms or less, or raise the total.",
        )


@rule("read-above-total", Severity.ERROR, "The read timeout can never fire", on=Policy)
def read_above_total(place: Place[Policy]) -> Said:
    """The call ends at its total timeout. A read timeout beyond it never fires, so slow answers are not told from
    slow calls.

    Bad: read 10,000 ms, total 5,000 ms. Good: read 2,000 ms, total 5,000 ms.

    Lower the read timeout or raise the total.
    """
    read, total = place.part.timeouts.read_ms, place.part.timeouts.total_ms
    if read is not None and total is not None and read > total:
        yield (
            "timeouts.read_ms",
            f"The read timeout of {read:,} ms is longer than the total of {total:,} ms.",
            f"Lower it to {total:,} ms or less, or raise the total.",
        )


@rule("connect-above-total", Severity.ERROR, "The connect timeout can never fire", on=Policy)
def connect_above_total(place: Place[Policy]) -> Said:
    """The call ends at its total timeout. If connecting alone may take longer, no retry to another host is ever made.

    Bad: connect 5,000 ms, total 3,000 ms. Good: connect 500 ms, total 3,000 ms.

    Lower the connect timeout. Within one network 500 ms is plenty.
    """
    connect, total = place.part.timeouts.connect_ms, place.part.timeouts.total_ms
    if connect is not None and total is not None and connect > total:
        yield (
            "timeouts.connect_ms",
            f"The connect timeout of {connect:,} ms is longer than the total of {total:,} ms.",
            f"Lower it below {total:,} ms.",
        )


@rule("connect-above-read", Severity.WARNING, "Connecting may take longer than answering", on=Policy)
def connect_above_read(place: Place[Policy]) -> Said:
    """A connection is made in a round trip or two; an answer takes work. A connect timeout above the read timeout is
    nearly always the two swapped.

    Bad: connect 5,000 ms, read 2,000 ms. Good: connect 500 ms, read 2,000 ms.

    Swap them, or lower the connect timeout.
    """
    connect, read = place.part.timeouts.connect_ms, place.part.timeouts.read_ms
    if connect is not None and read is not None and connect > read:
        yield (
            "timeouts.connect_ms",
            f"The connect timeout of {connect:,} ms is longer than the read timeout of {read:,} ms.",
            "Lower it; 500 ms is plenty within one network.",
        )


@rule("attempt-below-read", Severity.WARNING, "The attempt ends before its own timeouts", on=Policy)
def attempt_below_read(place: Place[Policy]) -> Said:
    """Each attempt ends at the attempt timeout. A read or connect timeout beyond it never fires, and all failures
    look alike.

    Bad: attempt 1,000 ms, read 2,000 ms. Good: attempt 2,500 ms, read 2,000 ms.

    Raise the attempt timeout or lower the other.
    """
    attempt, timeouts = place.part.retry.attempt_timeout_ms, place.part.timeouts
    for name, value in (("read", timeouts.read_ms), ("connect", timeouts.connect_ms)):
        if attempt is not None and value is not None and attempt < value:
            yield (
                "retry.attempt_timeout_ms",
                f"An attempt ends after {attempt:,} ms, before the {name} timeout of {value:,} ms.",
                f"Raise it to {value:,} ms or more, or lower the {name} timeout.",
            )


@rule("total-below-latency", Severity.WARNING, "Calls are cut off that keep the promised latency", on=Policy)
def total_below_latency(place: Place[Policy]) -> Said:
    """The service levels promise that 99 of 100 calls are done within the p99. A total timeout below it gives up on
    calls that keep the promise.

    Bad: p99 of 3,000 ms, total timeout 2,000 ms. Good: p99 of 800 ms, total timeout 2,000 ms.

    Raise the total, or promise a better p99.
    """
    promised, total = place.record.sla.latency_p99_ms, place.part.timeouts.total_ms
    if promised is not None and total is not None and total < promised:
        yield (
            "timeouts.total_ms",
            f"Calls end after {total:,} ms, but the promised p99 is {promised:,} ms.",
            f"Raise the total above {promised:,} ms, or promise a better p99.",
        )


@rule("attempt-below-latency", Severity.WARNING, "More than one attempt in a hundred times out", on=Policy)
def attempt_below_latency(place: Place[Policy]) -> Said:
    """If an attempt may take less time than the promised p99, ordinary slow answers are abandoned and asked for
    again: load grows exactly when the provider is slow.

    Bad: p99 of 1,500 ms, attempt timeout 1,000 ms. Good: attempt timeout 2,000 ms.

    Raise the attempt timeout above the p99.
    """
    promised, attempt = place.record.sla.latency_p99_ms, place.part.retry.attempt_timeout_ms
    if place.part.retry.max_retries and promised is not None and attempt is not None and attempt < promised:
        yield (
            "retry.attempt_timeout_ms",
            f"Attempts end after {attempt:,} ms, but the promised p99 is {promised:,} ms.",
            f"Raise the attempt timeout above {promised:,} ms.",
        )
