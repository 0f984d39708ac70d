"""Labels people give integrations, beside the record: a tag exists once somebody has used it."""

from django.db import models
from django.db.models import Exists, OuterRef, Q

from .checks import SLUG
from .integrations import Integration


class TagQuerySet(models.QuerySet["Tag"]):
    """Questions asked of tags."""

    def in_use(self) -> "TagQuerySet":
        """Tags that some integration bears."""
        return self.filter(Exists(Tagging.objects.filter(tag=OuterRef("pk"))))


class Tag(models.Model):
    """A plain word."""

    slug = models.CharField(max_length=50, unique=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ("slug",)
        constraints = (models.CheckConstraint(condition=Q(slug__regex=SLUG), name="tag_slug_is_plain"),)

    def __str__(self) -> str:
        return self.slug


class Tagging(models.Model):
    """A tag on an integration."""

    # The constraint and the index below begin with them.
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="taggings", db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("integration", "tag"), name="tag_once_per_integration"),)
        indexes = (models.Index(fields=("tag", "integration"), name="tagging_by_tag"),)

    def __str__(self) -> str:
        return f"{self.tag} on {self.integration}"
