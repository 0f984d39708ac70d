"""Files that somebody brought and has not yet decided about."""

import uuid

from django.db import models
from django.db.models import Q

from .checks import SHA256
from .people import Person


class Upload(models.Model):
    """A file as it came, seen by nobody but the person who brought it, and forgotten after a day."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=200)
    format = models.CharField(max_length=40)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at", "key")
        indexes = (models.Index(fields=("created_at",), name="upload_by_age"),)
        constraints = (models.CheckConstraint(condition=Q(sha256__regex=SHA256), name="upload_sha256_is_one"),)

    def __str__(self) -> str:
        return f"{self.filename} by {self.person_id}"
