"""gRPC's own service config, as JSON for a channel."""

import json
from typing import Any

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, besides, rendered, speaking
from .units import seconds
from .waits import curve, jitter

MOST_ATTEMPTS = 5
CODES = {
    408: "DEADLINE_EXCEEDED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
"""HTTP statuses, as records write them, as the codes gRPC's services answer in their place."""


def write(settings: Settings) -> Rendering:
    """One service config where there is one contract, else one for each by name: a channel takes one."""
    found, left = speaking(settings, "gRPC", lambda each: each.protocol == "grpc")
    configs = {each.name: _config(each) for each in found}
    said: Any = next(iter(configs.values())) if len(configs) == 1 else configs
    losses = [loss for each in found for loss in each.finish("gRPC")]
    return rendered(json.dumps(said, indent=2) + "\n", losses, left, besides(settings))


def _config(contract: Contract) -> dict[str, Any]:
    method: dict[str, Any] = {"name": [{}]}
    if total := contract.take("timeouts.total_ms"):
        method["timeout"] = seconds(total)
    if policy := _retry(contract):
        method["retryPolicy"] = policy
    contract.lose("retry.attempt_timeout_ms", "Attempts have no timeout of their own.")
    for name in ("connect_ms", "read_ms"):
        contract.lose(f"timeouts.{name}", "Only the whole call has a timeout.")
    contract.lose_part("circuit_breaker", "Has no breaker.")
    contract.lose_part("rate_limit", "Has no rate limit.")
    return {"methodConfig": [method]}


def _retry(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    statuses = contract.take("retry.retry_on_statuses") or []
    on_errors = contract.take("retry.retry_on_network_errors")
    codes = sorted({CODES[each] for each in statuses if each in CODES} | ({"UNAVAILABLE"} if on_errors else set()))
    if not retries:
        contract.told |= {"retry.jitter"}
        return {}
    if statuses:
        contract.lose("retry.retry_on_statuses", f"Retries the codes {', '.join(codes) or 'none'}.", Severity.HINT)
    if not codes:
        contract.lose("retry.max_retries", "Without a code to retry on, nothing is retried.")
        contract.told |= {"retry.jitter"}
        return {}
    if retries + 1 > MOST_ATTEMPTS:
        contract.lose("retry.max_retries", f"Makes {MOST_ATTEMPTS} attempts at most, the first one counted.")
    found = curve(contract)
    jitter(contract, "gRPC", "waits 80 to 120 % of it", exact=())
    return {
        "maxAttempts": min(retries + 1, MOST_ATTEMPTS),
        "initialBackoff": seconds(found.first if found else 1_000),
        "maxBackoff": seconds(found.cap if found else 1_000),
        "backoffMultiplier": round(found.factor, 6) if found else 1.0,
        "retryableStatusCodes": codes,
    }


GRPC = Dialect(
    "grpc-service-config",
    "gRPC service config",
    ".json",
    "application/json",
    "restart",
    "Given to a channel when it is made (grpc.service_config), or by the name resolver; a channel that exists keeps "
    "what it has.",
    write,
)
