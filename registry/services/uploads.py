"""Files on their way into a record: kept for a day for the person who brought them. Nothing of record; no event."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import importers, permissions
from registry.errors import Invalid, NotAllowed
from registry.importers import Asked, Imported
from registry.models import Person, Upload
from registry.record.findings import InvalidRecord

KEPT_FOR = timedelta(days=1)
MOST_KEPT = 20
"""Files of one person; the oldest makes room."""
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Source:
    """The file a change came from, for the trail: its name, its digest, and the sections it touched."""

    filename: str
    sha256: str
    format: str
    sections: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        """As an event holds it."""
        return {
            "filename": self.filename,
            "sha256": self.sha256,
            "format": self.format,
            "sections": list(self.sections),
        }


@transaction.atomic
def keep(content: bytes, *, filename: str, format: str = "", by: Person) -> Upload:  # noqa: A002
    """Keep a file that can be read. Raises Invalid that says where it breaks; then nothing is kept."""
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect brings files into records.", "Ask an architect, or to become one.")
    name = plain_name(filename)
    found = read(content, name, format)
    kept = Upload.objects.create(
        person=by,
        filename=name or "pasted text",
        format=found.format,
        content=content,
        sha256=digest(content),
        created_at=timezone.now(),
    )
    beyond = Upload.objects.filter(person=by).order_by("-created_at", "key").values_list("pk", flat=True)[MOST_KEPT:]
    Upload.objects.filter(pk__in=list(beyond)).delete()
    return kept


def find(key: uuid.UUID, *, by: Person) -> Upload | None:
    """The file of that key, if this person brought it within a day."""
    return Upload.objects.filter(pk=key, person=by, created_at__gt=_oldest(timezone.now())).first()


def read(content: bytes, filename: str, format: str = "", asked: Asked = Asked()) -> Imported:  # noqa: A002, B008
    """What a file holds. Raises Invalid with the place where it breaks."""
    try:
        return importers.read(importers.text_in(content), filename, format or None, asked)
    except InvalidRecord as refused:
        raise Invalid(refused.problems) from None


def digest(content: bytes) -> str:
    """The file's SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


def plain_name(filename: str) -> str:
    """A file's name without its folders and without what cannot be shown."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable()).strip()[-LONGEST_NAME:]


def prune() -> int:
    """Forget what was brought more than a day ago."""
    deleted, _ = Upload.objects.filter(created_at__lte=_oldest(timezone.now())).delete()
    return deleted


def _oldest(now: datetime) -> datetime:
    return now - KEPT_FOR
