"""urllib3 and requests: keyword arguments of Retry and Timeout, by contract."""

import json
from typing import Any

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, besides, rendered, speaking
from .waits import Curve


def write(settings: Settings) -> Rendering:
    """The settings as JSON: `Retry(**said["retry"])`, `Timeout(**said["timeout"])`."""
    found, left = speaking(settings, "urllib3", lambda each: each.speaks_http)
    said = {each.name: _arguments(each) for each in found}
    losses = [loss for each in found for loss in each.finish("urllib3")]
    return rendered(json.dumps(said, indent=2) + "\n", losses, left, besides(settings))


def _arguments(contract: Contract) -> dict[str, Any]:
    said = {"retry": _retry(contract), "timeout": _timeout(contract)}
    contract.lose_part("circuit_breaker", "Has no breaker.")
    contract.lose_part("rate_limit", "Has no rate limit.")
    return {name: arguments for name, arguments in said.items() if arguments}


def _retry(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    statuses, on_errors = contract.take("retry.retry_on_statuses") or [], contract.take("retry.retry_on_network_errors")
    if retries is None:
        return {}
    said: dict[str, Any] = {"total": retries, "redirect": False, "respect_retry_after_header": True}
    if retries == 0:
        contract.told |= {"retry.delays_ms", "retry.jitter"}
        return said | {"status_forcelist": []}
    if not on_errors:
        said |= {"connect": 0, "read": 0, "other": 0}
    said["status_forcelist"] = statuses
    # null means any method; left out, POST is never retried.
    if contract.look("idempotent"):
        said["allowed_methods"] = None
    else:
        contract.assume(
            "idempotent", "Retries GET, HEAD, PUT, DELETE, OPTIONS and TRACE only.", "Not said to be idempotent"
        )
    said |= _waits(contract)
    return said | {"raise_on_status": False}


def _waits(contract: Contract) -> dict[str, Any]:
    """Its first retry comes at once; the second waits twice the factor, and so on."""
    waits, chance = contract.waits, contract.take("retry.jitter")
    contract.take("retry.delays_ms")
    if not waits:
        return {}
    cap = max(waits)
    second = waits[1] if len(waits) > 1 else waits[0]
    share = {"full": 0.0, "equal": 0.5}.get(chance or "none", 1.0)
    made = [0, *Curve(max(second, 1), 2.0, max(cap, 1)).waits(len(waits) - 1)]
    contract.lose(
        "retry.delays_ms", f"Waits {', '.join(f'{each:,}' for each in made)} ms: the first retry comes at once."
    )
    if chance not in (None, "none"):
        contract.lose("retry.jitter", "Adds the same spread to each wait.", Severity.HINT)
    return {
        "backoff_factor": round(second * share / 2_000, 6),
        "backoff_jitter": round(second * (1 - share) / 1_000, 6),
        "backoff_max": cap / 1_000,
    }


def _timeout(contract: Contract) -> dict[str, Any]:
    limits = {
        "connect": contract.take("timeouts.connect_ms"),
        "read": contract.take("timeouts.read_ms"),
        "total": contract.take("retry.attempt_timeout_ms"),
    }
    contract.lose("timeouts.read_ms", "Counts silence between two reads, not the first byte alone.", Severity.HINT)
    contract.lose("timeouts.total_ms", "No budget around all attempts.")
    contract.lose("retry.attempt_timeout_ms", "Ends connecting and each read, not a body that trickles.", Severity.HINT)
    return {name: ms / 1_000 for name, ms in limits.items() if ms}


URLLIB3 = Dialect(
    "urllib3",
    "urllib3 and requests (Python)",
    ".json",
    "application/json",
    "restart",
    "Retry(**…) and Timeout(**…) are given to each request or adapter: make them anew to change them.",
    write,
)
