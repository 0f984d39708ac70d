"""What search looks through: a row for each piece of the newest records and of the catalog, and the words in them.

Written in the transaction that saves what it is about; nothing here is ever the truth, and `manage.py reindex` makes it
anew.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q

from .integrations import Integration


class SearchEntry(models.Model):
    """Something that can be found: a piece of an integration's newest record, or of the catalog."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, null=True, related_name="search_entries")
    kind = models.CharField(max_length=12)
    # Where it stands in the record; of the catalog, its noun and slug.
    pointer = models.TextField()
    title = models.TextField()
    anchor = models.CharField(max_length=100, blank=True)
    lines = models.JSONField()
    vector = SearchVectorField()
    digest = models.CharField(max_length=16)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("integration", "pointer"), name="search_entry_once"),
            models.UniqueConstraint(
                fields=("pointer",), condition=Q(integration__isnull=True), name="search_entry_of_catalog_once"
            ),
        )
        indexes = (GinIndex(fields=("vector",), name="search_entry_by_words"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"


class SearchWord(models.Model):
    """A word that occurs, for who types only a part of it or mistypes it. May occur twice, and outlive its text."""

    text = models.CharField(max_length=60)

    class Meta:
        indexes = (
            models.Index(fields=("text",), name="search_word_by_text"),
            GinIndex(fields=("text",), opclasses=("gin_trgm_ops",), name="search_word_by_likeness"),
        )

    def __str__(self) -> str:
        return self.text
