"""Schedules: cron, ISO 8601 intervals, or plain words; what they say, and when they come next."""

import heapq
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cron_descriptor import FormatError, Options, get_description
from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from ..record import base

__all__ = ["Schedule", "read"]

_FIELD = r"[0-9A-Za-z*/,#?-]+"
_CRON = re.compile(rf"(?:cron\b:?\s*)?((?:{_FIELD}\s+){{4}}{_FIELD})", re.IGNORECASE)
_CRON_SIGNS = re.compile(
    r"(?:[0-9*/,#?-]|L|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)+"
)
_LONG_CRON = re.compile(r"[0-9*][0-9*/,-]*(?:\s+[0-9*?][0-9A-Za-z*/,#?-]*){5,6}")
_CRON_MEND = "Write minute, hour, day of the month, month, day of the week, such as 30 2 * * *."
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ZONE = re.compile(r"(?:(?:CRON_)?TZ=)?\b([A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}|UTC|GMT)\b|(?<=\d)\s*(Z)\b")
_REPEATING = re.compile(r"(?:R(\d{0,6})/)?([^/\s]+)/(P[0-9A-Z]+)")
_LENGTH = re.compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:\d+[WD])?(?:T.*)?")
_CLOCK = re.compile(
    r"\b(?:at\s+)?(?:([01]?\d|2[0-3])(?::|\.|h)([0-5]\d)\s*(am|pm)?|(\d{1,2})\s*(am|pm)|(midnight|noon))\b"
)
_DAYS = {name: number for number, names in enumerate(
    ("sunday sun", "monday mon", "tuesday tue", "wednesday wed", "thursday thu", "friday fri", "saturday sat")
) for name in names.split()}  # fmt: skip
_DAY = r"(?:" + "|".join(sorted(_DAYS, key=len, reverse=True)) + r")"
_COUNTS = {"two": 2, "three": 3, "2": 2, "3": 3}
Moments = Callable[[datetime], Iterator[datetime]]
"""The times after a moment, all in UTC."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a schedule says. Not understood, it is words for people alone."""

    words: str = ""
    """In words, where the text itself is none."""
    is_understood: bool = True
    zone: str = ""
    is_by_clock: bool = False
    """Whether it names hours, so that the time zone matters."""
    wrong: tuple[tuple[str, str], ...] = ()
    """What cannot be, each with its mend."""
    runs: tuple[Moments, ...] = ()

    def after(self, moment: datetime, count: int = 3) -> list[datetime]:
        """The next times, in UTC."""
        found = heapq.merge(*(run(moment) for run in self.runs))
        return [each for each, _ in itertools.islice(itertools.groupby(found), count)]


@lru_cache(maxsize=256)
def read(text: str) -> Schedule:
    """What a schedule says: one or several, parted by semicolons; a time zone named once holds for all."""
    plain, zone, unknown = _zoned(text)
    if unknown:
        return Schedule(wrong=((f"{unknown} is no time zone", "Write one such as Europe/Amsterdam, or UTC."),))
    parts = [part for each in plain.split(";") if (part := re.sub(r"^(?:also|and)\s+", "", each.strip(" ,.")))]
    found = [_part(each, ZoneInfo(zone or "UTC")) for each in parts]
    if not found or not all(each.is_understood for each in found):
        return Schedule(is_understood=False, zone=zone)
    return Schedule(
        "; ".join(each.words for each in found if each.words),
        zone=zone,
        is_by_clock=any(each.is_by_clock for each in found),
        wrong=tuple(itertools.chain.from_iterable(each.wrong for each in found)),
        runs=tuple(itertools.chain.from_iterable(each.runs for each in found)),
    )


def _zoned(text: str) -> tuple[str, str, str]:
    """The text without its time zone, the zone, and what looks like one and is none."""
    if _REPEATING.fullmatch(text.strip()):
        return text, "", ""
    zone = ""
    for found in _ZONE.finditer(text):
        name = found[1] or "UTC"
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return text, "", name
        zone = zone or name
    return _ZONE.sub("", text), zone, ""


def _part(text: str, zone: ZoneInfo) -> Schedule:
    plain = text.strip().strip("()")
    cron = _MACROS.get(plain.lower()) or ((found := _CRON.fullmatch(plain)) and found[1])
    if cron and all(_CRON_SIGNS.fullmatch(each.upper()) for each in cron.split()):
        return _cron(cron.upper(), zone)
    if _LONG_CRON.fullmatch(plain):
        return Schedule(wrong=((f"{plain[:60]} has more than five fields", _CRON_MEND),))
    if plain.startswith("P") or _REPEATING.fullmatch(plain):
        return _interval(plain)
    return _words(plain.lower(), zone)


# --- cron -------------------------------------------------------------------------------------------------------------


