"""Each rule across integrations on two or three small records: what it says, exactly, where, and with whom."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.record import DesignRecord, documents, pointers
from registry.record.findings import Finding, Other, Severity
from registry.rules import ACROSS, RULES, Facts, Landscape, Owner, check_across, facts, survey
from registry.rules.across import MIRRORS, MOST_OTHERS
from tests.strategies import records

W, H = Severity.WARNING, Severity.HINT
Said = tuple[str, Severity, str, str, str, list[str]]


def calls(
    consumer: str,
    provider: str,
    *,
    retries: int | None = None,
    total: int | None = None,
    limit: int | None = None,
    accepts: int | None = None,
    shared: bool | None = None,
    protocol: str = "rest",
    environments: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A contract that says only this."""
    policy = {
        "retry": {"max_retries": retries},
        "timeouts": {"total_ms": total},
        "rate_limit": {
            "requests_per_minute": limit,
            "provider_requests_per_minute": accepts,
            "provider_limit_is_shared": shared,
        },
        "environments": environments or [],
    }
    name = f"{consumer}-{provider}"
    return {"name": name, "protocol": protocol, "consumer": consumer, "provider": provider, "policy": policy}


def record(*contracts: dict[str, Any], criticality: str = "", **sections: Any) -> DesignRecord:
    return documents.parse({"contracts": list(contracts), "overview": {"criticality": criticality}, **sections})


def topic(**said: Any) -> DesignRecord:
    return record(topics=[{"name": "orders.events", **said}])


def event(schema: str, kind: str = "com.example.order.placed.v1") -> DesignRecord:
    return record(events=[{"name": "order.PLACED", "type": kind, "data_schema": schema}])


def said(**told: DesignRecord) -> list[Said]:
    """What is said of the first record, the others being in force; a slug that begins with `draft` is a draft."""
    known = [_facts(slug, each) for slug, each in told.items()]
    found = check_across(Landscape.of(known), known[0], next(iter(told.values())))
    return [(f.code, f.severity, f.path, f.message, f.mend, [each.title for each in f.others]) for f in found]


def _facts(slug: str, told: DesignRecord) -> Facts:
    return facts(told, Owner(slug.replace("_", "-"), "1.0", "draft" if slug.startswith("draft") else "approved"))


