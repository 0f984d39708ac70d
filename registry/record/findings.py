"""What a rule says about a record."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """An error blocks submission, a warning asks for a justification, a hint only helps."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Other:
    """A place in another integration's record that a finding is about too."""

    integration: str
    version: str
    state: str
    """That of the revision: what is in force where there is such a one, else the newest."""
    path: str

    @property
    def title(self) -> str:
        """As it is said after "with": 1.2 of orders-to-stock."""
        word = {"draft": "draft ", "in_review": "in review, "}.get(self.state, "")
        return f"{word}{self.version} of {self.integration}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, where it is, and how to mend it."""

    code: str
    severity: Severity
    path: str
    message: str
    mend: str
    others: tuple[Other, ...] = ()
    """The places in other integrations it was compared with."""

    @property
    def section(self) -> str:
        """The section the finding belongs to; "" for the record as a whole."""
        return self.path.split(".")[0].split("[")[0]

    @property
    def key(self) -> str:
        """What a justification is filed under: the same finding keeps its key from one check to the next."""
        return f"{self.code} {self.path}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that cannot be kept: where, what is wrong, and what to write instead."""

    path: str
    message: str
    mend: str = ""
    location: tuple[int | str, ...] = field(default=(), compare=False)
    """The same place by position, for whoever holds the raw document."""
    line: int = field(default=0, compare=False)
    """The line of the text it was read from, where that is known."""


class InvalidRecord(ValueError):
    """The document is no design record. `problems` names each field, what is wrong and the mend."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{each.path or 'record'}: {each.message}" for each in problems))
        self.problems = problems
