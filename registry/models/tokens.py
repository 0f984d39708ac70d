"""Secrets that programs show instead of a password. Only their digests are kept."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from .catalog import Environment, System
from .checks import SHA256
from .people import Person


class Token(models.Model):
    """A service token speaks for a system in one environment, a personal one for a person."""

    class Kind(models.TextChoices):
        SERVICE = "service", "Service"
        PERSONAL = "personal", "Personal"

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    system = models.ForeignKey(System, on_delete=models.PROTECT, null=True, related_name="tokens")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, null=True, related_name="tokens")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="tokens")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(digest__regex=SHA256), name="token_digest_is_sha256"),
            models.CheckConstraint(
                condition=Q(kind="service", system__isnull=False, environment__isnull=False, person__isnull=True)
                | Q(kind="personal", system__isnull=True, environment__isnull=True, person__isnull=False),
                name="token_kind_has_its_fields",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (reg_{self.prefix}_…)"

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)
