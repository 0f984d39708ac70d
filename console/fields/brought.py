"""What others saved, brought into a form somebody is typing in, without touching what was typed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.merge import match
from registry.record.base import Part

from .specs import Spec, section_spec, specs
from .text import OPEN, Text, as_text_of


@dataclass(frozen=True, slots=True)
class Brought:
    """The form's text with what others saved in it, the controls that differ now, and the lists whose rows do."""

    text: Text
    names: tuple[str, ...]
    lists: tuple[str, ...]
    moved: Mapping[str, str]

    def now(self, name: str) -> str:
        """Where the field called `name` is now; its list where its item is gone."""
        steps = name.split(".")
        for end in range(len(steps), 0, -1):
            here = ".".join(steps[:end])
            if here in self.moved:
                return ".".join([self.moved[here], *steps[end:]]) if self.moved[here] else ""
        return name


@dataclass(slots=True)
class _Bringing:
    names: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)

    def value(self, spec: Spec, text: Text, mine: Any, merged: Any, was: str, now: str) -> Text:
        if mine == merged:
            return text
        if isinstance(text, dict):
            return self.part(spec, text, mine, merged, was, now)
        if isinstance(text, list):
            return self.items(spec, text, mine, merged, was, now)
        self.names.append(now)
        return as_text_of(spec, merged)

    def part(self, spec: Spec, text: Mapping[str, Text], mine: Any, merged: Any, was: str, now: str) -> dict[str, Text]:
        inner = {
            each.name: self.value(
                each,
                text[each.name],
                getattr(mine, each.name),
                getattr(merged, each.name),
                f"{was}.{each.name}",
                f"{now}.{each.name}",
            )
            for each in specs(spec.inner)
        }
        return {**inner, OPEN: text[OPEN]} if OPEN in text else inner

    def items(
        self, spec: Spec, texts: Sequence[Text], mine: Sequence[Part], merged: Sequence[Part], was: str, now: str
    ) -> list[Text]:
        """Rows in their new order; blank rows, which nobody else knows of, stay at the end."""
        stated = [place for place, each in enumerate(mine) if each != type(each)()]
        found = match([mine[place] for place in stated], merged)
        places = {stated[old]: new for old, new in sorted(found.items())}
        if list(places) == stated and list(places.values()) == list(range(len(merged))):
            rows = list(texts)
            for old, new in places.items():
                rows[old] = self._item(spec, texts[old], mine[old], merged[new], f"{was}.{old}", f"{now}.{old}")
            return rows
        self.lists.append(now)
        self.moved |= {f"{was}.{place}": "" for place in range(len(texts))}
        olds = {new: old for old, new in places.items()}
        rows = [self._row(spec, texts, mine, part, olds.get(at), was, f"{now}.{at}") for at, part in enumerate(merged)]
        for place in sorted({*range(len(texts))} - {*stated}):
            self.moved[f"{was}.{place}"] = f"{now}.{len(rows)}"
            rows.append(texts[place])
        return rows

    def _row(
        self, spec: Spec, texts: Sequence[Text], mine: Sequence[Part], merged: Part, old: int | None, was: str, now: str
    ) -> Text:
        if old is None:
            added = {each.name: as_text_of(each, getattr(merged, each.name)) for each in specs(spec.inner)}
            self.names += _stated(added, now)
            return added
        self.moved[f"{was}.{old}"] = now
        return self._item(spec, texts[old], mine[old], merged, f"{was}.{old}", now)

    def _item(self, spec: Spec, text: Text, mine: Any, merged: Any, was: str, now: str) -> Text:
        return self.part(spec, text, mine, merged, was, now) if isinstance(text, dict) else text


def _stated(text: Text, name: str) -> Iterator[str]:
    if isinstance(text, dict):
        for step, each in text.items():
            yield from _stated(each, f"{name}.{step}")
    elif isinstance(text, list):
        for place, each in enumerate(text):
            yield from _stated(each, f"{name}.{place}")
    elif text:
        yield name


def bring(section: str, text: Text, mine: Any, merged: Any) -> Brought:
    """`text`, which reads as `mine`, changed where `merged` says something else."""
    bringing = _Bringing()
    brought = bringing.value(section_spec(section), text, mine, merged, section, section)
    outermost = [each for each in bringing.lists if not any(each.startswith(f"{one}.") for one in bringing.lists)]
    return Brought(brought, tuple(bringing.names), tuple(outermost), bringing.moved)
