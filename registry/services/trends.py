"""How it went, hour by hour, and whether it becomes more. Each in one statement, however much there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from registry.models import GroupHour

DAY = 24
HOUR = timedelta(hours=1)
MUCH = 1.5
"""So many times as many as the day before are more, and not just a few more."""


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


def hour_of(moment: datetime) -> datetime:
    """The hour it lies in, as hours are counted by."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
