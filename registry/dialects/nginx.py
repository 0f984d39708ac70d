"""nginx as a proxy before the provider: directives to include inside http { }."""

from ..record.findings import Severity
from . import units
from .base import Address, Contract, Dialect, Rendering, Settings, address, besides, rendered, speaking

KNOWN = (403, 404, 429, 500, 502, 503, 504)
"""The statuses proxy_next_upstream can name."""


def write(settings: Settings) -> Rendering:
    """The settings as a file for conf.d/."""
    found, left = speaking(settings, "nginx", lambda each: each.speaks_http)
    blocks = [block for each in found if (block := _contract(each))]
    losses = [loss for each in found for loss in each.finish("nginx")]
    text = "\n".join(blocks) or "# No contract over HTTP with an endpoint.\n"
    return rendered(text, losses, left, besides(settings))


def _contract(contract: Contract) -> str:
    found = address(contract)
    limits, applied = _limits(contract)
    location = [*applied, *_retries(contract), *_timeouts(contract)]
    server = _server(contract, found) if found else ""
    if contract.look("circuit_breaker.forced") == "open":
        contract.take("circuit_breaker.forced")
        location.insert(0, "return 503;")
    if found is None:
        return ""
    scheme = "https" if found.is_tls else "http"
    tls = ["proxy_ssl_server_name on;", f"proxy_ssl_name {found.host};"] if found.is_tls else []
    location += [*tls, f"proxy_set_header Host {found.host};", f"proxy_pass {scheme}://{contract.name}{found.path}/;"]
    inside = "\n".join(f"        {each}" for each in location)
    zones = "".join(f"{each}\n" for each in limits)
    return (
        f"{zones}upstream {contract.name} {{\n    {server}\n}}\n"
        f"server {{\n    listen 127.0.0.1:8080;\n    server_name {contract.name};\n"
        f"    location / {{\n{inside}\n    }}\n}}\n"
    )


def _server(contract: Contract, found: Address) -> str:
    host = f"[{found.host}]" if ":" in found.host else found.host
    said = f"server {host}:{found.port}"
    percent, opened = contract.look("circuit_breaker.failure_percent"), contract.take("circuit_breaker.open_seconds")
    if opened:
        minimum = contract.look("circuit_breaker.minimum_calls") or 10
        failures = max(1, -(-(percent or 50) * minimum // 100))
        said += f" max_fails={failures} fail_timeout={opened}s"
        contract.lose("circuit_breaker.failure_percent", f"Counts failures: {failures:,} within the open time.")
        contract.lose("circuit_breaker.open_seconds", "Ignored while the group has one server; add the others.")
    return f"{said};"


def _retries(contract: Contract) -> list[str]:
    retries = contract.retries
    statuses, on_errors = contract.take("retry.retry_on_statuses") or [], contract.take("retry.retry_on_network_errors")
    total = contract.look("timeouts.total_ms")
    if retries is None:
        contract.lose("timeouts.total_ms", "Left out: no number of retries is stated.")
        return []
    contract.lose("retry.delays_ms", "Tries again at once.")
    contract.told |= {"retry.jitter"} if retries == 0 else set()
    if retries == 0:
        contract.lose("timeouts.total_ms", "Only connecting and reading have a timeout.")
        return ["proxy_next_upstream off;"]
    contract.lose("retry.jitter", "Tries again at once.", Severity.HINT)
    contract.lose("retry.max_retries", "Tries the next server of the group; a single one is not tried again.")
    if len(known := [each for each in statuses if each in KNOWN]) < len(statuses):
        other = ", ".join(str(each) for each in statuses if each not in KNOWN)
        contract.lose("retry.retry_on_statuses", f"Cannot name {other}.")
    reasons = (["error", "timeout"] if on_errors else []) + [f"http_{each}" for each in dict.fromkeys(known)]
    if not reasons:
        return ["proxy_next_upstream off;"]
    reasons += ["non_idempotent"] if contract.look("idempotent") else []
    lines = [f"proxy_next_upstream {' '.join(reasons)};", f"proxy_next_upstream_tries {retries + 1};"]
    if total:
        contract.lose("timeouts.total_ms", "Begins no other try after it; the last may end later.", Severity.HINT)
        lines.append(f"proxy_next_upstream_timeout {units.plain(total)};")
    return lines


def _timeouts(contract: Contract) -> list[str]:
    lines = []
    if connect := contract.take("timeouts.connect_ms"):
        lines.append(f"proxy_connect_timeout {units.plain(connect)};")
    read, attempt = contract.look("timeouts.read_ms"), contract.look("retry.attempt_timeout_ms")
    if held := read or attempt:
        lines += [f"proxy_read_timeout {units.plain(held)};", f"proxy_send_timeout {units.plain(held)};"]
    contract.lose("timeouts.read_ms", "Counts silence between two reads, not the first byte alone.", Severity.HINT)
    contract.lose("retry.attempt_timeout_ms", "An attempt may last as long as bytes keep coming.")
    return lines


def _limits(contract: Contract) -> tuple[list[str], list[str]]:
    rpm, burst = contract.take("rate_limit.requests_per_minute"), contract.take("rate_limit.burst_per_second")
    waits = contract.take("rate_limit.requests_per_minute_action") == "wait"
    for name in ("requests_per_minute_action", "burst_action"):
        if contract.take(f"rate_limit.{name}") not in (None, "wait", "reject_immediately"):
            contract.lose(f"rate_limit.{name}", "Answers 429 without Retry-After.", Severity.HINT)
    contract.lose("rate_limit.daily_quota", "Counts no day.")
    contract.told |= {"rate_limit.daily_action"}
    zones, lines = [], []
    if rpm:
        zones.append(f"limit_req_zone $server_name zone={contract.name}:64k rate={rpm}r/m;")
        lines.append(f"limit_req zone={contract.name} burst={burst or 1}{'' if waits else ' nodelay'};")
        contract.lose("rate_limit.requests_per_minute", "A leaky bucket in each nginx, not a window.", Severity.HINT)
    elif burst:
        zones.append(f"limit_req_zone $server_name zone={contract.name}:64k rate={burst}r/s;")
        lines.append(f"limit_req zone={contract.name} burst={burst}{'' if waits else ' nodelay'};")
    return zones, [*lines, "limit_req_status 429;"] if lines else []


NGINX = Dialect(
    "nginx",
    "nginx",
    ".conf",
    "text/plain",
    "live",
    "Put it into conf.d/ and run nginx -s reload: new requests obey it, those under way end as they began.",
    write,
)
