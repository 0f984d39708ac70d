"""Two rows of words or lines side by side: what stayed, what went, what came. In bounded time whatever they hold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from registry.diff.matching import longest_rise

MOST_EDITS = 250
"""Differences between two anchors beyond which that stretch counts as replaced."""
Pairs = list[tuple[int, int]]


class Run(NamedTuple):
    """A stretch that both rows have, or one that was replaced by another."""

    is_equal: bool
    old: Sequence[str]
    new: Sequence[str]


def was(runs: Iterable[Run]) -> list[Run]:
    """The old row alone."""
    return [each if each.is_equal else Run(False, each.old, ()) for each in runs]


def now(runs: Iterable[Run]) -> list[Run]:
    """The new row alone."""
    return [each if each.is_equal else Run(False, (), each.new) for each in runs]


class Budget:
    """How many comparisons are left to a page; once they are spent, stretches count as replaced."""

    def __init__(self, comparisons: int = 800_000) -> None:
        self.left = comparisons


def aligned(old: Sequence[str], new: Sequence[str], budget: Budget) -> list[Run]:
    """The runs of both rows in their order."""
    pairs: Pairs = []
    at, place = 0, 0
    for anchor, other in [*_anchors(old, new), (len(old), len(new))]:
        found = _between(old[at:anchor], new[place:other], budget)
        pairs += [(at + i, place + j) for i, j in found]
        pairs.append((anchor, other))
        at, place = anchor + 1, other + 1
    return list(_runs(old, new, pairs))


def _anchors(old: Sequence[str], new: Sequence[str]) -> Pairs:
    """What both rows hold exactly once, as far as it stands in the same order in both."""
    times, other_times = Counter(old), Counter(new)
    places = {each: place for place, each in enumerate(old) if times[each] == other_times[each] == 1}
    shared = [(places[each], place) for place, each in enumerate(new) if each in places]
    return [shared[place] for place in longest_rise([origin for origin, _ in shared])]


def _between(old: Sequence[str], new: Sequence[str], budget: Budget) -> Pairs:
    """What is equal between two anchors: at the head, at the tail, then by the fewest edits."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    middle = _fewest_edits(old[head : len(old) - tail], new[head : len(new) - tail], budget)
    return [
        *((i, i) for i in range(head)),
        *((head + i, head + j) for i, j in middle),
        *((len(old) - i, len(new) - i) for i in range(tail, 0, -1)),
    ]


def _fewest_edits(old: Sequence[str], new: Sequence[str], budget: Budget) -> Pairs:
    """Myers' shortest way from one row to the other; nothing where it is too long."""
    if not old or not new:
        return []
    reach, steps = {1: 0}, []
    for edits in range(min(MOST_EDITS, len(old) + len(new)) + 1):
        steps.append(dict(reach))
        for diagonal in range(-edits, edits + 1, 2):
            i = _next(reach, diagonal, edits)
            begun = i
            while i < len(old) and i - diagonal < len(new) and old[i] == new[i - diagonal]:
                i += 1
            budget.left -= 1 + i - begun
            reach[diagonal] = i
            if i == len(old) and i - diagonal == len(new):
                return _walked_back(steps, i, i - diagonal)
        if budget.left < 0:
            break
    return []


def _next(reach: dict[int, int], diagonal: int, edits: int) -> int:
    """How far one more edit leads on a diagonal: one word of the new row more, or one of the old."""
    return reach[diagonal + 1] if _is_insertion(reach, diagonal, edits) else reach[diagonal - 1] + 1


def _is_insertion(reach: dict[int, int], diagonal: int, edits: int) -> bool:
    return diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])


def _walked_back(steps: list[dict[int, int]], i: int, j: int) -> Pairs:
    pairs = []
    for edits in range(len(steps) - 1, -1, -1):
        origin = i - j + (1 if _is_insertion(steps[edits], i - j, edits) else -1)
        from_i = steps[edits][origin] if edits else 0
        from_j = from_i - origin if edits else 0
        while i > from_i and j > from_j:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        i, j = from_i, from_j
    return pairs[::-1]


def _runs(old: Sequence[str], new: Sequence[str], pairs: Pairs) -> Iterator[Run]:
    """`pairs` ends with one beyond both rows."""
    i = j = begun = 0
    for at, place in pairs:
        if (at, place) == (i, j) and at < len(old):
            i, j = i + 1, j + 1
            continue
        if begun < i:
            yield Run(True, old[begun:i], old[begun:i])
        if i < at or j < place:
            yield Run(False, old[i:at], new[j:place])
        begun, i, j = at, at + 1, place + 1
