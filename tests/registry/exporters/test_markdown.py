"""The record as Markdown in the shape of the design document, and back."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from registry.exporters.markdown import Cover, HistoryRow, SignatureRow, markdown
from registry.importers import read
from registry.record import DesignRecord, documents
from tests.strategies import records

COVER = Cover(
    name="Orders | to *payments*",
    version="1.0",
    date="2026-01-02",
    author="Ann Archer",
    status="Approved",
    reviewers=("Cora", "Paul"),
    history=(HistoryRow("0.1", "2026-01-01", "Ann Archer", "Initial draft"),),
    signatures=(SignatureRow("Author", "Ann Archer", "2026-01-02", "ed25519:ab…"), SignatureRow("Approver")),
)
DEMO = Path(__file__).parents[3] / "registry" / "demo" / "integrations"


HEADINGS = [
    "# Integration Design Document",
    "## Document History",
    "## 1. Integration Overview & Context",
    "## 2. Integration Topology Diagram",
    "## 3. Service Contracts",
    "### 3.1 Integration: payments-api",
    "#### Authentication",
    "#### Request Contract: create-payment",
    "#### Error Handling",
    "#### Retry Policy",
    "#### Circuit Breaker Configuration",
    "#### Rate Limiting",
    "#### Timeout Configuration",
    "## 4. Event-Driven Integrations",
    "### 4.1 Event Schemas (CloudEvents 1.0)",
    "#### Event: order.PLACED",
    "### 4.2 Topics / Queues",
    "### 4.3 Ordering Guarantees",
    "### 4.4 Idempotency Strategy",
    "## 5. Data Consistency Patterns",
    "### 5.1 Consistency Model",
    "### 5.2 Saga Pattern",
    "## 6. Integration Testing Strategy",
    "### 6.1 Contract Testing (Pact)",
    "### 6.2 Integration Test Environments",
    "### 6.3 Test Scenarios",
    "## 7. Monitoring & Alerting",
    "### 7.1 Key Metrics",
    "### 7.2 Distributed Tracing",
    "### 7.3 Alert Routing",
    "## Approval",
]
TABLES = [
    "| Version | Date | Author | Changes |",
    "| Party | System | Team | Contact |",
    "| Method | Details |",
    "| HTTP Status | Error Code | Consumer Action |",
    "| Limit | Value | Window | Action when exceeded |",
    "| Timeout Type | Value | Notes |",
    "| Topic/Queue | Partitions | Retention | Consumers | Producer |",
    "| Integration | Ordering | Scope | Notes |",
    "| Step | Compensation | Notes |",
    "| Environment | Purpose | Trigger |",
    "| Metric | Type | Alert Condition | Severity |",
    "| Condition | Alert Channel | Escalation |",
    "| Role | Name | Date | Signature |",
]
SEED: dict[str, Any] = {
    "contracts": [{"name": "payments-api", "operations": [{"name": "create-payment"}]}],
    "events": [{"name": "order.PLACED"}],
    "saga": {"steps": [{"name": "Reserve"}]},
}


def lines(document: dict[str, Any]) -> list[str]:
    return markdown(documents.parse(document), COVER).splitlines()


def test_headings_are_the_templates_in_its_order() -> None:
    assert [each for each in lines(SEED) if each.startswith("#")] == HEADINGS


def test_an_empty_record_has_every_heading_too() -> None:
    own = {"#### ", "### 3"}
    assert [each for each in lines({}) if each.startswith("#")] == [each for each in HEADINGS if each[:5] not in own]


def test_tables_are_the_templates_in_its_order() -> None:
    found = lines(SEED)
    assert [each for each, rule in itertools.pairwise(found) if rule.startswith("| ---")] == TABLES


def test_what_goes_beyond_the_template_stands_in_further_columns() -> None:
    topics = [{"name": "orders", "dead_letter": "orders.dlq"}, {"name": "stock", "key": "tenantId"}]
    found = lines({"topics": topics})
    at = found.index("| Topic/Queue | Partitions | Retention | Consumers | Producer | Key | Dead letters |")
    assert found[at + 2 : at + 4] == [
        "| orders | — | — | — | — | — | orders.dlq |",
        "| stock | — | — | — | — | tenantId | — |",
    ]


def test_sentences_are_the_templates() -> None:
    """The template's own sentences, filled in."""
    policy: dict[str, Any] = {
        "retry": {"max_retries": 1, "retry_on_statuses": [500, 429], "retry_on_network_errors": True},
        "circuit_breaker": {
            "failure_percent": 50,
            "window_seconds": 30,
            "half_open_calls": 1,
            "alert_after_seconds": 9,
        },
    }
    policy["retry"] |= {"strategy": "exponential", "jitter": "full", "base_delay_ms": 200, "attempt_timeout_ms": 900}
    found = lines(
        {
            "sla": {"rto": "PT15M", "rpo": "PT0S"},
            "contracts": [
                {
                    "protocol": "rest",
                    "consumer": "a",
                    "provider": "b",
                    "idempotent": True,
                    "idempotency_header": "Idempotency-Key",
                    "operations": [
                        {
                            "method": "POST",
                            "path": "/pay",
                            "headers": [{"name": "X-Request-ID", "value": "a UUID", "required": True}],
                            "request_example": "{}",
                            "responses": [{"status": 201, "body_example": "[]"}],
                        }
                    ],
                    "policy": policy,
                }
            ],
            "testing": {"scenarios": [{"kind": "error", "title": "Provider is slow", "expected": "It gives up"}]},
            "monitoring": {
                "metrics": [{"condition": "above", "threshold": "5", "unit": "%", "lasting": "PT5M"}],
                "tracing": {
                    "headers": ["X-Request-ID", "traceparent"],
                    "sampling": [{"environment": "production", "percent": "10"}],
                    "tool": "Tempo",
                    "dashboard_url": "https://grafana.example.com",
                },
                "alert_routes": [{"condition": "Breaker open", "channel": "pagerduty", "target": "checkout"}],
            },
        }
    )
    assert [each for each in SENTENCES if each not in found] == []


