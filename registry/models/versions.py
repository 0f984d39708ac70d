"""What an integration said under one number: a revision's text, or one that was reviewed and then written on."""

import re
from dataclasses import dataclass

from registry.record import DesignRecord

from .integrations import Integration
from .reviews import Review
from .revisions import Revision

NUMBERED = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)
ALIASES = ("draft", "in-force")


@dataclass(frozen=True, slots=True)
class Version:
    """A text that can be read, compared and restored. A round of review has one of its own once its draft went on."""

    number: str
    revision: Revision
    review: Review | None = None

    def __str__(self) -> str:
        return self.number

    @property
    def record(self) -> DesignRecord:
        """The text, in the present format."""
        return (self.review or self.revision).record

    @property
    def state(self) -> str:
        """Where it stands: the revision's state, or how its round ended."""
        return (self.review or self.revision).state

    @property
    def content_hash(self) -> str:
        """What a signature on it would be bound to."""
        return (self.review or self.revision).content_hash


def version_of(revision: Revision) -> Version:
    """The text a revision has now."""
    return Version(revision.version, revision)


def find_version(integration: Integration, name: str) -> Version | None:
    """The version called `name`: 1.2, `draft` or `in-force`."""
    if name in ALIASES:
        return _alias(integration, name)
    numbers = NUMBERED.fullmatch(name)
    if numbers is None:
        return None
    for known in (integration.current, integration.in_force):
        if known is not None and known.version == name:
            return version_of(known)
    revisions = integration.revisions.select_related("created_by")
    found = revisions.filter(major=int(numbers[1]), minor=int(numbers[2])).first()
    if found is not None:
        return version_of(found)
    review = integration.reviews.select_related("revision").defer("revision__document").filter(version=name).first()
    return None if review is None else Version(name, review.revision, review)


def _alias(integration: Integration, name: str) -> Version | None:
    found = integration.in_force if name == "in-force" else integration.current
    is_meant = found is not None and (name == "in-force" or found.pk != integration.in_force_id)
    return version_of(found) if found is not None and is_meant else None
