"""What every importer gives back: a partial record, and line by line what was understood and what was not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..record import documents
from ..record.base import LONGEST_LIST
from ..record.findings import InvalidRecord, Problem

__all__ = [
    "OPPOSITE",
    "Asked",
    "Group",
    "Imported",
    "Importer",
    "Kind",
    "Ledger",
    "Note",
    "Path",
    "Role",
    "Sides",
    "settled",
]

MOST_NOTES = 2_000
MOST_GROUPS = 200
MOST_ROUNDS = 60
Kind = Literal["taken", "guessed", "left", "passed"]
"""Read as it stands, read with a guess somebody should look at, not read, or not needed in a design record."""
Role = Literal["provider", "consumer"]
OPPOSITE: dict[Role, Role] = {"provider": "consumer", "consumer": "provider"}
Path = tuple[str | int, ...]
"""A place in the data of a source, such as ("paths", "/pets", "get")."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing found in the source: where, what became of it, and where in the record that is."""

    line: int | None
    path_in_source: str
    target_pointer: str
    text: str
    kind: Kind = "taken"


@dataclass(frozen=True, slots=True)
class Group:
    """Operations or channels that can be taken together: what selects them, and how many they are."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Imported:
    """A document that `documents.parse` accepts, and an account of how it came about."""

    format: str
    document: dict[str, Any]
    understood: tuple[Note, ...] = ()
    left_out: tuple[Note, ...] = ()
    title: str = ""
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """The systems on both sides, "" where unknown, and which of the two the file describes; None where unknown."""

    provider: str = ""
    consumer: str = ""
    described: Role | None = None

    @property
    def own(self) -> str:
        """The system the file describes."""
        return self.consumer if self.described == "consumer" else self.provider

    @property
    def other(self) -> str:
        """The system at the other end."""
        return self.provider if self.described == "consumer" else self.consumer


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of a file that the file itself does not say."""

    only: tuple[str, ...] = ()
    """Tags or beginnings of paths, or channels; nothing means all."""
    sides: Sides = Sides()
    domain: str = ""
    """Whose events they are, the last part first: com.example."""


@dataclass(frozen=True, slots=True)
class Importer:
    """A format: what is one, and how it is read."""

    name: str
    label: str
    accepts: Callable[[str, str], bool]
    read: Callable[[str, Asked], Imported]


@dataclass(slots=True)
class Ledger:
    """The notes of one import while it goes on. `line_at` finds the line of a place in the source."""

    line_at: Callable[[Path], int | None] = lambda path: None
    shown: Callable[[Path], str] = lambda path: pointer(path)
    understood: list[Note] = field(default_factory=list)
    left_out: list[Note] = field(default_factory=list)

    @classmethod
    def by_line(cls) -> "Ledger":
        """A ledger whose places begin with their line: (12, "KV", "Range")."""
        return cls(
            lambda path: path[0] if path and isinstance(path[0], int) else None,
            lambda path: " › ".join(str(step)[:100] for step in path[1:]),
        )

    def took(self, path: Path, target: str, text: str) -> None:
        """Note that something was understood, and where in the record it went."""
        self._add(self.understood, path, target, text, "taken")

    def guessed(self, path: Path, target: str, text: str) -> None:
        """Note that something was concluded that the source does not say outright."""
        self._add(self.understood, path, target, text, "guessed")

    def left(self, path: Path, text: str, target: str = "") -> None:
        """Note that something was not taken over, and why."""
        self._add(self.left_out, path, target, text, "left")

    def passed(self, path: Path, text: str) -> None:
        """Note that something was passed over because a design record needs no such thing."""
        self._add(self.left_out, path, "", text, "passed")

    def imported(
        self,
        format: str,  # noqa: A002
        document: dict[str, Any],
        *,
        title: str = "",
        groups: Iterable[Group] = (),
    ) -> Imported:
        """The end of the import."""
        kept = settled(document, self)
        understood, left_out = tuple(_ordered(self.understood)), tuple(_ordered(self.left_out))
        return Imported(format, kept, understood, left_out, title, tuple(groups)[:MOST_GROUPS])

    def _add(self, notes: list[Note], path: Path, target: str, text: str, kind: Kind) -> None:
        if len(notes) < MOST_NOTES:
            notes.append(Note(self.line_at(path), self.shown(path), target, text, kind))
        elif len(notes) == MOST_NOTES:
            notes.append(Note(None, "", "", f"More than {MOST_NOTES:,} notes; the rest is not listed.", kind))


def _ordered(notes: list[Note]) -> Iterable[Note]:
    return sorted(dict.fromkeys(notes), key=lambda note: (note.line is None, note.line or 0))


def pointer(path: Path) -> str:
    """A place as a JSON pointer: `/paths/~1pets/get`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def settled(document: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """`document` without the values a record cannot keep, each noted."""
    for _ in range(MOST_ROUNDS):
        try:
            kept: dict[str, Any] = documents.dump(documents.parse(document))
        except InvalidRecord as error:
            if not all(each.location for each in error.problems):
                raise
            _drop(document, error.problems, ledger)
        else:
            return kept
    message = "holds too many values that cannot be kept"
    raise InvalidRecord([Problem("", message, "Mend the file, or import a part of it.")])


def _drop(document: dict[str, Any], problems: list[Problem], ledger: Ledger) -> None:
    for problem in sorted(problems, key=lambda each: _by_place(each.location), reverse=True):
        lost = _remove(document, problem.location)
        ledger.left(problem.location, f"{problem.path}: {problem.message}{lost}"[:5_000], problem.path)


def _by_place(location: Path) -> list[tuple[bool, int, str]]:
    return [(isinstance(step, int), step if isinstance(step, int) else 0, str(step)) for step in location]


def _remove(document: Any, location: Path) -> str:
    """Remove the value at `location`, or what holds it; of a list that is too long, its end, and say what it held."""
    here = document
    for step in location[:-1]:
        if not _has(here, step) or not isinstance(here[step], dict | list):
            _delete(here, step)
            return ""
        here = here[step]
    last = location[-1]
    if _has(here, last) and isinstance(here[last], list) and len(here[last]) > LONGEST_LIST:
        return _shorten(here[last])
    _delete(here, last)
    return ""


def _shorten(items: list[Any]) -> str:
    """Keep the first items, and say which go."""
    names = [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in items[LONGEST_LIST:]]
    del items[LONGEST_LIST:]
    return f"; the first {LONGEST_LIST} are kept, left out: {', '.join(names)}"


def _has(here: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(here, list) and step < len(here)
    return isinstance(here, dict) and step in here


def _delete(here: Any, step: str | int) -> None:
    if _has(here, step):
        del here[step]
