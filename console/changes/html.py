"""The smallest pieces of a marked change. Whatever somebody typed is escaped here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from registry.record import base, labels


@dataclass(slots=True)
class Room:
    """Lines that a page still has room for."""

    left: int = 3_000


def plain(value: Any, unit: str = "", widget: str = "") -> str:
    """A value, or a list of values, as people read it; a choice and a duration in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(plain(each, unit, widget) for each in value)
    if widget == "choice":
        return labels.choice(value)
    if widget == "duration":
        return base.in_words(value)
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def marked(mark: str, text: str) -> SafeString:
    """Text within an element of ours; "" is none."""
    return format_html("<{0}>{1}</{0}>", mark_safe(mark), text) if mark else format_html("{}", text)  # noqa: S308


def joined(pieces: Iterable[SafeString], between: str = "") -> SafeString:
    """Pieces that were escaped, one after the other."""
    return mark_safe(between.join(pieces))  # noqa: S308
