"""Text from outside, made visible: what steers a terminal or turns a line around is shown by its number instead."""

import itertools
import re
import unicodedata

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

MOST_BADGES = 2_000
MOST_TOLD = 8
MOST_PLACES = 5
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffd]"
)


def visible(text: str) -> SafeString:
    """The text, escaped, with a badge for each character that cannot be seen or does something; after many, a dot."""
    return badged(escape(text))


def badged(html: SafeString) -> SafeString:
    """The same of text that is escaped already, between elements that hold no such character themselves."""
    parts: list[str] = []
    end = 0
    for found in itertools.islice(_ODD.finditer(html), MOST_BADGES):
        parts += [html[end : found.start()], _badge(found[0])]
        end = found.end()
    parts.append(_ODD.sub("·", html[end:]))
    return mark_safe("".join(parts))  # noqa: S308 - it was escaped, and the badges are


def noticed(text: str) -> SafeString:
    """Which of them a text holds, and where, in words; "" if none. For fields, which show characters as they are."""
    places: dict[str, list[int]] = {}
    for found in itertools.islice(_ODD.finditer(text), MOST_BADGES):
        places.setdefault(found[0], []).append(found.start())
    told = [_told(text, each, at) for each, at in itertools.islice(places.items(), MOST_TOLD)]
    more = format_html(", and others") if len(places) > MOST_TOLD else ""
    return format_html("Contains {}{}.", mark_safe(", ".join(told)), more) if told else SafeString()  # noqa: S308


def named(text: str) -> str:
    """The text where no badge can stand: each such character by its number."""
    return _ODD.sub(lambda found: f"⟨{_number(found[0])}⟩", text)


def _told(text: str, character: str, at: list[int]) -> SafeString:
    word, numbers = "character", [place + 1 for place in at]
    if "\n" in text.strip("\n"):
        word, numbers = "line", list(dict.fromkeys(text.count("\n", 0, place) + 1 for place in at[:MOST_PLACES]))
    listed = ", ".join(f"{each:,}" for each in numbers[:MOST_PLACES])
    more = f" and {len(at) - MOST_PLACES:,} more times" if len(at) > MOST_PLACES else ""
    where = f"{word}{'s' if len(numbers) > 1 else ''} {listed}{more}"
    return format_html("<code>{}</code> ({}) at {}", _number(character), _name(character), where)


def _badge(character: str) -> SafeString:
    return format_html('<span class="odd" title="{}">{}</span>', _name(character), _number(character))


def _number(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(character: str) -> str:
    if character == "\ufffd":
        return "a byte that is no character"
    if "\ud800" <= character <= "\udfff":
        return "half a character"
    return unicodedata.name(character, "control").lower()
