"""The ledger of dead letters. The database holds what may follow on a state and writes the history (migration 0023)."""

from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Least, Upper

from .integrations import NOBODY
from .people import Person
from .sources import DeadLetterSource


class DeadLetterGroup(models.Model):
    """Letters of a source that died of the same: one error, with what differs from case to case left out."""

    source = models.ForeignKey(DeadLetterSource, on_delete=models.PROTECT, related_name="groups")
    key = models.CharField(max_length=32)
    error_class = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=300, blank=True)
    """The message, normalised."""
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    letters = models.PositiveBigIntegerField(default=0)
    """How many there ever were."""

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (models.UniqueConstraint(fields=("source", "key"), name="group_once_per_source"),)
        indexes = (models.Index(fields=("source", "-last_at", "-id"), name="group_of_source"),)

    def __str__(self) -> str:
        return self.error_class or self.reason or self.message


class GroupHour(models.Model):
    """How many letters of a group died in one hour: a trend's worth.

    Counted as letters are taken in, since a bad day brings a million of them, and a page must not count those to
    say that they become more.
    """

    group = models.ForeignKey(DeadLetterGroup, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField()
    letters = models.PositiveBigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("group", "hour"), name="group_hour_once"),)
        indexes = (models.Index(fields=("hour",), name="group_hour_by_hour"),)

    def __str__(self) -> str:
        return f"{self.letters} at {self.hour:%H}"


