"""opossum, the breaker for Node.js: options by contract."""

import json
from typing import Any

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, besides, contracts, rendered


def write(settings: Settings) -> Rendering:
    """The settings as JSON: the second argument of `new CircuitBreaker`, by contract."""
    found = contracts(settings)
    options = {each.name: _options(each) for each in found}
    losses = [loss for each in found for loss in each.finish("opossum")]
    return rendered(json.dumps(options, indent=2) + "\n", losses, besides(settings))


def _options(contract: Contract) -> dict[str, Any]:
    window, opened = contract.take("circuit_breaker.window_seconds"), contract.take("circuit_breaker.open_seconds")
    attempt, total = contract.take("retry.attempt_timeout_ms"), contract.take("timeouts.total_ms")
    if attempt:
        contract.lose("timeouts.total_ms", "Its timeout is the attempt's; your retries keep the budget.")
    elif total:
        contract.lose("timeouts.total_ms", "Ends the function it guards, retries in it or not.", Severity.HINT)
    said = {
        "name": contract.name,
        "timeout": attempt or total,
        "errorThresholdPercentage": contract.take("circuit_breaker.failure_percent"),
        "volumeThreshold": contract.take("circuit_breaker.minimum_calls"),
        "rollingCountTimeout": window and window * 1_000,
        "rollingCountBuckets": window and min(window, 10),
        "resetTimeout": opened and opened * 1_000,
    }
    contract.lose("circuit_breaker.failure_percent", "Opens above this share, not at it.", Severity.HINT)
    if contract.take("circuit_breaker.half_open_calls") not in (None, 1):
        contract.lose("circuit_breaker.half_open_calls", "One trial call.")
    if contract.look("circuit_breaker.forced") == "closed":
        contract.take("circuit_breaker.forced")
        said["enabled"] = False
    else:
        contract.lose("circuit_breaker.forced", "breaker.open() does it in code.")
    if contract.look("retry.max_retries") == 0:
        contract.told |= {f"retry.{name}" for name in contract.look("retry")} - {"retry.attempt_timeout_ms"}
    contract.lose_part("rate_limit", "Its capacity counts calls in flight, not calls in a time.")
    for name in ("connect_ms", "read_ms"):
        contract.lose(f"timeouts.{name}", "Set it on your HTTP client.", Severity.HINT)
    return {name: value for name, value in said.items() if value is not None}


OPOSSUM = Dialect(
    "opossum",
    "opossum (Node.js)",
    ".json",
    "application/json",
    "restart",
    "new CircuitBreaker(call, options); make the breaker anew to change it.",
    write,
)
