"""How it went, hour by hour, and whether it becomes more. Each in one statement, however much there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import F, Max
from django.db.models.functions import Coalesce, TruncHour
from django.utils import timezone

from registry.models import DeadLetterSource, GroupHour

DAY = 24
LEVEL_HOURS = 72
HOUR = timedelta(hours=1)
MUCH = 1.5
"""So many times as many as the day before are more, and not just a few more."""

# One reading for each hour is looked up, instead of reading the sixty there are, for hundreds of sources.
_DEPTHS = """
    SELECT source, array(
        SELECT (SELECT messages FROM registry_depthreading WHERE source_id = source
            AND minute >= hour AND minute < hour + interval '1 hour' ORDER BY minute DESC LIMIT 1)
        FROM generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') hour ORDER BY hour
    ) FROM unnest(%s::bigint[]) source
"""


@dataclass(frozen=True, slots=True)
class Level:
    """What lay at a source in one hour."""

    hours_ago: int
    most: int
    oldest: timedelta | None
    """How old the oldest was at most; None where its broker does not say."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How many died in each hour of two days, the newest last."""

    hours: tuple[int, ...] = (0,) * 2 * DAY

    @property
    def last_day(self) -> int:
        return sum(self.hours[DAY:])

    @property
    def day_before(self) -> int:
        return sum(self.hours[:DAY])

    @property
    def course(self) -> str:
        """rising, falling, steady, or quiet where nothing died."""
        last, before = self.last_day, self.day_before
        if last == before:
            return "steady" if last else "quiet"
        if last >= before * MUCH:
            return "rising"
        return "falling" if last * MUCH <= before else "steady"


def of_groups(groups: Iterable[int]) -> dict[int, Trend]:
    """The trend of each of these groups."""
    keys = list(groups)
    newest = hour_of(timezone.now())
    counts = {key: [0] * 2 * DAY for key in keys}
    found = GroupHour.objects.filter(group__in=keys, hour__gt=newest - 2 * DAY * HOUR, hour__lte=newest)
    for key, hour, count in found.values_list("group", "hour", "letters"):
        counts[key][-1 - (newest - hour) // HOUR] = count
    return {key: Trend(tuple(hours)) for key, hours in counts.items()}


def of_source(source: DeadLetterSource) -> list[Level]:
    """Three days of a source by hour, the newest last, without hours in which nobody looked."""
    newest = hour_of(timezone.now())
    readings = source.readings.filter(minute__gte=newest - (LEVEL_HOURS - 1) * HOUR)
    hours = readings.annotate(hour=TruncHour("minute", tzinfo=UTC)).values("hour").order_by("hour")
    found = hours.annotate(most=Max("messages"), oldest=Max(F("minute") - Coalesce("oldest_at", "open_since")))
    levels = found.values_list("hour", "most", "oldest")
    return [Level((newest - hour) // HOUR, most, oldest) for hour, most, oldest in levels]


def depths(sources: Iterable[int]) -> dict[int, list[int | None]]:
    """How much lay at each of these sources at the end of each hour of a day, the newest last."""
    newest = hour_of(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_DEPTHS, [newest - (DAY - 1) * HOUR, newest, list(sources)])
        return dict(cursor.fetchall())


def hour_of(moment: datetime) -> datetime:
    """The hour it lies in, as hours are counted by."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
