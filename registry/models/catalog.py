"""What design records speak of: systems, and the environments settings are served in."""

from django.db import models
from django.db.models import F, Q

from .checks import SLUG, set_exactly_when
from .people import Team


class System(models.Model):
    """A piece of software that calls or answers."""

    slug = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="systems")

    class Meta:
        ordering = ("name", "id")
        permissions = (("manage_catalog", "Can keep teams, systems, environments and service tokens"),)
        constraints = (models.CheckConstraint(condition=Q(slug__regex=SLUG), name="system_slug_is_plain"),)

    def __str__(self) -> str:
        return self.name


class Environment(models.Model):
    """A place where settings are served, such as staging."""

    class ReleasePolicy(models.TextChoices):
        AT_ONCE = "at_once", "At once, with the approval"
        PROMOTE = "promote", "By promoting what another environment serves"

    slug = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=0)
    is_production = models.BooleanField(default=False)
    purpose = models.CharField(max_length=300, blank=True)
    release_policy = models.CharField(max_length=10, choices=ReleasePolicy, default=ReleasePolicy.AT_ONCE)
    promoted_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="promotes_to")
    """Where a revision has to be served before it is served here."""

    class Meta:
        ordering = ("position", "slug")
        constraints = (
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="environment_slug_is_plain"),
            models.CheckConstraint(
                condition=set_exactly_when("promoted_from", Q(release_policy="promote")),
                name="environment_promotes_from_one",
            ),
            models.CheckConstraint(condition=~Q(promoted_from=F("id")), name="environment_promotes_from_another"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def distance(self) -> tuple[bool, int]:
        """How far it is from what pages are opened for: the first production, else what comes nearest to one."""
        return (not self.is_production, self.position if self.is_production else -self.position)
