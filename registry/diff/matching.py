"""Which items of two lists are the same: by key, else by what they say. Nothing here compares all with all."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from ..record import pointers
from ..record.base import Part

ALIKE = 0.7
"""The share of what both say that must be equal for an item to be the same under another name."""
FEWEST_ALIKE = 2
"""What both must say at least: one equal word makes no sameness."""
COMMON = 20
"""What more items than this say tells none of them apart."""
MOST_CANDIDATES = 5

Trait = tuple[str, Any]
P = TypeVar("P", bound=Part)


def match(old: Sequence[Part], new: Sequence[Part]) -> dict[int, int]:
    """The index in `old` of each index in `new` that is the same item, in the order of `new`."""
    old_steps = {step: index for index, step in enumerate(pointers.item_steps(old))}
    pairs, unmatched = {}, {}
    for index, step in enumerate(pointers.item_steps(new)):
        if step in old_steps and not step.startswith("[#"):
            pairs[index] = old_steps.pop(step)
        else:
            unmatched[step] = index
    if old_steps and unmatched:
        _match_the_rest(old, new, old_steps, unmatched, pairs)
    return dict(sorted(pairs.items()))


class Kept(NamedTuple, Generic[P]):
    """An item that both lists have, and its step in the new one."""

    was: P
    now: P
    step: str


def sort_out(old: Sequence[P], new: Sequence[P]) -> tuple[list[Kept[P]], list[P], list[P]]:
    """What both lists have, what only the new one has, what only the old one had; nothing of equal lists."""
    if old == new:
        return [], [], []
    pairs, steps = match(old, new), pointers.item_steps(new)
    kept = [Kept(old[origin], new[index], steps[index]) for index, origin in pairs.items()]
    origins = set(pairs.values())
    come = [each for index, each in enumerate(new) if index not in pairs]
    return kept, come, [each for index, each in enumerate(old) if index not in origins]


def _match_the_rest(
    old: Sequence[Part],
    new: Sequence[Part],
    old_steps: dict[str, int],
    new_steps: dict[str, int],
    pairs: dict[int, int],
) -> None:
    """What is equal, then what is alike, then what has no name and stands in the same place."""
    for pairing in (_equal, _alike, _in_place):
        found = list(pairing(old, new, old_steps, new_steps))
        for old_step, new_step in found:
            pairs[new_steps.pop(new_step)] = old_steps.pop(old_step)


Pairs = Iterator[tuple[str, str]]
Steps = Mapping[str, int]


def _equal(old: Sequence[Part], new: Sequence[Part], old_steps: Steps, new_steps: Steps) -> Pairs:
    """Items without a key of their own; of others the key would have told."""
    waiting: defaultdict[Part, list[str]] = defaultdict(list)
    for step, index in reversed(list(old_steps.items())):
        if step.startswith("[#"):
            waiting[old[index]].append(step)
    for step, index in new_steps.items():
        if step.startswith("[#") and (steps := waiting.get(new[index])):
            yield steps.pop(), step


def _alike(old: Sequence[Part], new: Sequence[Part], old_steps: Steps, new_steps: Steps) -> Pairs:
    said = {step: _traits(old[index]) for step, index in old_steps.items()}
    saying: defaultdict[Trait, list[str]] = defaultdict(list)
    for step, traits in said.items():
        for trait in traits:
            saying[trait].append(step)
    found = []
    for step, index in new_steps.items():
        traits = _traits(new[index])
        telling = (saying[trait] for trait in traits if 0 < len(saying.get(trait, ())) <= COMMON)
        shared = Counter(each for steps in telling for each in steps)
        for candidate in sorted(shared, key=lambda each: (-shared[each], each))[:MOST_CANDIDATES]:
            likeness = _likeness(said[candidate], traits)
            if likeness >= ALIKE:
                found.append((-likeness, candidate, step))
    taken: set[str] = set()
    for _, candidate, step in sorted(found):
        # The two lists name their items alike, so each side's steps are told apart.
        if f"-{candidate}" not in taken and f"+{step}" not in taken:
            taken |= {f"-{candidate}", f"+{step}"}
            yield candidate, step


def _in_place(old: Sequence[Part], new: Sequence[Part], old_steps: Steps, new_steps: Steps) -> Pairs:
    return ((step, step) for step in old_steps if step in new_steps)


def _likeness(one: frozenset[Trait], other: frozenset[Trait]) -> float:
    shared = len(one & other)
    return 2 * shared / (len(one) + len(other)) if shared >= FEWEST_ALIKE else 0.0


def _traits(part: Part) -> frozenset[Trait]:
    """What an item says, apart from its name: each value with where it stands, places in lists left out."""
    return frozenset(_values(part, "", part.KEY))


def _values(part: Part, at: str, besides: str | None) -> Iterator[Trait]:
    for name, value in part.__dict__.items():
        if name == besides or value is None or value == ():
            continue
        here = f"{at}.{name}"
        if isinstance(value, Part):
            yield from _values(value, here, None)
        elif isinstance(value, tuple) and isinstance(value[0], Part):
            for each in value:
                yield from _values(each, here, None)
        else:
            yield here, value


def moved(pairs: Mapping[int, int]) -> set[int]:
    """The indexes in the new list of items that changed places: as few as explain the new order."""
    indexes = list(pairs)
    staying = {indexes[place] for place in longest_rise(list(pairs.values()))}
    return pairs.keys() - staying


def longest_rise(numbers: Sequence[int]) -> list[int]:
    """The places of a longest rising row of `numbers`, in order."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        at[length : length + 1] = [place]
    rise, place = [], at[-1] if at else -1
    while place >= 0:
        rise.append(place)
        place = before[place]
    return rise[::-1]
