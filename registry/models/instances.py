"""Running processes of systems, what each says it obeys, and how its calls fared in the last hour."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q

from .catalog import Environment, System
from .integrations import Integration

REPORT_EVERY_SECONDS = 30
SILENT_AFTER = timedelta(seconds=3 * REPORT_EVERY_SECONDS)
"""Whoever misses three reports in a row is no longer believed."""
KEPT_SILENT = timedelta(hours=24)
"""So long somebody may wonder where an instance went."""
TRAFFIC_KEPT = timedelta(hours=2)
COUNTED = ("calls", "failures", "retries", "rejected", "timeouts")


class InstanceQuerySet(models.QuerySet["Instance"]):
    """Questions asked of instances."""

    def gone(self, at: datetime) -> Self:
        """Those that nobody will ask for any more."""
        return self.filter(seen_at__lt=at - KEPT_SILENT)


class Instance(models.Model):
    """A process of a system in an environment, by the name it gave itself."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="instances")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="instances")
    name = models.CharField(max_length=200)
    sdk = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = InstanceQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=("system", "environment", "name"), name="instance_once_per_place"),
            models.CheckConstraint(condition=~Q(name=""), name="instance_has_name"),
        )
        indexes = (models.Index(fields=("seen_at",), name="instance_by_sight"),)

    def __str__(self) -> str:
        return self.name


class InstanceReport(models.Model):
    """What an instance said last of one integration."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="reports")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="reports")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    """The instance's, so that the board finds its rows by one index."""
    reported_at = models.DateTimeField()
    release_number = models.PositiveBigIntegerField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    applied_at = models.DateTimeField(null=True)
    refused_number = models.PositiveBigIntegerField(null=True)
    refused_reason = models.CharField(max_length=500, blank=True)
    breakers = models.JSONField(default=dict)
    """By contract: {"state", "since"}."""
    counters = models.JSONField(default=dict)
    """By contract: totals since the instance started."""

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("instance", "integration"), name="report_once_per_integration"),
            models.CheckConstraint(
                condition=Q(refused_number__isnull=True, refused_reason="") | Q(refused_number__isnull=False),
                name="report_refusal_has_number",
            ),
        )
        indexes = (models.Index(fields=("integration", "environment", "reported_at"), name="report_of_integration"),)

    def __str__(self) -> str:
        return f"{self.instance_id} on {self.release_number}"


class TrafficMinute(models.Model):
    """Calls of one contract in one minute, of all instances together: a chart's worth, forgotten after two hours."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="traffic")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    contract = models.CharField(max_length=300)
    minute = models.DateTimeField()
    calls = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveBigIntegerField(default=0)
    retries = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    timeouts = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "environment", "contract", "minute"), name="traffic_once_per_minute"
            ),
        )
        indexes = (models.Index(fields=("minute",), name="traffic_by_minute"),)

    def __str__(self) -> str:
        return f"{self.contract} at {self.minute:%H:%M}"
