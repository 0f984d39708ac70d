"""What the design document's labels, columns and headings mean: where each value belongs, and how it is read."""

import functools
import re
from collections.abc import Callable
from typing import Any, get_args

from ..record import contracts, monitoring, ordering, overview, topics, topology
from ..record.consistency import ConsistencyModel
from ..record.deduplication import DeduplicationStrategy
from .blocks import listed, plain
from .fitting import duration, url
from .phrases import (
    CHOICES,
    alert_condition,
    breaker_threshold,
    channel_and_target,
    choice,
    exact,
    first_number,
    flag,
    label,
    milliseconds,
    name,
    percent,
    status,
    strategy,
    token,
    waits,
)

Values = dict[str, Any]
Reads = Callable[[str], Values | None]


class Stated(dict[str, Any]):
    """An item the document names by a dash: it is there, though nothing may be stated of it."""


def one(field: str, read: Callable[[str], Any] = token) -> Reads:
    """A reader of one field from text without its Markdown."""

    def reads(written: str) -> Values | None:
        value = read(plain(written))
        return None if value is None else {field: value}

    return reads


def many(field: str, read: Callable[[str], Any] = token) -> Reads:
    """A reader of a field that is a list."""

    def reads(written: str) -> Values | None:
        values = [read(each) if each else each for each in listed(written)]
        return None if None in values else {field: values}

    return reads


def derived(written: str) -> Values | None:
    """What the record says elsewhere, or the document's cover."""
    return {}


def direction(written: str) -> Values | None:
    """`consumer → provider`."""
    sides = re.split(r"\s*(?:→|->|⇒|=>)\s*", plain(written))
    if len(sides) != 2:
        return None
    return {key: found for key, side in zip(("consumer", "provider"), sides, strict=True) if (found := name(side))}


def idempotency(written: str) -> Values | None:
    """`YES — use Idempotency-Key header`."""
    words = r"(YES|NO|—|-)?(?:,?\s*(?:—\s+|-\s+|\()?use\s+(?:an? |the )?(.*?)\s+header\)?)?"
    found = re.fullmatch(words, written.strip(), re.IGNORECASE | re.DOTALL)
    if not found:
        return None
    answer = {"yes": True, "no": False}.get((found[1] or "").lower())
    return {"idempotent": answer, "idempotency_header": plain(found[2] or "")}


def rotation(written: str) -> Values | None:
    """`Every 90 days (P90D) — how it is done`."""
    found = re.match(r"Every\s+(?:[^—(]*\((P\w+)\)|([^—]*))(?:\s*—\s*)?", written)
    period = duration(found[1] or found[2]) if found else None
    if not found or not period:
        return {"rotation_process": plain(written)}
    return {"rotation_period": period, "rotation_process": plain(written[found.end() :])}


def retry_on(written: str) -> Values | None:
    """`500, 502, network errors`."""
    text = plain(written).lower()
    found: Values = {"retry_on_statuses": [int(each) for each in re.findall(r"\b[1-5]\d\d\b", text)]}
    if "network error" in text:
        found["retry_on_network_errors"] = "not network errors" not in text
    return found


def max_retries(written: str) -> Values | None:
    """`3`, or the template's `3 (retry only on 500, 502, network errors)`."""
    first, _, rest = written.partition("(")
    count = first_number(first)
    if count is None and first.strip() != "—":
        return None
    more = retry_on(rest) if rest else {}
    return {"max_retries": count, **(more or {})}


def endpoint(written: str) -> Values | None:
    """`POST /payments/{id}`."""
    line = written[1:-1] if written.startswith("`") and written.endswith("`") else written
    verb, _, path = line.partition(" ")
    method = verb.upper() if verb.upper() in get_args(contracts.Method) else None
    if method is None and verb != "—":
        return None
    return {"method": method, "path": None if path.strip() == "—" else plain(path)}


def sampling(written: str) -> Values | None:
    """`10% in production, 100% in staging`."""
    rows = []
    for each in listed(written):
        found = re.fullmatch(r"(—|[\d.]+)\s*%\s+in\s+(.+)", each)
        if not found:
            return None
        rows.append(Stated({"percent": percent(found[1]), "environment": name(found[2])}))
    return {"sampling": rows}


def tool_and_dashboard(written: str) -> Values | None:
    """`Tempo — dashboard: https://…`."""
    tool, _, address = written.partition(" — dashboard: ")
    return {"tool": None if tool == "—" else plain(tool), "dashboard_url": url(plain(address))}


def headers_passed(written: str) -> Values | None:
    """`X-Request-ID and traceparent headers forwarded`."""
    text = re.sub(r"\s+headers(?: are)? forwarded$", "", written)
    return many("headers")(re.sub(r"\s+and\s+", ", ", text) if text != written else text)


