"""Projects a record into the rows and columns that lists, filters and search read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import ExpressionWrapper, Q

from registry.definitions.schemas import schema_hash
from registry.models import (
    IndexedContract,
    IndexedEvent,
    IndexedFinding,
    IndexedParty,
    IndexedTopic,
    Integration,
    Revision,
    System,
)
from registry.record import DesignRecord
from registry.record.findings import Finding, Severity
from registry.record.ordering import Ordering
from registry.rules.facts import environments, numbers
from registry.services import entries

LONGEST_SEARCH_TEXT = 20_000
CRITICALITIES = ("low", "medium", "high", "critical")
NO_ORDERING = Ordering()
MOST_RANKED = 999
"""Findings of one severity beyond this many no longer count for the order of a list."""


def rewrite(
    integration: Integration, revision: Revision, record: DesignRecord, found: list[Finding], *, at: datetime
) -> None:
    """Bring the newest revision's index rows, and the integration's columns, in line with its record and findings.

    The caller saves the integration.
    """
    rewrite_rows(revision, record, found)
    entries.rewrite(integration, record)
    project(integration, record)
    weigh(integration, found, at=at)


def rewrite_rows(revision: Revision, record: DesignRecord, found: Iterable[Finding]) -> None:
    """Write the revision's index rows anew."""
    for model, made in rows(revision, record, found).items():
        model._default_manager.filter(revision=revision).delete()
        model._default_manager.bulk_create(made)


def rows(revision: Revision, record: DesignRecord, found: Iterable[Finding]) -> dict[type[models.Model], list[Any]]:
    """The revision's index rows by table, not yet saved."""
    return {
        IndexedParty: _parties(revision, record),
        IndexedContract: _contracts(revision, record),
        IndexedTopic: _topics(revision, record),
        IndexedEvent: _events(revision, record),
        IndexedFinding: _findings(revision, found),
    }


def weigh(integration: Integration, found: Iterable[Finding], *, at: datetime) -> None:
    """Put into the integration's columns how much the rules found. The caller saves it."""
    counted = Counter(each.severity for each in found)
    integration.errors, integration.warnings = counted[Severity.ERROR], counted[Severity.WARNING]
    integration.findings_rank = min(integration.errors, MOST_RANKED) * 1_000 + min(integration.warnings, MOST_RANKED)
    integration.checked_at = at


def project(integration: Integration, record: DesignRecord) -> None:
    """Put into the integration's columns what its record says. The caller saves it."""
    integration.project = record.overview.project or ""
    integration.type = record.overview.type or ""
    integration.criticality = record.overview.criticality or ""
    integration.criticality_rank = 1 + CRITICALITIES.index(integration.criticality) if integration.criticality else 0
    integration.purpose = record.overview.purpose or ""
    integration.search_text = search_text(integration, record)


def search_text(integration: Integration, record: DesignRecord) -> str:
    """Every word a list search may find the integration by, in small letters."""
    words: list[str | None] = [integration.name, integration.slug, integration.project]
    words += [each.system for each in record.parties] + [each.team for each in record.parties]
    words += [each.name for each in record.contracts]
    words += [each.name for each in record.topics]
    words += [word for each in record.events for word in (each.name, each.type)]
    words.append(integration.purpose)
    return "\n".join(dict.fromkeys(word.lower() for word in words if word))[:LONGEST_SEARCH_TEXT]


def _parties(revision: Revision, record: DesignRecord) -> list[IndexedParty]:
    slugs = [each.system for each in record.parties if each.system]
    known = dict(System.objects.filter(slug__in=slugs).values_list("slug", "id")) if slugs else {}
    return [
        IndexedParty(
            revision=revision,
            role=each.role or "",
            system_slug=each.system or "",
            system_id=known.get(each.system or ""),
            team_slug=each.team or "",
            contact=each.contact or "",
        )
        for each in record.parties
    ]


def _contracts(revision: Revision, record: DesignRecord) -> list[IndexedContract]:
    owner = revision.integration
    is_compared = owner.in_force_id in (None, revision.pk) and owner.state != Integration.State.RETIRED
    return [
        IndexedContract(
            revision=revision,
            name=each.name or "",
            protocol=each.protocol or "",
            consumer_slug=each.consumer or "",
            provider_slug=each.provider or "",
            criticality=record.overview.criticality or "",
            **asdict(numbers(each.policy)),
            environments=environments(each.policy),
            is_compared=is_compared,
        )
        for each in record.contracts
    ]


def mark_compared(integration: Integration) -> None:
    """Say anew which revision's contracts others are compared with, after another one came into force or it ended."""
    revision = integration.in_force_id or integration.current_id
    is_its_own = Q(revision=None if integration.state == Integration.State.RETIRED else revision)
    rows = IndexedContract.objects.filter(revision__integration=integration)
    rows.update(is_compared=ExpressionWrapper(is_its_own, models.BooleanField()))


def _topics(revision: Revision, record: DesignRecord) -> list[IndexedTopic]:
    ordering = {each.topic: each for each in record.ordering}
    return [
        IndexedTopic(
            revision=revision,
            name=each.name or "",
            kind=each.kind or "",
            broker=each.broker or "",
            partitions=each.partitions,
            replication_factor=each.replication_factor,
            retention=each.retention or "",
            key=each.key or "",
            producer=each.producer or "",
            consumer_groups=list(each.consumer_groups),
            dead_letter=each.dead_letter or "",
            ordering=(said := ordering.get(each.name, NO_ORDERING)).guarantee or "",
            ordering_scope=said.scope or "",
            deduplication=record.deduplication.strategy or "",
            deduplication_window=record.deduplication.window or "",
        )
        for each in record.topics
    ]


def _events(revision: Revision, record: DesignRecord) -> list[IndexedEvent]:
    return [
        IndexedEvent(
            revision=revision,
            name=each.name or "",
            type=each.type or "",
            publisher_slug=each.published_by or "",
            consumer_slugs=list(each.consumed_by),
            schema_hash=schema_hash(each.data_schema) if each.data_schema else "",
        )
        for each in record.events
    ]


def _findings(revision: Revision, found: Iterable[Finding]) -> list[IndexedFinding]:
    counted = Counter((each.code, str(each.severity)) for each in found)
    return [
        IndexedFinding(revision=revision, code=code, severity=severity, count=count)
        for (code, severity), count in counted.items()
    ]
