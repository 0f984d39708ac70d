"""The sections before and after the contracts, each in the template's own lines and tables."""

import re
from collections.abc import Iterator
from itertools import chain, groupby

from ...record import DesignRecord, labels
from ...record.events import Event
from ...record.monitoring import AlertRoute, Metric, Tracing
from ...record.saga import Saga
from ...record.testing import Pact, Scenario
from ..saga import saga_mermaid
from ..topology import topology_mermaid
from .cells import (
    UNSTATED,
    Written,
    begun,
    bullets,
    choice,
    duration,
    fence,
    guarded,
    heading,
    lines,
    listed,
    quantity,
    table,
    text,
)

SIGNS = {"above": ">", "below": "<", "equals": "=="}
SIDES = {"consumer": "Consumer (caller)", "provider": "Provider (server)"}
KINDS = {"happy": "Happy path", "error": "Error scenarios", None: "Other scenarios"}
STEPS = """For each consumed event:

1. In one transaction with the effect, insert its id and consumer group into the table of processed events, under a \
unique key.
2. If the key is taken: log “Duplicate event skipped” and acknowledge; do not process it again.
3. If not: process the event and commit.
4. Acknowledge the message after the commit."""


def overview(record: DesignRecord, name: str) -> Iterator[str]:
    """Section 1, with the service levels."""
    stated, sla = record.overview, record.sla
    yield heading(2, "1. Integration Overview & Context")
    yield lines(("Integration Name", name), ("Type", choice(stated.type)))
    yield lines(("Business Purpose", stated.purpose))
    yield lines(("Criticality", choice(stated.criticality)))
    yield bullets(
        ("Impact if down", text(stated.impact_if_down)),
        ("Acceptable downtime", Written(f"{text(duration(sla.rto))} | Max data loss: {text(duration(sla.rpo))}")),
        ("Availability", quantity(sla.availability_percent, "%")),
        ("Latency p99", quantity(sla.latency_p99_ms, " ms")),
        ("Error rate", quantity(sla.error_rate_percent, "%")),
        ("Support hours", sla.support_hours),
    )
    yield "**Parties:**"
    rows = [(SIDES.get(each.role or ""), each.system, each.team, each.contact) for each in record.parties]
    yield table(("Party", "System", "Team", "Contact"), rows)


def topology(record: DesignRecord) -> Iterator[str]:
    """Section 2: the drawing, and the names on it."""
    yield heading(2, "2. Integration Topology Diagram")
    yield from fence("mermaid", topology_mermaid(record))
    names = type(record.topology).model_fields
    yield bullets(*((labels.field(name), getattr(record.topology, name)) for name in names))


def events(record: DesignRecord) -> Iterator[str]:
    """Section 4: events, topics, order and duplicates."""
    yield heading(2, "4. Event-Driven Integrations")
    yield heading(3, "4.1 Event Schemas (CloudEvents 1.0)")
    yield from chain.from_iterable(_event(each) for each in record.events)
    yield "" if record.events else UNSTATED
    yield heading(3, "4.2 Topics / Queues")
    topics = [
        (
            *(each.name, each.partitions, duration(each.retention), listed(each.consumer_groups), each.producer),
            *(choice(each.kind), each.broker, each.replication_factor, each.key, each.dead_letter),
        )
        for each in record.topics
    ]
    more = ("Kind", "Broker", "Replicas", "Key", "Dead letters")
    yield table(("Topic/Queue", "Partitions", "Retention", "Consumers", "Producer"), topics, more=more)
    yield heading(3, "4.3 Ordering Guarantees")
    order = [(each.topic, _order(each.guarantee), each.scope, each.notes) for each in record.ordering]
    yield table(("Integration", "Ordering", "Scope", "Notes"), order)
    yield heading(3, "4.4 Idempotency Strategy")
    known = record.deduplication
    yield STEPS if known.strategy == "processed_events" else ""
    yield lines(("Deduplication window", duration(known.window)))
    yield bullets(("Strategy", choice(known.strategy)), ("Store", known.store), ("Notes", known.notes))


def _order(guarantee: str | None) -> str | None:
    return {"strict": "Strict order", "best_effort": "Best-effort", "none": "No ordering"}.get(guarantee or "")


def _event(event: Event) -> Iterator[str]:
    yield heading(4, "Event: ", event.name, named=True)
    yield lines(("Published by", event.published_by), ("Consumed by", listed(event.consumed_by)))
    yield bullets(("Type", event.type), ("Source", event.source), ("Subject", event.subject))
    yield from fence("json", event.example)
    yield from fence("json", event.data_schema, "Data schema")


