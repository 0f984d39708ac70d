"""A record as Markdown in the shape of the Integration Design Document: its headings, tables and lines.

What a record states beyond the template stands in further columns and lines, so that importing the text gives the
whole record again: nothing is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ...record import DesignRecord
from .cells import Written, heading, lines, listed, table
from .contracts import contracts
from .sections import consistency, events, monitoring, overview, testing, topology

__all__ = ["Cover", "HistoryRow", "SignatureRow", "markdown"]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A line of the document's history; the date as YYYY-MM-DD."""

    version: str
    date: str
    author: str
    changes: str


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """A line of the approval table; what is not signed yet has empty cells."""

    role: str
    name: str = ""
    date: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands around the record: the title block, the history and the signatures."""

    name: str
    version: str
    date: str
    author: str
    status: str
    reviewers: tuple[str, ...] = ()
    history: tuple[HistoryRow, ...] = ()
    signatures: tuple[SignatureRow, ...] = ()


def markdown(record: DesignRecord, cover: Cover) -> str:
    """The whole document, ending in a line break."""
    blocks = chain(
        _cover(record, cover),
        overview(record, cover.name),
        topology(record),
        contracts(record),
        events(record),
        consistency(record),
        testing(record),
        monitoring(record),
        _approval(cover),
    )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _cover(record: DesignRecord, cover: Cover) -> Iterator[str]:
    yield heading(1, "Integration Design Document")
    yield lines(
        ("Project", record.overview.project),
        ("Integration", cover.name),
        ("Version", cover.version),
        ("Date", cover.date),
        ("Author", cover.author),
        ("Status", cover.status),
        ("Reviewers", listed(cover.reviewers)),
    )
    yield heading(2, "Document History")
    rows = [(row.version, row.date, row.author, row.changes) for row in cover.history]
    yield table(("Version", "Date", "Author", "Changes"), rows)


def _approval(cover: Cover) -> Iterator[str]:
    yield heading(2, "Approval")
    empty = Written(" ")
    rows = [(each.role, each.name or empty, each.date or empty, each.signature or empty) for each in cover.signatures]
    yield table(("Role", "Name", "Date", "Signature"), rows)
