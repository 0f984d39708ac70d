"""Istio: a DestinationRule and a VirtualService per contract."""

from typing import Any

import yaml

from ..record.findings import Severity
from . import units
from .base import Address, Contract, Dialect, Rendering, Settings, address, besides, rendered, speaking
from .waits import curve

SHORTEST_MS = 1


def write(settings: Settings) -> Rendering:
    """The settings as Kubernetes objects."""
    found, left = speaking(settings, "Istio", lambda each: each.speaks_http or each.protocol == "grpc")
    objects = [each for contract in found for each in _objects(contract)]
    losses = [loss for each in found for loss in each.finish("Istio")]
    text = yaml.safe_dump_all(objects, sort_keys=False, width=120) if objects else "# No contract over HTTP or gRPC.\n"
    return rendered(text, losses, left, besides(settings))


def _objects(contract: Contract) -> list[dict[str, Any]]:
    found = address(contract)
    host = found.host if found else contract.name
    rule = {"host": host, "trafficPolicy": _traffic(contract, found)}
    route: dict[str, Any] = {"route": [{"destination": {"host": host}}]}
    if total := contract.take("timeouts.total_ms"):
        route["timeout"] = units.seconds(total)
    route["retries"] = _retries(contract)
    contract.lose("timeouts.read_ms", "Nothing waits for the first byte alone.")
    contract.lose_part("rate_limit", "Takes an EnvoyFilter or a rate limit service.")
    service = {"hosts": [host], "http": [route]}
    return [_object("DestinationRule", contract.name, rule), _object("VirtualService", contract.name, service)]


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _traffic(contract: Contract, found: Address | None) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    if connect := contract.take("timeouts.connect_ms"):
        policy["connectionPool"] = {"tcp": {"connectTimeout": units.seconds(connect)}}
    if opened := contract.take("circuit_breaker.open_seconds"):
        percent = contract.look("circuit_breaker.failure_percent")
        minimum = contract.look("circuit_breaker.minimum_calls")
        failures = max(1, -(-(percent or 50) * (minimum or 10) // 100))
        contract.lose("circuit_breaker.failure_percent", f"Counts failures in a row: {failures:,} eject a host.")
        contract.lose("circuit_breaker.minimum_calls", "Has no least number of calls.", Severity.HINT)
        contract.lose("circuit_breaker.half_open_calls", "An ejected host comes back with all its calls.")
        contract.lose("circuit_breaker.open_seconds", "Each ejection lasts longer than the one before.")
        window = contract.take("circuit_breaker.window_seconds")
        policy["outlierDetection"] = {
            "consecutive5xxErrors": failures,
            **({"interval": f"{window}s"} if window else {}),
            "baseEjectionTime": f"{opened}s",
            "maxEjectionPercent": 100,
        }
        contract.lose("circuit_breaker.window_seconds", "Looks once every interval.", Severity.HINT)
    if found and found.is_tls:
        policy["tls"] = {"mode": "SIMPLE", "sni": found.host}
    return policy


def _retries(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    statuses = contract.take("retry.retry_on_statuses") or []
    on_errors = contract.take("retry.retry_on_network_errors")
    attempt = contract.take("retry.attempt_timeout_ms")
    if not retries:
        # Left out, Istio would retry twice by itself.
        contract.told |= {"retry.jitter"}
        if retries is None:
            contract.assume("retry.max_retries", "The file says 0: left to itself Istio retries twice.")
        contract.lose("retry.attempt_timeout_ms", "Without retries the timeout of the whole call holds.")
        return {"attempts": 0}
    reasons = ["connect-failure", "refused-stream", "reset"] * bool(on_errors) + [str(each) for each in statuses]
    said: dict[str, Any] = {"attempts": retries, "retryOn": ",".join(reasons)}
    if attempt:
        said["perTryTimeout"] = units.seconds(attempt)
    if found := curve(contract, factor=2.0):
        said["backoff"] = units.seconds(found.first)
        if found.cap > found.first:
            contract.lose("retry.delays_ms", "Doubles from the first wait, up to ten times that.")
        if contract.take("retry.jitter") != "full":
            contract.lose("retry.jitter", "Waits between nothing and all of it.", Severity.HINT)
    return said


ISTIO = Dialect(
    "istio",
    "Istio",
    ".yaml",
    "application/yaml",
    "live",
    "kubectl apply; the sidecars obey within seconds. A host outside the mesh also takes a ServiceEntry.",
    write,
)
