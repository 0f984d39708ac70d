"""The trail: one event per act, chained by hashes, never changed. The database computes the chain (migration 0002)."""

import json
from typing import Any

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce, Now

from .people import Person

SAVED = "revision.saved"
IMPORTED = "revision.imported"
"""A save of what a file says; it stands alone in the trail, so that it is found."""


class EventQuerySet(models.QuerySet["Event"]):
    """Questions asked of the trail."""

    def listing(
        self, *, chain: str = "", kind: str = "", actor: str = "", subject: str = "", request: str = ""
    ) -> "EventQuerySet":
        """Events with all of these; a kind such as `review` also finds `review.signed`; newest first."""
        found = self.all()
        if chain:
            found = found.filter(chain=chain)
        if kind:
            found = found.filter(kind__startswith=kind)
        if actor:
            found = found.filter(actor__username=actor)
        if subject:
            found = found.filter(subject__startswith=subject)
        if request:
            found = found.filter(request_id=request)
        return found.order_by("-id")

    def folded(self) -> "EventQuerySet":
        """Saves of one person in a row as one: the last of them, with how many `saves` it stands for."""
        chain, alike = OuterRef("chain"), {"actor": OuterRef("actor"), "subject": OuterRef("subject")}
        following = Event.objects.filter(chain=chain, sequence=OuterRef("sequence") + 1, kind=SAVED, **alike)
        others = Event.objects.filter(chain=chain, sequence__lt=OuterRef("sequence")).exclude(kind=SAVED, **alike)
        before = Coalesce(Subquery(others.order_by("-sequence").values("sequence")[:1]), 0)
        saves = Case(When(kind=SAVED, then=F("sequence") - before), default=1, output_field=models.BigIntegerField())
        return self.exclude(Q(kind=SAVED) & Exists(following)).annotate(saves=saves)


class Event(models.Model):
    """Who did what, when, from where, and what it was before and after."""

    chain = models.CharField(max_length=100)
    sequence = models.PositiveBigIntegerField(db_default=0)
    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=310)
    origin_ip = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=300)
    data = models.TextField(default="{}")
    previous_hash = models.CharField(max_length=64, db_default="")
    hash = models.CharField(max_length=64, db_default="")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="event_sequence_once"),)
        indexes = (
            models.Index(fields=("subject", "id"), name="event_by_subject"),
            models.Index(fields=("kind", "id"), name="event_by_kind"),
            models.Index(fields=("actor", "id"), name="event_by_actor"),
            models.Index(fields=("request_id",), condition=~Q(request_id=""), name="event_by_request"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @property
    def details(self) -> dict[str, Any]:
        """The data, read."""
        details: dict[str, Any] = json.loads(self.data)
        return details


class ChainHead(models.Model):
    """Where a chain ends: the lock that orders its events, and what shows that its tail was cut off."""

    chain = models.CharField(max_length=100, primary_key=True)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.chain} {self.sequence}"
