"""Two sets of changes to one design record brought together, field by field. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .record import DesignRecord, labels, pointers
from .record.base import Part
from .record.documents import dump

__all__ = ["Conflict", "Merged", "Side", "match", "merge"]

Side = Literal["mine", "theirs"]
_Places = tuple[int | None, int | None, int | None]
"""Where an item stands in the base, in mine and in theirs; None where it is absent."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field both sides changed, each to something else. Values are plain data; None where it is absent."""

    path: str
    label: str
    base: Any
    mine: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it. While there are conflicts, `record` holds the side taken, else theirs."""

    record: DesignRecord
    conflicts: tuple[Conflict, ...] = ()


@dataclass(slots=True)
class _Merging:
    take: Mapping[str, Side]
    conflicts: list[Conflict] = field(default_factory=list)

    def part(self, base: Part, mine: Part, theirs: Part, at: str, label: str) -> Part:
        merged = {}
        for name, info in type(mine).model_fields.items():
            title = f"{label} › {info.title or labels.field(name)}" if label else info.title or labels.field(name)
            three = getattr(base, name), getattr(mine, name), getattr(theirs, name)
            merged[name] = self.value(*three, pointers.under(at, name), title)
        return mine.model_copy(update=merged)

    def value(self, base: Any, mine: Any, theirs: Any, at: str, label: str) -> Any:
        if mine == theirs or theirs == base:
            return mine
        if mine == base:
            return theirs
        if isinstance(mine, Part) and isinstance(theirs, Part):
            return self.part(base if isinstance(base, Part) else type(mine)(), mine, theirs, at, label)
        if any(isinstance(each, tuple) and each and isinstance(each[0], Part) for each in (base, mine, theirs)):
            return tuple(self.items(base, mine, theirs, at, label))
        at = self._unused(at)
        self.conflicts.append(Conflict(at, label, dump(base), dump(mine), dump(theirs)))
        return mine if self.take.get(at) == "mine" else theirs

    def items(self, base: Any, mine: Any, theirs: Any, at: str, label: str) -> Iterator[Part]:
        steps = [pointers.item_steps(each) for each in (base, mine, theirs)]
        for row in _rows(base, mine, theirs):
            step = next(steps[side][place] for side in (2, 1, 0) if (place := row[side]) is not None)
            old, own, other = (_item(items, place) for items, place in zip((base, mine, theirs), row, strict=True))
            merged = self.value(old, own, other, at + step, f"{label} › {step.strip('[]')}")
            if merged is not None:
                yield merged

    def _unused(self, path: str) -> str:
        """Items without a name are told apart by their place, which two of them may have had."""
        taken = {each.path for each in self.conflicts}
        while path in taken:
            path += "~"
        return path


def _item(items: Sequence[Part], place: int | None) -> Part | None:
    return None if place is None else items[place]


def _rows(base: Sequence[Part], mine: Sequence[Part], theirs: Sequence[Part]) -> list[_Places]:
    """The place of each item in the three lists; in my order where I moved items, else in theirs."""
    here, there = match(base, mine), match(base, theirs)
    fresh = [place for place in range(len(mine)) if place not in here.values()]
    added = [place for place in range(len(theirs)) if place not in there.values()]
    twins = _same_names({place: mine[place] for place in fresh}, {place: theirs[place] for place in added})
    rows: list[_Places] = [(at, here.get(at), there.get(at)) for at in range(len(base))]
    rows += [(None, place, twins.get(place)) for place in fresh]
    rows += [(None, None, place) for place in added if place not in twins.values()]
    moved = [here[at] for at in sorted(here)] != sorted(here.values())
    first, second = (1, 2) if moved else (2, 1)
    kept = [row for row in rows if row[first] is not None or row[second] is not None]
    return sorted(kept, key=lambda row: _ends_last(row[first]) + _ends_last(row[second]))


def _ends_last(place: int | None) -> tuple[bool, int]:
    return place is None, place or 0


def match(old: Sequence[Part], new: Sequence[Part]) -> dict[int, int]:
    """Which item of `new` each item of `old` became, by their places.

    Items are known by their name; those without one, or renamed, by what else they say, or by where they stand.
    """
    found = _same_names(dict(enumerate(old)), dict(enumerate(new)))
    free = [place for place in range(len(new)) if place not in set(found.values())]
    for is_same in (_is_equal, _is_alike):
        for at, before in enumerate(old):
            if (
                at not in found
                and (place := next((each for each in free if is_same(before, new[each])), None)) is not None
            ):
                found[at] = place
                free.remove(place)
    if len(old) == len(new):
        found |= {place: place for place in free if place not in found}
    return found


def _same_names(old: Mapping[int, Part], new: Mapping[int, Part]) -> dict[int, int]:
    places: dict[str | None, int] = {}
    for place, each in new.items():
        places.setdefault(each.item_key, place)
    places.pop(None, None)
    return {at: places.pop(each.item_key) for at, each in old.items() if each.item_key in places}


def _is_equal(old: Part, new: Part) -> bool:
    return bool(old == new)


def _is_alike(old: Part, new: Part) -> bool:
    """Whether more than half of what either says is the same; the name, which differs, does not count."""
    pairs = [
        (getattr(old, name), getattr(new, name), info.default)
        for name, info in type(old).model_fields.items()
        if name != old.KEY
    ]
    stated = [(before, after) for before, after, absent in pairs if before != absent or after != absent]
    same = [each for each in stated if each[0] == each[1]]
    return len(same) * 2 > len(stated)


def merge(
    base: DesignRecord, mine: DesignRecord, theirs: DesignRecord, *, take: Mapping[str, Side] | None = None
) -> Merged:
    """`mine` and `theirs`, both grown out of `base`. `take` names the side for a conflict's path.

    Items of lists are matched by their key. What one side deleted and the other changed is a conflict too.
    """
    merging = _Merging(take or {})
    record = merging.part(base, mine, theirs, "", "")
    if not isinstance(record, DesignRecord):
        raise TypeError("a merge of records is a record")
    return Merged(record, tuple(merging.conflicts))
