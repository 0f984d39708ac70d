"""What a change comes to: each of these sentences, and no other."""

import json
from typing import Any

import pytest

from registry.diff import Consequence, compare, consequences, weigh
from registry.diff.consequence import ratio
from registry.record import documents
from tests.registry.rules.sample import SAMPLE, spoiled

POLICY = "contracts.0.policy"


def weighed(before: dict[str, Any], changes: dict[str, Any]) -> list[Consequence]:
    old, new = documents.parse(spoiled(before)), documents.parse(spoiled(changes))
    return weigh(old, new, compare(old, new))


def told(changes: dict[str, Any], before: dict[str, Any] | None = None) -> list[str]:
    return [f"{each.verdict}: {each}" for each in weighed(before or {}, changes)]


CASES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {f"{POLICY}.retry.max_retries": 4, f"{POLICY}.timeouts.total_ms": 20_000},
        [
            "worse: payments-api: worst-case time per call 6.6 s → 13 s (+97 %)",
            "neutral: payments-api in staging: worst-case time per call 4.2 s as before",
            "worse: payments-api: calls to the provider at worst 3 → 5 (+67 %)",
            "neutral: payments-api in staging: calls to the provider at worst 2 as before",
            "neutral: payments-api: a whole call may take 8 s → 20 s (× 2.5)",
            "worse: payments-api: calls per minute at worst 900 → 1,500 (+67 %)",
            "neutral: payments-api in staging: calls per minute at worst 600 as before",
            "worse: payments-api: limit and retries together may now exceed what the provider accepts",
        ],
    ),
    (
        {f"{POLICY}.environments.0.retry.max_retries": 0},
        [
            "better: payments-api in staging: worst-case time per call 4.2 s → 2 s (× 0.48)",
            "better: payments-api in staging: calls to the provider at worst 2 → 1 (−50 %)",
            "better: payments-api in staging: calls per minute at worst 600 → 300 (−50 %)",
        ],
    ),
    (
        {f"{POLICY}.retry.attempt_timeout_ms": 500},
        [
            "better: payments-api: worst-case time per call 6.6 s → 2.1 s (× 0.32)",
            "better: payments-api in staging: worst-case time per call 4.2 s → 1.2 s (× 0.29)",
            "better: payments-api: a first failure shows after at most 2 s → 500 ms (× 0.25)",
            "worse: payments-api: calls that keep the promised p99 are now given up",
        ],
    ),
    (
        {f"{POLICY}.circuit_breaker.minimum_calls": 100},
        ["worse: payments-api: when every call fails, the breaker opens after 15 s → never"],
    ),
    (
        {f"{POLICY}.circuit_breaker.window_seconds": 60, f"{POLICY}.circuit_breaker.open_seconds": 120},
        [
            "neutral: payments-api: when every call fails, the breaker opens after 15 s → 30 s (× 2)",
            "neutral: payments-api: the breaker stays open for 30 s → 2 minutes (× 4)",
        ],
    ),
    (
        {f"{POLICY}.rate_limit.daily_quota": None, f"{POLICY}.rate_limit.burst_action": "wait"},
        [
            "neutral: payments-api: calls allowed per day 200,000 → not stated",
            "neutral: payments-api: beyond the burst HTTP 429 at once → Wait for a free slot",
        ],
    ),
    (
        {f"{POLICY}.retry.retry_on_statuses": [429, 500, 504], f"{POLICY}.retry.retry_on_network_errors": False},
        [
            "neutral: payments-api: now tried again after 504",
            "neutral: payments-api: no longer tried again after 502, 503",
            "neutral: payments-api: tried again after network errors yes → no",
        ],
    ),
    (
        {"contracts.0.idempotent": False},
        ["worse: payments-api: retries now include writes without an idempotency key"],
    ),
    (
        {"contracts.0.authentication.type": "none", "contracts.0.authentication.rotation_period": "P30D"},
        [
            "worse: payments-api: callers prove themselves by OAuth 2 client credentials → None",
            "neutral: payments-api: credentials are changed every 90 days → 30 days (× 0.33)",
        ],
    ),
    (
        {"contracts.0.base_urls.1.url": "https://other.example.com"},
        [
            "neutral: payments-api: called in staging at https://payments.staging.example.com/v1 → "
            "https://other.example.com"
        ],
    ),
    (
        {"contracts.0.operations": [{"name": "get-payment", "method": "GET", "path": "/payments/{id}"}]},
        [
            "neutral: payments-api: can now be called: GET /payments/{id}",
            "worse: payments-api: can no longer be called: POST /payments",
        ],
    ),
    (
        {"contracts.0.operations.0.path": "/v2/payments"},
        ["worse: payments-api: called as POST /payments → POST /v2/payments"],
    ),
    (
        {"contracts.0.errors.4": {"status": "500-503", "action": "fail_fast"}},
        [
            "neutral: payments-api: on 500–503 the consumer will Retry with back-off → Fail fast (circuit breaker)",
            "neutral: payments-api: on 504–599 the consumer will Retry with back-off → not stated",
        ],
    ),
    (
        {"contracts.0.name": "payments"},
        ["neutral: payments: settings are served under a new name payments-api → payments"],
    ),
    (
        {"contracts": []},
        ["worse: Contracts: no longer served: payments-api"],
    ),
    (
        {"topics.0.retention": "P3D", "topics.0.partitions": 24, "topics.0.consumer_groups": ["mail", "order-workers"]},
        [
            "worse: payments.events: messages are kept 7 days → 3 days (× 0.43); a reader that is down for longer than "
            "3 days loses messages",
            "neutral: payments.events: readers of one group at once 12 → 24 (× 2); keys move, so their order breaks "
            "while old messages are read",
            "neutral: payments.events: now read by mail",
        ],
    ),
    ({"ordering.0.guarantee": "none"}, ["worse: payments.events: order of messages Strict → None"]),
    ({"ordering": []}, ["worse: payments.events: order of messages Strict → not stated"]),
    (
        {"deduplication.window": "P1D"},
        [
            "worse: Deduplication: messages are remembered for 14 days → 1 day (× 0.071); a duplicate that comes later "
            "than 1 day takes effect again",
            "worse: Deduplication: a message replayed from the start of its topic may now take effect twice",
        ],
    ),
    (
        {"consistency.max_lag_seconds": 30},
        ["better: Consistency: both sides may differ for 1 minute → 30 seconds (−50 %)"],
    ),
    (
        {"overview.criticality": "high", "sla.rto": "PT1H", "sla.rpo": "PT5M", "sla.availability_percent": "99.9"},
        [
            "neutral: Overview: criticality Critical → High",
            "worse: Service levels: may be down for 15 minutes → 1 hour (× 4)",
            "worse: Service levels: data may be lost of 0 seconds → 5 minutes",
            "worse: Service levels: unavailable at most, in 30 days 21 minutes 36 seconds → "
            "43 minutes 12 seconds (× 2)",
        ],
    ),
    (
        {"parties.0.team": "loyalty"},
        ["neutral: Parties: a lead signs for the consumer of checkout → loyalty"],
    ),
    (
        {"monitoring.metrics.1.threshold": "10", "monitoring.metrics.1.lasting": "PT1M"},
        [
            "neutral: integration_error_rate: alert when above 5 % → 10 % (× 2); fires later",
            "neutral: integration_error_rate: the alert waits for 5 minutes → 1 minute (× 0.2); fires earlier",
        ],
    ),
    (
        {"monitoring.alert_routes.0.target": "payments-on-call"},
        ["neutral: Alerts: “Circuit breaker open” tells checkout-on-call by PagerDuty → payments-on-call by PagerDuty"],
    ),
    (
        {"monitoring.alert_routes": []},
        ["worse: Alerts: “Circuit breaker open” tells checkout-on-call by PagerDuty → nobody"],
    ),
    ({"overview.purpose": "Other words.", "testing": {}}, []),
]


