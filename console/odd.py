"""Text from outside, made visible: what steers a terminal or turns a line around is shown by its number instead."""

import itertools
import re
import unicodedata

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

MOST_BADGES = 2_000
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd]"
)


def visible(text: str) -> SafeString:
    """The text, escaped, with a badge for each character that cannot be seen or does something; after many, a dot."""
    parts: list[str] = []
    end = 0
    for found in itertools.islice(_ODD.finditer(text), MOST_BADGES):
        parts += [escape(text[end : found.start()]), _badge(found[0])]
        end = found.end()
    parts.append(escape(_ODD.sub("·", text[end:])))
    return mark_safe("".join(parts))  # noqa: S308 - every part was escaped


def _badge(character: str) -> SafeString:
    number = f"U+{ord(character):04X}"
    name = "a byte that is no character" if character == "\ufffd" else unicodedata.name(character, "control").lower()
    return format_html('<span class="odd" title="{}">{}</span>', name, number)
