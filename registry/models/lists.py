"""How people like their lists: views they saved, and the columns they chose."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .people import Person

LISTS = ("integrations", "systems", "teams", "topics", "events")
LONGEST_QUERY = 2_000


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Questions asked of saved views."""

    def open_to(self, person: Person, page: str) -> "SavedViewQuerySet":
        """The views of a list this person may use: their own, then those shared with everybody."""
        mine = models.Case(models.When(owner=person, then=0), default=1)
        found = self.filter(Q(owner=person) | Q(is_shared=True), page=page).select_related("owner")
        return found.order_by(mine, "name", "id")


class SavedView(models.Model):
    """A list as somebody asked for it: filters, order and columns, as the query of its address."""

    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="views")
    page = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=LONGEST_QUERY)
    is_shared = models.BooleanField(default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=("owner", "page", "name"), name="saved_view_name_once"),
            models.CheckConstraint(condition=Q(page__in=LISTS), name="saved_view_page_known"),
        )

    def __str__(self) -> str:
        return self.name


class ListPreference(models.Model):
    """What one person sees of one list unless the address says otherwise."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="list_preferences")
    page = models.CharField(max_length=20)
    columns = ArrayField(models.CharField(max_length=40), default=list)
    default_view = models.ForeignKey(SavedView, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("person", "page"), name="list_preference_once"),
            models.CheckConstraint(condition=Q(page__in=LISTS), name="list_preference_page_known"),
        )

    def __str__(self) -> str:
        return f"{self.page} for {self.person}"
