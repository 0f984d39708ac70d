"""Prose, marked word by word; of long unchanged stretches only the ends are shown."""

import re
from collections.abc import Iterable, Iterator, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.changes.alignment import Budget, Run, aligned
from console.changes.html import joined, marked

LONGEST_SAME = 60
"""Unchanged words beyond which only the ones near a change are shown."""
NEAR = 24
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def compared(before: str, after: str, budget: Budget) -> list[Run]:
    """The runs of two texts; none where they share no word."""
    runs = list(_over_space(aligned(_WORDS.findall(before), _WORDS.findall(after), budget)))
    return runs if any(run.is_equal and not _is_space(run.old) for run in runs) else []


def marks(runs: Sequence[Run], went: str, came: str, *, folds: bool = False) -> SafeString:
    """Both texts in one: what went in one element, what came in another."""
    return joined(_marks(runs, went, came, folds=folds))


def _marks(runs: Sequence[Run], went: str, came: str, *, folds: bool) -> Iterator[SafeString]:
    for place, run in enumerate(runs):
        if not run.is_equal:
            yield from (marked(mark, "".join(each)) for mark, each in ((went, run.old), (came, run.new)) if each)
        elif folds:
            yield _folded(run.old, is_first=place == 0, is_last=place == len(runs) - 1)
        else:
            yield marked("", "".join(run.old))


def _folded(words: Sequence[str], *, is_first: bool, is_last: bool) -> SafeString:
    head, tail = 0 if is_first else NEAR, len(words) - (0 if is_last else NEAR)
    hidden = words[head:tail]
    if len(hidden) <= LONGEST_SAME:
        return marked("", "".join(words))
    return format_html(
        '{}<details class="gap"><summary>{} unchanged words</summary>{}</details>{}',
        "".join(words[:head]),
        f"{sum(not each.isspace() for each in hidden):,}",
        "".join(hidden),
        "".join(words[tail:]),
    )


def _over_space(runs: Iterable[Run]) -> Iterator[Run]:
    """Replaced runs with nothing but space in between as one."""
    held: list[Run] = []
    for run in runs:
        if not run.is_equal or (held and _is_space(run.old)):
            held.append(run)
            continue
        yield from _as_one(held)
        held = []
        yield run
    yield from _as_one(held)


def _as_one(runs: list[Run]) -> Iterator[Run]:
    space = [runs.pop()] if runs and runs[-1].is_equal else []
    if runs:
        yield Run(False, [word for run in runs for word in run.old], [word for run in runs for word in run.new])
    yield from space


def _is_space(words: Sequence[str]) -> bool:
    return all(map(str.isspace, words))
