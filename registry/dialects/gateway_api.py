"""Kubernetes' Gateway API: an HTTPRoute per contract."""

from typing import Any

import yaml

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, address, besides, rendered, speaking
from .units import compound
from .waits import curve

LIBRARY = "Gateway API"
LEAST_STATUS = 400


def write(settings: Settings) -> Rendering:
    """The settings as HTTPRoutes."""
    found, left = speaking(settings, LIBRARY, lambda each: each.speaks_http)
    routes = [_route(each) for each in found]
    losses = [loss for each in found for loss in each.finish(LIBRARY)]
    text = yaml.safe_dump_all(routes, sort_keys=False, width=120) if routes else "# No contract over HTTP.\n"
    return rendered(text, losses, left, besides(settings))


def _route(contract: Contract) -> dict[str, Any]:
    found = address(contract)
    backend = {"name": contract.look("provider") or contract.name, "port": found.port if found else 80}
    rule: dict[str, Any] = {"backendRefs": [backend]}
    attempt, total = contract.take("retry.attempt_timeout_ms"), contract.take("timeouts.total_ms")
    if attempt and total and attempt > total:
        instead = f"{LIBRARY} refuses one longer than the whole call: the file says {total:,} ms."
        contract.lose("retry.attempt_timeout_ms", instead, Severity.ERROR)
        attempt = total
    timeouts = {"request": total, "backendRequest": attempt}
    if stated := {name: compound(ms) for name, ms in timeouts.items() if ms}:
        rule["timeouts"] = stated
    if retry := _retry(contract):
        rule["retry"] = retry
    for name in ("connect_ms", "read_ms"):
        contract.lose(f"timeouts.{name}", "Left to the gateway's own policy.")
    contract.lose_part("circuit_breaker", "Has no breaker; some gateways bring a policy of their own.")
    contract.lose_part("rate_limit", "Has no rate limit; some gateways bring a policy of their own.")
    hosts = {"hostnames": [found.host]} if found and _is_name(found.host) else {}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": contract.name},
        "spec": {**hosts, "rules": [rule]},
    }


def _retry(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    statuses = contract.take("retry.retry_on_statuses") or []
    if contract.take("retry.retry_on_network_errors") is False:
        contract.lose("retry.retry_on_network_errors", "Gateways retry a failed connection as they see fit.")
    if not retries:
        contract.told |= {"retry.jitter"}
        return {}
    said: dict[str, Any] = {"attempts": retries}
    if codes := [each for each in statuses if each >= LEAST_STATUS]:
        said["codes"] = codes
    if len(codes) < len(statuses):
        contract.lose("retry.retry_on_statuses", f"{LIBRARY} refuses statuses below {LEAST_STATUS}.", Severity.ERROR)
    if found := curve(contract, factor=2.0):
        said["backoff"] = compound(found.first)
        contract.lose("retry.delays_ms", "States the least wait; how it grows is the gateway's.", Severity.HINT)
    contract.lose("retry.jitter", "Is the gateway's.", Severity.HINT)
    return said


def _is_name(host: str) -> bool:
    return not host.replace(".", "").isdigit() and ":" not in host


GATEWAY_API = Dialect(
    "gateway-api",
    "Kubernetes Gateway API",
    ".yaml",
    "application/yaml",
    "live",
    "kubectl apply, with your parentRefs added. Retry is in the experimental channel.",
    write,
)
