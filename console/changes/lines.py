"""How two pieces of source text differ, line by line. JSON is laid out first, its names in one order in both."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from console.changes import words
from console.changes.alignment import Budget, aligned, now, was
from console.changes.html import Room, joined
from registry.record.findings import InvalidRecord
from registry.untrusted import parse_untrusted

CONTEXT = 3
"""Unchanged lines shown around what changed; the rest can be unfolded."""


class Line(NamedTuple):
    """A line of either text, or of both; None where one text has none. Lines are counted from 1."""

    old_number: int | None
    old: str | None
    new_number: int | None
    new: str | None

    @property
    def is_same(self) -> bool:
        return self.old_number is not None and self.new_number is not None and self.old == self.new


class Stretch(NamedTuple):
    """Lines that belong together: around a change, or unchanged and folded."""

    is_folded: bool
    lines: list[Line]


def stretches(before: str, after: str, language: str, budget: Budget) -> list[Stretch]:
    """Both texts from the first line to the last."""
    old, new = laid_out(before, after) if language == "json" else (before, after)
    lines = list(_lines(_split(old), _split(new), budget))
    return list(_folded(lines))


def _split(text: str) -> list[str]:
    """Its lines. Characters that other programs take for the end of one stay where they are, to be seen."""
    return text.removesuffix("\n").split("\n") if text else []


def laid_out(before: str, after: str) -> tuple[str, str]:
    """Two JSON texts, one value a line; the names of the old one in the order of the new. Other texts as they are."""
    try:
        old = parse_untrusted(before) if before else None
        new = parse_untrusted(after) if after else None
    except InvalidRecord:
        return before, after
    return _written(_in_order_of(new, old)) if before else "", _written(new) if after else ""


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _in_order_of(model: Any, value: Any) -> Any:
    if isinstance(model, list) and isinstance(value, list):
        return [_in_order_of(model[i] if i < len(model) else None, each) for i, each in enumerate(value)]
    if not isinstance(model, dict) or not isinstance(value, dict):
        return value
    own = [name for name in value if name not in model]
    return {name: _in_order_of(model.get(name), value[name]) for name in [*(n for n in model if n in value), *own]}


def _lines(old: list[str], new: list[str], budget: Budget) -> Iterator[Line]:
    at = place = 0
    for run in aligned(old, new, budget):
        for i in range(max(len(run.old), len(run.new))):
            here, there = i < len(run.old), i < len(run.new)
            yield Line(
                at + i + 1 if here else None,
                run.old[i] if here else None,
                place + i + 1 if there else None,
                run.new[i] if there else None,
            )
        at, place = at + len(run.old), place + len(run.new)


def _folded(lines: list[Line]) -> Iterator[Stretch]:
    changed = [place for place, each in enumerate(lines) if not each.is_same]
    shown = {near for place in changed for near in range(place - CONTEXT, place + CONTEXT + 1)}
    begun = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or (place in shown) != (begun in shown):
            # A single line takes no more room than the words that would stand for it.
            yield Stretch(begun not in shown and place - begun > 1, lines[begun:place])
            begun = place


# --- as HTML ----------------------------------------------------------------------------------------------------------


def shown(found: Sequence[Stretch], *, apart: bool, budget: Budget, room: Room) -> SafeString:
    """The stretches below each other, both texts beside each other (`apart`) or one within the other."""
    pieces, left_out = [], 0
    for stretch in found:
        fitting = stretch.lines[: room.left]
        room.left -= len(fitting)
        left_out += len(stretch.lines) - len(fitting)
        if fitting:
            rows = joined(_apart(fitting, budget) if apart else _within(fitting, budget))
            pieces.append(_folded_away(len(fitting), rows) if stretch.is_folded else rows)
    if left_out:
        pieces.append(format_html('<p class="more">{} more lines; the document has them all.</p>', f"{left_out:,}"))
    layout = mark_safe("is-apart" if apart else "is-within")  # noqa: S308 - our own words
    return format_html('<div class="lines {}">{}</div>', layout, joined(pieces))


def _folded_away(count: int, rows: SafeString) -> SafeString:
    return format_html("<details><summary>{} unchanged lines</summary>{}</details>", f"{count:,}", rows)


def _apart(lines: Sequence[Line], budget: Budget) -> Iterator[SafeString]:
    for line in lines:
        if line.is_same:
            sides = (line.old_number, line.old, line.new_number, line.new)
            yield format_html(
                '<div class="line is-same"><i>{}</i><code>{}</code><i>{}</i><code>{}</code></div>', *sides
            )
        else:
            yield format_html('<div class="line">{}{}</div>', *_marks(line, budget))


def _within(lines: Sequence[Line], budget: Budget) -> Iterator[SafeString]:
    """Of each changed stretch first what went, then what came."""
    went: list[SafeString] = []
    came: list[SafeString] = []
    for line in lines:
        if line.is_same:
            yield from [*went, *came]
            went, came = [], []
            yield format_html('<div class="line is-same"><i>{}</i><code>{}</code></div>', line.new_number, line.new)
            continue
        old, new = _marks(line, budget)
        went += [format_html('<div class="line">{}</div>', old)] if line.old is not None else []
        came += [format_html('<div class="line">{}</div>', new)] if line.new is not None else []
    yield from [*went, *came]


def _marks(line: Line, budget: Budget) -> tuple[SafeString, SafeString]:
    old, new = format_html("{}", line.old or ""), format_html("{}", line.new or "")
    if line.old is not None and line.new is not None:
        if runs := words.compared(line.old, line.new, budget):
            old, new = words.marks(was(runs), "b", ""), words.marks(now(runs), "", "b")
    return _side("del", line.old_number, old), _side("ins", line.new_number, new)


def _side(mark: str, number: int | None, text: SafeString) -> SafeString:
    if number is None:
        return mark_safe('<i class="is-none"></i><code class="is-none"></code>')
    return format_html("<i>{1}</i><code><{0}>{2}</{0}></code>", mark_safe(mark), number, text)  # noqa: S308 - ours