CASES: list[tuple[dict[str, DesignRecord], list[Said]]] = [
    (
        {
            "own": record(calls("orders", "payments", retries=2)),
            "above": record(calls("shop", "orders", retries=3)),
            "draft_below": record(calls("payments", "ledger", retries=3)),
        },
        [
            (
                "chain-retries",
                W,
                "contracts[orders-payments].policy.retry.max_retries",
                "4 attempts × 3 × 4 = 48 calls reach ledger at worst: shop → orders → payments → ledger.",
                "Retry in one place of a chain, best next to what fails: without retries here it is 16.",
                ["1.0 of above", "draft 1.0 of draft-below"],
            )
        ],
    ),
    (
        {
            "own": record(
                calls(
                    "orders", "payments", retries=1, environments=[{"environment": "eu", "retry": {"max_retries": 3}}]
                )
            ),
            "below": record(calls("payments", "ledger", retries=4)),
        },
        [
            (
                "chain-retries",
                W,
                "contracts[orders-payments].policy.environments[eu].retry.max_retries",
                "4 attempts × 5 = 20 calls reach ledger at worst in eu: orders → payments → ledger.",
                "Retry in one place of a chain, best next to what fails: without retries here it is 5.",
                ["1.0 of below"],
            )
        ],
    ),
    (
        {
            "own": record(calls("shop", "orders", total=2_000)),
            "below": record(calls("orders", "payments", total=7_500)),
        },
        [
            (
                "chain-budget",
                W,
                "contracts[shop-orders].policy.timeouts.total_ms",
                "The call ends after 2,000 ms, but orders may take 7,500 ms for its call of payments: "
                "shop → orders → payments.",
                "Wait for more than 7,500 ms, or have below take less.",
                ["1.0 of below"],
            )
        ],
    ),
    (
        {
            "own": record(calls("payments", "ledger", total=7_500)),
            "draft_open": record(calls("orders", "payments")),
            "above": record(calls("shop", "orders", total=2_000)),
            "app": record(calls("app", "orders", total=3_000)),
        },
        [
            (
                "chain-impatient",
                W,
                "contracts[payments-ledger].policy.timeouts.total_ms",
                "This call may take 7,500 ms, but shop waits 2,000 ms for orders, and 1 other gives up too: "
                "shop → orders → payments → ledger.",
                "Take less than 2,000 ms, or agree on more with above.",
                ["1.0 of above", "draft 1.0 of draft-open", "1.0 of app"],
            )
        ],
    ),
    (
        {
            "own": record(calls("orders", "stock")),
            "one": record(calls("stock", "prices")),
            "two": record(calls("prices", "orders")),
        },
        [
            (
                "chain-circle",
                W,
                "contracts[orders-stock].provider",
                "Calls come back to where they began: orders → stock → prices → orders.",
                "Break the circle with an event, or say why these operations never lead to each other.",
                ["1.0 of one", "1.0 of two"],
            )
        ],
    ),
    (
        {"own": record(calls("orders", "stock"), calls("stock", "orders"))},
        [
            (
                "chain-circle",
                H,
                "contracts[orders-stock].provider",
                "Calls come back to where they began: orders → stock → orders.",
                "Break the circle with an event, or say why these operations never lead to each other.",
                [],
            )
        ],
    ),
    (
        {
            "own": record(calls("shop", "orders"), criticality="critical"),
            "middle": record(calls("orders", "payments"), criticality="high"),
            "weak": record(calls("payments", "fraud"), criticality="low"),
        },
        [
            (
                "critical-on-low",
                W,
                "overview.criticality",
                "This is critical, but depends on weak, which is low: shop → orders → payments → fraud.",
                "Have weak raised, or do without it while it is down.",
                ["1.0 of middle", "1.0 of weak"],
            )
        ],
    ),
    (
        {
            "own": record(calls("orders", "fraud"), criticality="low"),
            "strong": record(calls("shop", "orders"), criticality="high"),
        },
        [
            (
                "low-under-critical",
                H,
                "overview.criticality",
                "This is low, but strong, which is high, depends on it: shop → orders → fraud.",
                "Raise it, or agree with strong that it does without.",
                ["1.0 of strong"],
            )
        ],
    ),
    (
        {
            "own": record(calls("orders", "payments", limit=600, accepts=1_200, shared=True)),
            "app": record(calls("app", "payments", limit=500, accepts=9_000)),
            "desk": record(calls("desk", "payments", limit=200)),
            "apart": record(calls("batch", "payments", limit=5_000, shared=False)),
        },
        [
            (
                "provider-oversubscribed",
                W,
                "contracts[orders-payments].policy.rate_limit.requests_per_minute",
                "3 contracts may send payments 1,300 calls a minute together, 600 of them here; it accepts 1,200.",
                "Agree on shares, or on a higher limit.",
                ["1.0 of app", "1.0 of desk"],
            )
        ],
    ),
    (
        {
            "own": record(calls("orders", "payments", limit=600)),
            "app": record(calls("app", "payments", limit=700, accepts=1_200)),
        },
        [
            (
                "provider-oversubscribed",
                H,
                "contracts[orders-payments].policy.rate_limit.requests_per_minute",
                "2 contracts may send payments 1,300 calls a minute together, 600 of them here; it accepts 1,200.",
                "Say whether the provider counts all its consumers together; if so, agree on shares.",
                ["1.0 of app"],
            )
        ],
    ),
    (
        {
            "own": topic(broker="kafka", kind="topic", partitions=12, key="orderId", retention="P7D"),
            "two": topic(broker="kafka", kind="queue", partitions=6, key="customerId", retention="PT168H"),
            "three": topic(partitions=24, retention="P1D"),
            "four": topic(broker="kafka", partitions=6),
            "elsewhere": topic(broker="rabbit", partitions=1),
        },
        [
            (
                "topic-differs",
                W,
                f"topics[orders.events].{field}",
                f"orders.events {message}.",
                "See what the broker has, and correct whichever record is wrong.",
                others,
            )
            for field, message, others in (
                ("kind", "is a topic here, queue in two", ["1.0 of two"]),
                (
                    "partitions",
                    "has 12 partitions here, 6 in two and four; 24 in three",
                    ["1.0 of two", "1.0 of four", "1.0 of three"],
                ),
                ("retention", "keeps messages for 7 days here, 1 day in three", ["1.0 of three"]),
                ("key", "is keyed by orderId here, customerId in two", ["1.0 of two"]),
            )
        ],
    ),
    (
        {
            "own": event('{"type": "object", "required": ["id"]}'),
            "same": event('{"required":["id"],  "type":"object"}'),
            "other": event('{"type": "object"}'),
            "unread": event("{"),
            "another": event('{"type": "array"}', "com.example.order.placed.v2"),
        },
        [
            (
                "event-schema-differs",
                W,
                "events[order.PLACED].data_schema",
                "com.example.order.placed.v1 has another schema in other and unread.",
                "Copy the publisher's schema, or give the changed event a type of its own.",
                ["1.0 of other", "1.0 of unread"],
            )
        ],
    ),
]


