"""Rules as people read them: why, a bad and a good example, the mend, and where in the record they look."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from registry.record import DesignRecord, labels, pointers
from registry.record.base import Part
from registry.record.documents import part_type
from registry.rules import ACROSS, RULES, Rule
from registry.rules.across import MIRRORS

_EXAMPLE = re.compile(r"(Bad|Example): (.*?)(?: (?:Good|Better): (.*?))?(?=$| Bad: )", re.DOTALL)
ACROSS_INTEGRATIONS = "Across integrations"
WHOLE_RECORD = "The record as a whole"


@dataclass(frozen=True, slots=True)
class Example:
    """How it should not be, and how it should."""

    bad: str
    good: str
    is_bad: bool
    """Whether it is wrong, and not merely worth a look."""


@dataclass(frozen=True, slots=True)
class Guide:
    """One rule's help page, part by part."""

    rule: Rule
    why: str
    asked: str
    examples: tuple[Example, ...]
    mend: str
    places: tuple[str, ...]
    group: str
    is_across: bool
    """Whether it compares integrations."""

    @property
    def is_surveyed(self) -> bool:
        """Whether the survey of all integrations tells it; of two rules that mirror each other it tells one."""
        return self.is_across and self.rule.code not in MIRRORS


@functools.cache
def guide(code: str) -> Guide:
    """The help page of a rule, read from its docstring: each keeps to why, example, mend."""
    rule = RULES[code]
    why, middle, *rest = rule.help.split("\n\n")
    examples = tuple(_examples(middle))
    is_across = rule in ACROSS
    places = tuple(place for name in rule.part.split(", ") for place in places_of(name))
    return Guide(
        rule, why, "" if examples else middle, examples, "\n\n".join(rest), places, _group(places, is_across), is_across
    )


@functools.cache
def groups() -> dict[str, tuple[Guide, ...]]:
    """All rules by what they are about, in the document's order."""
    order = list(_every_place())
    guides = sorted(map(guide, RULES), key=lambda each: (not each.is_across, order.index(each.rule.part.split(",")[0])))
    names = dict.fromkeys(each.group for each in guides)
    return {name: tuple(each for each in guides if each.group == name) for name in names}


def searched(words: str, severity: str) -> dict[str, tuple[Guide, ...]]:
    """The rules that mention every word and have a severity, by what they are about; "" asks for all."""
    asked = words.lower().split()
    found = {
        name: tuple(
            each
            for each in guides
            if severity in ("", each.rule.severity) and all(word in _text(each) for word in asked)
        )
        for name, guides in groups().items()
    }
    return {name: guides for name, guides in found.items() if guides}


def related(of: Guide) -> list[Guide]:
    """Other rules about the same part."""
    return [each for each in groups()[of.group] if each.rule.part == of.rule.part and each is not of]


def _text(each: Guide) -> str:
    return f"{each.rule.code} {each.rule.title} {each.rule.help}".lower()


def _examples(text: str) -> Iterator[Example]:
    for kind, bad, good in _EXAMPLE.findall(text) if text.startswith(("Bad: ", "Example: ")) else ():
        yield Example(bad, good, kind == "Bad")


def _group(places: tuple[str, ...], is_across: bool) -> str:
    if is_across:
        return ACROSS_INTEGRATIONS
    section, _, below = (places[0] if places else "").partition(".")
    if not section:
        return WHOLE_RECORD
    title = labels.field(section.removesuffix("[]"))
    inner = labels.field(below.split(".")[-1].removesuffix("[]"))
    return f"{title}: {inner[:1].lower()}{inner[1:]}" if below else title


@functools.cache
def _every_place() -> dict[str, list[str]]:
    """Where each part stands in a record, as pointers with empty brackets, in the document's order."""
    found: dict[str, list[str]] = {}
    for pointer, part in _walk("", DesignRecord):
        found.setdefault(part.__name__, []).append(pointer)
    return found


def _walk(pointer: str, part: type[Part]) -> Iterator[tuple[str, type[Part]]]:
    yield pointer, part
    for name, info in part.model_fields.items():
        inner = part_type(info.annotation)
        if inner is not None:
            yield from _walk(pointers.under(pointer, name) + ("[]" if info.default == () else ""), inner)


def places_of(part: str) -> list[str]:
    """Where the parts of a type stand in a record."""
    return _every_place().get(part, [])
