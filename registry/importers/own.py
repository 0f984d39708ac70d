"""A design record kept as YAML or JSON."""

import re
from typing import Any

from ..record import SECTIONS
from ..record.findings import InvalidRecord, Problem
from .base import Asked, Imported, Importer, Ledger
from .source import read_source

__all__ = ["OWN"]


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord for what holds no section of a design record."""
    source = read_source(text)
    ledger = Ledger(source.line_at)
    document: dict[str, Any] = {}
    value = source.value if isinstance(source.value, dict) else {}
    for name, section in value.items():
        if name in SECTIONS:
            document[name] = section
            ledger.took((name,), name, "As it stands.")
        else:
            ledger.left((name,), f"{name[:100]} is not a section of a design record.")
    if not document:
        known = f"Write sections such as {', '.join(SECTIONS[:3])}."
        raise InvalidRecord([Problem("", "line 1, column 1: holds no section of a design record", known)])
    return ledger.imported("record", document)


_SECTION = re.compile(rf"""^[\s{{]*["']?(?:{"|".join(SECTIONS)})["']?\s*:""", re.MULTILINE)


def _accepts(filename: str, head: str) -> bool:
    return _SECTION.search(head) is not None


OWN = Importer("record", "Design record (YAML or JSON)", _accepts, read)