@pytest.mark.parametrize(("told", "expected"), CASES, ids=[expected[0][0] for _, expected in CASES])
def test_a_rule_says_what_is_wrong_where_with_whom_and_how_to_mend_it(
    told: dict[str, DesignRecord], expected: list[Said]
) -> None:
    assert said(**told) == expected


def test_every_rule_across_integrations_has_its_case_and_never_stops_a_submission() -> None:
    assert {expected[0][0] for _, expected in CASES} == {rule.code for rule in ACROSS}
    assert {rule.severity for rule in ACROSS} == {W}
    assert all(RULES[rule.code] is rule for rule in ACROSS)


SILENT = {
    "two places that retry twice": (calls("a", "b", retries=2), calls("b", "c", retries=2)),
    "the one that does not retry": (calls("a", "b", retries=0), calls("b", "c", retries=9)),
    "a queue in between": (calls("a", "b", retries=9, protocol="amqp"), calls("b", "c", retries=9)),
    "time enough": (calls("a", "b", total=9_000), calls("b", "c", total=9_000)),
    "nothing bounds either": (calls("a", "b"), calls("b", "c")),
    "a limit for each": (calls("a", "b", limit=9, accepts=10, shared=False), calls("c", "b", limit=9, shared=False)),
    "a limit that is not stated": (calls("a", "b", accepts=1, shared=True), calls("c", "b", limit=9)),
}


@pytest.mark.parametrize("pair", SILENT.values(), ids=list(SILENT))
def test_what_is_in_order_is_not_mentioned(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = pair
    assert said(own=record(first), other=record(second)) == []


def test_one_step_between_criticalities_is_no_news() -> None:
    assert (
        said(own=record(calls("a", "b"), criticality="critical"), other=record(calls("b", "c"), criticality="high"))
        == []
    )
    assert said(own=record(calls("a", "b"), criticality="low"), other=record(calls("b", "c"))) == []


def test_numbers_are_said_to_be_the_least_where_not_all_was_looked_at() -> None:
    told = {"own": record(calls("a", "b", retries=4)), "below": record(calls("b", "c", retries=4))}
    known = [_facts(slug, each) for slug, each in told.items()]
    [found] = check_across(Landscape.of(known, is_whole=False), known[0], told["own"])
    assert found.message == "5 attempts × 5 = at least 25 calls reach c at worst: a → b → c."


def test_only_so_many_others_are_named() -> None:
    own = topic(partitions=12)
    known = [_facts("own", own), *(_facts(f"other-{n}", topic(partitions=6)) for n in range(30))]
    [found] = check_across(Landscape.of(known), known[0], own)
    assert found.message == "orders.events has 12 partitions here, 6 in other-0, other-1, other-2 and 27 others."
    assert len(found.others) == MOST_OTHERS


def test_a_survey_tells_each_thing_once() -> None:
    known = [
        _facts("shop", record(calls("shop", "orders", retries=3, total=1_000))),
        _facts("orders", record(calls("orders", "payments", retries=3, total=5_000), criticality="critical")),
        _facts("ledger", record(calls("payments", "ledger", retries=3), criticality="low")),
        _facts("here", topic(partitions=12)),
        _facts("there", topic(partitions=6)),
        _facts("yonder", topic(partitions=6)),
    ]
    seen = survey(known)
    assert [(each.finding.code, each.slug, [o.integration for o in each.finding.others]) for each in seen] == [
        ("chain-budget", "shop", ["orders"]),
        ("chain-retries", "shop", ["orders", "ledger"]),
        ("critical-on-low", "orders", ["ledger"]),
        ("topic-differs", "here", ["there", "yonder"]),
    ]
    assert {each.finding.code for each in seen}.isdisjoint(MIRRORS)


@given(st.lists(records(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_records_can_be_compared_and_every_finding_points_at_a_field(drawn: list[DesignRecord]) -> None:
    known = [facts(each, Owner(f"i-{place}", "0.1", "draft")) for place, each in enumerate(drawn)]
    landscape = Landscape.of(known)
    for own, each in zip(known, drawn, strict=True):
        for finding in check_across(landscape, own, each):
            pointers.resolve(each, finding.path)
            assert finding.severity != Severity.ERROR
            assert finding.message
            assert finding.mend
            for other in finding.others:
                assert other.integration != own.owner.slug
                pointers.resolve(drawn[int(other.integration.removeprefix("i-"))], other.path)
    survey(known)


def test_a_finding_without_others_is_what_it_was() -> None:
    assert Finding("a", W, "", "", "").others == ()
    assert Other("orders-to-stock", "0.2", "in_review", "").title == "in review, 0.2 of orders-to-stock"
    assert copy.copy(Other("a", "1.2", "approved", "")).title == "1.2 of a"
