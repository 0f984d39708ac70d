"""Envoy: a cluster and a virtual host per contract, as a whole bootstrap file and as resources for xDS."""

from collections import Counter
from collections.abc import Iterable
from math import ceil
from typing import Any

import yaml

from ..record.findings import Severity
from .base import Address, Contract, Dialect, Rendering, Settings, address, besides, rendered, speaking
from .units import seconds
from .waits import curve, jitter

TYPES = "type.googleapis.com/envoy"
CLUSTER = f"{TYPES}.config.cluster.v3.Cluster"
ROUTES = f"{TYPES}.config.route.v3.RouteConfiguration"
ROUTE_NAME = "registry"
LISTENER_PORT = 15_001
DAY_MS = 86_400_000


def write(settings: Settings) -> Rendering:
    """The settings as a bootstrap file: a listener on this machine, and what lies behind it."""
    found, left = speaking(settings, "Envoy", carried)
    hosts = [host(each, each.name, [each.name]) for each in found]
    static = {
        "listeners": [_listener(route_configuration(hosts))],
        "clusters": [cluster(each, each.name) for each in found],
    }
    losses = [loss for each in found for loss in each.finish("Envoy")]
    text = yaml.safe_dump({"static_resources": static}, sort_keys=False, width=120)
    return rendered(text, losses, left, besides(settings))


def carried(contract: Contract) -> bool:
    """Whether Envoy carries what this contract speaks."""
    return contract.speaks_http or contract.protocol in ("grpc", "websocket")