def consistency(record: DesignRecord) -> Iterator[str]:
    """Section 5: how far the sides may differ, and the saga."""
    yield heading(2, "5. Data Consistency Patterns")
    yield heading(3, "5.1 Consistency Model")
    model = record.consistency
    yield lines(("Model", choice(model.model)), ("Acceptable lag", quantity(model.max_lag_seconds, "s")))
    yield bullets(("Notes", model.notes))
    yield heading(3, "5.2 Saga Pattern")
    if record.saga == Saga():
        yield UNSTATED
        return
    yield bullets(("Orchestrator", record.saga.orchestrator))
    yield from fence("mermaid", saga_mermaid(record))
    yield "**Compensation strategies:**"
    rows = [(each.name, each.compensation, each.notes, each.service, each.action) for each in record.saga.steps]
    yield table(("Step", "Compensation", "Notes"), rows, more=("Service", "Action"))


def testing(record: DesignRecord) -> Iterator[str]:
    """Section 6: contract tests, environments and scenarios."""
    stated = record.testing
    yield heading(2, "6. Integration Testing Strategy")
    yield heading(3, "6.1 Contract Testing (Pact)")
    yield _pact(stated.pact)
    yield heading(3, "6.2 Integration Test Environments")
    environments = [(each.name, each.purpose, each.trigger) for each in stated.environments]
    yield table(("Environment", "Purpose", "Trigger"), environments)
    yield heading(3, "6.3 Test Scenarios")
    for kind, scenarios in groupby(stated.scenarios, lambda each: each.kind):
        yield f"**{KINDS[kind]}:**"
        yield "\n".join(_scenario(each) for each in scenarios)
    yield "" if stated.scenarios else UNSTATED


def _pact(pact: Pact) -> str:
    if pact == Pact():
        return UNSTATED
    return bullets(
        ("Consumer-driven contracts", "Consumer writes tests defining expected provider behavior"),
        ("Provider verification", "Provider CI runs consumer contracts on every build"),
        ("Pact Broker", pact.broker_url),
        ("Consumer", pact.consumer),
        ("Provider", pact.provider),
    )


def _scenario(scenario: Scenario) -> str:
    """`- Provider returns 500 — the breaker opens`."""
    title = begun(guarded(scenario.title, "—|–|→|->|^Verified:")) if scenario.title else UNSTATED
    verified = f"\n  - Verified: {text(scenario.how_verified)}" if scenario.how_verified else ""
    return f"- {title} — {text(scenario.expected)}{verified}"


def monitoring(record: DesignRecord) -> Iterator[str]:
    """Section 7: metrics, traces and who is told."""
    stated = record.monitoring
    yield heading(2, "7. Monitoring & Alerting")
    yield heading(3, "7.1 Key Metrics")
    metrics = [(each.name, choice(each.type), _alert(each), (each.severity or "").upper()) for each in stated.metrics]
    yield table(("Metric", "Type", "Alert Condition", "Severity"), metrics)
    yield heading(3, "7.2 Distributed Tracing")
    yield _tracing(stated.tracing)
    yield heading(3, "7.3 Alert Routing")
    routes = [(each.condition, _channel(each), each.escalation) for each in stated.alert_routes]
    yield table(("Condition", "Alert Channel", "Escalation"), routes)


def _alert(metric: Metric) -> Written:
    """`> 5% for 5 minutes (PT5M)`."""
    sign, lasting = SIGNS.get(metric.condition or "", ""), duration(metric.lasting)
    unit = guarded(metric.unit, r"(?<!\S)for(?!\S)") if metric.unit else ""
    gap = " " if re.match(r"[\d.]", unit) else ""
    level = text(metric.threshold) + gap + unit if unit or metric.threshold is not None else ""
    return Written(" ".join(filter(None, (sign, level, f"for {lasting}" if lasting else ""))))


def _tracing(tracing: Tracing) -> str:
    if tracing == Tracing():
        return UNSTATED
    headers = [listed([each and guarded(each, r"\band\b")]) for each in tracing.headers]
    named = " and ".join(filter(None, (", ".join(headers[:-1]), *headers[-1:])))
    sampling = ", ".join(f"{text(each.percent)}% in {text(each.environment)}" for each in tracing.sampling)
    tool = guarded(tracing.tool, "—") if tracing.tool else UNSTATED
    dashboard = f" — dashboard: {text(tracing.dashboard_url)}" if tracing.dashboard_url else ""
    return bullets(
        ("Trace ID propagation", Written(f"{named} headers forwarded") if headers else None),
        ("Sampling rate", Written(sampling)),
        ("Tracing tool", Written(tool + dashboard)),
    )


def _channel(route: AlertRoute) -> Written:
    """`PagerDuty checkout-on-call`."""
    if not route.target:
        return text(choice(route.channel))
    target = text(route.target).replace("+", "\\+")  # a sign + between two channels makes two routes
    return Written(f"{text(choice(route.channel))} {target}")
