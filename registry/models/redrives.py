"""Redrives: which letters are sent again, how fast, who agreed, and each attempt at each letter."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, F, Q

from .checks import both_or_neither, set_exactly_when
from .letters import DeadLetter, PayloadEdit
from .people import Person, granted
from .sources import DeadLetterSource


class RedriveJobQuerySet(models.QuerySet["RedriveJob"]):
    """Questions asked of redrives."""

    def moving(self) -> Self:
        """Those a worker has something to do for."""
        return self.filter(state__in=[RedriveJob.State.SELECTING, RedriveJob.State.CANARY, RedriveJob.State.RUNNING])

    def free(self, at: datetime) -> Self:
        """Those that no worker holds."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=at))

    def listing(self) -> Self:
        """With what a line about one says of it."""
        places = ("source__integration", "source__broker__environment")
        return self.select_related(*places, "requested_by").defer("plan", "source__integration__search_text")

    def ended(self) -> Self:
        """Those that send nothing any more."""
        return self.filter(state__in=[RedriveJob.State.FINISHED, RedriveJob.State.CANCELLED])

    def under_way(self) -> Self:
        """Those that were begun, or drafted, and have not ended."""
        return self.exclude(state__in=[RedriveJob.State.FINISHED, RedriveJob.State.CANCELLED])

    def waiting_for(self, person: Person) -> Self:
        """Those this person may agree to, as the second: see `permissions.may_second`."""
        seconds = Person.objects.filter(granted("redrive_letters") | granted("approve_revision"), is_active=True)
        asked = self.filter(state=RedriveJob.State.AWAITING_APPROVAL).exclude(requested_by=person)
        return asked.filter(Exists(seconds.filter(pk=person.pk)))


class RedriveJob(models.Model):
    """Letters of one source that are sent back to the topic they came from."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SELECTING = "selecting", "Gathering letters"
        AWAITING_APPROVAL = "awaiting_approval", "Awaiting a second person"
        CANARY = "canary", "Trying a few"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"

    source = models.ForeignKey(DeadLetterSource, on_delete=models.PROTECT, related_name="redrives")
    idempotency_key = models.CharField(max_length=100, unique=True)
    selector = models.JSONField()
    """{"letters": [ids]} or {"group": id, "state": …, "q": …, "from": …, "until": …}: see `plans.Selector`."""
    plan = models.JSONField(default=dict)
    """What was known when it was asked for, as it was shown: see `plans.Plan`."""
    reason = models.CharField(max_length=500)
    override_reason = models.CharField(max_length=500, blank=True)
    """Why letters are sent that the design says not to retry; "" leaves them out."""
    rate_per_minute = models.PositiveIntegerField()
    stop_percent = models.PositiveSmallIntegerField(default=10)
    stop_window = models.PositiveSmallIntegerField(default=50)
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    version = models.PositiveIntegerField(default=1)
    total = models.PositiveIntegerField(default=0)
    wave = models.PositiveSmallIntegerField(default=0)
    """0: one letter; 1: ten more; 2: the rest."""
    needs_second = models.BooleanField(default=False)
    second_because = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    approved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    paused_because = models.CharField(max_length=500, blank=True)
    next_send_at = models.DateTimeField(null=True)
    """Nothing is sent before this: the rate's own clock."""
    trouble = models.CharField(max_length=500, blank=True)
    """What it waits for just now: a breaker, a broker that does not answer, letters that may come back."""
    setbacks = models.PositiveSmallIntegerField(default=0)
    """How often in a row the broker did not answer."""
    resumed_at = models.DateTimeField(null=True)
    """Letters that were settled before no longer count for the stop rule: somebody looked at them."""
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)

    objects = RedriveJobQuerySet.as_manager()

    class Meta:
        ordering = ("-requested_at", "-id")
        constraints = (
            models.CheckConstraint(condition=~Q(reason=""), name="redrive_has_reason"),
            models.CheckConstraint(condition=Q(rate_per_minute__gte=1), name="redrive_has_rate"),
            models.CheckConstraint(condition=both_or_neither("approved_by", "approved_at"), name="redrive_approved"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                name="redrive_approved_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["canary", "running"]) | Q(needs_second=False) | Q(approved_by__isnull=False),
                name="redrive_runs_with_second",
            ),
        )
        indexes = (
            models.Index(fields=("source", "-requested_at", "-id"), name="redrive_of_source"),
            models.Index(
                fields=("next_send_at",),
                condition=Q(state__in=["selecting", "canary", "running"]),
                name="redrive_moving",
            ),
        )

    def __str__(self) -> str:
        return f"redrive {self.pk}"


