"""The settings of one integration in one environment, as they are served."""

from django.db import models
from django.db.models import BinaryField, F, Func, Q

from .catalog import Environment
from .checks import SHA256
from .integrations import Integration
from .overrides import Override
from .people import Person
from .revisions import Revision

LARGEST_BODY = 1_000_000


class Sha256Hex(Func):
    """PostgreSQL's own SHA-256 of a binary column, in hex."""

    template = "encode(sha256(%(expressions)s), 'hex')"
    output_field = models.TextField()


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Questions asked of releases."""

    def in_force(self) -> "ReleaseQuerySet":
        """The newest release of each integration in each environment."""
        return self.order_by("integration_id", "environment_id", "-number").distinct("integration_id", "environment_id")


class Release(models.Model):
    """Immutable bytes with a number that only grows within an environment."""

    class Kind(models.TextChoices):
        APPROVAL = "approval", "Approved"
        PUBLISHED = "published", "Published by hand"
        SCHEDULED = "scheduled", "Released as scheduled"
        PROMOTED = "promoted", "Promoted"
        ROLLED_BACK = "rolled_back", "Rolled back"
        OVERRIDDEN = "overridden", "Override begun"
        OVERRIDE_ENDED = "override_ended", "Override ended"
        RESTORED = "restored", "Released again after a restore"

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="releases")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveBigIntegerField()
    body = BinaryField()
    sha256 = models.CharField(max_length=64)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="releases")
    content_hash = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField()
    released_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    released_at = models.DateTimeField()
    signature = models.CharField(max_length=88)
    key_id = models.CharField(max_length=16)
    kind = models.CharField(max_length=15, choices=Kind, default=Kind.PUBLISHED)
    """How it came to be; of releases made before this was kept, the trail tells."""
    reason = models.CharField(max_length=500, blank=True)
    override = models.ForeignKey(Override, on_delete=models.PROTECT, null=True, related_name="releases")
    """The override whose values its body holds."""

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ("environment", "-number")
        constraints = (
            models.UniqueConstraint(fields=("environment", "number"), name="release_number_once"),
            models.CheckConstraint(condition=Q(sha256=Sha256Hex(F("body"))), name="release_sha256_is_of_body"),
            models.CheckConstraint(condition=Q(content_hash__regex=SHA256), name="release_content_hash_is_sha256"),
            models.CheckConstraint(
                condition=Q(number__gt=0) & Q(epoch__gt=0), name="release_number_and_epoch_positive"
            ),
        )
        indexes = (
            models.Index(fields=("integration", "environment", "-number"), name="release_newest_of_integration"),
            models.Index(fields=("sha256",), opclasses=("varchar_pattern_ops",), name="release_by_hash"),
            models.Index(fields=("content_hash",), name="release_by_content"),
        )

    def __str__(self) -> str:
        return f"release {self.number}"

    @property
    def etag(self) -> str:
        """The strong ETag the body is served with."""
        return f'"{self.number}-{self.sha256}"'


class ReleaseCounter(models.Model):
    """The last release number of an environment. Locked by whoever releases, so that numbers commit in order."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, primary_key=True, related_name="counter")
    number = models.PositiveBigIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.environment_id}: {self.number}"