_LINE = Value("\n")
SAID = Concat(
    "error_class",
    _LINE,
    "reason",
    _LINE,
    "message",
    _LINE,
    "wire_id",
    _LINE,
    "ordering_key",
    output_field=models.TextField(),
)
"""What `q` is looked for in: what a letter's headers say it died of, and its ids. `LetterWords` keeps the same."""


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    """Questions asked of dead letters."""

    def of_state(self, *states: str) -> Self:
        return self.filter(state__in=states)

    def lying(
        self,
        *,
        ordering_key: str = "",
        wire_id: str = "",
        assignee: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Those with all of these, "" and None asking for nothing: an index has them in the order they died in.

        `assignee` is a username; for NOBODY see `Selector`, since what most letters lack is not in the index.
        """
        asked = {"ordering_key": ordering_key, "wire_id": wire_id}
        found = self.filter(**{name: value for name, value in asked.items() if value})
        if assignee and assignee != NOBODY:
            found = found.filter(assignee=Person.objects.filter(username=assignee).values("pk")[:1])
        if since:
            found = found.filter(died_at__gte=since)
        return found.filter(died_at__lte=until) if until else found


class DeadLetter(models.Model):
    """A message that could not be processed, and what became of it. Rows stay; only payloads go."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        QUEUED = "queued", "Queued"
        PUBLISHING = "publishing", "Being sent"
        PUBLISHED = "published", "Sent"
        UNCERTAIN = "uncertain", "Uncertain"
        RESOLVED = "resolved", "Resolved"
        PRESUMED_RESOLVED = "presumed_resolved", "Presumed resolved"
        RETURNED = "returned", "Came back"
        PARKED = "parked", "Parked"
        ARCHIVED = "archived", "Archived"
        DISCARDED = "discarded", "Discarded"
        EXPIRED = "expired", "Expired"

    class IdKind(models.TextChoices):
        OFFSET = "offset", "By its place in the log"
        ATTEMPT = "attempt", "By our own attempt"
        MESSAGE_ID = "message_id", "By its producer's id"
        WEAK = "weak", "By nothing: equal letters are two letters"

    source = models.ForeignKey(DeadLetterSource, on_delete=models.PROTECT, related_name="letters")
    group = models.ForeignKey(DeadLetterGroup, on_delete=models.PROTECT, related_name="dead_letters")
    id_kind = models.CharField(max_length=10, choices=IdKind)
    identity = models.CharField(max_length=500, blank=True)
    wire_id = models.CharField(max_length=500)
    """The id consumers know it by: its own, or `reg:<uuid>` where it had none. Never changes but by an edit that says
    that it is a new event."""
    ordering_key = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    version = models.PositiveIntegerField(default=1)
    moved_at = models.DateTimeField()
    moved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    """Who brought it into this state; nobody where the registry did."""
    why = models.CharField(max_length=500, blank=True)

    reason = models.CharField(max_length=100, blank=True)
    error_class = models.CharField(max_length=300, blank=True)
    message = models.CharField(max_length=2_000, blank=True)
    origin = models.CharField(max_length=300, blank=True)
    """Where its headers say it came from. Shown, never trusted."""
    attempts = models.PositiveIntegerField(null=True)
    """How often its consumer tried, where the headers say so."""
    event_type = models.CharField(max_length=300, blank=True)
    content_type = models.CharField(max_length=200, blank=True)
    schema_problem = models.CharField(max_length=500, blank=True, null=True)
    """What the design's schema refuses in the body; "" if nothing, null where there is no schema to check by."""
    position = models.CharField(max_length=200, blank=True)
    partition = models.CharField(max_length=100, blank=True)
    size = models.PositiveIntegerField()
    facts = models.JSONField(default=dict)
    """Values of the source's searchable fields and headers, by their names."""
    died_at = models.DateTimeField()
    """When, by its headers; else by the broker; else when it was taken in."""
    harvested_at = models.DateTimeField()

    unsettled_count = models.PositiveIntegerField(null=True)
    """How often a queue had delivered it before we took it, while the queue may still give it back; null ever after."""

    root = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="lineage")
    """The first of those that came back as one another; null for a first one."""
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="returns")
    """The letter that was redriven and came back as this."""
    redrive_count = models.PositiveSmallIntegerField(default=0)
    """How often it, or those it came back from, were redriven before it came here."""
    assignee = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        ordering = ("-died_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("source", "identity"), condition=~Q(id_kind="weak"), name="letter_once_per_identity"
            ),
            models.UniqueConstraint(
                fields=("source", "ordering_key"),
                condition=Q(state="publishing") & ~Q(ordering_key=""),
                name="letter_one_in_flight_per_key",
            ),
            models.CheckConstraint(
                condition=Q(id_kind="weak", identity="") | (~Q(id_kind="weak") & ~Q(identity="")),
                name="letter_identity_unless_weak",
            ),
            models.CheckConstraint(condition=~Q(wire_id=""), name="letter_has_wire_id"),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, root__isnull=True, redrive_count=0)
                | Q(parent__isnull=False, root__isnull=False, redrive_count__gte=1),
                name="letter_lineage_whole",
            ),
        )
        indexes = (
            models.Index(fields=("source", "-died_at", "-id"), name="letter_of_source"),
            models.Index(fields=("source", "state", "-died_at", "-id"), name="letter_by_state"),
            models.Index(fields=("group", "state", "-died_at", "-id"), name="letter_of_group"),
            models.Index(fields=("source", "ordering_key", "died_at", "id"), name="letter_by_key"),
            models.Index(fields=("source",), condition=Q(unsettled_count__isnull=False), name="letter_unsettled"),
            models.Index(fields=("wire_id",), name="letter_by_wire_id"),
            models.Index(fields=("root",), condition=Q(root__isnull=False), name="letter_by_root"),
            models.Index(fields=("parent",), condition=Q(parent__isnull=False), name="letter_by_parent"),
            models.Index(
                fields=("moved_at",), condition=Q(state__in=["publishing", "published"]), name="letter_on_its_way"
            ),
            models.Index(
                fields=("source", "moved_by", "moved_at"), condition=Q(state="discarded"), name="letter_discarded_by"
            ),
            models.Index(
                fields=("assignee", "source", "-died_at", "-id"),
                condition=Q(assignee__isnull=False),
                name="letter_of_assignee",
            ),
            GinIndex(
                "source", "error_class", "event_type", OpClass("facts", name="jsonb_path_ops"), name="letter_found_by"
            ),
        )

    def __str__(self) -> str:
        return f"dead letter {self.pk}"


UNDECIDED = (DeadLetter.State.OPEN, DeadLetter.State.UNCERTAIN)
"""In these states somebody has yet to say what becomes of a letter."""


