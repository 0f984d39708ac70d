"""By what a database knows that it is still the same."""

from django.db import models
from django.db.models import Q


class DatabaseMark(models.Model):
    """Where this database ran when it was last looked at: one row."""

    mark = models.CharField(max_length=200)
    """Server, timeline, database and table, by the server's own numbers; a restored copy has others."""
    since = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="one_mark"),)

    def __str__(self) -> str:
        return self.mark