SENTENCES = """\
- Acceptable downtime: 15 minutes (PT15M) | Max data loss: 0 seconds (PT0S)
**Protocol:** REST/HTTPS\x20\x20
**Direction:** a → b\x20\x20
**Idempotency:** YES — use Idempotency-Key header
**Endpoint:** POST /pay
**Headers:**
X-Request-ID: a UUID
**Request Body:**
**Successful Response 201:**
- Max retries: 1 (retry only on 500, 429, network errors)
- Strategy: Exponential backoff with full jitter
- Delays: [200ms]
- Timeout per attempt: 900ms
- Failure threshold: 50% failures in 30s window
- Half-open test: 1 request
- Alert on: Circuit open for > 9s
**Error scenarios:**
- Provider is slow — It gives up
| — | — | > 5% for 5 minutes (PT5M) | — |
- Trace ID propagation: X-Request-ID and traceparent headers forwarded
- Sampling rate: 10% in production
- Tracing tool: Tempo — dashboard: https://grafana.example.com
| Breaker open | PagerDuty checkout | — |""".splitlines()


def test_signatures_and_history_stand_in_their_tables() -> None:
    found = lines({})
    assert "| 0.1 | 2026-01-01 | Ann Archer | Initial draft |" in found
    assert "| Author | Ann Archer | 2026-01-02 | ed25519:ab… |" in found


def test_text_cannot_become_markup() -> None:
    found = lines({"overview": {"purpose": "a|b <script> **x**\n## 3. y `z`"}})
    assert r"**Business Purpose:** a\|b \<script> \*\*x\*\*<br>## 3. y \`z\`" in found


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_a_markdown_reader_shows_the_text_itself_and_no_other_markup(record: DesignRecord) -> None:
    kept = documents.parse(documents.dump(record))
    shown = "".join(as_shown(markdown(kept, COVER)).split())
    wanted = {"overview", "parties", "topology", "events", "topics", "ordering", "saga", "testing"}
    texts = [each for section in wanted for each in leaves(documents.dump(kept).get(section, {}))]
    choices = re.compile("[a-z_]+")
    assert [each for each in texts if "".join(each.split()) not in shown and not choices.fullmatch(each)] == []


def test_a_code_block_is_fenced_by_more_backticks_than_it_holds() -> None:
    event = {"name": "e", "example": "````\n## 1. Integration Overview\n````"}
    found = lines({"events": [event]})
    at = found.index("`````json")
    assert found[at : at + 5] == ["`````json", "````", "## 1. Integration Overview", "````", "`````"]


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_a_whole_integration_comes_back_as_it_was(path: Path) -> None:
    record = documents.parse(yaml.safe_load(path.read_text())["document"])
    found = read(markdown(record, COVER), "a.md")
    assert found.document == documents.dump(record)
    assert found.left_out == ()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_nothing_of_any_record_is_lost(record: DesignRecord) -> None:
    kept = documents.parse(documents.dump(record))
    found = read(markdown(kept, COVER), "a.md")
    assert found.document == documents.dump(kept)
    assert found.left_out == ()


def test_items_of_which_nothing_is_stated_and_the_order_of_scenarios_are_kept() -> None:
    document = {
        "contracts": [{}, {"operations": [{}, {"responses": [{}]}], "policy": {"environments": [{}]}}],
        "topics": [{}],
        "testing": {"scenarios": [{"kind": "error"}, {"title": "a", "kind": "happy"}, {"title": "b", "kind": "error"}]},
        "monitoring": {"tracing": {"headers": ["a", ""], "sampling": [{}]}},
    }
    assert read(markdown(documents.parse(document), COVER), "a.md").document == document


def as_shown(text: str) -> str:
    """What a Markdown reader shows; fails on anything that is no heading, table, list, code or bold label of ours."""
    shown = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        assert token.type not in ("html_block", "code_block", "hr", "blockquote_open", "lheading_open"), token.content
        if token.type == "fence":
            shown.append(token.content)
        for each in token.children or ():
            assert each.type in ("text", "softbreak", "hardbreak", "strong_open", "strong_close", "html_inline")
            assert each.type != "html_inline" or each.content == "<br>"
            shown.append(each.content if each.type == "text" else "")
    return "\n".join(shown)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [leaf for each in (value.values() if isinstance(value, dict) else value) for leaf in leaves(each)]
    return [value] if isinstance(value, str) else []