def _cron(expression: str, zone: ZoneInfo) -> Schedule:
    try:
        croniter(expression, datetime(2024, 1, 1)).get_next()  # noqa: DTZ001 - any moment will do
    except CroniterBadDateError:
        return Schedule(wrong=((f"{expression} never comes", "Choose days that the months have."),))
    except (CroniterBadCronError, ValueError, LookupError, TypeError, AttributeError):
        return Schedule(wrong=((f"{expression} is no cron expression", _CRON_MEND),))
    runs = (_by_cron(expression, zone),)
    return Schedule(_described(expression), is_by_clock=_names_hours(expression), runs=runs)


def _described(expression: str) -> str:
    options = Options()
    options.use_24hour_time_format = True
    options.verbose = True
    options.locale_code = "en_US"
    try:
        return str(get_description(expression, options))
    except (FormatError, ValueError, IndexError):
        return ""


def _names_hours(expression: str) -> bool:
    return not re.match(r"\S+ (?:\*|\*/\d+) \* \* \*$", expression)


def _by_cron(expression: str, zone: ZoneInfo, *, keeps: Callable[[datetime], bool] = lambda moment: True) -> Moments:
    def after(moment: datetime) -> Iterator[datetime]:
        # By the clock on the wall, so that an hour that comes twice counts once.
        ticks = croniter(expression, moment.astimezone(zone).replace(tzinfo=None))
        try:
            while True:
                tick: datetime = ticks.get_next(datetime)
                exact = tick.replace(tzinfo=zone).astimezone(UTC)
                if keeps(tick) and exact > moment:
                    yield exact
        except (CroniterBadDateError, OverflowError):
            return

    return after


# --- ISO 8601 ---------------------------------------------------------------------------------------------------------


