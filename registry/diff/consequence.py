"""One thing that a change comes to, and how its numbers are said."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..record import base, labels

Verdict = Literal["better", "worse", "neutral"]
OPPOSITE: dict[Verdict, Verdict] = {"better": "worse", "worse": "better", "neutral": "neutral"}
MOST_NAMED = 5
NEVER = math.inf
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What it is about, what of it, and how that was and is; better or worse only where nobody could say otherwise."""

    about: str
    what: str
    before: str = ""
    after: str = ""
    ratio: str = ""
    verdict: Verdict = "neutral"
    note: str = ""
    path: str = ""
    """The field or item it comes from."""

    def __str__(self) -> str:
        values = " → ".join(filter(None, (self.before, self.after)))
        ratio = f"({self.ratio})" if self.ratio else ""
        sentence = " ".join(filter(None, (self.what, values, ratio)))
        return "".join((f"{self.about}: {sentence}", f"; {self.note}" if self.note else ""))


def ratio(was: float | None, now: float | None) -> str:
    """How much it grew or shrank: +50 %, −20 %, × 3."""
    if not was or not now or NEVER in (was, now):
        return ""
    factor, sign = now / was, "+" if now > was else "−"
    if 0.5 <= factor < 2:
        percent = abs(factor - 1) * 100
        return f"{sign}{percent:.0f} %" if percent >= 1 else f"{sign}{percent:.1g} %"
    if factor < 0.5:
        return f"× {factor:.2g}"
    return f"× {factor:,.0f}" if factor >= 10 else f"× {factor:.1f}".removesuffix(".0")


def quantity(
    about: str,
    what: str,
    was: float | None,
    now: float | None,
    *,
    show: Callable[[float], str],
    path: str,
    more_is: Verdict = "neutral",
    note: str = "",
) -> Iterator[Consequence]:
    """A number that differs; None is not stated, NEVER beyond all numbers and always worse."""
    if was == now:
        return
    before, after = (_shown(each, show) for each in (was, now))
    verdict: Verdict = "neutral"
    if was is not None and now is not None:
        more_is = "worse" if NEVER in (was, now) else more_is
        verdict = more_is if now > was else OPPOSITE[more_is]
    yield Consequence(about, what, before, after, ratio(was, now), verdict, note, path)


def span(
    about: str,
    what: str,
    was: str | None,
    now: str | None,
    *,
    path: str,
    longer_is: Verdict = "neutral",
    note: str = "",
) -> Iterator[Consequence]:
    """An ISO 8601 duration that differs."""
    lengths = (None if each is None else base.seconds(each) for each in (was, now))
    return quantity(about, what, *lengths, show=_in_words, path=path, more_is=longer_is, note=note)


def text(
    about: str, what: str, was: str | None, now: str | None, *, path: str, note: str = ""
) -> Iterator[Consequence]:
    """Words or a name that differ."""
    if was != now:
        yield Consequence(about, what, was or NOT_STATED, now or NOT_STATED, note=note, path=path)


def choice(
    about: str, what: str, was: str | bool | None, now: str | bool | None, *, path: str
) -> Iterator[Consequence]:
    """A choice, or yes and no, that differs."""
    return text(about, what, *(None if each is None else said(each) for each in (was, now)), path=path)


def lists(
    about: str, come: str, gone: str, was: Sequence[Any], now: Sequence[Any], *, path: str
) -> Iterator[Consequence]:
    """What is new in a list, and what left it."""
    if new := [str(each) for each in now if each not in was]:
        yield Consequence(about, f"{come} {named(new)}", path=path)
    if old := [str(each) for each in was if each not in now]:
        yield Consequence(about, f"{gone} {named(old)}", path=path)


def _shown(value: float | None, show: Callable[[float], str]) -> str:
    if value is None:
        return NOT_STATED
    return "never" if value == NEVER else show(value)


def _in_words(seconds: float) -> str:
    return base.in_words(f"PT{int(seconds)}S")


def crossed(wrong: tuple[bool, bool], begins: str, ceases: str, path: str, about: str = "") -> Iterator[Consequence]:
    """What was not wrong and is now, or was and is no longer."""
    was, now = wrong
    if now and not was:
        yield Consequence(about, begins, verdict="worse", path=path)
    elif was and not now:
        yield Consequence(about, ceases, verdict="better", path=path)


def time(ms: float) -> str:
    """Milliseconds as people read them."""
    if ms < 1_000:
        return f"{ms:g} ms"
    return f"{ms / 1_000:g} s" if ms < 120_000 else base.in_words(f"PT{round(ms / 1_000)}S")


def count(number: float) -> str:
    return f"{number:,}"


def named(names: Iterable[str]) -> str:
    """`a, b, c`; of many only the first, and how many more."""
    found = list(names)
    more = len(found) - MOST_NAMED
    return ", ".join(found) if more <= 1 else f"{', '.join(found[:MOST_NAMED])} and {more:,} more"


def said(value: str | bool) -> str:
    """A choice, or yes and no, as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return labels.choice(value)
