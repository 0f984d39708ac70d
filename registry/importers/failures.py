"""Answers of OpenAPI that are failures → the error table: code, action, and what the provider says of it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .base import Ledger, Path
from .fitting import line, text_of
from .schemas import Schemas

__all__ = ["Failures"]

ACTIONS = {
    "401": "refresh_credentials_and_retry_once",
    "403": "alert_and_stop",
    "404": "check_resource",
    "409": "skip_as_duplicate",
    "410": "check_resource",
    "422": "escalate",
    "429": "back_off_retry_after",
    "501": "alert_and_stop",
    "502": "fail_fast",
    "503": "fail_fast",
}
CODE_FIELDS = ("code", "errorCode", "error_code", "error")


class Failures:
    """The failures of one file, by status."""

    def __init__(self, at: str, credential: dict[str, Any], schemas: Schemas, ledger: Ledger) -> None:
        self.at = at
        self.credential = credential
        self.schemas = schemas
        self.ledger = ledger
        self.failures: Counter[tuple[str, str]] = Counter()
        self.failed_at: dict[str, Path] = {}
        self.codes: dict[str, set[str]] = {}
        self.patient: set[str] = set()
        self.usual: Path = ()

    def add(self, status: str, response: dict[str, Any], path: Path) -> None:
        """One answer that is a failure."""
        self.failed_at.setdefault(status, path)
        self.failures[status, line(response.get("description")) or ""] += 1
        if any(text_of(each).lower() == "retry-after" for each in _dict(response.get("headers"))):
            self.patient.add(status)
        for media in list(_dict(response.get("content")).values())[:1]:
            self.codes.setdefault(status, set()).update(self._codes(_dict(media)))

    def _codes(self, media: dict[str, Any]) -> Iterator[str]:
        """The provider's own error codes, from examples and from what a field of that name may be."""
        examples = [media.get("example"), *(_dict(each).get("value") for each in _dict(media.get("examples")).values())]
        schema = _dict(self.schemas.follow(media.get("schema"), ())[0]) if media.get("schema") else {}
        examples += [schema.get("example"), *_list(schema.get("examples"))]
        for example in examples:
            inner = _dict(_dict(example).get("error")) or _dict(example)
            yield from (text for name in CODE_FIELDS if (text := _code(inner.get(name))))
        properties = _dict(schema.get("properties"))
        for name in CODE_FIELDS:
            allowed = _dict(properties.get(name))
            choices = [allowed.get("const"), *_list(allowed.get("enum")), allowed.get("example")]
            yield from (text for each in choices if (text := _code(each)))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The error table, with the usual action for each status."""
        for status in sorted(self.failed_at):
            meanings = [(count, text) for (each, text), count in self.failures.items() if each == status]
            target = f"{self.at}.errors[{status}]"
            action = "back_off_retry_after" if status in self.patient and status[0] == "5" else self._action(status)
            self.ledger.guessed(self.failed_at[status], target, f"{status}: the usual action for this status.")
            codes = self.codes.get(status, set())
            code = codes.pop() if len(codes) == 1 else None
            yield {"status": status, "code": code, "action": action, "notes": self._notes(status, max(meanings)[1])}
        for status in ("4xx", "5xx"):
            if self.usual and status not in self.failed_at:
                text = f"“default” covers every other failure: {status}, with the usual action."
                self.ledger.guessed(self.usual, f"{self.at}.errors[{status}]", text)
                yield {"status": status, "action": self._action(status)}

    def _action(self, status: str) -> str:
        """The usual one; after a 401 only a token can be fetched anew."""
        if status == "401" and self.credential.get("type") in ("api_key", "basic", "mtls", "none"):
            return "alert_and_stop"
        return ACTIONS.get(status) or ("fix_request" if status.startswith("4") else "retry_with_backoff")

    def _notes(self, status: str, meaning: str) -> str | None:
        patience = "Retry-After says how long to wait." if status in self.patient else ""
        return line(f"{meaning.rstrip('.')}. {patience}" if meaning and patience else meaning or patience)


def _code(value: Any) -> str | None:
    text = line(value, 100)
    return text if text and re.fullmatch(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*|[a-z]+(?:[_-][a-z0-9]+)+", text) else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
