"""Colours for source text: keys, strings, numbers, words, comments. Enough for JSON, Protocol Buffers and GraphQL."""

import json
import re

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

LONGEST_COLOURED = 40_000
_TOKENS = re.compile(
    r"""(?P<k>"(?:\\.|[^"\\\n])*"(?=\s*:))"""
    r"""|(?P<s>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<c>//[^\n]*|/\*.*?\*/|\#[^\n]*)"""
    r"""|(?P<w>\b(?:true|false|null|service|rpc|returns|message|enum|repeated|optional|stream|oneof|syntax|package"""
    r"""|import|type|query|mutation|subscription|input|interface|scalar|union|extend|schema|option)\b)"""
    r"""|(?P<n>(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)""",
    re.DOTALL,
)


def coloured(text: str, language: str) -> SafeString:
    """`text` escaped, its words in <span>s; JSON is laid out first where it can be read."""
    if language == "json":
        text = _laid_out(text)
    if len(text) > LONGEST_COLOURED:
        return conditional_escape(text)
    pieces, end = [], 0
    for match in _TOKENS.finditer(text):
        pieces.append(conditional_escape(text[end : match.start()]))
        pieces.append(format_html('<span class="{}">{}</span>', match.lastgroup, match[0]))
        end = match.end()
    pieces.append(conditional_escape(text[end:]))
    return mark_safe("".join(pieces))  # noqa: S308 - every piece was escaped


def _laid_out(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
