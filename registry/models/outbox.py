"""What must leave the process, written in the transaction that decides it."""

from django.db import models
from django.db.models import Q


class OutboxMessage(models.Model):
    """A message on its way out, delivered at least once."""

    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(fields=("next_attempt_at",), condition=Q(delivered_at__isnull=True), name="outbox_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