def undecided(of: str) -> models.QuerySet[Any]:
    """Their keys, for a source or a group one level out."""
    return DeadLetter.objects.filter(**{of: OuterRef("pk")}, state__in=UNDECIDED).order_by().values("pk")


def open_since() -> Least:
    """When the oldest letter died that nobody decided on yet, for a source one level out."""
    of_source = DeadLetter.objects.filter(source=OuterRef("pk")).order_by("died_at", "id").values("died_at")
    # Each by itself: that is the first entry of an index.
    return Least(*(Subquery(of_source.filter(state=each)[:1]) for each in UNDECIDED))


class LetterWords(models.Model):
    """What a letter is searched by. Kept beside it by the database (migration 0027): a step from state to state writes
    every index of a letter anew, and one of all its words is dear."""

    letter = models.OneToOneField(DeadLetter, on_delete=models.PROTECT, primary_key=True, related_name="words")
    source = models.ForeignKey(DeadLetterSource, on_delete=models.PROTECT, related_name="+", db_index=False)
    words = models.TextField()

    class Meta:
        indexes = (GinIndex("source", OpClass(Upper("words"), name="gin_trgm_ops"), name="letter_by_words"),)

    def __str__(self) -> str:
        return f"words of {self.letter_id}"


class LetterMove(models.Model):
    """A step of a letter from one state to the next. Written by the database with the step itself, never changed."""

    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="moves")
    version = models.PositiveIntegerField()
    was = models.CharField(max_length=20, blank=True)
    """"" where it was taken in."""
    became = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("letter", "version")
        constraints = (models.UniqueConstraint(fields=("letter", "version"), name="move_once_per_version"),)

    def __str__(self) -> str:
        return f"{self.was} → {self.became}"


class LedgerReading(models.Model):
    """What the minute's look at a source's books found, so that nobody who wants to know counts every letter again."""

    source = models.OneToOneField(DeadLetterSource, on_delete=models.CASCADE, primary_key=True, related_name="books")
    at = models.DateTimeField()
    imbalance = models.PositiveBigIntegerField()
    states = models.JSONField(default=dict)
    """How many letters are in each state."""

    def __str__(self) -> str:
        return f"books of {self.source_id} at {self.at:%H:%M}"


class Payload(models.Model):
    """A letter's body and headers, encrypted with its source's key. Goes when the retention is over.

    Source and age stand here too, so that what is over is found by an index that no step of a letter writes anew.
    """

    letter = models.OneToOneField(DeadLetter, on_delete=models.PROTECT, primary_key=True, related_name="payload")
    source = models.ForeignKey(DeadLetterSource, on_delete=models.PROTECT, related_name="+", db_index=False)
    kept_since = models.DateTimeField()
    body = models.BinaryField()
    headers = models.BinaryField()
    key = models.BinaryField(null=True)
    """What orders it at the broker, encrypted like the rest."""
    sha256 = models.CharField(max_length=64)
    """Of the body in clear."""

    class Meta:
        indexes = (models.Index(fields=("source", "kept_since"), name="payload_by_age"),)

    def __str__(self) -> str:
        return f"payload of {self.letter_id}"


class PayloadEdit(models.Model):
    """What a person changed in a letter before sending it again. The original stays."""

    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="edits")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    body = models.BinaryField()
    headers = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    wire_id = models.CharField(max_length=500)
    """The letter's own, unless the edit makes a new event of it."""
    schema_problem = models.CharField(max_length=500, blank=True, null=True)
    summary = models.CharField(max_length=300, blank=True)
    """What it changes against the letter as it came, in a line that holds no value: see `mendings.Mending`."""

    class Meta:
        ordering = ("letter", "id")
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="edit_has_reason"),)

    def __str__(self) -> str:
        return f"edit {self.pk} of {self.letter_id}"


class LetterNote(models.Model):
    """What somebody wrote down about a letter."""

    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="notes")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        ordering = ("letter", "id")
        constraints = (models.CheckConstraint(condition=~Q(text=""), name="letter_note_has_text"),)

    def __str__(self) -> str:
        return self.text
