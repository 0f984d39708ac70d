"""What a service refuses, in words for the person who asked: what happened, and what to do next."""

import traceback
from collections.abc import Iterable
from typing import Any

from registry.record.findings import Problem


def kind_and_place(problem: Exception) -> tuple[str, str]:
    """What failed that nobody foresaw, and where; nothing of its text, as a client's may hold a password."""
    where = traceback.extract_tb(problem.__traceback__)[-1]
    return type(problem).__name__, f"{where.filename}:{where.lineno}"


class DomainError(Exception):
    """Something was refused. `message` says what happened, `mend` what to do next."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


class Invalid(DomainError):
    """What was given cannot be kept. `problems` names each field, what is wrong and the mend."""

    def __init__(self, problems: Iterable[Problem], message: str = "") -> None:
        self.problems = list(problems)
        first = self.problems[0] if self.problems else Problem("", "is not valid")
        super().__init__(message or f"{first.path or 'record'}: {first.message}", first.mend)


class NotAllowed(DomainError):
    """This person may not do this."""


class Conflict(DomainError):
    """It cannot be done in the state things are in now."""


class Stale(Conflict):
    """Somebody changed it meanwhile. Carries what is there now, so that both can be shown."""

    def __init__(self, current_etag: str, current_document: dict[str, Any], message: str = "", mend: str = "") -> None:
        super().__init__(
            message or "Somebody else saved this meanwhile.",
            mend or "Compare both versions, then save again.",
        )
        self.current_etag = current_etag
        self.current_document = current_document
