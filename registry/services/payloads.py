"""What letters hold: body, headers and key, encrypted with their source's key. Sealed and opened here alone."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.brokers import Found, Headers, Value
from registry.errors import Conflict
from registry.models import DeadLetter, DeadLetterSource, Payload, PayloadEdit, RedriveItem
from registry.sealing import Seal, Unsealed

BYTES, MOMENT, TABLE = "b64", "at", "table"
DEEPEST = 32
"""Tables inside tables; what lies deeper is left out."""
LARGEST_STATEMENT = 16_000_000
"""Bytes that are written at once: PostgreSQL takes a statement of up to 1 GB, in which each byte is two digits."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a letter holds, in clear."""

    body: bytes
    headers: Headers = ()
    key: bytes | None = None


def keep(source: DeadLetterSource, letters: Iterable[tuple[DeadLetter, Found]]) -> None:
    """Seal what was found with these letters; in one statement, unless it is much."""
    seal = Seal(source.sealed_key)
    rows: list[Payload] = []
    size = 0
    for letter, found in letters:
        key = None if found.key is None else seal.close(found.key, f"key of {letter.pk}")
        held = _closed(seal, letter.pk, found.body, found.headers)
        rows.append(Payload(letter=letter, source=source, kept_since=letter.harvested_at, key=key, **held))
        size += len(held["body"]) + len(held["headers"])
        if size >= LARGEST_STATEMENT:
            Payload.objects.bulk_create(rows)
            rows, size = [], 0
    Payload.objects.bulk_create(rows)


def sha256(body: bytes) -> str:
    """What a body in clear is known by."""
    return hashlib.sha256(body).hexdigest()


def forget(letters: Iterable[int]) -> None:
    """Delete what these letters hold, with all that was edited in them and what they are searched by; their rows tell
    the rest."""
    keys = list(letters)
    Payload.objects.filter(letter__in=keys).delete()
    DeadLetter.objects.filter(pk__in=keys).exclude(facts={}).update(facts={})
    RedriveItem.objects.filter(letter__in=keys, edit__isnull=False).update(edit=None)
    PayloadEdit.objects.filter(letter__in=keys).delete()


def closed(letter: DeadLetter, body: bytes, headers: Headers) -> dict[str, Any]:
    """The fields of an edit of this letter: body and headers, sealed, and the body's hash."""
    return _closed(Seal(letter.source.sealed_key), letter.pk, body, headers)


def opened(letter: DeadLetter, *, seal: Seal | None = None) -> Opened:
    """What it holds. Raises Conflict where the payload is gone, or was sealed with another SECRET_KEY.

    `seal` is the source's, where many are opened that were read with their payloads.
    """
    payload = getattr(letter, "payload", None) if seal else Payload.objects.filter(letter=letter).first()
    if payload is None:
        raise Conflict("Its payload is gone.", "Its retention is over, or it was discarded; the row tells the rest.")
    with _openable(letter, seal) as held:
        key = None if payload.key is None else held.open(payload.key, f"key of {letter.pk}")
        return _opened(held, letter.pk, payload, key)


def opened_edit(edit: PayloadEdit, *, original: Opened | None = None) -> Opened:
    """What an edit says instead; the key stays the letter's own. Raises Conflict likewise."""
    letter = edit.letter
    with _openable(letter) as seal:
        return _opened(seal, letter.pk, edit, (original or opened(letter)).key)


@contextmanager
def _openable(letter: DeadLetter, seal: Seal | None = None) -> Iterator[Seal]:
    try:
        yield seal or Seal(letter.source.sealed_key)
    except Unsealed as why:
        raise Conflict("Its payload cannot be opened.", f"{why} Set the SECRET_KEY it was taken in with.") from None


def _closed(seal: Seal, number: int, body: bytes, headers: Headers) -> dict[str, Any]:
    named = json.dumps([[name, _plain(value)] for name, value in headers])
    return {
        "body": seal.close(body, f"body of {number}"),
        "headers": seal.close(named.encode(), f"headers of {number}"),
        "sha256": sha256(body),
    }


def _opened(seal: Seal, number: int, sealed: Payload | PayloadEdit, key: bytes | None) -> Opened:
    named = json.loads(seal.open(sealed.headers, f"headers of {number}"))
    headers = tuple((name, _value(value)) for name, value in named)
    return Opened(seal.open(sealed.body, f"body of {number}"), headers, key)


def _plain(value: Value, depth: int = 0) -> Any:
    """A header's value as JSON has it."""
    if depth > DEEPEST:
        return None
    match value:
        case bytes():
            return {BYTES: base64.b64encode(value).decode()}
        case datetime():
            return {MOMENT: (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()}
        case dict():
            table = {name: _plain(each, depth + 1) for name, each in value.items()}
            return {TABLE: table} if len(table) == 1 and table.keys() <= {BYTES, MOMENT, TABLE} else table
        case list():
            return [_plain(each, depth + 1) for each in value]
        case _:
            return value


def _value(plain: Any) -> Value:
    match plain:
        case {"b64": str(text), **rest} if not rest:
            return base64.b64decode(text)
        case {"at": str(text), **rest} if not rest:
            return datetime.fromisoformat(text)
        case {"table": dict(table), **rest} if not rest:
            return {name: _value(each) for name, each in table.items()}
        case dict():
            return {name: _value(each) for name, each in plain.items()}
        case list():
            return [_value(each) for each in plain]
        case _:
            value: Value = plain
            return value