class RedriveItem(models.Model):
    """A letter of a redrive, and how far it got."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        REFUSED = "refused", "Refused"
        UNCERTAIN = "uncertain", "Uncertain"
        SKIPPED = "skipped", "Left out"
        CANCELLED = "cancelled", "Cancelled"

    job = models.ForeignKey(RedriveJob, on_delete=models.PROTECT, related_name="items")
    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="items")
    edit = models.ForeignKey(PayloadEdit, on_delete=models.PROTECT, null=True, related_name="+")
    """What is sent instead of the original."""
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    came_back = models.BooleanField(default=False)
    """Whether it died again."""
    is_unfit = models.BooleanField(default=False)
    """Whether it was refused for what it is: that tells nothing of the others, and stops none."""
    note = models.CharField(max_length=500, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("job", "position")
        constraints = (
            models.UniqueConstraint(fields=("job", "letter"), name="item_once_per_redrive"),
            models.UniqueConstraint(fields=("job", "position"), name="item_position_once"),
            models.UniqueConstraint(
                fields=("letter",),
                condition=Q(state__in=["waiting", "sending", "uncertain"]),
                name="item_one_redrive_at_a_time",
            ),
        )
        indexes = (
            models.Index(fields=("job", "state", "position"), name="item_by_state"),
            models.Index(
                fields=("job", "-settled_at", "-id"),
                condition=Q(state__in=["sent", "refused"], is_unfit=False),
                name="item_by_settling",
            ),
            models.Index(
                fields=("job", "-settled_at"),
                condition=Q(is_unfit=False) & (Q(came_back=True) | Q(state="refused")),
                name="item_that_failed",
            ),
            models.Index(fields=("job", "position"), condition=Q(edit__isnull=False), name="item_edited"),
        )

    def __str__(self) -> str:
        return f"letter {self.letter_id} in redrive {self.job_id}"


class RedriveAttempt(models.Model):
    """One sending of one letter. Committed before the first byte leaves."""

    class State(models.TextChoices):
        CLAIMED = "claimed", "Claimed"
        CONFIRMED = "confirmed", "Confirmed"
        REFUSED = "refused", "Refused"
        UNKNOWN = "unknown", "Unknown"
        RETURNED = "returned", "Came back"

    item = models.ForeignKey(RedriveItem, on_delete=models.PROTECT, related_name="attempts")
    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="redrive_attempts")
    number = models.PositiveSmallIntegerField()
    """The letter's attempts, counted from 1."""
    fence = models.PositiveBigIntegerField()
    """The redrive's, when it was claimed."""
    wire_id = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State, default=State.CLAIMED)
    claimed_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("letter", "number")
        constraints = (
            models.UniqueConstraint(fields=("letter", "number"), name="attempt_number_once"),
            models.UniqueConstraint(
                fields=("letter",), condition=Q(state="claimed"), name="attempt_one_outstanding_per_letter"
            ),
            models.CheckConstraint(
                condition=set_exactly_when("settled_at", ~Q(state="claimed")),
                name="attempt_settled_has_moment",
            ),
        )
        indexes = (models.Index(fields=("lease_until",), condition=Q(state="claimed"), name="attempt_outstanding"),)

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.letter_id}"
