"""What each revision names, one row each, so that filters, the landscape and "who else uses this topic" are SQL.

Written anew in the transaction that saves the revision; nothing here is ever the truth.
"""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Upper

from registry.record.findings import Severity
from registry.rules.completeness import CALLS

from .catalog import System
from .integrations import Integration, IntegrationQuerySet
from .revisions import Revision

_IS_CALL = Q(is_compared=True, protocol__in=CALLS)


class IndexQuerySet(models.QuerySet[Any]):
    """Questions asked of any table of the index."""

    def current(self) -> Self:
        """What the newest revision of each integration names."""
        return self.filter(Exists(Integration.objects.filter(current=OuterRef("revision"))))

    def compared(self) -> Self:
        """What others are compared with: the revision in force, else the newest; nothing of what is retired."""
        revision = Coalesce("revision__integration__in_force", "revision__integration__current")
        return self.filter(revision=revision).exclude(revision__integration__state=Integration.State.RETIRED)

    def described_by_several(self, name: str) -> Self:
        """What is compared, of the topics or events that more than one integration describes, by their `name`."""
        compared = self.compared().exclude(**{name: ""})
        several = compared.values(name).annotate(n=Count("revision__integration", distinct=True)).filter(n__gt=1)
        return compared.filter(**{f"{name}__in": several.values(name)}).order_by("id")

    def standing(self) -> Self:
        """What the newest revision of each integration names, and the one in force."""
        return self.filter(Exists(_owners()))

    def living(self) -> Self:
        """What stands, but for what is retired."""
        return self.filter(Exists(_owners().exclude(state=Integration.State.RETIRED)))


def _owners() -> IntegrationQuerySet:
    """Integrations whose newest revision, or the one in force, is that of the row one level out."""
    return Integration.objects.filter(Q(current=OuterRef("revision")) | Q(in_force=OuterRef("revision")))


class IndexedParty(models.Model):
    """A system bound by the record, in its own words; `system` when the catalog knows it."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="indexed_parties")
    role = models.CharField(max_length=10, blank=True)
    system_slug = models.CharField(max_length=100, blank=True)
    system = models.ForeignKey(System, on_delete=models.SET_NULL, null=True, related_name="indexed_parties")
    team_slug = models.CharField(max_length=100, blank=True)
    contact = models.CharField(max_length=300, blank=True)

    objects = IndexQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("system_slug", "revision"), name="indexed_party_by_system"),
            models.Index(fields=("team_slug", "revision"), name="indexed_party_by_team"),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.system_slug}"


class IndexedContract(models.Model):
    """A contract of the record, and the numbers of its policy that rules across integrations compare."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="indexed_contracts")
    name = models.CharField(max_length=100, blank=True)
    protocol = models.CharField(max_length=20, blank=True)
    consumer_slug = models.CharField(max_length=100, blank=True)
    provider_slug = models.CharField(max_length=100, blank=True)
    criticality = models.CharField(max_length=20, blank=True)
    attempts = models.PositiveIntegerField(null=True)
    longest_ms = models.PositiveBigIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    requests_per_minute = models.PositiveIntegerField(null=True)
    provider_requests_per_minute = models.PositiveIntegerField(null=True)
    provider_limit_is_shared = models.BooleanField(null=True)
    environments = models.JSONField(default=dict)
    # Whether others are compared with it, as IndexQuerySet.compared says; kept here so that a chain is walked by index.
    is_compared = models.BooleanField(default=False)

    objects = IndexQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("consumer_slug",), name="indexed_contract_by_consumer"),
            models.Index(fields=("provider_slug",), name="indexed_contract_by_provider"),
            models.Index(
                fields=("consumer_slug",),
                include=("provider_slug",),
                condition=_IS_CALL,
                name="indexed_call_by_consumer",
            ),
            models.Index(
                fields=("provider_slug",),
                include=("consumer_slug",),
                condition=_IS_CALL,
                name="indexed_call_by_provider",
            ),
        )

    def __str__(self) -> str:
        return self.name


class IndexedTopic(models.Model):
    """A topic or queue of the record."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="indexed_topics")
    name = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, blank=True)
    broker = models.CharField(max_length=300, blank=True)
    partitions = models.PositiveIntegerField(null=True)
    replication_factor = models.PositiveIntegerField(null=True)
    retention = models.CharField(max_length=40, blank=True)
    key = models.CharField(max_length=300, blank=True)
    producer = models.CharField(max_length=300, blank=True)
    consumer_groups = ArrayField(models.CharField(max_length=300), default=list)
    dead_letter = models.CharField(max_length=300, blank=True)
    # What the record says of it elsewhere.
    ordering = models.CharField(max_length=20, blank=True)
    ordering_scope = models.CharField(max_length=300, blank=True)
    deduplication = models.CharField(max_length=20, blank=True)
    deduplication_window = models.CharField(max_length=40, blank=True)

    objects = IndexQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("name", "broker"), name="indexed_topic_by_name"),
            models.Index(fields=("producer",), name="indexed_topic_by_producer"),
            models.Index(fields=("dead_letter",), name="indexed_topic_by_dead_letter"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="indexed_topic_by_words"),
        )

    def __str__(self) -> str:
        return self.name


class IndexedEvent(models.Model):
    """An event the record publishes."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="indexed_events")
    name = models.CharField(max_length=300, blank=True)
    type = models.CharField(max_length=300, blank=True)
    publisher_slug = models.CharField(max_length=100, blank=True)
    consumer_slugs = ArrayField(models.CharField(max_length=100), default=list)
    schema_hash = models.CharField(max_length=64, blank=True)

    objects = IndexQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("type",), name="indexed_event_by_type"),
            models.Index(fields=("publisher_slug",), name="indexed_event_by_publisher"),
            GinIndex(fields=("consumer_slugs",), name="indexed_event_by_consumer"),
            GinIndex(OpClass(Upper("type"), name="gin_trgm_ops"), name="indexed_event_by_words"),
        )

    def __str__(self) -> str:
        return self.name


class IndexedFinding(models.Model):
    """A rule that had something to say of the record when it was last looked at, and how often."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="indexed_findings")
    code = models.CharField(max_length=60)
    severity = models.CharField(max_length=10)
    count = models.PositiveIntegerField()

    objects = IndexQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("revision", "code", "severity"), name="indexed_finding_once"),
            models.CheckConstraint(
                condition=Q(severity__in=[str(each) for each in Severity]), name="indexed_finding_severity_known"
            ),
        )
        indexes = (models.Index(fields=("code", "revision"), name="indexed_finding_by_code"),)

    def __str__(self) -> str:
        return f"{self.code}: {self.count}"
