"""Emergency changes of live settings outside the design: time-boxed, with a reason, looked at afterwards by another."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from .catalog import Environment
from .checks import both_or_neither
from .integrations import Integration
from .people import Person

LONGEST_OVERRIDE = timedelta(hours=8)


class OverrideQuerySet(models.QuerySet["Override"]):
    """Questions asked of overrides."""

    def running(self) -> Self:
        """Those that are served now."""
        return self.filter(ended_at__isnull=True)

    def to_review(self) -> Self:
        """Those that are over and that nobody looked at since."""
        return self.filter(ended_at__isnull=False, reviewed_at__isnull=True)

    def due(self, at: datetime) -> Self:
        """Those whose time is over and that are served still."""
        return self.running().filter(expires_at__lte=at)


class Override(models.Model):
    """Other values than the design's for a while, in one environment."""

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="overrides")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="overrides")
    patch = models.JSONField()
    """A JSON merge patch of {"contracts": {name: {"retry": …, "circuit_breaker": {"forced": …}, …}}}."""
    reason = models.CharField(max_length=500)
    begun_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    """Who ended it before its time; nobody where the time was over."""
    end_note = models.CharField(max_length=500, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    review_note = models.CharField(max_length=500, blank=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ("-begun_at", "-id")
        permissions = (("override_settings", "Can override live settings for a while"),)
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "environment"), condition=Q(ended_at__isnull=True), name="override_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("begun_at")) & Q(expires_at__lte=F("begun_at") + LONGEST_OVERRIDE),
                name="override_ends_within_eight_hours",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="override_has_reason"),
            models.CheckConstraint(
                condition=Q(ended_by__isnull=True) | Q(ended_at__isnull=False), name="override_ended_by_has_moment"
            ),
            models.CheckConstraint(
                condition=both_or_neither("reviewed_at", "reviewed_by"), name="override_reviewed_paired"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | (~Q(reviewed_by=F("begun_by")) & Q(ended_at__isnull=False)),
                name="override_reviewed_by_another_afterwards",
            ),
        )
        indexes = (
            models.Index(fields=("expires_at",), condition=Q(ended_at__isnull=True), name="override_running"),
            models.Index(
                fields=("ended_at",),
                condition=Q(ended_at__isnull=False, reviewed_at__isnull=True),
                name="override_to_review",
            ),
            models.Index(fields=("integration", "-begun_at"), name="override_of_integration"),
        )

    def __str__(self) -> str:
        return f"override {self.pk}"

    @property
    def is_running(self) -> bool:
        """Whether it is served now."""
        return self.ended_at is None

    @property
    def served(self) -> dict[str, Any]:
        """What the body of a release says of it."""
        return {"id": self.pk, "reason": self.reason, "expires_at": self.expires_at.isoformat(timespec="microseconds")}
