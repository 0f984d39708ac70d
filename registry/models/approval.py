"""What a review needs before it approves, and who signs for somebody who is away."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from .checks import both_or_neither
from .people import Person


class ApprovalRule(models.Model):
    """Conditions, and the signatures a review needs where they hold. A change counts for reviews opened after it."""

    name = models.CharField(max_length=200, unique=True)
    weight = models.PositiveIntegerField()
    criticalities = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    types = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    touches = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    within = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    minimums = models.JSONField()
    threads_block = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("-weight", "name")
        constraints = (
            models.UniqueConstraint(fields=("weight",), condition=Q(is_active=True), name="approval_rule_weight_once"),
            models.CheckConstraint(
                # Of a key that is not there, a comparison says nothing, which a check takes for yes.
                condition=Q(minimums__has_keys=["author", "approver"], minimums__author=1, minimums__approver__gte=1),
                name="approval_rule_has_author_and_approver",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def applies(self, *, criticality: str, type: str, sections: Iterable[str]) -> bool:  # noqa: A002
        """Whether its conditions hold; one that is empty always does. `sections` are those the change touches."""
        touched = set(sections)
        return (
            (not self.criticalities or criticality in self.criticalities)
            and (not self.types or type in self.types)
            and (not self.touches or bool(touched & set(self.touches)))
            and (not self.within or touched <= set(self.within))
        )


class DelegationQuerySet(models.QuerySet["Delegation"]):
    """Questions asked of delegations."""

    def in_force(self, at: datetime) -> Self:
        """Those that count at this moment."""
        return self.filter(starts_at__lte=at, ends_at__gt=at, revoked_at__isnull=True)


class Delegation(models.Model):
    """Somebody who is away lets another sign in their place, from one moment to another."""

    holder = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_held")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(holder=F("delegate")), name="delegation_is_to_another"),
            models.CheckConstraint(
                condition=both_or_neither("revoked_at", "revoked_by"), name="delegation_revoked_paired"
            ),
        )
        indexes = (models.Index(fields=("delegate", "ends_at"), name="delegation_by_delegate"),)

    def __str__(self) -> str:
        return f"{self.delegate} for {self.holder}"
