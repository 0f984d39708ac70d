"""An imported document brought into one that is being written, and where both say something else. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..merge import Conflict, Side
from ..record import documents, labels, pointers
from ..record.base import Part
from ..record.documents import part_type

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it. `mine` of a conflict is what was stated already, `theirs` what was imported."""

    document: dict[str, Any]
    conflicts: tuple[Conflict, ...] = ()


def merge(into: dict[str, Any], imported: dict[str, Any], *, take: Mapping[str, Side] | None = None) -> Merged:
    """`into` with what `imported` adds. Items of lists meet by their key; a stated field stays unless `take` says else.

    Both are documents that `documents.parse` accepts; so is the answer.
    """
    merging = _Merging(take or {})
    whole = merging.part(documents.parse(into), documents.parse(imported), "", "")
    document: dict[str, Any] = documents.dump(whole)
    documents.parse(document)
    return Merged(document, tuple(merging.conflicts))


@dataclass(slots=True)
class _Merging:
    take: Mapping[str, Side]
    conflicts: list[Conflict] = field(default_factory=list)

    def part(self, own: Part, other: Part, at: str, label: str) -> Part:
        both = {}
        for name, info in type(own).model_fields.items():
            title = info.title or labels.field(name)
            where, named = pointers.under(at, name), f"{label} › {title}" if label else title
            both[name] = self.value(getattr(own, name), getattr(other, name), info.annotation, where, named)
        return own.model_copy(update=both)

    def value(self, own: Any, other: Any, annotation: Any, at: str, label: str) -> Any:
        if other in (None, ()) or own == other:
            return own
        if isinstance(own, Part) and isinstance(other, Part):
            return self.part(own, other, at, label)
        if own in (None, ()):
            return other
        if isinstance(own, tuple) and part_type(annotation):
            return self.items(own, other, at, label)
        self.conflicts.append(Conflict(at, label, None, documents.dump(own), documents.dump(other)))
        return other if self.take.get(at) == "theirs" else own

    def items(self, own: tuple[Part, ...], other: tuple[Part, ...], at: str, label: str) -> tuple[Part, ...]:
        """Items by their key; one without a key, or whose key came before, is added where no equal one is stated."""
        merged, steps = list(own), pointers.item_steps(own)
        places = {each.item_key: index for index, each in reversed(list(enumerate(own))) if each.item_key}
        for each in other:
            place = places.pop(each.item_key, None) if each.item_key else None
            if place is not None:
                merged[place] = self.part(merged[place], each, at + steps[place], f"{label} › {each.item_key}")
            elif each not in merged:
                merged.append(each)
        return tuple(merged)
