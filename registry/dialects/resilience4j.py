"""resilience4j in Spring Boot: application.yml."""

from typing import Any

import yaml

from ..record.findings import Severity
from . import units
from .base import Contract, Dialect, Rendering, Settings, besides, contracts, rendered
from .waits import curve, jitter

USUAL_MINIMUM = 100


def write(settings: Settings) -> Rendering:
    """The settings as YAML for Spring Boot."""
    tree, found = configuration(settings)
    losses = [loss for each in found for loss in each.finish("resilience4j")]
    return rendered(yaml.safe_dump(tree, sort_keys=False, width=120), losses, besides(settings))


def configuration(settings: Settings) -> tuple[dict[str, Any], list[Contract]]:
    """The properties as a tree, and the contracts that were read."""
    kinds: dict[str, dict[str, Any]] = {}
    clients: dict[str, Any] = {}
    found = contracts(settings)
    for contract in found:
        for kind, instances in _instances(contract).items():
            kinds.setdefault(kind, {}).update(instances)
        if timeouts := _client(contract):
            clients[_key(contract.name)] = timeouts
    tree: dict[str, Any] = {}
    if kinds:
        tree["resilience4j"] = {kind: {"instances": instances} for kind, instances in kinds.items()}
    if clients:
        tree["spring"] = {"cloud": {"openfeign": {"client": {"config": clients}}}}
    return tree, found


def _instances(contract: Contract) -> dict[str, dict[str, Any]]:
    name = _key(contract.name)
    kinds = {"retry": {name: _retry(contract)}, "circuitbreaker": {name: _breaker(contract)}}
    kinds["ratelimiter"] = _limits(contract)
    kinds["timelimiter"] = {name: _time(contract)}
    return {kind: kept for kind, each in kinds.items() if (kept := {key: it for key, it in each.items() if it})}


def _key(name: str) -> str:
    """A dot would begin a new level, unless it stands in brackets."""
    return f"[{name}]" if "." in name else name


def _retry(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    contract.lose("retry.retry_on_statuses", "Your resultPredicate or retryExceptionPredicate decides.")
    if contract.take("retry.retry_on_network_errors") is False:
        contract.lose("retry.retry_on_network_errors", "Every exception is retried, unless you list some to ignore.")
    if retries is None:
        return {}
    said: dict[str, Any] = {"maxAttempts": retries + 1}
    found = curve(contract)
    if retries == 0 or found is None:
        contract.told |= {"retry.jitter"}
        return said
    chance = jitter(contract, "resilience4j", "waits 0.5 to 99.5 % of it", exact=("none", "equal"))
    # Chance is written around the middle: full is half the wait give or take all of that, equal three quarters.
    share = {"full": 0.5, "equal": 0.75}.get(chance, 1.0)
    said["waitDuration"] = units.plain(max(1, round(found.first * share)))
    if found.grows:
        said["enableExponentialBackoff"] = True
        said["exponentialBackoffMultiplier"] = round(found.factor, 6)
        said["exponentialMaxWaitDuration"] = units.plain(max(1, round(found.cap * share)))
    if chance != "none":
        said["enableRandomizedWait"] = True
        said["randomizedWaitFactor"] = 0.99 if chance == "full" else 0.333
    return said


def _breaker(contract: Contract) -> dict[str, Any]:
    said: dict[str, Any] = {
        "failureRateThreshold": contract.take("circuit_breaker.failure_percent"),
        "slidingWindowSize": contract.take("circuit_breaker.window_seconds"),
        "minimumNumberOfCalls": contract.take("circuit_breaker.minimum_calls"),
        "permittedNumberOfCallsInHalfOpenState": contract.take("circuit_breaker.half_open_calls"),
    }
    if said["slidingWindowSize"]:
        said["slidingWindowType"] = "TIME_BASED"
    if opened := contract.take("circuit_breaker.open_seconds"):
        said["waitDurationInOpenState"] = f"{opened}s"
    if said["failureRateThreshold"] and not said["minimumNumberOfCalls"]:
        contract.assume("circuit_breaker.minimum_calls", f"Waits for {USUAL_MINIMUM} calls before it judges.")
    if forced := contract.take("circuit_breaker.forced"):
        said["initialState"] = {"open": "FORCED_OPEN"}.get(forced, "DISABLED")
        contract.lose("circuit_breaker.forced", "Only a breaker made anew begins in that state.")
    return {name: value for name, value in said.items() if value is not None}


def _limits(contract: Contract) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for path, name, period in (("requests_per_minute", "", "60s"), ("burst_per_second", "-burst", "1s")):
        limit = contract.take(f"rate_limit.{path}")
        action = f"rate_limit.{'burst' if name else path}_action"
        waits = contract.take(action) == "wait"
        if limit is None:
            continue
        patience = (contract.look("timeouts.total_ms") or 5_000) if waits else 0
        limits[_key(contract.name + name)] = {
            "limitForPeriod": limit,
            "limitRefreshPeriod": period,
            "timeoutDuration": units.plain(patience),
        }
        contract.lose(f"rate_limit.{path}", "Each process counts for itself, in fixed periods.", Severity.HINT)
    contract.lose("rate_limit.daily_quota", "No limiter counts a day.")
    contract.told.add("rate_limit.daily_action")
    return limits


def _time(contract: Contract) -> dict[str, Any]:
    attempt = contract.take("retry.attempt_timeout_ms")
    contract.lose("retry.attempt_timeout_ms", "Ends asynchronous calls only.", Severity.HINT)
    contract.lose("timeouts.total_ms", "No budget around all attempts.")
    return {"timeoutDuration": units.plain(attempt)} if attempt else {}


def _client(contract: Contract) -> dict[str, Any]:
    """Connecting and reading are the client's: Feign's, where it is used."""
    if not contract.speaks_http:
        return {}
    timeouts = {
        "connect-timeout": contract.take("timeouts.connect_ms"),
        "read-timeout": contract.take("timeouts.read_ms"),
    }
    for path in ("connect_ms", "read_ms"):
        contract.lose(f"timeouts.{path}", "Written for Feign; another client is told in code.", Severity.HINT)
    return {name: value for name, value in timeouts.items() if value is not None}


RESILIENCE4J = Dialect(
    "resilience4j",
    "resilience4j (Spring Boot)",
    ".yml",
    "application/yaml",
    "restart",
    "Import it in application.yml, or read it by Spring Cloud Config. A refresh changes the properties, not the "
    "breakers and retries that exist: on Spring Boot 3 restart, or rebuild them when RefreshScopeRefreshedEvent comes.",
    write,
)
