"""What somebody types into the search, read: words, "phrases", -without, and filters such as in:contracts. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from registry.record.overview import Criticality, IntegrationType
from registry.search import words

LONGEST = 300
MOST_WORDS = 10
SHORTEST_BEGINNING = 2
"""Letters from which on a word is also found by its beginning; with digits in it, one more."""

KINDS = {
    "integration": "integrations",
    "contract": "contracts",
    "operation": "operations",
    "error": "errors",
    "event": "events",
    "topic": "topics",
    "scenario": "scenarios",
    "alert": "alerts",
    "section": "sections",
    "system": "systems",
    "team": "teams",
    "environment": "environments",
    "tag": "tags",
    "person": "people",
    "revision": "revisions",
    "release": "releases",
    "act": "trail",
}
"""What can be found, each with the word that asks for it, in the order it is shown."""
FILTERS: dict[str, tuple[str, ...]] = {
    "in": tuple(KINDS.values()),
    "type": get_args(IntegrationType),
    "criticality": get_args(Criticality),
    "team": (),
    "system": (),
}
"""What a search may be narrowed by; the values of those that have only a few."""

_TOKEN = re.compile(r'(?P<minus>-?)(?:(?P<filter>[a-z]+):(?P<value>"[^"]*"?|\S+)|"(?P<phrase>[^"]*)"?|(?P<word>\S+))')
_QUOTES = str.maketrans("“”„«»", '"""""')
_PLAIN_VALUE = re.compile(r"[a-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase that must be there: any of its readings, each some words in a row."""

    text: str
    readings: tuple[tuple[str, ...], ...]
    is_whole: bool = False
    """Whether its last word is to be found as it is, and not by its beginning."""

    @property
    def words(self) -> tuple[str, ...]:
        return self.readings[0]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `problems` says which filters were not understood."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    kinds: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    without_marks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def asks_nothing(self) -> bool:
        """Whether there is nothing to look for: no words, and no filter that narrows."""
        return not self.terms and not self.marks

    def reread(self, readings: Mapping[str, tuple[str, ...]]) -> "Question":
        """The same, with other words for those that were mistyped."""
        terms = (
            replace(each, readings=tuple((word,) for word in readings[each.words[0]]))
            if each.words[0] in readings
            else each
            for each in self.terms
        )
        return replace(self, terms=tuple(terms))


def read(text: str) -> Question:
    """The question in a text. Any text is one; signs without words ask for nothing."""
    sane = text[:LONGEST].replace("\x00", " ").encode(errors="replace").decode()
    plain = words.plain(sane).translate(_QUOTES)
    reading = _Reading()
    for token in _TOKEN.finditer(plain):
        reading.take(token)
    return reading.question(plain.strip())


class _Reading:
    """Sorts tokens as they come."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.without: list[Term] = []
        self.kinds: list[str] = []
        self.marks: dict[bool, list[str]] = {True: [], False: []}
        self.problems: list[str] = []

    def take(self, token: re.Match[str]) -> None:
        wanted = not token["minus"]
        if token["filter"] in FILTERS:
            self._filter(token["filter"], token["value"].strip('"').lower(), wanted)
        elif token["phrase"] is not None:
            self._term(token["phrase"], wanted, is_whole=True)
        else:
            self._term(token[0].removeprefix("-"), wanted)

    def _filter(self, name: str, value: str, wanted: bool) -> None:
        if name == "in":
            self._kind(value, wanted)
            return
        value = value.replace("-", "_") if FILTERS[name] else value
        if not _PLAIN_VALUE.fullmatch(value) or (FILTERS[name] and value not in FILTERS[name]):
            known = ", ".join(FILTERS[name]) or "its short name"
            self.problems.append(f"{name}: takes {known}")
        else:
            self.marks[wanted].append(f"@{name}={value}")

    def _kind(self, value: str, wanted: bool) -> None:
        found = [kind for kind, asked in KINDS.items() if value in (kind, asked)]
        if not found or not wanted:
            self.problems.append(f"in: takes {', '.join(KINDS.values())}")
        self.kinds += found if wanted else []

    def _term(self, text: str, wanted: bool, *, is_whole: bool = False) -> None:
        found = words.of(text)
        kept = self.terms if wanted else self.without
        if found and len(self.terms) + len(self.without) < MOST_WORDS:
            is_short = len(found[-1]) < SHORTEST_BEGINNING + (not found[-1].isalpha())
            kept.append(Term(text, (found,), is_whole or not wanted or is_short))

    def question(self, text: str) -> Question:
        return Question(
            text,
            tuple(self.terms),
            tuple(self.without),
            tuple(dict.fromkeys(self.kinds)),
            tuple(self.marks[True]),
            tuple(self.marks[False]),
            tuple(dict.fromkeys(self.problems)),
        )
