"""Cells copied from a spreadsheet, put into a list's rows: what fits where, and what could not be placed."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.record.base import LONGEST_LIST

from .acts import Acted, blank, find_items
from .controls import is_table
from .specs import Spec, specs
from .text import Text, place_of

MOST_ROWS_READ = 20_000
MOST_TOLD = 3
_YES = frozenset(("yes", "y", "true", "1", "x", "✓"))
_NO = frozenset(("no", "n", "false", "0"))


def paste(section: str, text: Text, name: str, pasted: str) -> Acted | None:
    """Put the cells in `pasted` into the list of the cell `name` (or, by the list's own name, after its last row).

    In place, and all or nothing. None where that list is not there (any more).
    """
    found = _target(section, text, name)
    if found is None:
        return None
    spec, items, list_name, row, column = found
    rows = grid(pasted)
    columns, rows = _columns(spec, rows, column)
    where = f"{list_name}.add" if name == list_name else name
    if not rows:
        return Acted(list_name, where, "There was nothing to paste.")
    if row + len(rows) > LONGEST_LIST:
        message = f"Nothing was pasted: {len(rows):,} rows are too many, a list holds {LONGEST_LIST} in all."
        return Acted(list_name, where, message)
    before = [dict(each) if isinstance(each, dict) else each for each in items]
    left = _Left()
    for offset, cells in enumerate(rows):
        if row + offset == len(items):
            items.append(blank(spec.inner))
        left.put(items[row + offset], columns, cells, row + offset)
    added = len(items) - len(before)
    focus = f"{list_name}.{row}.{next((each.name for each in columns if each), specs(spec.inner)[0].name)}"
    return Acted(
        list_name, focus, f"Pasted {_counted(len(rows), 'row')}{_of_them(added, len(rows))}.{left.told}", 0, before
    )


def _target(section: str, text: Text, name: str) -> tuple[Spec, list[Text], str, int, int] | None:
    """The list of a cell, with the row and the column of the cell."""
    spec, items = find_items(section, text, name)
    if spec is not None and items is not None:
        return (spec, items, name, len(items), 0) if is_table(spec) else None
    row_name, _, field_name = name.rpartition(".")
    list_name, _, step = row_name.rpartition(".")
    spec, items = find_items(section, text, list_name)
    row = place_of(step)
    if spec is None or items is None or row is None or row >= len(items) or not is_table(spec):
        return None
    column = next((at for at, each in enumerate(specs(spec.inner)) if each.name == field_name), None)
    return None if column is None else (spec, items, list_name, row, column)


def grid(pasted: str) -> list[list[str]]:
    """The cells of tab-separated text as spreadsheets copy it, without empty rows at the end."""
    lines = pasted.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > MOST_ROWS_READ:
        return [[""]] * len(lines)
    try:
        # A cell with line breaks or tabs in it comes in quotes.
        rows = list(csv.reader((f"{line}\n" for line in lines), delimiter="\t", strict=True))
    except csv.Error:
        rows = [line.split("\t") for line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _columns(spec: Spec, rows: list[list[str]], first: int) -> tuple[list[Spec | None], list[list[str]]]:
    """The column each cell goes to: by the first row where it holds their names, else from the first one on."""
    known = specs(spec.inner)
    named = {_plain(word): each for each in reversed(known) for word in (each.name, each.label)}
    head = [named.get(_plain(cell)) for cell in rows[0]] if rows else []
    hits = sum(each is not None for each in head)
    if hits >= 2 and hits * 2 >= sum(bool(cell) for cell in rows[0]):
        return head, rows[1:]
    return [*known[first:], *[None] * max((len(row) for row in rows), default=0)], rows


@dataclass(slots=True)
class _Left:
    """What could not be placed, to be told in a sentence or two."""

    beyond: int = 0
    unknown: list[str] = field(default_factory=list)

    def put(self, row: Text, columns: Sequence[Spec | None], cells: Sequence[str], place: int) -> None:
        assert isinstance(row, dict)
        for column, cell in zip(columns, cells, strict=False):
            if column is None:
                self.beyond += bool(cell)
            elif (fitting := fitted(column, cell)) is not None:
                row[column.name] = fitting
            else:
                self.unknown.append(f"“{cell[:40]}” in {column.label}, row {place + 1}")

    @property
    def told(self) -> str:
        said = ""
        if self.unknown:
            more = f" and {len(self.unknown) - MOST_TOLD} more" if len(self.unknown) > MOST_TOLD else ""
            said += f" Not placed, as none of the choices: {'; '.join(self.unknown[:MOST_TOLD])}{more}."
        if self.beyond:
            said += f" Not placed, as there is no such column: {_counted(self.beyond, 'value')}."
        return said


def fitted(spec: Spec, cell: str) -> str | None:
    """A cell as its control would hold it; None where it is none of the choices."""
    if spec.kind == "choice":
        choices: Mapping[str, str] = {_plain(word): value for value, label in spec.choices for word in (label, value)}
        return choices.get(_plain(cell)) if cell else ""
    if spec.kind == "yesno":
        word = cell.casefold()
        return "" if not cell else "yes" if word in _YES else "no" if word in _NO else None
    if spec.kind == "words":
        return re.sub(r"\s*\n\s*", ", ", cell)
    return cell if spec.kind in ("prose", "lines") else " ".join(cell.split("\n"))


def _plain(word: str) -> str:
    """A name without what people write differently: case, spaces, dashes, what stands in brackets."""
    return re.sub(r"[\s_/-]+|\([^)]*\)", "", word).casefold()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _of_them(added: int, count: int) -> str:
    if not added:
        return " over what was there"
    return "" if added == count else f", {added:,} of them new"
