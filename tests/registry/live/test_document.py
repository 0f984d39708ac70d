"""What services are served, out of a record."""

from registry.live.document import compile_settings
from registry.record import documents

RECORD = documents.parse(
    {
        "contracts": [
            {
                "name": "payments-api",
                "protocol": "rest",
                "consumer": "order-service",
                "provider": "payment-service",
                "idempotent": True,
                "idempotency_header": "Idempotency-Key",
                "base_urls": [{"environment": "production", "url": "https://payments.example.com"}],
                "errors": [
                    {"status": "429", "code": "RATE_LIMITED", "action": "back_off_retry_after", "notes": "Wait."}
                ],
                "policy": {
                    "retry": {"max_retries": 2, "strategy": "exponential", "base_delay_ms": 100, "multiplier": "3"},
                    "timeouts": {"total_ms": 5_000},
                    "environments": [{"environment": "staging", "retry": {"max_retries": 0}}],
                },
            },
            {"protocol": "grpc"},
        ],
        "topics": [{"name": "orders", "kind": "topic", "dead_letter": "orders.dlq"}],
        "ordering": [{"topic": "orders", "guarantee": "strict", "scope": "tenantId"}],
        "deduplication": {"window": "P14D"},
        "monitoring": {
            "tracing": {"headers": ["traceparent"], "sampling": [{"environment": "production", "percent": "10"}]}
        },
    }
)


def test_settings_are_those_of_the_environment() -> None:
    assert compile_settings(RECORD, "production") == {
        "contracts": {
            "payments-api": {
                "protocol": "rest",
                "consumer": "order-service",
                "provider": "payment-service",
                "endpoint": "https://payments.example.com",
                "idempotent": True,
                "idempotency_header": "Idempotency-Key",
                "retry": {
                    "max_retries": 2,
                    "strategy": "exponential",
                    "base_delay_ms": 100,
                    "multiplier": "3",
                    "delays_ms": [100, 300],
                },
                "timeouts": {"total_ms": 5_000},
                "errors": [{"status": "429", "code": "RATE_LIMITED", "action": "back_off_retry_after"}],
            }
        },
        "topics": {
            "orders": {
                "kind": "topic",
                "dead_letter": "orders.dlq",
                "ordering": "strict",
                "ordering_scope": "tenantId",
                "deduplication_window": "P14D",
            }
        },
        "tracing": {"headers": ["traceparent"], "sampling_percent": "10"},
    }


def test_an_environment_without_retries_is_served_no_waits() -> None:
    contract = compile_settings(RECORD, "staging")["contracts"]["payments-api"]
    assert (contract["retry"]["max_retries"], contract["retry"]["delays_ms"]) == (0, [])
    assert "endpoint" not in contract


def test_settings_can_be_written_canonically() -> None:
    assert documents.canonical_bytes(compile_settings(RECORD, "production")).startswith(b'{"contracts":')