def _interval(text: str) -> Schedule:
    """`PT15M`, `R/2026-01-01T02:30:00Z/P1D`."""
    mend = "Write an interval such as PT15M, or R/2026-01-31T02:30:00Z/P1D."
    found = _REPEATING.fullmatch(text)
    length = found[3] if found else text
    step = _step(length)
    if step is None:
        return Schedule(wrong=((f"{length[:40]} is no length of time", mend),))
    words = f"Every {_length_in_words(length)}"
    if not found:
        return Schedule(words, runs=_from_midnight(length))
    try:
        start = datetime.fromisoformat(found[2])
    except ValueError:
        return Schedule(wrong=((f"{found[2][:40]} is no moment", mend),))
    start = (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
    times = int(found[1]) if found[1] else None
    words += f" from {start:%d %b %Y, %H:%M} UTC" + (f", {times} times" if times else "")
    return Schedule(words, runs=(_repeating(start, length, times),))


def _step(length: str) -> tuple[int, timedelta] | None:
    """Months and the rest; None for what is no length, or none at all."""
    calendar = _LENGTH.fullmatch(length)
    if calendar is None:
        return None
    months = int(calendar[1] or 0) * 12 + int(calendar[2] or 0)
    rest = "P" + length[1:].replace(f"{calendar[1]}Y", "", 1) if calendar[1] else length
    rest = "P" + rest[1:].replace(f"{calendar[2]}M", "", 1) if calendar[2] else rest
    try:
        seconds = 0 if rest == "P" else base.seconds(rest)
        step = timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return (months, step) if months or step else None


def _length_in_words(length: str) -> str:
    found = _step(length)
    months, rest = found if found else (0, timedelta())
    years, months = divmod(months, 12)
    words = [f"{count} {unit}" if count == 1 else f"{count} {unit}s"
             for count, unit in ((years, "year"), (months, "month")) if count]  # fmt: skip
    if rest:
        words.append(base.in_words(f"PT{int(rest.total_seconds())}S"))
    return " ".join(words).removeprefix("1 ") if len(words) == 1 else " ".join(words)


def _from_midnight(length: str) -> tuple[Moments, ...]:
    """An interval without a beginning comes at whole hours and minutes where it divides them; else who knows when."""
    found = _step(length)
    minutes, rest = divmod(found[1].total_seconds(), 60) if found and not found[0] else (0, 1)
    if rest or not minutes or 1_440 % minutes:
        return ()
    midnight = datetime(2024, 1, 1, tzinfo=UTC)
    return (_repeating(midnight, length, None),)


def _repeating(start: datetime, length: str, times: int | None) -> Moments:
    def after(moment: datetime) -> Iterator[datetime]:
        months, step = _step(length) or (0, timedelta())
        about = max(months * 28 * 86_400 + step.total_seconds(), 1)
        first = max(int((moment - start).total_seconds() // (about * 1.12)) - 1, 0) if months else (
            max((moment - start) // step, 0))  # fmt: skip
        for count in itertools.count(first):
            if times is not None and count >= times:
                return
            try:
                exact = _moved(start, months * count) + step * count
            except (OverflowError, ValueError):
                return
            if exact > moment:
                yield exact

    return after


def _moved(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the last of a shorter month."""
    years, month = divmod(moment.month - 1 + months, 12)
    for day in range(moment.day, moment.day - 4, -1):
        try:
            return moment.replace(year=moment.year + years, month=month + 1, day=day)
        except ValueError:
            if day < 28:
                raise
    raise ValueError("no such month")


# --- words ------------------------------------------------------------------------------------------------------------


def _words(text: str, zone: ZoneInfo) -> Schedule:
    """`daily at 02:30`, `every 15 minutes`, `Mondays and Thursdays at 04:00`, `12:00 on the last day of a month`."""
    every = re.fullmatch(r"every\s+(?:(\d{1,4})\s+)?(minute|hour)s?", text)
    if every or text == "hourly":
        count, unit = (int(every[1] or 1), every[2]) if every else (1, "hour")
        runs = _from_midnight(f"PT{count}{'H' if unit == 'hour' else 'M'}") if count else ()
        return Schedule(runs=runs, is_understood=bool(count))
    clocks = [_clock(found) for found in _CLOCK.finditer(text)]
    days = re.sub(r"[\s,]+", " ", _CLOCK.sub(" ", text)).strip()
    days = re.sub(r"(?: and| at| on)+$|^(?:at|on|and) ", "", re.sub(r"^(?:and )+", "", days)).strip()
    rule = _day_rule(days)
    if rule is None or not clocks or None in clocks:
        return Schedule(is_understood=False)
    fields, keeps = rule
    runs = tuple(_by_cron(f"{clock[1]} {clock[0]} {fields}", zone, keeps=keeps) for clock in clocks if clock)
    return Schedule(is_by_clock=True, runs=runs)


def _clock(found: re.Match[str]) -> tuple[int, int] | None:
    if found[6]:
        return (0, 0) if found[6] == "midnight" else (12, 0)
    hour, minute, half = int(found[1] or found[4]), int(found[2] or 0), found[3] or found[5]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return (hour, minute)


DayRule = tuple[str, Callable[[datetime], bool]]
_EVERY_DAY = r"(?:daily|nightly|every day|each day|every night|each night|)"
_WORKING = r"(?:on |every |each )?(?:weekdays?|working days?|workdays?|business days?)"
_MONTH = r"(?:of )?(?:a|the|each|every)? ?month"


def _day_rule(text: str) -> DayRule | None:
    """Day of the month, month and day of the week as cron writes them, and a further condition."""
    if re.fullmatch(_EVERY_DAY, text):
        return "* * *", _always
    if re.fullmatch(_WORKING, text):
        return "* * 1-5", _always
    if re.fullmatch(r"(?:on |every |each )?weekends?", text):
        return "* * 0,6", _always
    if named := _named_days(text):
        return f"* * {named}", _always
    return _day_of_month(text)


def _named_days(text: str) -> str:
    """`every monday`, `mondays and thursdays`, `monday to friday` as cron's day of the week."""
    plain = re.sub(r"^(?:weekly )?(?:on )?(?:every |each )?", "", text)
    span = re.fullmatch(rf"({_DAY})s?(?: to |-| through )({_DAY})s?", plain)
    if span:
        first, last = _DAYS[span[1]], _DAYS[span[2]]
        return ",".join(str(each % 7) for each in range(first, first + (last - first) % 7 + 1))
    if not re.fullmatch(rf"{_DAY}s?(?:(?: and|,| or)* {_DAY}s?)*", plain):
        return ""
    return ",".join(str(_DAYS[each]) for each in re.findall(_DAY, plain))


def _day_of_month(text: str) -> DayRule | None:
    found = re.fullmatch(rf"(?:monthly )?(?:on )?(?:the )?last (?:(two|three|2|3) )?days? {_MONTH}", text)
    if found:
        count = _COUNTS.get(found[1] or "", 1)
        return "28-31 * *" if count == 1 else "26-31 * *", lambda day: (day + timedelta(days=count)).month != day.month
    found = re.fullmatch(rf"(?:monthly )?(?:on )?(?:the )?first day {_MONTH}|monthly", text)
    if found:
        return "1 * *", _always
    found = re.fullmatch(
        rf"(?:monthly )?(?:on )?(?:the )?(?:day )?(\d{{1,2}})(?:st|nd|rd|th)?(?: day)?(?: {_MONTH})?", text
    )
    if found and 1 <= int(found[1]) <= 31:
        return f"{int(found[1])} * *", _always
    return None


def _always(day: datetime) -> bool:
    return True
