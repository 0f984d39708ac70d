"""Kong: a declarative configuration with a service, an upstream and a rate limit per contract."""

from typing import Any

import yaml

from ..record.findings import Severity
from .base import Contract, Dialect, Rendering, Settings, address, besides, rendered, speaking


def write(settings: Settings) -> Rendering:
    """The settings as kong.yml."""
    found, left = speaking(settings, "Kong", lambda each: each.speaks_http)
    services, upstreams = [], []
    for contract in found:
        service, upstream = _contract(contract)
        services.append(service)
        upstreams += upstream
    losses = [loss for each in found for loss in each.finish("Kong")]
    said = {"_format_version": "3.0", "services": services, "upstreams": upstreams}
    text = yaml.safe_dump(said, sort_keys=False, width=120)
    return rendered(text, losses, left, besides(settings))


def _contract(contract: Contract) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = address(contract)
    service: dict[str, Any] = {"name": contract.name, "host": contract.name, "port": 80, "protocol": "http"}
    if found:
        service |= {"port": found.port, "protocol": "https" if found.is_tls else "http", "path": found.path or "/"}
    if (retries := contract.retries) is not None:
        service["retries"] = retries
        if retries:
            contract.lose("retry.delays_ms", "Tries again at once.")
            contract.lose("retry.retry_on_statuses", "Retries failed connections and timeouts only.")
        contract.told |= {"retry.retry_on_statuses", "retry.jitter", "retry.delays_ms"}
    if contract.take("retry.retry_on_network_errors") is False:
        contract.lose("retry.retry_on_network_errors", "Retries them.")
    if connect := contract.take("timeouts.connect_ms"):
        service["connect_timeout"] = connect
    if held := contract.look("timeouts.read_ms") or contract.look("retry.attempt_timeout_ms"):
        service |= {"read_timeout": held, "write_timeout": held}
    contract.lose("timeouts.read_ms", "Counts silence between two reads, not the first byte alone.", Severity.HINT)
    contract.lose("retry.attempt_timeout_ms", "An attempt may last as long as bytes keep coming.")
    contract.lose("timeouts.total_ms", "No budget around all attempts.")
    service["routes"] = [{"name": contract.name, "hosts": [contract.name]}]
    if limit := _limit(contract):
        service["plugins"] = [{"name": "rate-limiting", "config": limit}]
    target = f"{found.host}:{found.port}" if found else ""
    upstream: dict[str, Any] = {"name": contract.name, "targets": [{"target": target}] if target else []}
    if checks := _health(contract):
        upstream["healthchecks"] = {"passive": checks}
    return service, [upstream]


def _health(contract: Contract) -> dict[str, Any]:
    percent, minimum = contract.look("circuit_breaker.failure_percent"), contract.look("circuit_breaker.minimum_calls")
    if not percent:
        return {}
    failures = min(255, max(1, -(-percent * (minimum or 10) // 100)))
    contract.lose("circuit_breaker.failure_percent", f"Counts failures: {failures:,} take the target out.")
    contract.lose("circuit_breaker.open_seconds", "A target stays out until an active check or a person returns it.")
    statuses = [each for each in contract.statuses if each >= 500] or [500, 502, 503, 504]
    return {"unhealthy": {"http_failures": failures, "tcp_failures": failures, "timeouts": failures,
                          "http_statuses": statuses}}  # fmt: skip


def _limit(contract: Contract) -> dict[str, Any]:
    limits = {
        "second": contract.take("rate_limit.burst_per_second"),
        "minute": contract.take("rate_limit.requests_per_minute"),
        "day": contract.take("rate_limit.daily_quota"),
    }
    stated = {name: value for name, value in limits.items() if value}
    for name in ("requests_per_minute_action", "burst_action", "daily_action"):
        if contract.take(f"rate_limit.{name}") == "wait":
            contract.lose(f"rate_limit.{name}", "Answers 429.")
    if not stated:
        return {}
    for path in ("requests_per_minute", "burst_per_second", "daily_quota"):
        contract.lose(f"rate_limit.{path}", "Counts calendar periods, in each node for itself.", Severity.HINT)
    return {**stated, "limit_by": "service", "policy": "local", "error_code": 429}


KONG = Dialect(
    "kong",
    "Kong",
    ".yaml",
    "application/yaml",
    "live",
    "deck gateway sync, or POST /config in DB-less mode: Kong obeys at once. Call it with the contract's name as Host.",
    write,
)
