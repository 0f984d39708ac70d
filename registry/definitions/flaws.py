"""What is wrong in a source text, and where."""

from dataclasses import dataclass
from typing import NamedTuple, NoReturn

MOST_FLAWS = 12
"""Told at once of one text; whoever mends those sees the next."""


class At(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int = 1
    column: int = 1


START = At()


@dataclass(frozen=True, slots=True, order=True)
class Flaw:
    """One thing wrong: where, what, and what to write instead."""

    at: At
    message: str
    mend: str

    def __str__(self) -> str:
        return f"line {self.at.line}, column {self.at.column}: {self.message}"


class Flawed(Exception):
    """The text cannot be read beyond this flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(str(flaw))
        self.flaw = flaw


def refuse(at: At, message: str, mend: str) -> NoReturn:
    """Stop reading here."""
    raise Flawed(Flaw(at, message, mend)) from None


def place(text: str, position: int) -> At:
    """The line and column of a position in `text`."""
    return At(text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def short(text: str, longest: int = 60) -> str:
    """A piece of source in quotes, cut where it is long."""
    return f"“{text}”" if len(text) <= longest else f"“{text[: longest - 1]}…”"