@pytest.mark.parametrize(("changes", "sentences"), CASES, ids=[" ".join(each) for each, _ in CASES])
def test_each_change_comes_to_this(changes: dict[str, Any], sentences: list[str]) -> None:
    assert told(changes) == sentences


NUMBERS = [each for each, _ in CASES if all(".policy." in path or path.startswith(("sla", "topics")) for path in each)]


@pytest.mark.parametrize("changes", NUMBERS, ids=" ".join)
def test_the_way_back_is_as_good_as_the_way_there_is_bad(changes: dict[str, Any]) -> None:
    opposite = {"worse": "better", "better": "worse", "neutral": "neutral"}
    there, back = ([each.partition(":")[0] for each in way] for way in (told(changes), told({}, changes)))
    assert sorted(back) == sorted(opposite[each] for each in there)


def test_a_first_version_tells_what_weighs_most() -> None:
    assert consequences(None, documents.parse(SAMPLE)) == [
        "payments-api: worst-case time per call 6.6 s",
        "payments-api: calls to the provider at worst 3",
    ]


def test_every_consequence_leads_to_a_field() -> None:
    sections = set(documents.parse(SAMPLE).model_dump())
    for changes, _ in CASES:
        for each in weighed({}, changes):
            assert each.path.split(".")[0].split("[")[0] in sections, each


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (2, 3, "+50 %"),
        (3, 2, "−33 %"),
        (1_000, 1_001, "+0.1 %"),
        (2, 4, "× 2"),
        (2, 5, "× 2.5"),
        (1, 12_345, "× 12,345"),
        (10, 1, "× 0.1"),
        (0, 5, ""),
        (None, 5, ""),
    ],
)
def test_a_ratio_is_said_as_one_would(was: int | None, now: int | None, said: str) -> None:
    assert ratio(was, now) == said


def test_many_operations_called_otherwise_are_told_at_once() -> None:
    calls = [{"name": f"get-{number}", "method": "GET", "path": f"/{number}"} for number in range(8)]
    moved = [each | {"path": f"/v2{each['path']}"} for each in calls]
    before = {"contracts.0.operations": calls}
    assert told({"contracts.0.operations": moved}, before) == [
        "worse: payments-api: 8 operations are called otherwise, such as GET /0 → GET /v2/0"
    ]
    assert len(told({"contracts.0.operations": [*calls[:4], *moved[4:]]}, before)) == 4


def test_json_examples_change_nothing_of_weight() -> None:
    assert told({"contracts.0.operations.0.request_example": json.dumps({"orderId": "ord_2"})}) == []
