"""Small charts, drawn here as SVG: a bar for each minute, what failed in it darker, and the same in words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from registry.services.board import Traffic
from registry.services.trends import DAY, Trend

STEP, BAR, HEIGHT = 4, 3, 40
ARROWS = {"rising": "\N{BLACK UP-POINTING TRIANGLE}", "falling": "\N{BLACK DOWN-POINTING TRIANGLE}", "steady": "="}
Bar = tuple[str, int, float, int, float]


def last_hour(traffic: Traffic) -> SafeString:
    """Calls of the last hour; a reader by ear hears the sums."""
    busiest = max((each["calls"] for each in traffic.minutes), default=0)
    calls, failures = traffic.total("calls"), traffic.total("failures")
    words = f"{calls:,} calls in the last hour, {failures:,} failed; {busiest:,} in the busiest minute"
    return _drawn(words, len(traffic.minutes), _bars(traffic, max(busiest, 1)))


def depths(hours: Sequence[tuple[datetime, int]]) -> SafeString | str:
    """How much lay there, hour by hour; "" where nobody looked yet."""
    if not hours:
        return ""
    most = max(count for _, count in hours)
    words = f"{hours[-1][1]:,} in the last hour; at most {most:,} in the {len(hours)} hours before"
    return _drawn(
        words, len(hours), (_bar("calls", place, count, most) for place, (_, count) in enumerate(hours) if count)
    )


def trend(of: Trend) -> SafeString:
    """Two days of a group, hour by hour, and beside it in words whether it becomes more."""
    if of.course == "quiet":
        return format_html('<span class="soft">{}</span>', "Quiet for two days")
    most = max(of.hours)
    bars = (_bar("calls" if hour >= DAY else "past", hour, count, most) for hour, count in enumerate(of.hours) if count)
    return format_html(
        '{}<p class="small"><span class="trend is-{}"><span aria-hidden="true">{}</span> {}</span> '
        '<span class="soft">{}</span></p>',
        _drawn("", len(of.hours), bars),
        of.course,
        ARROWS[of.course],
        of.course.capitalize(),
        f"{of.last_day:,} in the last day, {of.day_before:,} the day before",
    )


def _bars(traffic: Traffic, busiest: int) -> Iterator[Bar]:
    for place, minute in enumerate(traffic.minutes):
        for css, count in (("calls", minute["calls"]), ("failures", min(minute["failures"], minute["calls"]))):
            if count:
                yield _bar(css, place, count, busiest)


def _bar(css: str, place: int, count: int, most: int) -> Bar:
    tall = max(1.0, round(count / most * HEIGHT, 1))
    return css, place * STEP, HEIGHT - tall, BAR, tall


def _drawn(words: str, places: int, bars: Iterable[Bar]) -> SafeString:
    """Without words where they stand beside it."""
    said = format_html('role="img" aria-label="{}"', words) if words else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" {} preserveAspectRatio="none">'
        '<path class="ground" d="M0 {}h{}"/>{}</svg>',
        places * STEP,
        HEIGHT + 1,
        said,
        HEIGHT + 0.5,
        places * STEP,
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', bars),
    )
