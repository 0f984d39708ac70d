"""Each rule on a record spoiled in one way: what it says, exactly. On the sample as it is every rule is silent."""

from typing import Any

import pytest

from registry.record.findings import Finding
from registry.rules import ACROSS, RULES
from registry.rules.completeness import TABLE

from .sample import findings_of

WITHOUT_DATA = (
    '{"specversion": "1.0", "id": "1", "source": "https://payments.example.com/payments", '
    '"type": "com.example.payments.payment.captured"}'
)
SPOILED: list[tuple[dict[str, Any], list[tuple[str, str, str, str]]]] = [
    (
        {"parties.1.role": "consumer"},
        [("side-missing", "parties", "No party is the provider.", "Add the provider: its system, team and contact.")],
    ),
    (
        {"contracts.0.policy.retry.strategy": "explicit", "contracts.0.policy.retry.delays_ms": [200]},
        [
            (
                "retry-delays-count",
                "contracts[payments-api].policy.retry.delays_ms",
                "1 delay for 2 retries.",
                "List 2, or set max retries to 1.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.delays_ms": [200, 400]},
        [
            (
                "retry-delays-unused",
                "contracts[payments-api].policy.retry.delays_ms",
                "The strategy is exponential and does not use the delays 200 and 400 ms.",
                "Remove the delays, or choose the explicit strategy.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.strategy": "explicit", "contracts.0.policy.retry.delays_ms": [0, 400]},
        [
            (
                "retry-delay-range",
                "contracts[payments-api].policy.retry.delays_ms",
                "Holds 0 ms.",
                "Write delays from 1 to 86,400,000 ms.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.strategy": "explicit", "contracts.0.policy.retry.delays_ms": [800, 400]},
        [
            (
                "retry-delays-shrink",
                "contracts[payments-api].policy.retry.delays_ms",
                "The wait of 400 ms follows one of 800 ms.",
                "Put the delays in growing order.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.base_delay_ms": None, "contracts.0.policy.environments": []},
        [
            (
                "retry-base-delay",
                "contracts[payments-api].policy.retry.base_delay_ms",
                "2 retries, exponential, but no base delay.",
                "State the wait before the first retry, such as 200 ms.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.multiplier": "1"},
        [
            (
                "retry-multiplier",
                "contracts[payments-api].policy.retry.multiplier",
                "Waits are multiplied by 1, so they do not grow.",
                "Choose a multiplier above 1, such as 2, or the fixed strategy.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.max_delay_ms": 100},
        [
            (
                "retry-cap-below-base",
                "contracts[payments-api].policy.retry.max_delay_ms",
                "No wait is longer than 100 ms, yet the first is to be 200 ms.",
                "Raise the maximum delay or lower the base delay.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.jitter": "none"},
        [
            (
                "retry-no-jitter",
                "contracts[payments-api].policy.retry.jitter",
                "Every caller waits equally long, so all retry in step.",
                "Choose full or equal jitter.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.max_retries": 9},
        [
            (
                "retry-many",
                "contracts[payments-api].policy.retry.max_retries",
                "9 retries make up to 10 calls out of each one while the provider is failing.",
                "Use 5 or fewer, and a queue for work that must succeed in the end.",
            )
        ],
    ),
    (
        {"contracts.0.protocol": "grpc", "contracts.0.policy.retry.max_retries": 5},
        [
            (
                "retry-grpc-attempts",
                "contracts[payments-api].policy.retry.max_retries",
                "5 retries are 6 attempts; gRPC makes at most 5.",
                "Use 4 retries or fewer.",
            )
        ],
    ),
    (
        {"contracts.0.idempotent": False},
        [
            (
                "retry-unsafe",
                "contracts[payments-api].policy.retry.max_retries",
                "POST /payments is retried up to 2 times, but is not idempotent.",
                "Make the provider honour an idempotency key, or set max retries to 0.",
            ),
            (
                "retry-unsafe",
                "contracts[payments-api].policy.environments[staging].retry.max_retries",
                "POST /payments is retried once, but is not idempotent.",
                "Make the provider honour an idempotency key, or set max retries to 0.",
            ),
        ],
    ),
    (
        {"contracts.0.idempotency_header": None},
        [
            (
                "retry-without-key",
                "contracts[payments-api].policy.retry.max_retries",
                "POST /payments is retried up to 2 times, but no idempotency header is named.",
                "Name the header, such as Idempotency-Key.",
            ),
            (
                "retry-without-key",
                "contracts[payments-api].policy.environments[staging].retry.max_retries",
                "POST /payments is retried once, but no idempotency header is named.",
                "Name the header, such as Idempotency-Key.",
            ),
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [400, 429, 500]},
        [
            (
                "retry-forbidden",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "400 is retried, but for 400 the error table says “Log, do not retry: fix the request”.",
                "Take 400 out of the list, or change its action in the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [401, 429, 500], "contracts.0.policy.environments": []},
        [
            (
                "retry-credentials",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "401 is retried up to 2 times and once more with new credentials.",
                "Take 401 out and give it the action “refresh credentials, retry once” in the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [401, 429, 500], "contracts.0.errors.1.action": "fail_fast"},
        [
            (
                "retry-credentials",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "401 is retried up to 2 times; new credentials are tried once.",
                "Take 401 out and give it the action “refresh credentials, retry once” in the error table.",
            )
        ],
    ),
    (
        {
            "contracts.0.policy.retry.max_retries": 1,
            "contracts.0.policy.retry.retry_on_statuses": [401, 429, 500],
            "contracts.0.policy.environments": [],
            "overview.criticality": "high",
        },
        [
            (
                "retry-credentials",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "401 is retried once and once more with new credentials.",
                "Take 401 out and give it the action “refresh credentials, retry once” in the error table.",
            )
        ],
    ),
    (
        {"contracts.0.errors.4.action": "fail_fast"},
        [
            (
                "retry-fail-fast",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "Retried while the breaker is closed, failing at once while it is open: 500, 502 and 503.",
                "Leave it if that is meant, else take it out of the list.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [500]},
        [
            (
                "retry-promised",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "The error table retries 429, but the list does not hold it.",
                "Add 429 to the list, or change its action in the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [404, 429, 500]},
        [
            (
                "retry-client-error",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "404 says that the request is wrong; repeating it changes nothing.",
                "Take 404 out, or explain it in the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.retry_on_statuses": [202, 429, 500]},
        [
            (
                "retry-success",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "202 is no failure.",
                "Take 202 out of the list.",
            )
        ],
    ),
    (
        {"contracts.0.protocol": "amqp"},
        [
            (
                "retry-statuses-without-http",
                "contracts[payments-api].policy.retry.retry_on_statuses",
                "The protocol amqp has no HTTP statuses.",
                "Remove them; use the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.timeouts.total_ms": 5000},
        [
            (
                "budget-exceeded",
                "contracts[payments-api].policy.timeouts.total_ms",
                "3 attempts of 2,000 ms and waits of 600 ms come to 6,600 ms, more than the total of 5,000 ms.",
                "Raise the total to 6,600 ms, shorten the attempts, or make fewer retries.",
            )
        ],
    ),
    (
        {"contracts.0.policy.timeouts.total_ms": 1500},
        [
            (
                "attempt-above-total",
                "contracts[payments-api].policy.retry.attempt_timeout_ms",
                "One attempt may take 2,000 ms, but the whole call only 1,500 ms.",
                "Lower the attempt timeout to 1,500 ms or less, or raise the total.",
            )
        ],
    ),
    (
        {"contracts.0.policy.timeouts.total_ms": 1500},
        [
            (
                "read-above-total",
                "contracts[payments-api].policy.timeouts.read_ms",
                "The read timeout of 2,000 ms is longer than the total of 1,500 ms.",
                "Lower it to 1,500 ms or less, or raise the total.",
            )
        ],
    ),
    (
        {"contracts.0.policy.timeouts.total_ms": 400},
        [
            (
                "connect-above-total",
                "contracts[payments-api].policy.timeouts.connect_ms",
                "The connect timeout of 500 ms is longer than the total of 400 ms.",
                "Lower it below 400 ms.",
            )
        ],
    ),
    (
        {"contracts.0.policy.timeouts.connect_ms": 3000},
        [
            (
                "connect-above-read",
                "contracts[payments-api].policy.timeouts.connect_ms",
                "The connect timeout of 3,000 ms is longer than the read timeout of 2,000 ms.",
                "Lower it; 500 ms is plenty within one network.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.attempt_timeout_ms": 1000},
        [
            (
                "attempt-below-read",
                "contracts[payments-api].policy.retry.attempt_timeout_ms",
                "An attempt ends after 1,000 ms, before the read timeout of 2,000 ms.",
                "Raise it to 2,000 ms or more, or lower the read timeout.",
            )
        ],
    ),
    (
        {"sla.latency_p99_ms": 9000},
        [
            (
                "total-below-latency",
                "contracts[payments-api].policy.timeouts.total_ms",
                "Calls end after 8,000 ms, but the promised p99 is 9,000 ms.",
                "Raise the total above 9,000 ms, or promise a better p99.",
            )
        ],
    ),
    (
        {"sla.latency_p99_ms": 2500},
        [
            (
                "attempt-below-latency",
                "contracts[payments-api].policy.retry.attempt_timeout_ms",
                "Attempts end after 2,000 ms, but the promised p99 is 2,500 ms.",
                "Raise the attempt timeout above 2,500 ms.",
            )
        ],
    ),
    (
        {"contracts.0.expected_requests_per_minute": 30},
        [
            (
                "breaker-never-opens",
                "contracts[payments-api].policy.circuit_breaker.minimum_calls",
                "30 calls a minute put 15 in a window of 30 s; the breaker waits for 20.",
                "Use 7 or a longer window.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.minimum_calls": None},
        [
            (
                "breaker-minimum-missing",
                "contracts[payments-api].policy.circuit_breaker.minimum_calls",
                "No minimum is stated; common libraries then wait for 100 calls. About 60 are expected in the window.",
                "State it, such as 30.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.minimum_calls": 1},
        [
            (
                "breaker-hair-trigger",
                "contracts[payments-api].policy.circuit_breaker.minimum_calls",
                "The breaker opens after a single failed call.",
                "Use 2 or more, such as 10.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.failure_percent": 100},
        [
            (
                "breaker-all-must-fail",
                "contracts[payments-api].policy.circuit_breaker.failure_percent",
                "One success in the window keeps the breaker closed.",
                "Use less, such as 50.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.alert_after_seconds": 60},
        [
            (
                "breaker-alert-never",
                "contracts[payments-api].policy.circuit_breaker.alert_after_seconds",
                "The alert waits for 60 s, but the breaker is open for 30 s at a time.",
                "Use 30 s or less.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.window_seconds": 3},
        [
            (
                "breaker-window-short",
                "contracts[payments-api].policy.circuit_breaker.window_seconds",
                "The window is 3 s; two attempts may take 4,000 ms.",
                "Use 4 s or more.",
            )
        ],
    ),
    (
        {"contracts.0.policy.circuit_breaker.minimum_calls": 3},
        [
            (
                "breaker-one-call",
                "contracts[payments-api].policy.circuit_breaker.minimum_calls",
                "One call makes up to 3 attempts; the breaker judges after 3.",
                "Use more than 3.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.burst_per_second": 4},
        [
            (
                "burst-below-rate",
                "contracts[payments-api].policy.rate_limit.burst_per_second",
                "4 a second are 240 a minute, below 300.",
                "Use 5 or more.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.burst_per_second": 400},
        [
            (
                "burst-above-rate",
                "contracts[payments-api].policy.rate_limit.burst_per_second",
                "400 a second are more than 300 in a minute.",
                "Use less than 300.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.daily_quota": 1000000},
        [
            (
                "quota-unreachable",
                "contracts[payments-api].policy.rate_limit.daily_quota",
                "300 a minute are 432,000 a day; the quota is 1,000,000.",
                "Use less than 432,000, or leave the quota out.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.daily_quota": 6000},
        [
            (
                "quota-in-minutes",
                "contracts[payments-api].policy.rate_limit.daily_quota",
                "At 300 a minute 6,000 last 20 minutes.",
                "Raise the quota or lower the rate.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.daily_quota": 50000},
        [
            (
                "quota-below-load",
                "contracts[payments-api].policy.rate_limit.daily_quota",
                "120 calls a minute are 57,600 in eight hours, more than the quota of 50,000.",
                "Raise the quota, or correct the expected calls.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.requests_per_minute": 100},
        [
            (
                "limit-below-load",
                "contracts[payments-api].policy.rate_limit.requests_per_minute",
                "120 calls a minute are expected, but 100 allowed.",
                "Allow more than 120, or correct the expected calls.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.provider_requests_per_minute": 200},
        [
            (
                "limit-above-provider",
                "contracts[payments-api].policy.rate_limit.requests_per_minute",
                "300 a minute are allowed, but the provider accepts 200.",
                "Use 200 or less.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.provider_requests_per_minute": 600},
        [
            (
                "retries-above-provider",
                "contracts[payments-api].policy.rate_limit.requests_per_minute",
                "With 2 retries 300 a minute become 900; 600 are accepted.",
                "Use 200 a minute, or fewer retries.",
            )
        ],
    ),
    (
        {"contracts.0.errors": [{"status": "5xx", "action": "retry_with_backoff"}]},
        [
            (
                "limit-unhandled",
                "contracts[payments-api].policy.rate_limit.requests_per_minute_action",
                "Calls beyond the limit get 429, but the error table has no row for it.",
                "Add 429 with “back off as Retry-After says” to the error table.",
            )
        ],
    ),
    (
        {"contracts.0.policy.rate_limit.requests_per_minute_action": "wait"},
        [
            (
                "wait-above-total",
                "contracts[payments-api].policy.rate_limit.requests_per_minute_action",
                "A call may wait up to 60,000 ms for a free slot, but may take 8,000 ms in all.",
                "Reject with Retry-After instead.",
            )
        ],
    ),
    (
        {"overview.type": "synchronous", "contracts.0.protocol": "file"},
        [
            (
                "protocol-unfit",
                "contracts[payments-api].protocol",
                "The integration is synchronous, but the protocol is file.",
                "Correct one of the two.",
            )
        ],
    ),
    (
        {"overview.type": "file_based"},
        [
            (
                "file-contract-missing",
                "contracts",
                "The integration is file-based, but no contract is about files.",
                "Add one with the protocol file.",
            )
        ],
    ),
    (
        {"contracts.0.provider": "order-service"},
        [
            (
                "same-system-twice",
                "contracts[payments-api].provider",
                "order-service is both consumer and provider.",
                "Name the other system.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.headers": [{"name": "X-Idempotency-Key"}]},
        [
            (
                "idempotency-header-twice",
                "contracts[payments-api].idempotency_header",
                "The contract says Idempotency-Key, an operation says X-Idempotency-Key.",
                "Use one name.",
            )
        ],
    ),
    (
        {"contracts.0.idempotency_header": None},
        [
            (
                "idempotency-header-unstated",
                "contracts[payments-api].idempotency_header",
                "An operation sends Idempotency-Key, the contract names none.",
                "State Idempotency-Key.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.headers": [{"name": "Accept"}]},
        [
            (
                "idempotency-header-unsent",
                "contracts[payments-api].idempotency_header",
                "create-payment does not send Idempotency-Key.",
                "Add Idempotency-Key to its headers.",
            )
        ],
    ),
    (
        {"contracts.0.idempotent": False},
        [
            (
                "idempotency-denied",
                "contracts[payments-api].idempotent",
                "Says no, yet Idempotency-Key is the key.",
                "Correct one of the two.",
            )
        ],
    ),
    (
        {"contracts.0.authentication": {"type": "none"}},
        [
            (
                "authentication-none",
                "contracts[payments-api].authentication.type",
                "Calls carry no credential.",
                "Choose a method, or say why none is needed.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.type": "basic"},
        [
            (
                "authentication-basic",
                "contracts[payments-api].authentication.type",
                "The password travels with every call.",
                "Prefer tokens or mutual TLS.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.header": "X-Token"},
        [
            (
                "authentication-header",
                "contracts[payments-api].authentication.header",
                "X-Token is not how bearer tokens travel.",
                "Write Authorization: Bearer <token>.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.scopes": []},
        [
            (
                "scopes-missing",
                "contracts[payments-api].authentication.scopes",
                "No scopes are listed.",
                "List what the token must allow, such as payments:write.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.rotation_period": "P730D"},
        [
            (
                "rotation-slow",
                "contracts[payments-api].authentication.rotation_period",
                "Credentials change every 730 days.",
                "Change them every 90 days, such as P90D.",
            )
        ],
    ),
    (
        {"contracts.0.base_urls.0.url": "http://payments.example.com"},
        [
            (
                "plain-http",
                "contracts[payments-api].base_urls[production].url",
                "http://payments.example.com is not encrypted.",
                "Use https://.",
            )
        ],
    ),
    (
        {"contracts.0.base_urls.0.url": "https://payments.staging.example.com/v1/"},
        [
            (
                "base-url-shared",
                "contracts[payments-api].base_urls",
                "2 environments use https://payments.staging.example.com/v1.",
                "Give each environment its own address.",
            )
        ],
    ),
    (
        {"contracts.0.errors.0.action": None},
        [
            (
                "error-row-incomplete",
                "contracts[payments-api].errors[400].action",
                "The action is not stated.",
                "State the action.",
            )
        ],
    ),
    (
        {"contracts.0.errors.0": {"status": "503-504", "action": "fail_fast"}},
        [
            (
                "error-rows-overlap",
                "contracts[payments-api].errors",
                "The rows 503-504 and 5xx all speak of 503 and differ.",
                "Give 503 a row of its own.",
            )
        ],
    ),
    (
        {"contracts.0.errors.0.action": "retry_with_backoff"},
        [
            (
                "error-action-unfit",
                "contracts[payments-api].errors[400].action",
                "400 says the request is wrong; it is retried.",
                "Choose “fix the request” or “escalate”.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.type": "api_key"},
        [
            (
                "refresh-impossible",
                "contracts[payments-api].errors",
                "401 refreshes credentials; API key has none to refresh.",
                "Use “alert and stop”.",
            )
        ],
    ),
    (
        {"contracts.0.errors.2": {"status": "404", "action": "check_resource"}},
        [("errors-uncovered", "contracts[payments-api].errors", "Nothing is said of 403.", "Add rows for them.")],
    ),
    (
        {"contracts.0.errors.0.status": "UNAVAILABLE"},
        [
            (
                "error-codes-foreign",
                "contracts[payments-api].errors",
                "UNAVAILABLE does not occur with rest.",
                "Write statuses such as 503.",
            )
        ],
    ),
    (
        {"contracts.0.definition": {"exchange": "orders"}},
        [
            (
                "definition-foreign",
                "contracts[payments-api].definition.exchange",
                "Belongs to amqp, but the protocol is rest.",
                "Remove it, or correct the protocol.",
            )
        ],
    ),
    (
        {"contracts.0.definition": {"proto": "message Order { optional string id = 1; }"}},
        [
            (
                "proto-empty",
                "contracts[payments-api].definition.proto",
                "No service with an rpc is in it.",
                "Add a service and its methods.",
            )
        ],
    ),
    (
        {"contracts.0.definition": {"graphql": "type Order { id: ID! }"}},
        [
            (
                "graphql-empty",
                "contracts[payments-api].definition.graphql",
                "Holds no query, mutation or subscription.",
                "Paste the schema, or the queries used.",
            )
        ],
    ),
    (
        {"contracts.0.definition": {"file_pattern": "settlement.csv"}},
        [
            (
                "file-name-fixed",
                "contracts[payments-api].definition.file_pattern",
                "settlement.csv is the same for every file.",
                "Put {date} or a number into it.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.path": "/payments/{id"},
        [
            (
                "path-form",
                "contracts[payments-api].operations[create-payment].path",
                "/payments/{id has a brace without its partner.",
                "Write parameters as {paymentId}.",
            )
        ],
    ),
    (
        {
            "contracts.0.operations": [
                {
                    "name": "a",
                    "method": "POST",
                    "path": "/payments",
                    "headers": [{"name": "Idempotency-Key"}],
                    "responses": [{"status": 201}],
                    "request_schema": "{}",
                },
                {
                    "name": "b",
                    "method": "POST",
                    "path": "/payments",
                    "headers": [{"name": "Idempotency-Key"}],
                    "responses": [{"status": 201}],
                    "request_schema": "{}",
                },
            ]
        },
        [
            (
                "operation-twice",
                "contracts[payments-api].operations",
                "POST /payments is described 2 times.",
                "Merge them, or correct a path.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.method": "GET"},
        [
            (
                "body-unexpected",
                "contracts[payments-api].operations[create-payment].request_schema",
                "GET has a request body.",
                "Move it to the query, or use POST.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.request_schema": None},
        [
            (
                "body-missing",
                "contracts[payments-api].operations[create-payment].request_schema",
                "POST has no request schema.",
                "Add the schema and an example.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.responses": []},
        [
            (
                "answer-missing",
                "contracts[payments-api].operations[create-payment].responses",
                "No answer is stated.",
                "Add one, such as 201 with its body.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.responses": [{"status": 404}]},
        [
            (
                "answer-is-failure",
                "contracts[payments-api].operations[create-payment].responses",
                "404 is no success.",
                "Move it to the error table.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.responses.0.status": 204},
        [
            (
                "answer-body-unexpected",
                "contracts[payments-api].operations[create-payment].responses",
                "204 has no body.",
                "Use 200, or remove the body.",
            )
        ],
    ),
    (
        {"events.0.example": '{"id": "1",\n}'},
        [
            (
                "json-unreadable",
                "events[payment.CAPTURED].example",
                "Is not JSON: line 2, column 1: expecting property name enclosed in double quotes.",
                "Write the name in double quotes, without a comma before }.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"type": "strnig"}'},
        [
            (
                "schema-invalid",
                "events[payment.CAPTURED].data_schema",
                "Is not a JSON Schema (2020-12): $.type: 'strnig' is not valid under any of the given schemas",
                "Mend the schema there.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"$ref": "https://schemas.example.com/money.json"}'},
        [
            (
                "schema-remote",
                "events[payment.CAPTURED].data_schema",
                "Refers to https://schemas.example.com/money.json.",
                "Copy that definition under $defs and refer to it there.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"properties": {"orderId": {"pattern": "(a+)+$"}}}'},
        [
            (
                "schema-pattern-risky",
                "events[payment.CAPTURED].data_schema",
                "The pattern (a+)+$ repeats inside a repetition.",
                "Write it without that.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"required": ["customerId"]}'},
        [
            (
                "example-mismatch",
                "events[payment.CAPTURED].example",
                "Does not fit its schema: $.data: 'customerId' is a required property.",
                "Correct the example or the schema.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"$ref": "#"}'},
        [
            (
                "example-unchecked",
                "events[payment.CAPTURED].example",
                "Is too large or too deep to be checked against its schema.",
                "Shorten it.",
            )
        ],
    ),
    (
        {"events.0.example": '{"specversion": "1.0", "id": "1", "source": "/a", "time": "today"}'},
        [
            ("event-envelope", "events[payment.CAPTURED].example", "type is missing or not text.", "Add type."),
            (
                "event-envelope",
                "events[payment.CAPTURED].example",
                "time is not an RFC 3339 moment.",
                "Write it as 2026-01-31T12:00:00Z.",
            ),
        ],
    ),
    (
        {"events.0.source": "https://other.example.com"},
        [
            (
                "event-example-differs",
                "events[payment.CAPTURED].example",
                "Its source is https://payments.example.com/payments, but the event's is https://other.example.com.",
                "Make both sources the same.",
            )
        ],
    ),
    (
        {"events.0.example": WITHOUT_DATA},
        [
            (
                "event-without-data",
                "events[payment.CAPTURED].example",
                "Has no data, though a schema of it is stated.",
                "Add data that fits the schema.",
            )
        ],
    ),
    (
        {"events.0.type": "PaymentCaptured"},
        [
            (
                "event-type-form",
                "events[payment.CAPTURED].type",
                "PaymentCaptured does not begin with a domain in reverse.",
                "Write it like com.example.orders.order.placed.",
            )
        ],
    ),
    (
        {"events.0.source": "payment service"},
        [
            (
                "event-source-form",
                "events[payment.CAPTURED].source",
                "payment service is not a URI.",
                "Write an address such as https://orders.example.com/orders.",
            )
        ],
    ),
    (
        {"events.0.name": "payment captured"},
        [
            (
                "event-name-form",
                "events[payment captured].name",
                "payment captured is not of the form entity.ACTION.",
                "Write it like order.PLACED.",
            )
        ],
    ),
    (
        {"topics.0.dead_letter": "nowhere"},
        [
            (
                "dead-letter-unknown",
                "topics[payments.events].dead_letter",
                "nowhere is not among the topics.",
                "Describe it there, with its retention.",
            )
        ],
    ),
    (
        {"topics.1.dead_letter": "payments.events"},
        [
            (
                "dead-letter-itself",
                "topics[payments.events].dead_letter",
                "Dead letters come back: payments.events → payments.events.dlq → payments.events.",
                "End the circle.",
            ),
            (
                "dead-letter-itself",
                "topics[payments.events.dlq].dead_letter",
                "Dead letters come back: payments.events.dlq → payments.events → payments.events.dlq.",
                "End the circle.",
            ),
        ],
    ),
    (
        {"topics.1.retention": "P7D"},
        [
            (
                "dead-letter-retention",
                "topics[payments.events].dead_letter",
                "payments.events.dlq keeps 7 days, this topic 7 days.",
                "Keep dead letters longer than messages.",
            )
        ],
    ),
    (
        {"topics.1.partitions": 3},
        [
            (
                "queue-partitions",
                "topics[payments.events.dlq].partitions",
                "A queue has no 3 partitions.",
                "Make it a topic, or use 1.",
            )
        ],
    ),
    (
        {"topics.0.replication_factor": 1},
        [
            (
                "replication-below-rpo",
                "topics[payments.events].replication_factor",
                "Messages are kept once, but the RPO is 0 seconds.",
                "Use 3, or promise less.",
            )
        ],
    ),
    (
        {"topics.0.retention": "PT10M"},
        [
            (
                "retention-below-rto",
                "topics[payments.events].retention",
                "Messages are kept for 10 minutes, but it may be down for 15 minutes.",
                "Keep them for longer than the RTO.",
            )
        ],
    ),
    (
        {"topology.queue": "payments-events"},
        [
            (
                "topology-name-unknown",
                "topology.queue",
                "payments-events is not among the topics.",
                "Use a topic's name, or describe it.",
            )
        ],
    ),
    (
        {"ordering.0.topic": "payment.events"},
        [
            (
                "ordering-topic-unknown",
                "ordering[payment.events].topic",
                "payment.events is not among the topics.",
                "Correct the name, or describe the topic.",
            )
        ],
    ),
    (
        {"ordering.0.topic": "payments.events.dlq"},
        [
            (
                "ordering-uncovered",
                "topics[payments.events].name",
                "Nothing is said of the order of payments.events.",
                "Add it to the ordering section, even if it is none.",
            )
        ],
    ),
    (
        {"topics.0.key": None},
        [
            (
                "strict-without-key",
                "ordering[payments.events].guarantee",
                "payments.events has 12 partitions and no key.",
                "State the topic's key, use 1 partition, or promise less.",
            )
        ],
    ),
    (
        {"ordering.0.scope": "customerId"},
        [
            (
                "strict-scope-differs",
                "ordering[payments.events].scope",
                "The order is promised per customerId, but the key is orderId.",
                "Make them the same.",
            )
        ],
    ),
    (
        {"ordering.0.scope": None},
        [
            (
                "strict-scope-missing",
                "ordering[payments.events].scope",
                "Strict order, but not within what.",
                "State it, such as tenantId.",
            )
        ],
    ),
    (
        {"ordering.0.notes": None},
        [
            (
                "strict-with-dead-letters",
                "ordering[payments.events].notes",
                "A message that is set aside and sent back is out of order.",
                "Say in the notes how that is handled.",
            )
        ],
    ),
    (
        {"topics.0.kind": "queue", "ordering.0.notes": None},
        [
            (
                "strict-on-queue",
                "ordering[payments.events].guarantee",
                "payments.events is a queue; its readers overtake each other.",
                "Say in the notes how that is kept.",
            )
        ],
    ),
    (
        {"ordering.0.guarantee": "best_effort", "ordering.0.notes": "FIFO queue"},
        [
            (
                "fifo-without-order",
                "ordering[payments.events].notes",
                "Says FIFO, but the order is not strict.",
                "Say which of the two is meant.",
            )
        ],
    ),
    (
        {"deduplication": {"strategy": "none"}},
        [
            (
                "deduplication-none",
                "deduplication.strategy",
                "A message delivered twice takes effect twice.",
                "Choose a strategy, or say why it does no harm.",
            )
        ],
    ),
    (
        {"deduplication.window": "P1D"},
        [
            (
                "deduplication-window-short",
                "deduplication.window",
                "Ids are kept for 1 day, but payments.events.dlq for 14 days.",
                "Use P14D or more.",
            )
        ],
    ),
    (
        {"deduplication.notes": "SELECT from processed_events, process, then INSERT."},
        [
            (
                "check-then-insert",
                "deduplication.notes",
                "The id is looked up first and inserted later: two deliveries can both pass.",
                "Insert it first.",
            )
        ],
    ),
    (
        {"deduplication.strategy": "idempotency_key", "contracts.0.idempotency_header": None},
        [
            (
                "deduplication-key-missing",
                "deduplication.strategy",
                "No contract names an idempotency header.",
                "Name it in the contract.",
            )
        ],
    ),
    (
        {"consistency.max_lag_seconds": None},
        [
            (
                "lag-unstated",
                "consistency.max_lag_seconds",
                "Eventual, but not within what time.",
                "State it, such as 60 s.",
            )
        ],
    ),
    (
        {"consistency.model": "strong"},
        [("strong-with-lag", "consistency.model", "Strong, yet 60 s behind.", "Choose eventual, or remove the lag.")],
    ),
    (
        {"consistency.max_lag_seconds": 5},
        [
            (
                "lag-below-retries",
                "consistency.max_lag_seconds",
                "At most 5 s behind, but a call may take 8,000 ms.",
                "Allow more lag or less time.",
            )
        ],
    ),
    (
        {"saga.orchestrator": None},
        [
            (
                "orchestrator-missing",
                "saga.orchestrator",
                "The steps have nobody who leads.",
                "Name the service that undoes them.",
            )
        ],
    ),
    (
        {"saga.steps": [{"name": "Pay", "service": "a", "action": "b", "compensation": "c"}]},
        [
            (
                "saga-single-step",
                "saga.steps",
                "One step has nothing before it to undo.",
                "Add the other steps, or leave the saga out.",
            )
        ],
    ),
    (
        {"topics.1.name": "payments.events"},
        [("key-twice", "topics", "payments.events is the name of two items.", "Rename or merge them.")],
    ),
    (
        {"contracts.0.provider": "ledger"},
        [
            (
                "contract-party-unknown",
                "contracts[payments-api].provider",
                "ledger is not a party of this integration.",
                "Add it to the parties, or correct the name.",
            )
        ],
    ),
    (
        {"overview.type": "synchronous", "contracts.0.consumer": "payment-service"},
        [
            (
                "contract-role-differs",
                "contracts[payments-api].consumer",
                "payment-service is the provider among the parties.",
                "Swap the sides, or correct the role.",
            )
        ],
    ),
    (
        {"events.0.published_by": "shop"},
        [
            (
                "publisher-unknown",
                "events[payment.CAPTURED].published_by",
                "shop is not a party of this integration.",
                "Correct the name, or add the party.",
            )
        ],
    ),
    (
        {"events.0.published_by": "order-service", "topics.1.producer": "payment-service"},
        [
            (
                "event-without-topic",
                "events[payment.CAPTURED].published_by",
                "order-service produces none of the topics.",
                "Describe the topic it writes to.",
            )
        ],
    ),
    (
        {"parties.1.team": "checkout"},
        [("parties-one-team", "parties", "checkout is on both sides.", "Leave it if it is so.")],
    ),
    (
        {"parties.0.system": "order-servcie"},
        [
            (
                "system-unknown",
                "parties[order-servcie].system",
                "order-servcie is not in the catalog.",
                "Correct it, or have the system added.",
            )
        ],
    ),
    (
        {"parties.0.team": "chekout"},
        [
            (
                "team-unknown",
                "parties[order-service].team",
                "chekout is not in the catalog.",
                "Correct it, or have the team added.",
            )
        ],
    ),
    (
        {"contracts.0.base_urls.0.environment": "prod"},
        [
            (
                "environment-unknown",
                "contracts[payments-api].base_urls[prod].environment",
                "prod is not in the catalog.",
                "Correct it, or have the environment added.",
            )
        ],
    ),
    (
        {"contracts.0.base_urls.0.environment": None},
        [
            (
                "environment-unnamed",
                "contracts[payments-api].base_urls[#1].environment",
                "The environment is not named.",
                "Name it, such as production.",
            )
        ],
    ),
    (
        {"monitoring.metrics.2.threshold": "9"},
        [
            (
                "latency-alert-never",
                "monitoring.metrics[integration_latency_seconds].threshold",
                "The alert waits for more than 9,000 ms, but every call ends after 8,000 ms.",
                "Use less than 8,000 ms.",
            )
        ],
    ),
    (
        {"monitoring.metrics.4.threshold": "0"},
        [
            (
                "dead-letter-page",
                "monitoring.metrics[integration_dlq_depth].threshold",
                "A single dead letter raises an alert of severity high.",
                "Raise the threshold, or lower the severity.",
            )
        ],
    ),
    (
        {
            "monitoring.metrics.0": {
                "name": "integration_requests_total",
                "type": "counter",
                "condition": "above",
                "threshold": "100",
                "lasting": "PT5M",
                "severity": "low",
            }
        },
        [
            (
                "counter-alert",
                "monitoring.metrics[integration_requests_total].condition",
                "A counter passes 100 some day and stays there.",
                "Alert on its rate, as a gauge.",
            )
        ],
    ),
    (
        {"monitoring.metrics.1.name": "error rate (%)"},
        [
            (
                "metric-name-form",
                "monitoring.metrics[error rate (%)].name",
                "error rate (%) holds other signs than letters, digits and underscores.",
                "Rename it.",
            )
        ],
    ),
    (
        {"monitoring.metrics.2.name": "integration_orders_latency_p99_ms"},
        [
            (
                "metric-histogram-p99",
                "monitoring.metrics[integration_orders_latency_p99_ms].name",
                "integration_orders_latency_p99_ms is a histogram named after one percentile.",
                "Leave it: a recording rule publishes that name.",
            )
        ],
    ),
    (
        {"monitoring.metrics.3.name": "integration_open"},
        [("key-metric-missing", "monitoring.metrics", "Nothing measures open circuits.", "Add a metric for it.")],
    ),
    (
        {"monitoring.alert_routes": []},
        [("alert-without-route", "monitoring.alert_routes", "5 metrics alert, but there is no route.", "Add a route.")],
    ),
    (
        {"monitoring.alert_routes.0.channel": "slack"},
        [
            (
                "nobody-woken",
                "monitoring.alert_routes",
                "The integration is critical, but alerts go to mail and chat only.",
                "Add a route by PagerDuty or a webhook.",
            )
        ],
    ),
    (
        {"monitoring.alert_routes.0.channel": "email"},
        [
            (
                "alert-target-form",
                "monitoring.alert_routes[Circuit breaker open by email].target",
                "checkout-on-call is no mail address.",
                "Write it like checkout@example.com.",
            )
        ],
    ),
    (
        {"monitoring.tracing.headers": ["X-Request-ID"]},
        [("traceparent-missing", "monitoring.tracing.headers", "traceparent is not passed on.", "Add traceparent.")],
    ),
    (
        {"testing.scenarios.4.title": "Quota"},
        [
            (
                "error-scenario-missing",
                "testing.scenarios",
                "No scenario tries “Rate limit exceeded”.",
                "Add it; expected: 429 is handled and the consumer backs off.",
            )
        ],
    ),
    (
        {"testing.scenarios.0.kind": "error"},
        [("happy-scenario-missing", "testing.scenarios", "All scenarios are failures.", "Add a happy one.")],
    ),
    (
        {"testing.pact.provider": "order-service"},
        [("pact-one-side", "testing.pact.provider", "order-service is on both sides.", "Correct one of the names.")],
    ),
    (
        {"testing.environments.1.name": "local"},
        [
            (
                "production-untested",
                "testing.environments",
                "Production is not among them.",
                "Add synthetic monitoring in production.",
            )
        ],
    ),
    (
        {"events.0.data_schema": '{"properties": {"customerEmail": {"type": "string"}, "phone": {"x-pii": "masked"}}}'},
        [
            (
                "personal-data-unmarked",
                "events[payment.CAPTURED].data_schema",
                "customerEmail looks like personal data and is not marked.",
                "Add x-pii, or send an id instead.",
            )
        ],
    ),
    (
        {"contracts.0.operations.0.request_example": '{"orderId": "anna@gmail.com", "card": "4012888888881881"}'},
        [
            (
                "personal-data-example",
                "contracts[payments-api].operations[create-payment].request_example",
                "Holds a mail address at gmail.com.",
                "Replace it by made-up data, such as anna@example.com.",
            ),
            (
                "personal-data-example",
                "contracts[payments-api].operations[create-payment].request_example",
                "Holds a number like a payment card's, ending in 1881.",
                "Replace it by made-up data, such as anna@example.com.",
            ),
        ],
    ),
    (
        {"contracts.0.authentication.header": "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"},
        [
            (
                "secret-in-record",
                "contracts[payments-api].authentication.header",
                "Holds what looks like a real key, token or password.",
                "Write a placeholder such as <token>.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.token_lifetime": "P90D"},
        [
            (
                "token-outlives-key",
                "contracts[payments-api].authentication.token_lifetime",
                "A token lives for 90 days, but keys change every 90 days.",
                "Use much less than 90 days, such as PT1H.",
            )
        ],
    ),
    (
        {"contracts.0.authentication.token_lifetime": "P2D"},
        [
            (
                "token-long-lived",
                "contracts[payments-api].authentication.token_lifetime",
                "A leaked token works for up to 2 days.",
                "Use a day at most, such as PT1H.",
            )
        ],
    ),
    (
        {"contracts.0.policy.environments": []},
        [
            (
                "settings-undistinguished",
                "contracts[payments-api].policy.environments",
                "production and staging are held to the same limits and timeouts.",
                "Say what differs in each, or leave it if nothing does.",
            )
        ],
    ),
    (
        {"sla.error_rate_percent": "50"},
        [
            (
                "breaker-below-normal",
                "contracts[payments-api].policy.circuit_breaker.failure_percent",
                "The breaker opens at 50 % of failures, but 50 % may fail by the service levels.",
                "Use far more than 50 %, or promise a better rate.",
            )
        ],
    ),
    (
        {"sla.error_rate_percent": "6"},
        [
            (
                "error-alert-below-promise",
                "monitoring.metrics[integration_error_rate].threshold",
                "The alert fires above 5 %, but 6 % may fail by the service levels.",
                "Use more than 6 %.",
            )
        ],
    ),
    (
        {"sla.rto": "PT20S"},
        [
            (
                "alert-after-rto",
                "monitoring.metrics[integration_circuit_open].lasting",
                "The alert waits for 20 seconds, and it may be down for 20 seconds at most.",
                "Alert after a small part of the RTO, such as PT2M.",
            )
        ],
    ),
    (
        {"monitoring.metrics.3.lasting": "PT1M"},
        [
            (
                "circuit-alert-never",
                "monitoring.metrics[integration_circuit_open].lasting",
                "The alert waits for 1 minute, but a breaker is open for 30 s at a time.",
                "Use 30 s or less.",
            )
        ],
    ),
    (
        {"monitoring.metrics.2.name": "integration_latency_ms"},
        [
            (
                "metric-unit-abbreviated",
                "monitoring.metrics[integration_latency_ms].name",
                "integration_latency_ms counts in ms, not in seconds.",
                "Count in seconds where the name is still open.",
            )
        ],
    ),
    (
        {"monitoring.metrics.0.name": "integration_orders_requests_total"},
        [
            (
                "metric-of-one-integration",
                "monitoring.metrics",
                "A metric carries a party's name, such as integration_orders_requests_total.",
                "Name it the same everywhere and tell integrations apart by a label.",
            )
        ],
    ),
    (
        {"sla.rto": "PT4H"},
        [
            (
                "rto-breaks-availability",
                "sla.rto",
                "It may be down for 4 hours at a time, but 99.95 % allows 21 minutes 36 seconds a month.",
                "Shorten the RTO, or promise less availability.",
            )
        ],
    ),
    (
        {"topics.0.replication_factor": None},
        [
            (
                "replication-unstated",
                "topics[payments.events].replication_factor",
                "The RPO is 0, but not said on how many brokers a message is kept.",
                "State it: 3.",
            )
        ],
    ),
    (
        {"deduplication.window": "PT6S", "topics": []},
        [
            (
                "deduplication-below-retries",
                "deduplication.window",
                "Ids are kept for 6 seconds, but payments-api is retried for up to 6,600 ms.",
                "Use 7 s or more.",
            )
        ],
    ),
    (
        {
            "parties": [
                {"role": "consumer", "system": "order-service", "team": "checkout", "contact": "a@example.com"},
                {"role": "provider", "system": "payment-service", "team": "payments", "contact": "b@example.com"},
                {"role": "consumer", "system": "ledger", "team": "payments", "contact": "c@example.com"},
            ]
        },
        [
            (
                "party-unused",
                "parties[ledger].system",
                "No contract, event or topic names ledger.",
                "Say what it does, or take it out.",
            )
        ],
    ),
    (
        {
            "contracts.0.definition.proto": "message Customer {\n  // masked in logs\n  string phone = 1;\n"
            "  string email = 2;\n  string iban = 3 [debug_redact = true];\n}",
            "contracts.0.definition.graphql": "type Customer {\n  lastName(short: Boolean): String!\n  city: String\n}",
        },
        [
            (
                "personal-data-in-definition",
                "contracts[payments-api].definition.proto",
                "email looks like personal data and is not marked.",
                "Mark it, or send an id instead.",
            ),
            (
                "personal-data-in-definition",
                "contracts[payments-api].definition.graphql",
                "lastName looks like personal data and is not marked.",
                "Mark it, or send an id instead.",
            ),
        ],
    ),
    (
        {"contracts.0.definition.proto": 'syntax = "proto3";\nmessage Order {\n  string id = 1;\n  Money sum = 1;\n}'},
        [
            (
                "proto-invalid",
                "contracts[payments-api].definition.proto",
                "Line 4, column 3: “Money” is not declared.",
                "Declare it, or correct the name.",
            ),
            (
                "proto-invalid",
                "contracts[payments-api].definition.proto",
                "Line 4, column 15: the number 1 of “sum” belongs to “id”.",
                "Give it a number of its own; 2 is free.",
            ),
        ],
    ),
    (
        {
            "contracts.0.definition.proto": 'syntax = "proto3";\nimport "shop/money.proto";\n'
            "service S { rpc M (Id) returns (shop.Money); }\nmessage Id {}"
        },
        [
            (
                "proto-import-missing",
                "contracts[payments-api].definition.proto",
                "Line 2, column 8: shop/money.proto is not in the record.",
                "Copy what you use of it into the source.",
            ),
        ],
    ),
    (
        {"contracts.0.definition.graphql": "type Query {\n  order(id: ID!): Ordre\n}"},
        [
            (
                "graphql-invalid",
                "contracts[payments-api].definition.graphql",
                "Line 2, column 19: unknown type “Ordre”.",
                "Mend the GraphQL there.",
            ),
        ],
    ),
    (
        {"contracts.0.definition": {"exchange": "orders", "exchange_type": "direct", "routing_key": "order.*"}},
        [
            (
                "routing-unfit",
                "contracts[payments-api].definition.routing_key",
                "order.* is a pattern, and a direct exchange compares keys letter by letter.",
                "Write the key itself, or use a topic exchange.",
            ),
        ],
    ),
    (
        {"contracts.0.protocol": "amqp", "contracts.0.definition": {"exchange": "orders", "routing_key": "order.*"}},
        [
            (
                "exchange-type-missing",
                "contracts[payments-api].definition.exchange_type",
                "How orders passes messages on is not stated.",
                "State it, such as topic.",
            ),
        ],
    ),
    (
        {"contracts.0.definition": {"file_pattern": "in/settlement-{date.csv"}},
        [
            (
                "file-pattern-invalid",
                "contracts[payments-api].definition.file_pattern",
                "In in/settlement-{date.csv “{” has no partner.",
                "Close the placeholder, or remove it.",
            ),
            (
                "file-pattern-invalid",
                "contracts[payments-api].definition.file_pattern",
                "In in/settlement-{date.csv it names a folder.",
                "Put the folder into the location.",
            ),
        ],
    ),
    (
        {"contracts.0.definition": {"file_pattern": "settlement-{date}.json.gz", "file_format": "csv"}},
        [
            (
                "file-format-unfit",
                "contracts[payments-api].definition.file_format",
                "settlement-{date}.json.gz ends in .json.",
                "Correct the name or the format.",
            ),
        ],
    ),
    (
        {"contracts.0.definition": {"file_format": "json", "delimiter": "comma", "file_encoding": "UTF8-LATIN"}},
        [
            (
                "file-text-unfit",
                "contracts[payments-api].definition.file_encoding",
                "UTF8-LATIN is no known encoding.",
                "Write one such as UTF-8 or ISO-8859-1.",
            ),
            (
                "file-text-unfit",
                "contracts[payments-api].definition.delimiter",
                "JSON has no delimiter.",
                "Remove it, or correct the format.",
            ),
        ],
    ),
    (
        {"contracts.0.definition.schedule": "61 2 * * * Europe/Amsterdam"},
        [
            (
                "schedule-invalid",
                "contracts[payments-api].definition.schedule",
                "61 2 * * * is no cron expression.",
                "Write minute, hour, day of the month, month, day of the week, such as 30 2 * * *.",
            ),
        ],
    ),
    (
        {"contracts.0.definition.schedule": "when the ledger is closed"},
        [
            (
                "schedule-unread",
                "contracts[payments-api].definition.schedule",
                "No times can be worked out from these words.",
                "Write it like daily at 02:30 Europe/Amsterdam.",
            ),
        ],
    ),
    (
        {"contracts.0.definition.schedule": "daily at 02:30"},
        [
            (
                "schedule-zone-missing",
                "contracts[payments-api].definition.schedule",
                "It names a time of day, but no time zone.",
                "Add one such as Europe/Amsterdam, or UTC.",
            ),
        ],
    ),
    (
        {"contracts.0.definition": {"proto": "//" * 80_000, "graphql": "#" * 100_000}},
        [
            (
                "source-unchecked",
                f"contracts[payments-api].definition.{name}",
                "The sources of this record are longer than 250,000 characters together.",
                "Keep the services and types this integration uses.",
            )
            for name in ("proto", "graphql")
        ],
    ),
    (
        {
            "contracts.0.policy.retry.base_delay_ms": 4_000,
            "contracts.0.policy.retry.attempt_timeout_ms": None,
            "contracts.0.policy.environments": [],
        },
        [
            (
                "waits-above-total",
                "contracts[payments-api].policy.timeouts.total_ms",
                "The waits come to 9,000 ms, more than the total of 8,000 ms.",
                "Raise the total well above 9,000 ms, or wait less.",
            )
        ],
    ),
    (
        {"contracts.0.policy.retry.attempt_timeout_ms": 9, "contracts.0.policy.environments": []},
        [
            (
                "timeout-tiny",
                "contracts[payments-api].policy.retry.attempt_timeout_ms",
                "9 ms is less than any library takes.",
                "Use 10 ms or more, such as 500.",
            )
        ],
    ),
]


@pytest.mark.parametrize(("changes", "said"), SPOILED, ids=[said[0][0] for _, said in SPOILED])
def test_a_rule_says_what_is_wrong_where_and_how_to_mend_it(
    changes: dict[str, Any], said: list[tuple[str, str, str, str]]
) -> None:
    code = said[0][0]
    severity = RULES[code].severity
    assert findings_of(code, changes) == [
        Finding(code, severity, path, message, mend) for code, path, message, mend in said
    ]
    assert findings_of(code, {}) == []


def test_every_rule_has_its_case() -> None:
    of_one_record = set(RULES) - {rule.code for rule in ACROSS}
    assert {said[0][0] for _, said in SPOILED} | {needed.code for needed in TABLE} == of_one_record