PAIRS: dict[str, dict[str, tuple[str, Reads]]] = {
    "cover": {
        "project": ("overview", one("project")),
        **dict.fromkeys(("integration", "version", "date", "author", "status", "reviewers"), ("", derived)),
    },
    "overview": {
        "integration name": ("", derived),
        "type": ("overview", one("type", lambda text: choice(overview.IntegrationType, text))),
        "business purpose": ("overview", one("purpose")),
        "criticality": ("overview", one("criticality", lambda text: choice(overview.Criticality, text))),
        "impact if down": ("overview", one("impact_if_down")),
        "acceptable downtime": ("sla", one("rto", duration)),
        "max data loss": ("sla", one("rpo", duration)),
        "availability": ("sla", one("availability_percent", percent)),
        "latency p99": ("sla", one("latency_p99_ms", milliseconds)),
        "error rate": ("sla", one("error_rate_percent", percent)),
        "support hours": ("sla", one("support_hours")),
        "parties": ("", derived),
    },
    "topology": {label(each): ("topology", one(each)) for each in topology.Topology.model_fields},
    "contract": {
        "protocol": ("contract", one("protocol", lambda text: choice(contracts.Protocol, text))),
        "direction": ("contract", direction),
        "idempotency": ("contract", idempotency),
        **{
            label(each): ("contract.definition", one(each))
            for each in ("exchange", "routing_key", "file_pattern", "file_encoding", "location", "schedule")
        },
        **{
            label(each): ("contract.definition", one(each, functools.partial(exact, kind)))
            for each, kind in (
                ("exchange_type", contracts.ExchangeType),
                ("file_format", contracts.FileFormat),
                ("delimiter", contracts.Delimiter),
            )
        },
        "expected load": ("contract", one("expected_requests_per_minute", first_number)),
    },
    "operation": {
        "endpoint": ("operation", endpoint),
        "summary": ("operation", one("summary")),
    },
    "retry": {
        "max retries": ("retry", max_retries),
        "retry on": ("retry", retry_on),
        "strategy": ("retry", lambda written: strategy(plain(written))),
        "delays": ("retry", one("delays_ms", waits)),
        "listed delays": ("retry", one("listed", waits)),
        "base delay": ("retry", one("base_delay_ms", milliseconds)),
        "multiplier": ("retry", one("multiplier")),
        "longest delay": ("retry", one("max_delay_ms", milliseconds)),
        "timeout per attempt": ("retry", one("attempt_timeout_ms", milliseconds)),
    },
    "breaker": {
        "failure threshold": ("circuit_breaker", lambda written: breaker_threshold(plain(written))),
        "minimum calls": ("circuit_breaker", one("minimum_calls", first_number)),
        "open duration": ("circuit_breaker", one("open_seconds", first_number)),
        "half-open test": ("circuit_breaker", one("half_open_calls", first_number)),
        "alert on": ("circuit_breaker", one("alert_after_seconds", first_number)),
    },
    "event": {
        "type": ("event", one("type")),
        "source": ("event", one("source")),
        "subject": ("event", one("subject")),
        "published by": ("event", one("published_by", name)),
        "consumed by": ("event", many("consumed_by", name)),
    },
    "deduplication": {
        "strategy": ("deduplication", one("strategy", lambda text: choice(DeduplicationStrategy, text))),
        "store": ("deduplication", one("store")),
        "deduplication window": ("deduplication", one("window", duration)),
        "notes": ("deduplication", one("notes")),
    },
    "consistency": {
        "model": ("consistency", one("model", lambda text: choice(ConsistencyModel, text))),
        "acceptable lag": ("consistency", one("max_lag_seconds", first_number)),
        "notes": ("consistency", one("notes")),
    },
    "saga": {"orchestrator": ("saga", one("orchestrator"))},
    "pact": {
        **dict.fromkeys(("consumer-driven contracts", "provider verification"), ("", derived)),
        "pact broker": ("testing.pact", one("broker_url", url)),
        "consumer": ("testing.pact", one("consumer")),
        "provider": ("testing.pact", one("provider")),
    },
    "tracing": {
        "trace id propagation": ("monitoring.tracing", headers_passed),
        "sampling rate": ("monitoring.tracing", sampling),
        "tracing tool": ("monitoring.tracing", tool_and_dashboard),
        "dashboard": ("monitoring.tracing", one("dashboard_url", url)),
    },
}
"""What a label means in each place: the part its value belongs to, and how it is read."""

