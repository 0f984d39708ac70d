"""Microsoft.Extensions.Http.Resilience: appsettings.json, a section per contract for AddStandardResilienceHandler."""

import json
from typing import Any

from ..record.findings import Severity
from ..record.policy import DAY_MS
from .base import Contract, Dialect, Rendering, Settings, besides, rendered, speaking
from .units import timespan
from .waits import curve, jitter

LIBRARY = ".NET"
SHORTEST_MS, USUAL_ATTEMPT_MS, USUAL_TOTAL_MS, USUAL_SAMPLING_MS = 10, 10_000, 30_000, 30_000


def write(settings: Settings) -> Rendering:
    """The settings as sections of appsettings.json."""
    found, left = speaking(settings, LIBRARY, lambda each: each.speaks_http or each.protocol == "grpc")
    sections = {each.name: _section(each) for each in found}
    losses = [loss for each in found for loss in each.finish(LIBRARY)]
    return rendered(json.dumps({"Resilience": sections}, indent=2) + "\n", losses, left, besides(settings))


def _section(contract: Contract) -> dict[str, Any]:
    attempt, total = _timeouts(contract)
    section = {
        "TotalRequestTimeout": {"Timeout": timespan(total)} if total else {},
        "Retry": _retry(contract, total or USUAL_TOTAL_MS),
        "CircuitBreaker": _breaker(contract, attempt or USUAL_ATTEMPT_MS),
        "AttemptTimeout": {"Timeout": timespan(attempt)} if attempt else {},
    }
    contract.lose_part("rate_limit", "Its limiter counts calls in flight, not calls in a time.")
    contract.lose("timeouts.connect_ms", "Set ConnectTimeout of SocketsHttpHandler in code.")
    contract.lose("timeouts.read_ms", "Nothing waits for the first byte alone.")
    if contract.retries and not contract.look("idempotent"):
        contract.assume(
            "idempotent", "Retries POST too: call DisableForUnsafeHttpMethods.", "Not said to be idempotent"
        )
    return {name: part for name, part in section.items() if part}


def _timeouts(contract: Contract) -> tuple[int | None, int | None]:
    """One attempt and the whole call. The library refuses an attempt longer than the call, its own defaults too."""
    attempt = contract.within("retry.attempt_timeout_ms", SHORTEST_MS, DAY_MS, LIBRARY, unit=" ms")
    total = contract.within("timeouts.total_ms", SHORTEST_MS, DAY_MS, LIBRARY, unit=" ms")
    if attempt and total and attempt > total:
        instead = f"{LIBRARY} refuses one longer than the whole call: the file says {total:,} ms."
        contract.lose("retry.attempt_timeout_ms", instead, Severity.ERROR)
        attempt = total
    elif attempt and not total and attempt > USUAL_TOTAL_MS:
        total = attempt
    elif not attempt:
        # Its usual 10 s is held against the call and the breaker's window as well.
        window = (contract.look("circuit_breaker.window_seconds") or 60) * 1_000
        fitting = min(USUAL_ATTEMPT_MS, total or USUAL_TOTAL_MS, window // 2)
        attempt = fitting if fitting < USUAL_ATTEMPT_MS else None
    return attempt, total


def _retry(contract: Contract, total: int) -> dict[str, Any]:
    contract.lose("retry.retry_on_statuses", "Retries 408, 429 and every 5xx.")
    if contract.take("retry.retry_on_network_errors") is False:
        contract.lose("retry.retry_on_network_errors", "Retries them.")
    retries = contract.within("retry.max_retries", 1, None, LIBRARY)
    if retries is None:
        return {}
    said: dict[str, Any] = {"MaxRetryAttempts": retries}
    found = curve(contract, factor=2.0)
    if found is None:
        contract.told.add("retry.jitter")
        return said
    if sum(found.waits(retries)) > total:
        each = max(1, total // (retries + 1))
        instead = f"{LIBRARY} refuses waits longer than the whole call: the file says {each:,} ms each."
        contract.lose("retry.delays_ms", instead, Severity.ERROR)
        return said | {"BackoffType": "Constant", "Delay": timespan(each), "UseJitter": False}
    chance = jitter(contract, LIBRARY, "has a spread of its own around each wait", exact=("none",))
    return said | {
        "BackoffType": "Exponential" if found.grows else "Constant",
        "Delay": timespan(found.first),
        "MaxDelay": timespan(found.cap),
        "UseJitter": chance != "none",
    }


def _breaker(contract: Contract, attempt: int) -> dict[str, Any]:
    percent = contract.take("circuit_breaker.failure_percent")
    minimum = contract.within("circuit_breaker.minimum_calls", 2, None, LIBRARY)
    window, opened = contract.take("circuit_breaker.window_seconds"), contract.take("circuit_breaker.open_seconds")
    half = contract.take("circuit_breaker.half_open_calls")
    if half not in (None, 1):
        contract.lose("circuit_breaker.half_open_calls", "One trial call.")
    contract.lose("circuit_breaker.forced", "CircuitBreakerManualControl does it in code.")
    if percent and not minimum:
        contract.assume("circuit_breaker.minimum_calls", "Waits for 100 calls before it judges.")
    sampling = window * 1_000 if window else None
    if (sampling or USUAL_SAMPLING_MS) < 2 * attempt:
        if sampling:
            instead = f"{LIBRARY} refuses less than twice an attempt: the file says {-(-attempt // 500):,} s."
            contract.lose("circuit_breaker.window_seconds", instead, Severity.ERROR)
        sampling = -(-attempt // 500) * 1_000
    said = {
        "FailureRatio": percent and percent / 100,
        "MinimumThroughput": minimum,
        "SamplingDuration": sampling and timespan(min(sampling, DAY_MS)),
        "BreakDuration": opened and timespan(opened * 1_000),
    }
    return {name: value for name, value in said.items() if value}


DOTNET = Dialect(
    "dotnet",
    ".NET (Http.Resilience)",
    ".json",
    "application/json",
    "live",
    'Bind its section, "Resilience:<contract>", in AddStandardResilienceHandler: a reload is obeyed at once, and a '
    "value out of range throws at the next call.",
    write,
)
