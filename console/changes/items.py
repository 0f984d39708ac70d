"""A whole item that was added or removed: a line for each of its values."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.changes.html import Room, plain
from registry.record import labels

LONGEST_ROW = 160
MOST_VALUES = 12
"""Values that are shown at once; the others can be unfolded while the page has room."""


def is_item(value: Any) -> bool:
    """Whether a value has values of its own."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def item(kind: str, value: Any, room: Room) -> SafeString:
    """The item; `kind` is its class."""
    values = _values(value, "")
    shown, folded = list(islice(values, MOST_VALUES)), list(islice(values, room.left))
    room.left -= len(folded)
    more = sum(1 for _ in values)
    if not folded and not more:
        return _pairs(shown, kind)
    left_out = format_html('<p class="more">{} are left out; the document has them.</p>', f"{more:,}") if more else ""
    return format_html(
        '{}<details class="fold"><summary>{} more values</summary><div>{}{}</div></details>',
        _pairs(shown, kind),
        f"{len(folded) + more:,}",
        _pairs(folded, kind),
        left_out,
    )


def _pairs(values: Sequence[tuple[str, str]], kind: str) -> SafeString:
    rows = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", values)
    return format_html('<dl class="pairs small {}">{}</dl>', kind, rows)


def _values(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, f"{name}, {labels.field(key).lower()}" if name else labels.field(key))
    elif is_item(value):
        for place, inner in enumerate(value, start=1):
            yield from ([(f"{name} {place}", _row(inner))] if _is_row(inner) else _values(inner, f"{name} {place}"))
    else:
        yield name, plain(value)


def _is_row(value: Any) -> bool:
    """Whether an item is short enough for one line."""
    return (
        isinstance(value, dict)
        and all(not isinstance(each, dict | list) for each in value.values())
        and (sum(len(str(each)) for each in value.values()) < LONGEST_ROW)
    )


def _row(value: dict[str, Any]) -> str:
    return " · ".join(
        (labels.field(key).lower() if each else f"not {labels.field(key).lower()}")
        if isinstance(each, bool)
        else plain(each)
        for key, each in value.items()
    )
