"""SmallRye Fault Tolerance (Quarkus, MicroProfile): application.properties for guards named as the contracts."""

from collections.abc import Iterator
from typing import Any

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, besides, contracts, rendered
from .waits import curve, jitter


def write(settings: Settings) -> Rendering:
    """The settings as properties."""
    found = contracts(settings)
    lines = [
        f'smallrye.faulttolerance."{each.name}".{name}={_text(value)}' for each in found for name, value in _said(each)
    ]
    losses = [loss for each in found for loss in each.finish("SmallRye")]
    return rendered("\n".join(lines) + "\n", losses, besides(settings))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(contract: Contract) -> Iterator[tuple[str, Any]]:
    yield from _retry(contract)
    yield from _breaker(contract)
    yield from _limit(contract)
    if attempt := contract.take("retry.attempt_timeout_ms"):
        yield "timeout.value", attempt
        yield "timeout.unit", "millis"
    for name in ("connect_ms", "read_ms"):
        contract.lose(f"timeouts.{name}", "Set it on the REST client: quarkus.rest-client.<name>.", Severity.HINT)


def _retry(contract: Contract) -> Iterator[tuple[str, Any]]:
    retries = contract.retries
    contract.lose("retry.retry_on_statuses", "Your retryOn or @RetryWhen decides.")
    if contract.take("retry.retry_on_network_errors") is False:
        contract.lose("retry.retry_on_network_errors", "Every exception is retried, unless abortOn names it.")
    if retries is None:
        contract.lose("timeouts.total_ms", "Left out: no number of retries is stated.")
        return
    yield "retry.max-retries", retries
    if total := contract.look("timeouts.total_ms"):
        yield "retry.max-duration", total
        yield "retry.duration-unit", "millis"
        contract.lose("timeouts.total_ms", "Begins no attempt after it; the last may end later.", Severity.HINT)
    found = curve(contract, whole=True)
    if retries == 0 or found is None:
        contract.told |= {"retry.jitter"}
        return
    # Chance is added or taken away around the middle, and is the same for every wait.
    chance = jitter(contract, "SmallRye", "has the same spread for each wait", exact=("none", "full", "equal"))
    if found.grows and chance != "none":
        contract.lose("retry.jitter", "Has the spread of the first wait for each.", Severity.HINT)
    spread = {"full": found.first // 2, "equal": found.first // 4}.get(chance, 0)
    yield "retry.delay", found.first - spread
    yield "retry.delay-unit", "millis"
    yield "retry.jitter", spread
    yield "retry.jitter-delay-unit", "millis"
    if found.grows:
        yield "exponential-backoff.factor", int(found.factor)
        yield "exponential-backoff.max-delay", found.cap
        yield "exponential-backoff.max-delay-unit", "millis"


def _breaker(contract: Contract) -> Iterator[tuple[str, Any]]:
    percent, minimum = contract.take("circuit_breaker.failure_percent"), contract.take("circuit_breaker.minimum_calls")
    forced = contract.look("circuit_breaker.forced")
    if forced == "closed":
        contract.take("circuit_breaker.forced")
        yield "circuit-breaker.enabled", False
    else:
        contract.lose("circuit_breaker.forced", "CircuitBreakerMaintenance does it in code.")
    if percent:
        yield "circuit-breaker.failure-ratio", percent / 100
    if minimum:
        yield "circuit-breaker.request-volume-threshold", minimum
        contract.lose("circuit_breaker.minimum_calls", "Judges the last so many calls, however old.")
    elif percent:
        contract.assume("circuit_breaker.minimum_calls", "Judges the last 20 calls.")
    contract.lose("circuit_breaker.window_seconds", "Its window counts calls, not time.")
    if opened := contract.take("circuit_breaker.open_seconds"):
        yield "circuit-breaker.delay", opened
        yield "circuit-breaker.delay-unit", "seconds"
    if half := contract.take("circuit_breaker.half_open_calls"):
        yield "circuit-breaker.success-threshold", half


def _limit(contract: Contract) -> Iterator[tuple[str, Any]]:
    limit, burst = contract.take("rate_limit.requests_per_minute"), contract.look("rate_limit.burst_per_second")
    if limit:
        yield "rate-limit.value", limit
        yield "rate-limit.window", 60
        yield "rate-limit.window-unit", "seconds"
        yield "rate-limit.type", "rolling"
        contract.lose("rate_limit.requests_per_minute", "Each process counts for itself.", Severity.HINT)
        contract.lose("rate_limit.burst_per_second", "One limit for each guard: this one is left out.")
    elif burst:
        contract.take("rate_limit.burst_per_second")
        yield "rate-limit.value", burst
        yield "rate-limit.window", 1
        yield "rate-limit.window-unit", "seconds"
        yield "rate-limit.type", "rolling"
    contract.lose("rate_limit.daily_quota", "One limit for each guard: this one is left out.")
    for name in ("requests_per_minute_action", "burst_action", "daily_action"):
        if contract.take(f"rate_limit.{name}") == "wait":
            contract.lose(f"rate_limit.{name}", "Refuses at once.")


SMALLRYE = Dialect(
    "smallrye",
    "SmallRye (Quarkus, MicroProfile)",
    ".properties",
    "text/plain",
    "restart",
    'Add it to application.properties and guard by @ApplyGuard("<contract>"). Configuration is read when the guard is '
    "made.",
    write,
)
