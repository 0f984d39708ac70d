"""The difference of two records, and what it means."""

import copy
import time
from typing import Any

import pytest

from registry import diff
from registry.diff import Change
from registry.record import documents

OLD: dict[str, Any] = {
    "overview": {"purpose": "Take the money once."},
    "contracts": [
        {
            "name": "payments-api",
            "protocol": "rest",
            "idempotent": True,
            "idempotency_header": "Idempotency-Key",
            "operations": [{"name": "create-payment", "method": "POST", "path": "/payments"}],
            "policy": {
                "retry": {"max_retries": 1, "strategy": "fixed", "base_delay_ms": 200, "attempt_timeout_ms": 1_000},
                "rate_limit": {"requests_per_minute": 600},
                "circuit_breaker": {"open_seconds": 30},
            },
        },
        {"name": "refunds-api"},
    ],
    "saga": {"steps": [{"name": "one"}, {"name": "two"}]},
}


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    document = copy.deepcopy(OLD)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return document


def compare(new: dict[str, Any]) -> list[Change]:
    return diff.compare(documents.parse(OLD), documents.parse(new))


def test_a_record_does_not_differ_from_itself() -> None:
    assert compare(OLD) == []


def test_a_changed_field_shows_both_values_its_unit_and_a_readable_name() -> None:
    assert compare(changed("contracts", 0, "policy", "circuit_breaker", "open_seconds", to=60)) == [
        Change(
            "contracts[payments-api].policy.circuit_breaker.open_seconds",
            "Contracts › payments-api › Policy › Circuit breaker › Open",
            "changed",
            30,
            60,
            "s",
        )
    ]


def test_a_field_can_be_added_and_removed() -> None:
    changes = compare(changed("overview", to={"project": "Checkout"}))
    assert [(each.kind, each.path) for each in changes] == [
        ("added", "overview.project"),
        ("removed", "overview.purpose"),
    ]


def test_items_are_matched_by_key_not_by_place() -> None:
    changes = compare(changed("contracts", to=[{"name": "new-api"}, OLD["contracts"][0]]))
    assert [(each.kind, each.path, each.before, each.after) for each in changes] == [
        ("added", "contracts[new-api]", None, {"name": "new-api"}),
        ("removed", "contracts[refunds-api]", {"name": "refunds-api"}, None),
    ]


def test_of_items_in_another_order_as_few_as_possible_moved() -> None:
    before = documents.parse({"saga": {"steps": [{"name": each} for each in "abcde"]}})
    after = documents.parse({"saga": {"steps": [{"name": each} for each in "eabcd"]}})
    assert diff.compare(before, after) == [Change("saga.steps[e]", "Saga › Steps › e", "moved", 5, 1)]


def test_an_item_that_says_the_same_under_another_name_was_renamed() -> None:
    renamed = changed("contracts", 0, "name", to="payments")
    renamed["contracts"][0]["policy"]["circuit_breaker"]["open_seconds"] = 60
    path, was = "contracts[payments]", "contracts[payments-api]"
    assert [(each.kind, each.path, each.was, each.before, each.after) for each in compare(renamed)] == [
        ("renamed", path, was, "payments-api", "payments"),
        (
            "changed",
            f"{path}.policy.circuit_breaker.open_seconds",
            f"{was}.policy.circuit_breaker.open_seconds",
            30,
            60,
        ),
    ]


def test_an_item_that_says_little_else_was_not_renamed() -> None:
    changes = compare(changed("contracts", 1, "name", to="money-back-api"))
    assert [(each.kind, each.path) for each in changes] == [
        ("added", "contracts[money-back-api]"),
        ("removed", "contracts[refunds-api]"),
    ]


def test_items_without_a_name_are_matched_by_what_they_say() -> None:
    routes = [{"channel": "slack", "target": "#a"}, {"channel": "email", "target": "b@example.com"}]
    before = documents.parse({"monitoring": {"alert_routes": routes}})
    after = documents.parse({"monitoring": {"alert_routes": [{"channel": "pagerduty", "target": "c"}, *routes]}})
    assert [(each.kind, each.path, each.place) for each in diff.compare(before, after)] == [
        ("added", "monitoring.alert_routes[#1]", 1)
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ('{"a": 1, "b": [1, 2]}', '{\n  "b": [1, 2],\n  "a": 1\n}', "reformatted"),
        ('{"a": 1, "b": [1, 2]}', '{"a": 1, "b": [2, 1]}', "changed"),
        ('{"a": true}', '{"a": 1}', "changed"),
        ('{"a": 1}', '{"a": 1.0}', "changed"),
        ('{"a": 1, "a": 2}', '{"a": 2, "a": 2}', "changed"),
        ("[" * 5_000, "[" * 5_001, "changed"),
    ],
)
def test_json_in_another_order_of_names_says_the_same(before: str, after: str, kind: str) -> None:
    records = (documents.parse({"events": [{"name": "e", "data_schema": each}]}) for each in (before, after))
    assert [each.kind for each in diff.compare(*records)] == [kind]


@pytest.mark.parametrize(
    ("path", "to", "breaking"),
    [
        (("overview", "purpose"), "Other words.", False),
        (("contracts", 0, "policy", "retry", "max_retries"), 2, False),
        (("contracts", 0, "protocol"), "grpc", True),
        (("contracts", 0, "operations", 0, "path"), "/v2/payments", True),
        (("contracts", 0, "operations"), [], True),
        (("contracts",), OLD["contracts"][:1], True),
        (("contracts",), [*OLD["contracts"], {"name": "more"}], False),
        (("contracts", 0, "name"), "payments", True),
    ],
)
def test_breaking_is_what_somebody_relies_on(path: tuple[str | int, ...], to: Any, breaking: bool) -> None:
    assert diff.is_breaking(compare(changed(*path, to=to))) is breaking


