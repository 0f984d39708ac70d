"""Small drawings that stand beside a word. They take the colour of the text; the word says what they mean."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_STROKED = mark_safe(
    'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
)
_SHAPES = {
    "brand": '<circle cx="3.5" cy="8" r="2.25"/><circle cx="12.5" cy="8" r="2.25"/><path d="M5.75 8h4.5"/>',
    "done": '<circle cx="8" cy="8" r="6.5"/><path d="m5 8.25 2.1 2.1L11 6"/>',
    "warning": '<path d="M8 1.75 14.75 13.5H1.25Z"/><path d="M8 6.25v3.25M8 11.5v.01"/>',
    "error": '<path d="M5.25 1.5h5.5l3.75 3.75v5.5l-3.75 3.75h-5.5L1.5 10.75v-5.5Z"/><path d="M8 4.75V8.5M8 11v.01"/>',
    "hint": '<circle cx="8" cy="8" r="6.5"/><path d="M8 7.5v3.5M8 5v.01"/>',
    "outline": '<circle cx="8" cy="8" r="5.5"/>',
    "dashed": '<circle cx="8" cy="8" r="5.5" stroke-dasharray="2.6 2.9"/>',
    "half": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11Z" fill="currentColor"/>',
    "full": '<circle cx="8" cy="8" r="5.5" fill="currentColor"/>',
    "past": '<circle cx="8" cy="8" r="5.5"/><path d="M5.25 8h5.5"/>',
    "cross": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "triangle": '<path d="M8 2.5 14 13H2Z"/>',
    "up": '<path d="M8 13V3.5M4 7.25 8 3.25l4 4"/>',
    "down": '<path d="M8 3v9.5M4 8.75l4 4 4-4"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 2.5H4A1.5 1.5 0 0 0 2.5 4v6.5"/>',
    "lock": '<rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5.25 7V5a2.75 2.75 0 0 1 5.5 0v2"/>',
    "bell": '<path d="M3.5 11.5h9l-1-1.5V7a3.5 3.5 0 0 0-7 0v3ZM6.75 13.75h2.5"/>',
    "edit": '<path d="m10.5 3 2.5 2.5L5.5 13l-3.25.75L3 10.5Z"/>',
}
_LEVELS = ("low", "medium", "high", "critical")


def icon(name: str) -> SafeString:
    """The drawing called `name`; it is hidden from readers of the page by ear."""
    shape = mark_safe(_SHAPES[name])  # noqa: S308 - our own constant
    return format_html(
        '<svg class="icon" viewBox="0 0 16 16" {} aria-hidden="true">{}</svg>',
        _STROKED,
        shape,
    )


def bars(level: str) -> SafeString:
    """Four bars, as many of them full as the level is high."""
    full = _LEVELS.index(level) + 1 if level in _LEVELS else 0
    drawn = format_html_join(
        "",
        '<rect x="{}" y="{}" width="3.5" height="{}" rx=".75" fill="currentColor" opacity="{}"/>',
        ((place * 5, 9 - place * 3, 3 + place * 3, 1 if place < full else 0.25) for place in range(4)),
    )
    return format_html('<svg viewBox="0 0 19 12" aria-hidden="true">{}</svg>', drawn)
