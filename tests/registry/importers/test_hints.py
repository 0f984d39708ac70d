"""Retries, limits and timeouts that tools write into OpenAPI."""

from typing import Any

import pytest

from registry.importers import read
from registry.importers.hints import policy_hints

SPEAKEASY = {
    "strategy": "backoff",
    "backoff": {"initialInterval": 500, "maxInterval": 60000, "maxElapsedTime": 3600000, "exponent": 1.5},
    "statusCodes": ["5XX", 429],
    "retryConnectionErrors": True,
}
CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "speakeasy": (
        "x-speakeasy-retries",
        SPEAKEASY,
        {
            "strategy": "exponential",
            "base_delay_ms": 500,
            "max_delay_ms": 60_000,
            "multiplier": "1.5",
            "retry_on_statuses": [500, 502, 503, 504, 429],
            "retry_on_network_errors": True,
            "total_ms": 3_600_000,
        },
    ),
    "attempts": ("x-retry", {"maxAttempts": 4, "delay": "2s"}, {"max_retries": 3, "base_delay_ms": 2_000}),
    "a number": ("x-retries", 3, {"max_retries": 3}),
    "per minute": ("x-rate-limit", "100/minute", {"provider_requests_per_minute": 100}),
    "per second": ("x-ratelimit", "20 requests per second", {"provider_requests_per_minute": 1_200}),
    "per hour": ("x-rate-limit", {"limit": 6_000, "period": "hour"}, {"provider_requests_per_minute": 100}),
    "a window": ("x-throttling", {"limit": 50, "window": "10s"}, {"provider_requests_per_minute": 300}),
    "a burst": (
        "x-rate-limit",
        {"limit": 600, "burst": 20},
        {"provider_requests_per_minute": 600, "burst_per_second": 20},
    ),
    "timeouts": ("x-timeouts", {"connect": 500, "read": "2s"}, {"connect_ms": 500, "read_ms": 2_000}),
    "a timeout": ("x-timeout", "30s", {"total_ms": 30_000}),
    "kong": (
        "x-kong-service-defaults",
        {"connect_timeout": 60_000, "read_timeout": 30_000, "retries": 5},
        {"connect_ms": 60_000, "read_ms": 30_000, "max_retries": 5},
    ),
    "amazon": ("x-amazon-apigateway-integration", {"type": "http", "timeoutInMillis": 29_000}, {"total_ms": 29_000}),
    "nonsense": ("x-retry", {"colour": "blue"}, {}),
    "odd": ("x-rate-limit", {"limit": -5, "period": {"a": []}}, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hint_is_read_as_its_tool_means_it(name: str) -> None:
    extension, value, expected = CASES[name]
    [(found, hints)] = policy_hints({extension: value, "x-logo": "a", "retry": 9})
    assert found == extension
    assert {field: value for _, field, value in hints} == expected


def test_hints_become_the_policy_and_one_not_understood_is_listed() -> None:
    found = read(
        "openapi: 3.1.0\ninfo: {title: A}\nx-rate-limit: 600/minute\nx-retry: {colour: blue}\n"
        "paths:\n  /a:\n    get: {x-timeout: 2s, responses: {}}\n    put: {x-timeout: 9s, responses: {}}\n"
    )
    assert found.document["contracts"][0]["policy"] == {
        "rate_limit": {"provider_requests_per_minute": 600},
        "timeouts": {"total_ms": 2_000},
    }
    said = [(each.line, each.text) for each in found.left_out if "x-" in each.text]
    assert said == [
        (4, "x-retry looks like a setting, but was not understood."),
        (8, "x-timeout of one operation: a contract has one policy, stated before."),
    ]