def consequences(new: dict[str, Any]) -> list[str]:
    return diff.consequences(documents.parse(OLD), documents.parse(new))


def test_more_retries_are_said_in_time_and_calls() -> None:
    assert consequences(changed("contracts", 0, "policy", "retry", "max_retries", to=3)) == [
        "payments-api: worst-case time per call 2.2 s → 4.6 s (× 2.1)",
        "payments-api: calls to the provider at worst 2 → 4 (× 2)",
        "payments-api: calls per minute at worst 1,200 → 2,400 (× 2)",
    ]


def test_long_times_are_said_in_words() -> None:
    new = changed("contracts", 0, "policy", "retry", "attempt_timeout_ms", to=3_600_000)
    assert consequences(new)[0] == "payments-api: worst-case time per call 2.2 s → 2 hours (× 3,273)"


def test_a_lost_idempotency_key_is_said_in_words() -> None:
    assert consequences(changed("contracts", 0, "idempotent", to=False)) == [
        "payments-api: retries now include writes without an idempotency key"
    ]


def test_limits_and_the_breaker_are_said_in_numbers() -> None:
    new = changed("contracts", 0, "policy", "rate_limit", "requests_per_minute", to=300)
    new["contracts"][0]["policy"]["circuit_breaker"]["open_seconds"] = 10
    assert consequences(new) == [
        "payments-api: the breaker stays open for 30 s → 10 s (× 0.33)",
        "payments-api: calls allowed per minute 600 → 300 (−50 %)",
        "payments-api: calls per minute at worst 1,200 → 600 (−50 %)",
    ]


def test_a_breaking_change_says_so() -> None:
    assert consequences(changed("contracts", 0, "protocol", to="grpc")) == [
        "payments-api: protocol REST/HTTPS → gRPC",
        "Breaking: somebody who relies on the approved revision may fail.",
    ]


PROTO = 'syntax = "proto3"; service S { rpc Get (Id) returns (Id); } message Id { string id = 1; }'
SCHEMA = '{"properties": {"id": {"type": "string"}}}'
DEFINED: dict[str, Any] = {
    "contracts": [
        {
            "name": "api",
            "definition": {
                "proto": PROTO,
                "graphql": "type Query { a: Int }",
                "frames": [{"name": "tick", "sent_by": "provider", "body_schema": SCHEMA}],
                "schedule": "daily at 02:30 UTC",
            },
            "operations": [
                {"name": "a", "request_schema": SCHEMA, "responses": [{"status": 200, "body_schema": SCHEMA}]}
            ],
        }
    ],
    "events": [{"name": "e.HAPPENED", "data_schema": SCHEMA}],
}
REQUIRED = SCHEMA.replace('{"properties"', '{"required": ["id"], "properties"')
OPERATION = ("contracts", 0, "operations", 0)


@pytest.mark.parametrize(
    ("path", "to", "said", "breaking"),
    [
        (("contracts", 0, "definition", "proto"), PROTO.replace("id = 1", "id = 2"),
         "api: Id.id has the number 2, no longer 1: old bytes are misread", True),
        (("contracts", 0, "definition", "proto"), PROTO.replace("}", "rpc Put (Id) returns (Id); }", 1),
         "api: S.Put can now be called", False),
        (("contracts", 0, "definition", "proto"), PROTO.replace("{ string", "{ /* A name. */ string"), "", False),
        (("contracts", 0, "definition", "proto"), "message {", "", True),
        (("contracts", 0, "definition", "graphql"), "type Query { a: String }",
         "api: field Query.a changed type from Int to String", True),
        (("contracts", 0, "definition", "graphql"), "type Query { a: Int b: Int }", "api: the query b is new", False),
        (("contracts", 0, "definition", "frames", 0, "body_schema"), REQUIRED,
         "api: tick body: id is now required", True),
        (("contracts", 0, "definition", "schedule"), "daily at 03:30 UTC", "", False),
        ((*OPERATION, "request_schema"), REQUIRED, "api: a request: id is now required", True),
        ((*OPERATION, "responses", 0, "body_schema"), REQUIRED, "api: a 200 body: id is now required", False),
        ((*OPERATION, "responses", 0, "body_schema"), "{}", "api: a 200 body: id is gone", True),
        (("events", 0, "data_schema"), REQUIRED, "e.HAPPENED: data: id is now required", True),
        (("events", 0, "data_schema"), SCHEMA.replace("{}", "{"), "", False),
    ],
)  # fmt: skip
def test_a_definition_breaks_by_what_it_says(path: tuple[str | int, ...], to: str, said: str, breaking: bool) -> None:
    new: Any = copy.deepcopy(DEFINED)
    place = new
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    records = (documents.parse(DEFINED), documents.parse(new))
    told = diff.consequences(*records)
    last = ["Breaking: somebody who relies on the approved revision may fail."] if breaking else []
    assert told == [*([said] if said else []), *last]


def test_sources_too_long_together_are_not_weighed_but_count_as_breaking() -> None:
    begun = time.process_time()
    messages = "".join(f"message A{n} {{ string a = 1; }}" for n in range(6_000))
    records = []
    for word in ("x", "y"):
        proto = f'syntax = "proto3"; message {word} {{}} {messages}'
        contracts = [{"name": f"api-{n}", "definition": {"proto": f"{proto} message N{n} {{}}"}} for n in range(8)]
        records.append(documents.parse({"contracts": contracts}))
    told = diff.consequences(*records)
    assert time.process_time() - begun < 8
    assert told[-1].startswith("Breaking: ")
    assert "api-0: the message x is gone" in told
    assert not any(each.startswith("api-7: ") for each in told)
