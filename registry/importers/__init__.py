"""Files of other tools read into a partial design record, with what was understood and what was not. Pure."""

import re

from ..definitions.schemas import bounded
from ..record.findings import InvalidRecord, Problem
from .asyncapi import ASYNCAPI
from .base import Asked, Group, Imported, Importer, Kind, Note, Role, Sides
from .cloudevents import owner
from .files import LARGEST_FILE, text_in
from .graphql import GRAPHQL
from .markdown import MARKDOWN
from .merging import Merged, merge
from .openapi import OPENAPI
from .own import OWN
from .proto import PROTO
from .sides import guessed_sides, with_sides

__all__ = [
    "IMPORTERS",
    "LARGEST_FILE",
    "Asked",
    "Group",
    "Imported",
    "Importer",
    "Kind",
    "Merged",
    "Note",
    "Role",
    "Sides",
    "guessed_sides",
    "label",
    "merge",
    "owner",
    "read",
    "text_in",
    "with_sides",
]

IMPORTERS: list[Importer] = [MARKDOWN, OPENAPI, ASYNCAPI, OWN, PROTO, GRAPHQL]
HEAD = 20_000
MOST_NODES, MOST_STEPS = 1_500, 8_000
"""What comparing the examples of one file with their schemas may cost; the rules look at all of them again."""
_HIDDEN = re.compile("[\x00\ud800-\udfff]")


def read(text: str, filename: str = "", format: str | None = None, asked: Asked = Asked()) -> Imported:  # noqa: A002, B008
    """The partial record in `text`, by its format or the first that knows it.

    Raises InvalidRecord that says where the text is broken, or that no format knows it.
    """
    text = _readable(text)
    with bounded(nodes=MOST_NODES, steps=MOST_STEPS):
        return _importer(text, filename, format).read(text, asked)


def label(name: str) -> str:
    """A format as people call it."""
    return next((each.label for each in IMPORTERS if each.name == name), name)


def _importer(text: str, filename: str, name: str | None) -> Importer:
    head = text[:HEAD]
    for each in IMPORTERS:
        if each.name == name or (name is None and each.accepts(filename, head)):
            return each
    known = ", ".join(each.label for each in IMPORTERS)
    raise InvalidRecord([Problem("", "line 1, column 1: is no format that can be read", f"Choose one of: {known}.")])


def _readable(text: str) -> str:
    if found := _HIDDEN.search(text):
        at, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
        message = f"line {at}, column {column}: holds a character that cannot be shown (U+{ord(found[0]):04X})"
        raise InvalidRecord([Problem("", message, "Remove it.")])
    return text.removeprefix("\ufeff")