TABLES: dict[str, tuple[str, dict[str, Reads]]] = {
    "overview": (
        "parties",
        {
            "party": one("role", lambda text: choice(CHOICES["role"], text)),
            "system": one("system", name),
            "team": one("team", name),
            "contact": one("contact"),
        },
    ),
    "base urls": ("contract.base_urls", {"environment": one("environment", name), "url": one("url")}),
    "operation": (
        "operation.headers",
        {"header": one("name"), "value": one("value"), "required": one("required", flag)},
    ),
    "message headers": (
        "contract.definition.message_headers",
        {"message header": one("name"), "value": one("value"), "required": one("required", flag)},
    ),
    "errors": (
        "contract.errors",
        {
            "http status": one("status", status),
            "error code": one("code"),
            "consumer action": one("action", lambda text: choice(contracts.ErrorAction, text)),
            "notes": one("notes"),
        },
    ),
    "topics": (
        "topics",
        {
            "topic/queue": one("name"),
            "kind": one("kind", lambda text: choice(topics.TopicKind, text)),
            "broker": one("broker"),
            "partitions": one("partitions", first_number),
            "replicas": one("replication_factor", first_number),
            "retention": one("retention", duration),
            "key": one("key"),
            "consumers": many("consumer_groups"),
            "producer": one("producer"),
            "dead letters": one("dead_letter"),
        },
    ),
    "ordering": (
        "ordering",
        {
            "integration": one("topic"),
            "ordering": one("guarantee", lambda text: choice(ordering.Guarantee, text)),
            "scope": one("scope"),
            "notes": one("notes"),
        },
    ),
    "saga": (
        "saga.steps",
        {
            "step": one("name"),
            "service": one("service"),
            "action": one("action"),
            "compensation": one("compensation"),
            "notes": one("notes"),
        },
    ),
    "environments": (
        "testing.environments",
        {"environment": one("name", name), "purpose": one("purpose"), "trigger": one("trigger")},
    ),
    "scenarios": (
        "testing.scenarios",
        {"scenario": one("title"), "expected outcome": one("expected"), "verified": one("how_verified")},
    ),
    "metrics": (
        "monitoring.metrics",
        {
            "metric": one("name"),
            "type": one("type", lambda text: choice(monitoring.MetricType, text)),
            "alert condition": alert_condition,
            "severity": one("severity", lambda text: choice(monitoring.Severity, text)),
        },
    ),
    "routes": (
        "monitoring.alert_routes",
        {
            "condition": one("condition"),
            "alert channel": channel_and_target,
            "escalation": one("escalation"),
        },
    ),
}
"""What the columns of the table in each place mean, and the list its rows belong to."""

ROWS: dict[str, dict[str, tuple[str, Reads]]] = {
    "authentication": {
        "type": ("contract.authentication", one("type", lambda text: choice(contracts.AuthenticationType, text))),
        "header": ("contract.authentication", one("header")),
        "scopes": ("contract.authentication", many("scopes")),
        "key rotation": ("contract.authentication", rotation),
        "token endpoint": ("contract.authentication", one("token_endpoint", lambda text: url(text.split(" (if")[0]))),
        "token lifetime": ("contract.authentication", one("token_lifetime", duration)),
    },
    "timeouts": {
        "connection timeout": ("timeouts", one("connect_ms", milliseconds)),
        "read timeout": ("timeouts", one("read_ms", milliseconds)),
        "total request timeout": ("timeouts", one("total_ms", milliseconds)),
    },
    "limits": {
        "requests per minute": ("rate_limit", one("requests_per_minute", first_number)),
        "burst limit": ("rate_limit", one("burst_per_second", first_number)),
        "daily quota": ("rate_limit", one("daily_quota", first_number)),
        "provider's own limit": ("rate_limit", one("provider_requests_per_minute", first_number)),
        "provider's limit is shared": ("rate_limit", one("provider_limit_is_shared", flag)),
    },
}
"""Tables whose first column is a label."""

REQUIRED = {"required headers": True, "optional headers": False}

LIMIT_ACTIONS = {
    "requests per minute": "requests_per_minute_action",
    "burst limit": "burst_action",
    "daily quota": "daily_action",
}

PLACES = {
    r"integration overview": "overview",
    r"integration topology": "topology",
    r"service contracts": "contracts",
    r"authentication": "authentication",
    r"base urls": "base urls",
    r"error handling": "errors",
    r"retry policy": "retry",
    r"circuit breaker": "breaker",
    r"rate limit": "limits",
    r"timeout": "timeouts",
    r"event-driven integrations|event schemas": "events",
    r"topics": "topics",
    r"ordering guarantees": "ordering",
    r"idempotency strategy": "deduplication",
    r"data consistency|consistency model": "consistency",
    r"saga": "saga",
    r"integration testing|contract testing": "pact",
    r"integration test environments": "environments",
    r"test scenarios": "scenarios",
    r"monitoring|key metrics": "metrics",
    r"distributed tracing": "tracing",
    r"alert routing": "routes",
    r"document history|approval": "cover",
    r"integration design": "cover",
}
