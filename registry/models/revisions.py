"""One numbered version of a design record, and who wrote in it."""

from functools import cached_property

from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.record import DesignRecord, documents
from registry.record.upgrades import FORMAT, upgrade

from .checks import SHA256, set_exactly_when
from .integrations import Integration
from .people import Person


class Revision(models.Model):
    """A version of the record; a draft may change, an approved one never."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        APPROVED = "approved", "Approved"
        SUPERSEDED = "superseded", "Superseded"

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    document = models.JSONField(default=dict)
    format = models.PositiveSmallIntegerField(default=FORMAT)
    content_hash = models.CharField(max_length=64)
    section_hashes = models.JSONField(default=dict)
    lock_version = models.PositiveIntegerField(default=1)
    based_on = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    change_note = models.TextField(blank=True)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("integration", "-number")
        permissions = (("approve_revision", "Can sign as approver and publish releases"),)
        constraints = (
            models.UniqueConstraint(fields=("integration", "number"), name="revision_number_once"),
            models.UniqueConstraint(fields=("integration", "major", "minor"), name="revision_version_once"),
            # So that other tables can say "a revision of this very integration" with a composite key.
            models.UniqueConstraint(fields=("id", "integration"), name="revision_belongs_to_integration"),
            models.UniqueConstraint(
                fields=("integration",), condition=Q(state__in=["draft", "in_review"]), name="revision_one_open"
            ),
            models.UniqueConstraint(
                fields=("integration",), condition=Q(state="approved"), name="revision_one_approved"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "in_review", "approved", "superseded"]), name="revision_state_known"
            ),
            models.CheckConstraint(condition=Q(content_hash__regex=SHA256), name="revision_content_hash_is_sha256"),
            models.CheckConstraint(
                condition=set_exactly_when("approved_at", Q(state__in=["approved", "superseded"])),
                name="revision_approved_at_paired",
            ),
        )
        # So that the start of a hash finds its revision, whatever the database's order of letters.
        indexes = (models.Index(fields=("content_hash",), opclasses=("varchar_pattern_ops",), name="revision_by_hash"),)

    def __str__(self) -> str:
        return self.version

    @property
    def version(self) -> str:
        """What people call this revision, such as 1.2."""
        return f"{self.major}.{self.minor}"

    @property
    def etag(self) -> str:
        """What a writer must show to have seen before saving over it."""
        return f'"{self.lock_version}-{self.content_hash[:16]}"'

    @property
    def seconds_since_save(self) -> int:
        """How long ago it was saved, for clocks that differ from ours."""
        return int((timezone.now() - self.updated_at).total_seconds())

    @property
    def may_change(self) -> bool:
        """Whether this revision is a draft."""
        return self.state == self.State.DRAFT

    @cached_property
    def record(self) -> DesignRecord:
        """The document, typed, in the present format."""
        return documents.parse(upgrade(self.document, stored_as=self.format))


class Contribution(models.Model):
    """Somebody wrote in a revision, and so may not approve it."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="contributions")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("revision", "person"), name="contribution_once"),)

    def __str__(self) -> str:
        return f"{self.person} in {self.revision}"
