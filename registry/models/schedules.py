"""Releases that are to be made at a set time. The row is the appointment; whoever rings the bell only looks here."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from .catalog import Environment
from .checks import set_exactly_when
from .integrations import Integration
from .people import Person
from .releases import Release
from .revisions import Revision


class ScheduledReleaseQuerySet(models.QuerySet["ScheduledRelease"]):
    """Questions asked of scheduled releases."""

    def waiting(self) -> Self:
        """Those that are still to be made."""
        return self.filter(state=ScheduledRelease.State.WAITING)

    def due(self, at: datetime) -> Self:
        """Those whose time has come."""
        return self.waiting().filter(due_at__lte=at)


class ScheduledRelease(models.Model):
    """An approved revision that will be served in an environment from a moment on."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RELEASED = "released", "Released"
        CANCELLED = "cancelled", "Cancelled"
        REFUSED = "refused", "Refused"

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="scheduled")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="scheduled")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="scheduled")
    due_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    scheduled_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    scheduled_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    release = models.OneToOneField(Release, on_delete=models.PROTECT, null=True, related_name="scheduled")
    outcome_note = models.CharField(max_length=500, blank=True)

    objects = ScheduledReleaseQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "environment"), condition=Q(state="waiting"), name="scheduled_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "released", "cancelled", "refused"]), name="scheduled_state_known"
            ),
            models.CheckConstraint(
                condition=set_exactly_when("ended_at", ~Q(state="waiting")), name="scheduled_ended_has_moment"
            ),
            models.CheckConstraint(
                condition=set_exactly_when("release", Q(state="released")), name="scheduled_released_has_release"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("scheduled_at")), name="scheduled_for_later"),
        )
        indexes = (models.Index(fields=("due_at", "id"), condition=Q(state="waiting"), name="scheduled_waiting"),)

    def __str__(self) -> str:
        return f"scheduled release {self.pk}"