def resources(documents: Iterable[Settings]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The clusters and routes of several integrations, as xDS sends them. Names hold the integration's."""
    found = [(each, one["integration"]) for one in documents for each in speaking(one, "Envoy", carried)[0]]
    times = Counter(each.name for each, _ in found)
    named = [(each, f"{integration}/{each.name}", integration) for each, integration in found]
    clusters = [{"@type": CLUSTER, **cluster(each, name)} for each, name, _ in named]
    hosts = [
        host(each, name, [f"{each.name}.{integration}"] + [each.name] * (times[each.name] == 1))
        for each, name, integration in named
    ]
    return clusters, [{"@type": ROUTES, **route_configuration(_no_domain_twice(hosts))}]


def _no_domain_twice(hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One domain in two virtual hosts makes Envoy refuse them all."""
    times = Counter(domain for each in hosts for domain in each["domains"])
    kept = [each | {"domains": [domain for domain in each["domains"] if times[domain] == 1]} for each in hosts]
    return [each for each in kept if each["domains"]]


def cluster(contract: Contract, name: str) -> dict[str, Any]:
    """Where a contract's provider is, how long to wait for it, and when to leave it alone."""
    found = address(contract)
    said: dict[str, Any] = {"name": name, "type": "STRICT_DNS"}
    if connect := contract.take("timeouts.connect_ms"):
        said["connect_timeout"] = seconds(connect)
    endpoints = [_endpoint(found)] if found else []
    said["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}] if found else []}
    if outliers := _outliers(contract):
        said["outlier_detection"] = outliers
        # Otherwise Envoy goes on sending to a provider of which every host failed.
        said["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    forced = contract.take("circuit_breaker.forced")
    if forced == "open":
        nothing = {"max_connections": 0, "max_pending_requests": 0, "max_requests": 0, "max_retries": 0}
        said["circuit_breakers"] = {"thresholds": [nothing]}
    if contract.protocol == "grpc":
        said["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    if found and found.is_tls:
        tls = {"@type": f"{TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": found.host}
        said["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
    return said


def host(contract: Contract, name: str, domains: list[str]) -> dict[str, Any]:
    """The virtual host whose calls go to a contract's provider."""
    found = address(contract)
    action: dict[str, Any] = {"cluster": name}
    if found and found.path:
        action["prefix_rewrite"] = f"{found.path}/"
    if found:
        action["host_rewrite_literal"] = found.host
    if total := contract.take("timeouts.total_ms"):
        action["timeout"] = seconds(total)
    if policy := _retries(contract):
        action["retry_policy"] = policy
    route: dict[str, Any] = {"match": {"prefix": "/"}, "route": action}
    if limit := _limit(contract):
        route["typed_per_filter_config"] = {"envoy.filters.http.local_ratelimit": limit}
    return {"name": name, "domains": domains, "routes": [route]}


def route_configuration(hosts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": ROUTE_NAME, "virtual_hosts": hosts}


def _endpoint(found: Address) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": found.host, "port_value": found.port}}}}


def _outliers(contract: Contract) -> dict[str, Any]:
    percent = contract.look("circuit_breaker.failure_percent")
    opened = contract.look("circuit_breaker.open_seconds")
    if not percent or contract.look("circuit_breaker.forced") == "closed":
        return {}
    contract.lose("circuit_breaker.failure_percent", "Ejects each host by itself, not the provider as one.")
    contract.lose("circuit_breaker.half_open_calls", "An ejected host comes back with all its calls.")
    contract.lose("circuit_breaker.window_seconds", "Judges once every interval, not a sliding window.", Severity.HINT)
    said: dict[str, Any] = {
        "failure_percentage_threshold": percent,
        "enforcing_failure_percentage": 100,
        "failure_percentage_minimum_hosts": 1,
        "failure_percentage_request_volume": contract.take("circuit_breaker.minimum_calls"),
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "max_ejection_percent": 100,
    }
    if window := contract.look("circuit_breaker.window_seconds"):
        said["interval"] = f"{window}s"
    if opened:
        contract.take("circuit_breaker.open_seconds")
        # The same as the longest: otherwise each ejection lasts longer than the one before.
        said["base_ejection_time"] = said["max_ejection_time"] = f"{opened}s"
    if not said["failure_percentage_request_volume"]:
        del said["failure_percentage_request_volume"]
        contract.assume("circuit_breaker.minimum_calls", "Waits for 50 calls to each host.")
    return said


def _retries(contract: Contract) -> dict[str, Any]:
    retries = contract.retries
    statuses = contract.take("retry.retry_on_statuses") or []
    on_errors = contract.take("retry.retry_on_network_errors")
    attempt = contract.take("retry.attempt_timeout_ms")
    if not retries:
        if attempt:
            contract.lose("retry.attempt_timeout_ms", "Without retries the timeout of the whole call holds.")
        contract.told |= {"retry.jitter"}
        return {}
    reasons = ["retriable-status-codes"] * bool(statuses) + ["connect-failure", "refused-stream", "reset"] * bool(
        on_errors
    )
    said: dict[str, Any] = {"retry_on": ",".join(reasons), "num_retries": retries}
    if attempt:
        said["per_try_timeout"] = seconds(attempt)
    if read := contract.look("timeouts.read_ms"):
        said["per_try_idle_timeout"] = seconds(read)
        contract.lose("timeouts.read_ms", "Counts silence at any time, not the first byte alone.", Severity.HINT)
    if statuses:
        said["retriable_status_codes"] = statuses
    if not contract.look("idempotent"):
        contract.assume("idempotent", "Retries POST as well.", "Not said to be idempotent")
    if found := curve(contract, factor=2.0):
        jitter(contract, "Envoy", "waits between nothing and all of it", exact=("full",))
        said["retry_back_off"] = {"base_interval": seconds(found.first), "max_interval": seconds(found.cap)}
    if 429 in statuses:
        longest = contract.look("timeouts.total_ms") or 300_000
        said["rate_limited_retry_back_off"] = {
            "reset_headers": [{"name": "Retry-After", "format": "SECONDS"}],
            "max_interval": seconds(longest),
        }
    return said


def _limit(contract: Contract) -> dict[str, Any]:
    rpm, burst = contract.look("rate_limit.requests_per_minute"), contract.look("rate_limit.burst_per_second")
    contract.lose("rate_limit.daily_quota", "A token bucket counts no day.")
    contract.told |= {"rate_limit.daily_action"}
    for path in ("requests_per_minute_action", "burst_action"):
        if contract.take(f"rate_limit.{path}") not in (None, "reject_immediately"):
            contract.lose(f"rate_limit.{path}", "Answers 429 at once, without Retry-After.", Severity.HINT)
    if not rpm and not burst:
        return {}
    contract.lose("rate_limit.requests_per_minute", "A token bucket in each Envoy, not a window.", Severity.HINT)
    contract.take("rate_limit.burst_per_second")
    return {
        "@type": f"{TYPES}.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "registry",
        "token_bucket": _bucket(rpm, burst),
        "filter_enabled": {"default_value": {"numerator": 100}},
        "filter_enforced": {"default_value": {"numerator": 100}},
    }


def _bucket(rpm: int | None, burst: int | None) -> dict[str, Any]:
    """A bucket that is never more generous than the limit a minute."""
    if not rpm:
        return {"max_tokens": burst, "tokens_per_fill": burst, "fill_interval": "1s"}
    per_second, interval = rpm // 60, 1
    if not per_second:
        per_second, interval = 1, ceil(60 / rpm)
    return {"max_tokens": burst or rpm, "tokens_per_fill": per_second, "fill_interval": f"{interval}s"}


def _listener(routes: dict[str, Any]) -> dict[str, Any]:
    filters = {
        "local_ratelimit": {
            "@type": f"{TYPES}.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "registry",
        },
        "router": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "registry",
        "route_config": routes,
        "http_filters": [
            {"name": f"envoy.filters.http.{name}", "typed_config": each} for name, each in filters.items()
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    here = {"socket_address": {"address": "127.0.0.1", "port_value": LISTENER_PORT}}
    return {"name": "registry", "address": here, "filter_chains": [chain]}


ENVOY = Dialect(
    "envoy",
    "Envoy",
    ".yaml",
    "application/yaml",
    "restart",
    "A file is read when Envoy starts; by xDS it follows every release. Call 127.0.0.1:15001 with the contract's name "
    "as Host.",
    write,
)
