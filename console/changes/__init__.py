"""How one difference of two records is marked: words in prose, lines in source text, values in whole items."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from console.changes import lines, words
from console.changes.alignment import Budget, Run, aligned, now, was
from console.changes.html import Room, joined, marked, plain
from console.changes.items import is_item, item
from registry.diff import Change
from registry.diff.consequence import ratio

FEWEST_WORDS = 3
"""A shorter text is read faster than its marks."""


REFORMATTED = mark_safe('<span class="soft">Laid out otherwise; it says the same.</span>')


class Cells(NamedTuple):
    """A change as HTML: in one piece, or what was and what is apart."""

    whole: SafeString = SafeString()
    old: SafeString = SafeString()
    new: SafeString = SafeString()


class Marker:
    """Marks the changes of one page, within the time and the room that a page has."""

    def __init__(self, *, apart: bool = False) -> None:
        self.apart = apart
        self.budget = Budget()
        self.room = Room()

    def cells(self, change: Change) -> Cells:
        """The change, marked."""
        before, after = change.before, change.after
        if change.kind == "moved":
            return Cells(format_html("From place {} to place {}", before, after))
        if change.kind == "reformatted":
            return Cells(REFORMATTED)
        if change.language:
            found = lines.stretches(before or "", after or "", change.language, self.budget)
            return Cells(lines.shown(found, apart=self.apart, budget=self.budget, room=self.room))
        if isinstance(before, str) and isinstance(after, str) and change.widget in ("prose", "line"):
            return self._text(before, after)
        if isinstance(before, list) and isinstance(after, list) and not is_item(before) and not is_item(after):
            return self._list(before, after, change.unit)
        return self._value(before, after, change)

    def _value(self, before: Any, after: Any, change: Change) -> Cells:
        if before in (None, [], {}):
            return self._one_sided("ins", after, change)
        if after in (None, [], {}):
            return self._one_sided("del", before, change)
        old, new = (plain(each, change.unit, change.widget) for each in (before, after))
        old, new = marked("del", old), marked("ins", new)
        factor = ratio(before, after) if _is_number(before) and _is_number(after) else ""
        return self._both(old, format_html('{} <span class="ratio">{}</span>', new, factor) if factor else new)

    def _one_sided(self, mark: str, value: Any, change: Change) -> Cells:
        if isinstance(value, dict):
            # Its name stands before it.
            name = change.label.split(" › ")[-1]
            value = {key: each for key, each in value.items() if each != name} or value
        if is_item(value):
            return Cells(item("is-added" if mark == "ins" else "is-removed", value, self.room))
        shown = format_html('<div class="text">{}</div>', marked(mark, plain(value, change.unit, change.widget)))
        if not self.apart:
            return Cells(shown)
        return Cells(old=shown) if mark == "del" else Cells(new=shown)

    def _both(self, old: SafeString, new: SafeString) -> Cells:
        return (
            Cells(old=old, new=new)
            if self.apart
            else Cells(format_html('{} <span class="arrow">→</span> {}', old, new))
        )

    def _text(self, before: str, after: str) -> Cells:
        is_short = "\n" not in before + after and len(before.split()) + len(after.split()) < 2 * FEWEST_WORDS
        runs = [] if is_short else words.compared(before, after, self.budget)
        if not runs:
            return self._both(marked("del", before), marked("ins", after))
        if not self.apart:
            return Cells(_text(words.marks(runs, "del", "ins", folds=True)))
        old, new = (words.marks(each, "del", "ins", folds=True) for each in (was(runs), now(runs)))
        return Cells(old=_text(old), new=_text(new))

    def _list(self, before: list[Any], after: list[Any], unit: str) -> Cells:
        runs = aligned([plain(each, unit) for each in before], [plain(each, unit) for each in after], self.budget)
        if not self.apart:
            return Cells(joined(_elements(runs), ", "))
        return Cells(old=joined(_elements(was(runs)), ", "), new=joined(_elements(now(runs)), ", "))


def _text(pieces: SafeString) -> SafeString:
    return format_html('<div class="text">{}</div>', pieces)


def _elements(runs: Iterable[Run]) -> Iterator[SafeString]:
    for run in runs:
        if run.is_equal:
            yield from (marked("", each) for each in run.new)
        else:
            yield from (marked("del", each) for each in run.old)
            yield from (marked("ins", each) for each in run.new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
