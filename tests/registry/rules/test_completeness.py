"""What must be stated follows from type and criticality, as the table says."""

from typing import Any

import pytest

from registry.record import documents
from registry.record.findings import Finding, Severity
from registry.rules import RULES, check
from registry.rules.completeness import CRITICALITIES, TABLE, Needed

from .sample import SAMPLE, findings_of, spoiled

EMPTY: dict[str, dict[str, Any]] = {
    "grpc": {"contracts.0.protocol": "grpc"},
    "graphql": {"contracts.0.protocol": "graphql"},
    "websocket": {"contracts.0.protocol": "websocket"},
    "amqp": {"contracts.0.protocol": "amqp"},
    "file": {"contracts.0.protocol": "file"},
    "rest": {},
}
WITH_PROTOCOL = {
    "proto-missing": "grpc",
    "graphql-missing": "graphql",
    "frames-missing": "websocket",
    "amqp-incomplete": "amqp",
    "file-incomplete": "file",
}
WHERE = {
    "Overview": "overview",
    "ServiceLevels": "sla",
    "Party": "parties.0",
    "DesignRecord": "",
    "Deduplication": "deduplication",
    "Consistency": "consistency",
    "Contract": "contracts.0",
    "Authentication": "contracts.0.authentication",
    "Operation": "contracts.0.operations.0",
    "Definition": "contracts.0.definition",
    "Retry": "contracts.0.policy.retry",
    "CircuitBreaker": "contracts.0.policy.circuit_breaker",
    "RateLimit": "contracts.0.policy.rate_limit",
    "Timeouts": "contracts.0.policy.timeouts",
    "Event": "events.0",
    "Topic": "topics.0",
    "Ordering": "ordering.0",
    "SagaStep": "saga.steps.0",
    "Pact": "testing.pact",
    "Testing": "testing",
    "Scenario": "testing.scenarios.0",
    "Monitoring": "monitoring",
    "Metric": "monitoring.metrics.1",
    "Tracing": "monitoring.tracing",
    "AlertRoute": "monitoring.alert_routes.0",
}
LETTERS = {Severity.ERROR: "E", Severity.WARNING: "W", Severity.HINT: "H"}


def severities(needed: Needed, criticality: str) -> str:
    """The severities found, as letters, when all fields of a line are left out at one criticality."""
    where = WHERE[needed.part.__name__]
    changes = {"overview.criticality": criticality} | EMPTY[WITH_PROTOCOL.get(needed.code, "rest")]
    changes |= {f"{where}.{name}" if where else name: None for name in needed.fields}
    return "".join(LETTERS[finding.severity] for finding in findings_of(needed.code, changes))


@pytest.mark.parametrize("needed", TABLE, ids=lambda needed: needed.code)
def test_what_is_left_out_is_found_as_severe_as_the_table_says(needed: Needed) -> None:
    if needed.code == "criticality-missing":
        assert severities(needed, "low") == "E"
        return
    for criticality, letter in zip(CRITICALITIES, needed.levels, strict=True):
        assert severities(needed, criticality) == letter.replace("-", "") * len(needed.fields)


def test_the_finding_names_the_field_and_shows_an_example() -> None:
    assert findings_of("rto-missing", {"sla.rto": None}) == [
        Finding(
            "rto-missing",
            Severity.ERROR,
            "sla.rto",
            "RTO (acceptable downtime) is not stated.",
            "Recovery time objective: the longest it may be down. For example: PT15M.",
        )
    ]
    assert findings_of("topics-missing", {"topics": []}) == [
        Finding(
            "topics-missing",
            Severity.ERROR,
            "topics",
            "Nothing is listed under Topics.",
            "The topics and queues events travel on.",
        )
    ]


def codes(document: dict[str, Any], severity: Severity) -> set[str]:
    return {finding.code for finding in check(documents.parse(document)) if finding.severity == severity}


def test_an_empty_record_is_asked_only_for_what_every_record_needs() -> None:
    assert codes({}, Severity.ERROR) == {"type-missing", "criticality-missing", "purpose-missing", "side-missing"}


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("synchronous", {"contract-missing"}),
        ("asynchronous", {"events-missing", "topics-missing", "ordering-missing", "deduplication-missing"}),
        (
            "bidirectional",
            {"contract-missing", "events-missing", "topics-missing", "ordering-missing", "deduplication-missing"},
        ),
        ("file_based", {"contract-missing"}),
    ],
)
def test_each_type_needs_its_own_sections(kind: str, sections: set[str]) -> None:
    bare = {"overview": SAMPLE["overview"] | {"type": kind, "criticality": "high"}, "parties": SAMPLE["parties"]}
    by_criticality = {"rto-missing", "rpo-missing", "scenarios-missing", "metrics-missing", "alert-routes-missing"}
    assert codes(bare, Severity.ERROR) - by_criticality == sections


def test_a_call_needs_all_four_policies() -> None:
    assert codes(spoiled({"contracts.0.policy": None}), Severity.ERROR) == {
        "retry-missing",
        "breaker-missing",
        "breaker-alert-missing",
        "rate-limit-missing",
        "timeouts-missing",
    }


def test_a_dead_letter_queue_needs_no_dead_letters_of_its_own() -> None:
    assert findings_of("dead-letter-missing", {}) == []
    assert [finding.path for finding in findings_of("dead-letter-missing", {"topics.0.dead_letter": None})] == [
        "topics[payments.events].dead_letter"
    ]


def test_a_completeness_rule_explains_when_it_is_asked_for() -> None:
    assert RULES["topics-missing"].severity == Severity.ERROR
    assert (
        "Asked of integrations that are asynchronous or bidirectional, in integrations" in RULES["topics-missing"].help
    )
    assert "Asked of every type of integration, in contracts over gRPC." in RULES["proto-missing"].help
    assert "a warning for medium, a hint for low integrations." in RULES["rto-missing"].help


def test_a_websocket_alone_needs_no_topics_for_its_frames_are_its_events() -> None:
    socket = {"overview": {"type": "bidirectional"}, "contracts": [{"name": "a", "protocol": "websocket"}]}
    wanted = {"events-missing", "topics-missing", "ordering-missing"}
    assert not {each.code for each in check(documents.parse(socket))} & wanted
    with_calls = socket | {"contracts": [*socket["contracts"], {"name": "b", "protocol": "rest"}]}
    assert {each.code for each in check(documents.parse(with_calls))} >= wanted
