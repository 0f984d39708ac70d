"""Text from outside, made visible: what steers a terminal or turns a line around is shown by its number instead."""

import itertools
import re
import unicodedata

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

MOST_BADGES = 2_000
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
