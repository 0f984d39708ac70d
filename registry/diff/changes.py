"""Every difference of two records, field by field."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..record import DesignRecord, labels, pointers
from ..record.base import Duration, Part, unit_of
from ..record.documents import dump
from .code import says_the_same
from .matching import match, moved

MOST_WEIGHED = 500_000
"""Characters of changed sources in one record."""
Kind = Literal["added", "removed", "changed", "reformatted", "renamed", "moved"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `after` are plain data: a scalar, a list of scalars, or a whole item's dict.

    Of an item that was renamed they are its names, of one that moved its places, counted from 1. A field is
    reformatted where its code is written otherwise and says the same.
    """

    path: str
    label: str
    kind: Kind
    before: Any = None
    after: Any = None
    unit: str = ""
    widget: str = "line"
    language: str = ""
    was: str = ""
    """The path by the old record's names, where those differ."""
    place: int = 0
    """The place of an added item in its list, from 1."""
    is_weighed: bool = True
    """Whether what a source says is compared, too; not of what is too long together with those before it."""

    @property
    def section(self) -> str:
        """The section it is in."""
        return self.path.split(".")[0].split("[")[0]


def compare(old: DesignRecord | None, new: DesignRecord) -> list[Change]:
    """Every difference from `old` to `new`, in the document's order. Paths are those of `new`, but of what is removed.

    Items of lists are matched by their keys, those without or with another key by what they say.
    """
    return list(_within_bounds(_parts(old or DesignRecord(), new, _Place("", "", ""))))


def _within_bounds(changes: Iterator[Change]) -> Iterator[Change]:
    left = MOST_WEIGHED
    for change in changes:
        if change.language and change.kind == "changed":
            left -= len(str(change.before)) + len(str(change.after))
        yield change if left >= 0 or not change.language else replace(change, is_weighed=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where two parts are: by the new names, by the old ones, and for people."""

    path: str
    was: str
    label: str

    def field(self, name: str, title: str) -> "_Place":
        label = f"{self.label} › {title}" if self.label else title
        return _Place(pointers.under(self.path, name), pointers.under(self.was, name), label)

    def item(self, part: Part, step: str, was: str) -> "_Place":
        return _Place(self.path + step, self.was + was, f"{self.label} › {part.item_key or step.strip('[]')}")

    def change(self, kind: Kind, before: Any = None, after: Any = None, **more: Any) -> Change:
        was = "" if self.was == self.path else self.was
        return Change(self.path, self.label, kind, dump(before), dump(after), was=was, **more)


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What a page tells of a field beside its value."""

    name: str
    title: str
    unit: str
    widget: str
    language: str


@functools.cache
def fields_of(part: type[Part]) -> tuple[FieldFacts, ...]:
    """The fields of a part, in their order."""
    found = []
    for name, info in part.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        widget, language = str(extra.get("widget", "")), str(extra.get("language", ""))
        if not widget and "Literal[" in str(info.annotation):
            widget = "choice"
        elif info.annotation == Duration | None:
            widget = "duration"
        found.append(FieldFacts(name, info.title or labels.field(name), unit_of(name, info), widget, language))
    return tuple(found)


def _parts(old: Part, new: Part, at: _Place, *, besides: str | None = None) -> Iterator[Change]:
    for field in fields_of(type(new)):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name == besides or before == after:
            continue
        here = at.field(field.name, field.title)
        if isinstance(after, Part):
            yield from _parts(before, after, here)
        elif _holds_parts(before) or _holds_parts(after):
            yield from _items(before, after, here)
        else:
            widget = field.widget or _widget(before, after)
            kind = _kind(before, after, field.language)
            yield here.change(kind, before, after, unit=field.unit, widget=widget, language=field.language)


def _items(old: tuple[Part, ...], new: tuple[Part, ...], at: _Place) -> Iterator[Change]:
    old_steps, new_steps, pairs = pointers.item_steps(old), pointers.item_steps(new), match(old, new)
    movers = moved(pairs)
    for index, part in enumerate(new):
        if index not in pairs:
            yield at.item(part, new_steps[index], new_steps[index]).change("added", after=part, place=index + 1)
            continue
        origin = pairs[index]
        here, before = at.item(part, new_steps[index], old_steps[origin]), old[origin]
        is_renamed = _is_renamed(before, part)
        if is_renamed:
            yield here.change("renamed", before.item_key, part.item_key)
        if index in movers:
            yield here.change("moved", origin + 1, index + 1)
        yield from _parts(before, part, here, besides=part.KEY if is_renamed else None)
    kept = set(pairs.values())
    for index, part in enumerate(old):
        if index not in kept:
            label = f"{at.label} › {part.item_key or old_steps[index].strip('[]')}"
            yield Change(at.was + old_steps[index], label, "removed", before=dump(part))


def _is_renamed(old: Part, new: Part) -> bool:
    named = new.KEY is not None and old.item_key is not None and new.item_key is not None
    return named and old.item_key != new.item_key


def _holds_parts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Part)


def _kind(before: Any, after: Any, language: str) -> Kind:
    if before in (None, ()):
        return "added"
    if after in (None, ()):
        return "removed"
    return "reformatted" if language and says_the_same(before, after, language) else "changed"


def _widget(before: Any, after: Any) -> str:
    text = after if isinstance(after, str) else before
    return "prose" if isinstance(text, str) and (" " in text or "\n" in text) else "line"
