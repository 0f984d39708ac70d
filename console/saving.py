"""Saving what was typed over what was there when the typing began, and merging it with what others saved meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing

from registry.errors import Conflict, Stale
from registry.merge import Merged, Side, merge
from registry.models import Person, Revision
from registry.record import documents
from registry.services import revisions

MOST_MERGES = 5
"""How often one save is merged and tried again while others keep saving."""
_SALT = "console.saving"


def seal(value: Any) -> str:
    """Plain data as text a form can carry: signed, so that it comes back as it was."""
    return signing.dumps(value, salt=_SALT, compress=True)


def unseal(text: str) -> Any:
    """What was sealed; None where it was not sealed by us."""
    try:
        return signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        return None


@dataclass(frozen=True, slots=True)
class Base:
    """The document, or the one section of it, that a form started from."""

    etag: str
    document: dict[str, Any]

    @property
    def sealed(self) -> str:
        """As a form carries it."""
        return seal([self.etag, self.document])

    @classmethod
    def of(cls, draft: Revision, section: str = "") -> "Base":
        """A draft as it is saved, or the one section of it."""
        return cls(draft.etag, _part(documents.dump(draft.record), section))

    @classmethod
    def opened(cls, text: str) -> "Base | None":
        """What a form carried; None where it did not."""
        match unseal(text):
            case [str(etag), dict(document)]:
                return cls(etag, document)
        return None


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody wants a draft to say: one section of it, or the whole where no section is named."""

    draft: Revision
    section: str
    base: Base
    document: dict[str, Any]
    by: Person


@dataclass(frozen=True, slots=True)
class Saved:
    """The draft as saved, and whether changes of others came with it."""

    revision: Revision
    was_merged: bool = False


class Busy(Conflict):
    """Others saved each time before this could be."""


class Clash(Exception):
    """Both sides changed the same fields, so somebody has to choose."""

    def __init__(self, work: Work, theirs: Base, merged: Merged) -> None:
        super().__init__("both sides changed the same fields")
        self.work = work
        self.theirs = theirs
        self.merged = merged

    @property
    def sealed(self) -> str:
        """As the form carries it while the person chooses."""
        base, theirs = self.work.base, self.theirs
        return seal([base.etag, theirs.etag, base.document, self.work.document, theirs.document])


def save(work: Work) -> Saved:
    """Save it. Changes others made to other fields meanwhile are kept; raises Clash where the fields are the same."""
    etag, document, was_merged = work.base.etag, work.document, False
    for _ in range(MOST_MERGES):
        try:
            return Saved(_write(work, document, etag), was_merged)
        except Stale as stale:
            theirs = Base(stale.current_etag, _part(stale.current_document, work.section))
            merged = _merge(work.base.document, work.document, theirs.document)
            if merged.conflicts:
                raise Clash(work, theirs, merged) from None
            etag, document, was_merged = theirs.etag, documents.dump(merged.record), True
    raise Busy("Others keep saving this record.", "Save again in a moment.")


def reopened(draft: Revision, section: str, sealed: str, *, by: Person) -> Clash | None:
    """The clash a form carried while the person was choosing."""
    match unseal(sealed):
        case [str(old), str(etag), dict(base), dict(mine), dict(theirs)]:
            work = Work(draft, section, Base(old, base), mine, by)
            return Clash(work, Base(etag, theirs), _merge(base, mine, theirs))
    return None


def settled(clash: Clash, take: Mapping[str, Side]) -> Work:
    """What to save once a side was taken for every field."""
    work = clash.work
    record = _merge(work.base.document, work.document, clash.theirs.document, take).record
    return Work(work.draft, work.section, clash.theirs, documents.dump(record), work.by)


def _merge(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], take: Mapping[str, Side] | None = None
) -> Merged:
    return merge(documents.parse(base), documents.parse(mine), documents.parse(theirs), take=take)


def _part(document: dict[str, Any], section: str) -> dict[str, Any]:
    if not section:
        return document
    return {section: document[section]} if section in document else {}


def _write(work: Work, document: dict[str, Any], etag: str) -> Revision:
    if not work.section:
        return revisions.save(work.draft, document, by=work.by, if_match=etag)
    value = document.get(work.section)
    return revisions.save_section(work.draft, work.section, value, by=work.by, if_match=etag)
