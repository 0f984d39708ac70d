"""The difference of two records for a page: what it comes to, and the changes by section and by what they are of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.changes import Cells, Marker
from console.changes.html import plain
from registry.diff import Change, Consequence, breaks, compare, weigh
from registry.diff.changes import fields_of
from registry.record import SECTIONS, DesignRecord, labels, pointers
from registry.record.base import Part
from registry.record.documents import dump

MOST_CHANGES = 100
"""Changes on a page."""
MOST_CONSEQUENCES = 24
"""Consequences that are shown at once, and twenty times as many that can be unfolded."""
SIGNS = {"added": "+", "removed": "−", "moved": "⇅", "renamed": "→", "reformatted": "≈"}


@dataclass(frozen=True, slots=True)
class Row:
    """One change."""

    change: Change
    name: str
    breaks: bool
    cells: Cells

    @property
    def sign(self) -> str:
        """What stands before it."""
        return SIGNS.get(self.change.kind, "~")


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one part, or of the items of one list, and what of it is as it was."""

    title: str
    rows: tuple[Row, ...]
    unchanged: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """How much of a section changed, and what of that is shown."""

    name: str
    title: str
    count: int
    breaking: int
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a page shows of the difference of two records."""

    changes: tuple[Change, ...]
    """All of them."""
    total: int
    """Without what says the same in another layout."""
    breaking: int
    contents: tuple[Section, ...]
    sections: tuple[Section, ...]
    rest: tuple[Section, ...]
    """What there is no room for."""
    consequences: tuple[tuple[str, tuple[Consequence, ...]], ...]
    more_consequences: tuple[tuple[str, tuple[Consequence, ...]], ...]
    left_out: int
    worse: int
    better: int
    section: str = ""
    only_breaking: bool = False
    page: int = 1
    pages: int = 1
    is_apart: bool = False

    @property
    def previous(self) -> int | None:
        """The page before this one."""
        return self.page - 1 if self.page > 1 else None

    @property
    def next(self) -> int | None:
        """The page after this one."""
        return self.page + 1 if self.page < self.pages else None


def compared(
    before: DesignRecord | None,
    after: DesignRecord,
    *,
    section: str = "",
    only_breaking: bool = False,
    page: int = 1,
    apart: bool = False,
) -> Comparison:
    """The difference; of one section, or only what breaks, or another page where there is more than fits on one."""
    changes = compare(before, after)
    breaking = {id(each) for each in changes if before is not None and breaks(each)}
    asked = [each for each in changes if section in ("", each.section) and (not only_breaking or id(each) in breaking)]
    pages = max(1, -(-len(asked) // MOST_CHANGES))
    page = min(max(page, 1), pages)
    shown = asked[(page - 1) * MOST_CHANGES : page * MOST_CHANGES]
    weighed = weigh(before, after, changes)
    told, folded = weighed[:MOST_CONSEQUENCES], weighed[MOST_CONSEQUENCES : 20 * MOST_CONSEQUENCES]
    return Comparison(
        changes=tuple(changes),
        total=sum(each.kind != "reformatted" for each in changes),
        breaking=len(breaking),
        contents=tuple(_counted(changes, breaking)),
        sections=tuple(_shown(shown, after, breaking, Marker(apart=apart))),
        rest=tuple(_counted(asked[page * MOST_CHANGES :], breaking)),
        consequences=_by_subject(told),
        more_consequences=_by_subject(folded),
        left_out=len(weighed) - len(told) - len(folded),
        worse=sum(each.verdict == "worse" for each in weighed),
        better=sum(each.verdict == "better" for each in weighed),
        section=section,
        only_breaking=only_breaking,
        page=page,
        pages=pages,
        is_apart=apart,
    )


def _by_subject(consequences: Iterable[Consequence]) -> tuple[tuple[str, tuple[Consequence, ...]], ...]:
    found: defaultdict[str, list[Consequence]] = defaultdict(list)
    for each in consequences:
        found[each.about].append(each)
    return tuple((about, tuple(each)) for about, each in found.items())


def _counted(changes: Iterable[Change], breaking: set[int]) -> Iterator[Section]:
    counts: Counter[str] = Counter()
    grave: Counter[str] = Counter()
    for each in changes:
        counts[each.section] += each.kind != "reformatted"
        grave[each.section] += id(each) in breaking
    for name in SECTIONS:
        if name in counts:
            yield Section(name, labels.field(name), counts[name], grave[name])


def _shown(changes: Sequence[Change], after: DesignRecord, breaking: set[int], marker: Marker) -> Iterator[Section]:
    for section in _counted(changes, breaking):
        together: defaultdict[str, list[Change]] = defaultdict(list)
        for each in changes:
            if each.section == section.name:
                together[_parent(each)].append(each)
        groups = (_group(path, each, after, breaking, marker) for path, each in together.items())
        yield replace(section, groups=tuple(groups))


def _parent(change: Change) -> str:
    """The path of what the change belongs to: its part, or its list."""
    last = pointers.steps(change.path)[-1]
    return change.path.removesuffix(last).removesuffix(".")


def _group(path: str, changes: Sequence[Change], after: DesignRecord, breaking: set[int], marker: Marker) -> Group:
    above = changes[0].label.split(" › ")[1:-1]
    rows = tuple(Row(each, each.label.split(" › ")[-1], id(each) in breaking, marker.cells(each)) for each in changes)
    return Group(" › ".join(above), rows, tuple(_unchanged(path, {each.path for each in changes}, after)))


def _unchanged(path: str, changed: set[str], record: DesignRecord) -> Iterator[tuple[str, str]]:
    """The values that stand beside the changed ones and are as they were."""
    try:
        part = pointers.resolve(record, path) if path else None
    except KeyError:
        return
    if isinstance(part, Part):
        for field in fields_of(type(part)):
            value = getattr(part, field.name)
            if pointers.under(path, field.name) not in changed and value not in (None, ()) and not _holds_parts(value):
                yield field.title, plain(dump(value), field.unit, field.widget)


def _holds_parts(value: Any) -> bool:
    return isinstance(value, Part) or (isinstance(value, tuple) and isinstance(value[0], Part))
