"""A sound record with everything in it, against which every rule is silent, and a way to spoil it."""

import copy
import json
from typing import Any

from registry.record import documents
from registry.record.findings import Finding
from registry.rules import Catalog, check

CATALOG = Catalog(
    systems=frozenset({"order-service", "payment-service"}),
    teams=frozenset({"checkout", "payments"}),
    environments=frozenset({"production", "staging"}),
)
SCHEMA = {"type": "object", "required": ["orderId"], "properties": {"orderId": {"type": "string"}}}
ENVELOPE = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "https://payments.example.com/payments",
    "type": "com.example.payments.payment.captured",
    "time": "2026-01-31T12:00:00Z",
    "data": {"orderId": "ord_1"},
}
SAMPLE: dict[str, Any] = {
    "overview": {
        "project": "Checkout renewal",
        "type": "bidirectional",
        "criticality": "critical",
        "purpose": "Take the customer's money once, and only once, when an order is placed.",
        "impact_if_down": "Nobody can pay.",
    },
    "sla": {
        "rto": "PT15M",
        "rpo": "PT0S",
        "availability_percent": "99.95",
        "latency_p99_ms": 800,
        "error_rate_percent": "0.5",
        "support_hours": "24×7, on call",
    },
    "parties": [
        {"role": "consumer", "system": "order-service", "team": "checkout", "contact": "checkout@example.com"},
        {"role": "provider", "system": "payment-service", "team": "payments", "contact": "payments@example.com"},
    ],
    "topology": {"queue": "payments.events", "dead_letter_queue": "payments.events.dlq"},
    "contracts": [
        {
            "name": "payments-api",
            "protocol": "rest",
            "consumer": "order-service",
            "provider": "payment-service",
            "idempotent": True,
            "idempotency_header": "Idempotency-Key",
            "expected_requests_per_minute": 120,
            "authentication": {
                "type": "oauth2_client_credentials",
                "header": "Authorization: Bearer <token>",
                "scopes": ["payments:write"],
                "token_endpoint": "https://auth.example.com/oauth2/token",
                "rotation_period": "P90D",
                "rotation_process": "Two secrets are valid for 24 hours.",
                "token_lifetime": "PT1H",
            },
            "base_urls": [
                {"environment": "production", "url": "https://payments.example.com/v1"},
                {"environment": "staging", "url": "https://payments.staging.example.com/v1"},
            ],
            "operations": [
                {
                    "name": "create-payment",
                    "method": "POST",
                    "path": "/payments",
                    "headers": [{"name": "Idempotency-Key", "value": "one per order"}],
                    "request_schema": json.dumps(SCHEMA),
                    "request_example": '{"orderId": "ord_1"}',
                    "responses": [{"status": 201, "body_schema": '{"type": "object"}', "body_example": "{}"}],
                }
            ],
            "errors": [
                {"status": "400", "action": "fix_request"},
                {"status": "401", "action": "refresh_credentials_and_retry_once"},
                {"status": "403", "action": "alert_and_stop"},
                {"status": "429", "action": "back_off_retry_after"},
                {"status": "5xx", "action": "retry_with_backoff"},
            ],
            "policy": {
                "retry": {
                    "max_retries": 2,
                    "retry_on_statuses": [429, 500, 502, 503],
                    "retry_on_network_errors": True,
                    "strategy": "exponential",
                    "base_delay_ms": 200,
                    "multiplier": "2",
                    "max_delay_ms": 5_000,
                    "jitter": "full",
                    "attempt_timeout_ms": 2_000,
                },
                "circuit_breaker": {
                    "failure_percent": 50,
                    "window_seconds": 30,
                    "minimum_calls": 20,
                    "open_seconds": 30,
                    "half_open_calls": 1,
                    "alert_after_seconds": 20,
                },
                "rate_limit": {
                    "requests_per_minute": 300,
                    "requests_per_minute_action": "reject_with_retry_after",
                    "burst_per_second": 20,
                    "burst_action": "reject_immediately",
                    "daily_quota": 200_000,
                    "daily_action": "reject_and_contact_support",
                    "provider_requests_per_minute": 1_200,
                    "provider_limit_is_shared": True,
                },
                "timeouts": {"connect_ms": 500, "read_ms": 2_000, "total_ms": 8_000},
                "environments": [{"environment": "staging", "retry": {"max_retries": 1}}],
            },
        }
    ],
    "events": [
        {
            "name": "payment.CAPTURED",
            "type": "com.example.payments.payment.captured",
            "source": "https://payments.example.com/payments",
            "subject": "the payment's id",
            "published_by": "payment-service",
            "consumed_by": ["order-service"],
            "data_schema": json.dumps(SCHEMA),
            "example": json.dumps(ENVELOPE),
        }
    ],
    "topics": [
        {
            "name": "payments.events",
            "kind": "topic",
            "broker": "kafka-main",
            "partitions": 12,
            "replication_factor": 3,
            "retention": "P7D",
            "key": "orderId",
            "producer": "payment-service",
            "consumer_groups": ["order-workers"],
            "dead_letter": "payments.events.dlq",
        },
        {
            "name": "payments.events.dlq",
            "kind": "queue",
            "broker": "kafka-main",
            "retention": "P14D",
            "producer": "order-service",
        },
    ],
    "ordering": [
        {
            "topic": "payments.events",
            "guarantee": "strict",
            "scope": "orderId",
            "notes": "Handlers refuse older states.",
        }
    ],
    "deduplication": {
        "strategy": "processed_events",
        "store": "processed_events in orders-db",
        "window": "P14D",
        "notes": "The event id is inserted first, under a unique key.",
    },
    "consistency": {"model": "eventual", "max_lag_seconds": 60},
    "saga": {
        "orchestrator": "order-service",
        "steps": [
            {"name": "Reserve", "service": "stock", "action": "POST /reservations", "compensation": "DELETE it"},
            {"name": "Pay", "service": "payment-service", "action": "POST /payments", "compensation": "Refund"},
        ],
    },
    "testing": {
        "pact": {"broker_url": "https://pact.example.com", "consumer": "order-service", "provider": "payment-service"},
        "environments": [
            {"name": "staging", "purpose": "Full integration", "trigger": "Every merge"},
            {"name": "production", "purpose": "Synthetic monitoring", "trigger": "Every 5 minutes"},
        ],
        "scenarios": [
            {"title": "An order is paid", "kind": "happy", "expected": "One payment.", "how_verified": "Pact"},
            {
                "title": "Provider returns 500",
                "kind": "error",
                "expected": "The breaker opens.",
                "how_verified": "Nightly",
            },
            {"title": "Provider times out", "kind": "error", "expected": "It is retried.", "how_verified": "Nightly"},
            {"title": "Token expired", "kind": "error", "expected": "It is refreshed.", "how_verified": "Nightly"},
            {"title": "Rate limit", "kind": "error", "expected": "Backs off.", "how_verified": "Nightly"},
            {"title": "Duplicate event", "kind": "error", "expected": "Skipped.", "how_verified": "Nightly"},
        ],
    },
    "monitoring": {
        "metrics": [
            {"name": "integration_requests_total", "type": "counter"},
            {
                "name": "integration_error_rate",
                "type": "gauge",
                "condition": "above",
                "threshold": "5",
                "unit": "%",
                "lasting": "PT5M",
                "severity": "high",
            },
            {
                "name": "integration_latency_seconds",
                "type": "histogram",
                "condition": "above",
                "threshold": "1.5",
                "unit": "s",
                "lasting": "PT5M",
                "severity": "medium",
            },
            {
                "name": "integration_circuit_open",
                "type": "gauge",
                "condition": "equals",
                "threshold": "1",
                "lasting": "PT20S",
                "severity": "critical",
            },
            {
                "name": "integration_dlq_depth",
                "type": "gauge",
                "condition": "above",
                "threshold": "50",
                "lasting": "PT15M",
                "severity": "high",
            },
            {
                "name": "integration_consumer_lag",
                "type": "gauge",
                "condition": "above",
                "threshold": "1000",
                "lasting": "PT5M",
                "severity": "high",
            },
        ],
        "tracing": {
            "headers": ["X-Request-ID", "traceparent"],
            "sampling": [{"environment": "production", "percent": "10"}],
            "tool": "Tempo",
            "dashboard_url": "https://grafana.example.com/d/payments",
        },
        "alert_routes": [
            {
                "condition": "Circuit breaker open",
                "channel": "pagerduty",
                "target": "checkout-on-call",
                "escalation": "On-call engineer, team lead after 15 minutes",
            }
        ],
    },
}


def spoiled(changes: dict[str, Any]) -> dict[str, Any]:
    """The sample with some places changed: `contracts.0.name` to a value, or to None to leave it out."""
    document = copy.deepcopy(SAMPLE)
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = document
        for step in steps:
            place = place[step] if isinstance(step, int) else place.setdefault(step, {})
        place[last] = copy.deepcopy(value)
    return document


def findings_of(code: str, changes: dict[str, Any]) -> list[Finding]:
    """What one rule says of the spoiled sample."""
    return [each for each in check(documents.parse(spoiled(changes)), CATALOG) if each.code == code]
