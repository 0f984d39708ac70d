"""Small charts, drawn here as SVG: a bar for each minute, what failed in it darker, and the same in words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from registry.services.board import Traffic
from registry.services.trends import DAY, LEVEL_HOURS, Level, Trend

STEP, BAR, HEIGHT = 4, 3, 40
ARROWS = {"rising": "\N{BLACK UP-POINTING TRIANGLE}", "falling": "\N{BLACK DOWN-POINTING TRIANGLE}", "steady": "="}
Bar = tuple[str, int, float, int, float]


def last_hour(traffic: Traffic) -> SafeString:
    """Calls of the last hour; a reader by ear hears the sums."""
    busiest = max((each["calls"] for each in traffic.minutes), default=0)
    calls, failures = traffic.total("calls"), traffic.total("failures")
    words = f"{calls:,} calls in the last hour, {failures:,} failed; {busiest:,} in the busiest minute"
    return _drawn(words, len(traffic.minutes), _bars(traffic, max(busiest, 1)))


def depths(levels: Sequence[Level]) -> SafeString | str:
    """How much lay there, hour by hour for three days; "" where nobody looked."""
    if not levels:
        return ""
    most = max(each.most for each in levels)
    words = f"{levels[-1].most:,} when last counted; at most {most:,} in three days"
    return _drawn(words, LEVEL_HOURS, (_level(each, each.most, most) for each in levels if each.most))


def ages(levels: Sequence[Level]) -> SafeString | str:
    """How old the oldest was, hour by hour for three days; "" where no broker said so."""
    known = [(each, each.oldest) for each in levels if each.oldest and each.oldest > timedelta(0)]
    if not known:
        return ""
    most = max(age for _, age in known)
    words = f"The oldest was {_in_words(known[-1][1])} old when last looked at; at most {_in_words(most)} in three days"
    bars = (_level(each, age.total_seconds(), most.total_seconds()) for each, age in known)
    return _drawn(words, LEVEL_HOURS, bars)


def day(counts: Sequence[int | None]) -> SafeString | str:
    """How much lay somewhere, hour by hour for a day; "" where it was never counted."""
    known = [each for each in counts if each is not None]
    if not known:
        return ""
    most = max(known)
    words = f"In the last day from {known[0]:,} to {known[-1]:,}, at most {most:,}"
    return _drawn(words, len(counts), (_bar("calls", hour, each, most) for hour, each in enumerate(counts) if each))


def share(count: int, most: int) -> SafeString:
    """A bar lying beside its number, which says it in words."""
    return format_html(
        '<svg class="share" viewBox="0 0 100 10" aria-hidden="true" preserveAspectRatio="none">'
        '<rect class="calls" width="{}" height="10"/></svg>',
        max(1, round(100 * count / most)) if count else 0,
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


def _level(at: Level, height: float, most: float) -> Bar:
    return _bar("calls", LEVEL_HOURS - 1 - at.hours_ago, height, most)


def _in_words(age: timedelta) -> str:
    now = timezone.now()
    return timesince(now - age, now, depth=1)


def _bar(css: str, place: int, count: float, most: float) -> Bar:
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
