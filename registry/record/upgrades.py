"""Documents of older formats, brought to the present one on reading. One small pure function per change of format."""

from collections.abc import Callable
from typing import Any

FORMAT = 1
"""The present format; kept beside each stored document."""

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From format n to n + 1. Empty while there is one format."""


def upgrade(document: dict[str, Any], *, stored_as: int = FORMAT) -> dict[str, Any]:
    """`document` in the present format. Raises ValueError for a format from the future."""
    if stored_as > FORMAT:
        raise ValueError(f"this document has format {stored_as}; this version reads up to {FORMAT}")
    for number in range(stored_as, FORMAT):
        document = UPGRADES[number](document)
    return document
