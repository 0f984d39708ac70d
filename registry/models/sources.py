"""Where dead letters lie, how each place may be read, and what was seen of it."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .brokers import Broker
from .checks import both_or_neither
from .integrations import Integration
from .people import Person

READINGS_KEPT_DAYS = 14


class DeadLetterSourceQuerySet(models.QuerySet["DeadLetterSource"]):
    """Questions asked of sources."""

    def active(self) -> Self:
        """Those that are looked at."""
        return self.filter(is_active=True, broker__is_active=True)

    def placed(self) -> Self:
        """With their integration, its design in force, and their environment."""
        found = self.select_related("integration__in_force", "broker__environment")
        return found.defer("integration__search_text")

    def free(self, at: datetime) -> Self:
        """Those that nobody reads just now."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=at))


class DeadLetterSource(models.Model):
    """The queue, stream or topic at a broker that takes what could not be processed of one topic of a design."""

    class Mode(models.TextChoices):
        COUNTS = "counts", "Counts only"
        CURSOR = "cursor", "Copy, leave the original"
        CONSUME = "consume", "Take custody"

    class UnknownPolicy(models.TextChoices):
        """What happens with a letter of which nobody knows whether it arrived."""

        RESEND = "resend", "Send it again with the same id"
        HOLD = "hold", "Wait for a person"

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="sources")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="sources")
    """Says the environment as well."""
    topic = models.CharField(max_length=300)
    """The design's topic or queue whose failures lie here, and where they go back to."""
    topic_kind = models.CharField(max_length=20, blank=True)
    """What that is at the broker, where it has several: see `brokers.Place.kind`."""
    place = models.CharField(max_length=300)
    """The name at the broker of what is read."""
    place_kind = models.CharField(max_length=20, blank=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.COUNTS)
    consented_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    consented_at = models.DateTimeField(null=True)
    """Who agreed to more than counting, and when."""
    masked = ArrayField(models.CharField(max_length=200), default=list)
    """Fields of bodies (by JSON path such as customer.email) and headers whose values are hidden."""
    searchable = ArrayField(models.CharField(max_length=200), default=list)
    """Fields and headers whose values are kept in clear, to be searched by."""
    retention_days = models.PositiveSmallIntegerField(default=30)
    max_redrives = models.PositiveSmallIntegerField(default=3)
    unknown_policy = models.CharField(max_length=10, choices=UnknownPolicy, blank=True)
    """"" is what the design says: see `sources.unknown_policy`."""
    returns_within_seconds = models.PositiveIntegerField(default=600)
    """Whoever is not back after this long is presumed to have been processed."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    cursor = models.TextField(blank=True)
    generation = models.PositiveIntegerField(default=0)
    """How many logs by this name were read before the one the cursor is of: a place in each is another place."""
    made_anew_at = models.DateTimeField(null=True)
    """When the log was last found to be another one than was read so far."""
    harvested = models.PositiveBigIntegerField(default=0)
    """How many letters were ever taken in: the ledger has to account for each."""
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    """Grows with each reader; what an older one still writes is refused."""
    sealed_key = models.BinaryField()
    """What payloads are encrypted with, itself sealed by the installation's key."""
    depth = models.PositiveBigIntegerField(null=True)
    oldest_at = models.DateTimeField(null=True)
    open_since = models.DateTimeField(null=True)
    """When the oldest letter died that nobody decided on yet, as it was when the source was last counted."""
    looked_at = models.DateTimeField(null=True)
    read_through_at = models.DateTimeField(null=True)
    """When the last harvest began that came to the end of the place: what had died before then is here."""
    trouble = models.CharField(max_length=500, blank=True)
    """Why the last look failed, "" if it did not."""
    skipped_at = models.DateTimeField(null=True)
    """When the broker had last dropped letters, or may have, before they were seen."""

    objects = DeadLetterSourceQuerySet.as_manager()

    class Meta:
        ordering = ("integration__name", "topic", "id")
        permissions = (
            ("redrive_letters", "Can redrive, edit and discard dead letters"),
            ("reveal_letters", "Can see masked values of dead letters, with a reason"),
        )
        constraints = (
            models.UniqueConstraint(fields=("broker", "place"), name="source_once_per_place"),
            models.CheckConstraint(condition=Q(mode__in=["counts", "cursor", "consume"]), name="source_mode_known"),
            models.CheckConstraint(condition=both_or_neither("consented_by", "consented_at"), name="source_consent"),
            models.CheckConstraint(
                condition=Q(mode="counts") | Q(consented_at__isnull=False), name="source_reads_with_consent"
            ),
            models.CheckConstraint(
                condition=Q(unknown_policy__in=["", "resend", "hold"]), name="source_unknown_policy_known"
            ),
            models.CheckConstraint(condition=~Q(topic="") & ~Q(place=""), name="source_has_place"),
        )
        indexes = (
            models.Index(fields=("integration", "topic"), name="source_of_integration"),
            models.Index(fields=("open_since", "id"), condition=Q(open_since__isnull=False), name="source_by_age"),
        )

    def __str__(self) -> str:
        return self.place

    @property
    def reads(self) -> bool:
        """Whether letters are taken in, rather than counted."""
        return self.mode != self.Mode.COUNTS


class DepthReading(models.Model):
    """How many letters lay there in one minute, and how old the oldest was: a chart's worth."""

    source = models.ForeignKey(DeadLetterSource, on_delete=models.CASCADE, related_name="readings")
    minute = models.DateTimeField()
    messages = models.PositiveBigIntegerField()
    oldest_at = models.DateTimeField(null=True)
    open_since = models.DateTimeField(null=True)
    """When the oldest letter died that nobody had decided on: tells an age where the broker tells none."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=("source", "minute"), name="depth_once_per_minute"),)
        indexes = (models.Index(fields=("minute",), name="depth_by_minute"),)

    def __str__(self) -> str:
        return f"{self.messages} at {self.minute:%H:%M}"
