"""Edits of a letter as its pages show them: who, when, why, and what is changed, marked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from console import odd
from console.changes import lines, words
from console.changes.alignment import Budget
from console.changes.html import Room, marked
from console.comparison import SIGNS
from registry.models import DeadLetter, PayloadEdit
from registry.services.mendings import HeaderChange, Mending

LONGEST_MARKED = 2_000
"""Characters of a header's value that are compared word by word."""
BODIES = {
    "laid out": "It says the same, laid out otherwise.",
    "long": "It is changed, and too long to be compared here.",
    "hidden": "It is changed, and hidden as a whole.",
    "bytes": "It is changed, and is not text.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One header, or the body, and what became of it."""

    kind: str
    name: str
    """A header's; "" is the body."""
    cell: SafeString

    @property
    def sign(self) -> str:
        return SIGNS.get(self.kind, "~")


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit, and its rows; None where they were not worked out."""

    edit: PayloadEdit
    rows: tuple[Row, ...] | None
    is_newest: bool
    is_new_event: bool


def edited(letter: DeadLetter, edits: Iterable[PayloadEdit], found: Mapping[int, Mending]) -> list[Edited]:
    """The edits of a letter, given newest first."""
    budget = Budget()
    return [
        Edited(
            each,
            rows(found[each.pk], budget) if each.pk in found else None,
            is_newest=not place,
            is_new_event=each.wire_id != letter.wire_id,
        )
        for place, each in enumerate(edits)
    ]


def rows(mending: Mending, budget: Budget | None = None) -> tuple[Row, ...]:
    """Header by header, then the body."""
    budget = budget or Budget()
    found = [Row(each.kind, each.name, _header(each, budget)) for each in mending.headers]
    if mending.body != "same":
        found.append(Row("changed", "", _body(mending, budget)))
    if mending.hidden:
        found.append(Row("changed", "", _hidden(mending.hidden)))
    return tuple(found)


def _header(change: HeaderChange, budget: Budget) -> SafeString:
    before, after = change.before, change.after
    if before is not None and before == after:
        return escape("Another hidden value.")
    if max(len(before or ""), len(after or "")) > LONGEST_MARKED:
        return escape(f"{len(before or ''):,} characters became {len(after or ''):,}; too long to be compared here.")
    if before is None or after is None:
        return odd.badged(marked("ins" if before is None else "del", after or before or ""))
    runs = words.compared(before, after, budget)
    if runs:
        return odd.badged(words.marks(runs, "del", "ins"))
    arrow = format_html('{} <span class="arrow">→</span> {}', marked("del", before), marked("ins", after))
    return odd.badged(arrow)


def _body(mending: Mending, budget: Budget) -> SafeString:
    if mending.body != "changed":
        return escape(BODIES[mending.body])
    found = lines.stretches(mending.before, mending.after, mending.language, budget)
    if all(line.is_same for stretch in found for line in stretch.lines):
        return escape("Only how its last line ends.")
    return odd.badged(lines.shown(found, apart=False, budget=budget, room=Room(sum(len(each.lines) for each in found))))


def _hidden(paths: tuple[str, ...]) -> SafeString:
    shown = ", ".join(paths[:10])
    more = f" and {len(paths) - 10:,} more" if len(paths) > 10 else ""
    return odd.badged(format_html("Another hidden value at <code>{}</code>{}.", shown, more))
