"""Rows as CSV (RFC 4180) that a spreadsheet opens without running anything in it."""

from collections.abc import Iterable

# A spreadsheet takes a cell that begins so for a formula, or drops what stands before one.
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
QUOTED = ('"', ",", "\r", "\n")


def line(cells: Iterable[object]) -> str:
    """One line of the file, with its ending."""
    return ",".join(_quoted(_harmless(_text(each))) for each in cells) + "\r\n"


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(RUNS) else text


def _quoted(text: str) -> str:
    if any(each in text for each in QUOTED):
        return '"' + text.replace('"', '""') + '"'
    return text
