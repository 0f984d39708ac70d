"""What a family of headers is: which names it owns, and what they say of a death."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from registry.brokers.base import Headers, Value

LONGEST_TEXT, LONGEST_STACK, LONGEST_NAME = 2_000, 20_000, 100
MOST_HEADERS = 2_000
"""So many headers are looked at, from the last on; what comes before them is kept, and says nothing."""
MOST_DETAILS = 20
"""Headers of one namespace that are told one by one."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_S = 253_402_300_799
WRAPPERS = (
    *("ListenerExecutionFailedException", "TimestampedException", "CompletionException", "ExecutionException"),
    *("AggregateException", "TargetInvocationException"),
)
"""Classes that only say that another error happened inside."""
ONE, WHOLE, LONG, ANY = (1,), (4,), (8,), range(1, 9)
"""Bytes in which Java writes a byte, an int, a long, and a BigInteger of that size."""
_BEGINNING = (".", "-", ":")
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_PRINTED = re.compile(rb"[\x20-\x7e]+")


Detail = str | int | datetime


@dataclass(frozen=True, slots=True)
class Death:
    """Why a message was set aside, as its headers say. All of it is for people to read; none of it is trusted."""

    reason: str = ""
    """A word for it: rejected, expired, maxlen, delivery_limit; or the sentence a library put there."""
    error_class: str = ""
    message: str = ""
    origin: str = ""
    """The topic or queue it died at. Shown, and never where it is sent back to."""
    died_at: datetime | None = None
    attempts: int | None = None
    """How often its consumer tried."""
    families: tuple[str, ...] = ()
    """Whose headers these are, the most telling first."""
    stack: str = ""
    consumer: str = ""
    """The group, endpoint or handler it died in."""
    origin_position: str = ""
    """Where it lay there: partition and offset, or the id its broker gave it."""
    sent_at: datetime | None = None
    """When it was first sent."""
    event_type: str = ""
    """What its library calls the type of the message."""
    details: dict[str, Detail] = field(default_factory=dict)
    """What else was written of it, by what people call it."""


class Fields:
    """Headers by name, whatever the case; of several of one name the last counts: who set it aside last wrote it."""

    def __init__(self, headers: Headers) -> None:
        self._values: dict[str, Value] = {}
        self._written: dict[str, str] = {}
        for name, value in headers[-MOST_HEADERS:]:
            self._values[name.lower()] = value
            self._written[name.lower()] = name
        self.names = frozenset(self._values)

    def value(self, *names: str) -> Value:
        """The first of these that is there; None."""
        return next((self._values[each.lower()] for each in names if each.lower() in self._values), None)

    def text(self, *names: str, longest: int = LONGEST_TEXT) -> str:
        return text(self.value(*names), longest=longest)

    def packed(self, name: str, of: Mapping[str, Sequence[int]]) -> int | None:
        """A number in as many bytes as those names have, or in digits."""
        return packed(self.value(name), of[name.lower()])

    def moment(self, *names: str) -> datetime | None:
        return moment(self.value(*names))

    def under(self, namespace: str, label: str = "") -> dict[str, Detail]:
        """The first of those whose names begin so, each by the rest of its name."""
        found = sorted(each for each in self.names if each.startswith(namespace.lower()) and each != namespace.lower())
        named = {
            name: text(self._written[name][len(namespace) :], longest=LONGEST_NAME) for name in found[:MOST_DETAILS]
        }
        return details(*((f"{label} {named[each]}".strip(), self.text(each)) for each in named))


@dataclass(frozen=True, slots=True)
class Family:
    """Headers that one broker or library writes."""

    name: str
    owns: tuple[str, ...]
    """The names that are its own, as `Names` has them. They do not go along when a message is sent again."""
    read: Callable[[Fields], Death]
    signs: tuple[str, ...] = ()
    """Those by which it is known where it shares names with others; its own, unless told."""

    def wrote(self, fields: Fields) -> bool:
        signs = names(self.signs or self.owns)
        return any(name in signs for name in fields.names)


class Names:
    """Names in small letters. One that ends in a dot, dash or colon is a namespace: it stands for all that begin so."""

    def __init__(self, told: Sequence[str]) -> None:
        self._beginnings = tuple(each for each in told if each.endswith(_BEGINNING))
        self._whole = frozenset(told)

    def __contains__(self, name: str) -> bool:
        return name in self._whole or name.startswith(self._beginnings)


@cache
def names(told: tuple[str, ...]) -> Names:
    return Names(told)


def text(value: Value, *, longest: int = LONGEST_TEXT) -> str:
    """A value as text that can be kept: bounded, without NUL and halves of characters."""
    if isinstance(value, bytes):
        value = value[: 4 * longest].decode(errors="replace")
    if value is None or isinstance(value, list | dict) or (isinstance(value, int) and abs(value) >= 2**64):
        return ""
    told = value.isoformat() if isinstance(value, datetime) else str(value)[:longest]
    return told.encode(errors="replace").decode(errors="replace").replace("\x00", "�").strip()


def number(value: Value) -> int | None:
    """A whole number: as such, or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) and abs(value) < 2**63 else None
    if isinstance(value, bytes):
        value = value[:30].decode(errors="replace")
    told = value.strip() if isinstance(value, str) else ""
    return int(told) if _DIGITS.fullmatch(told) else None


def packed(value: Value, sizes: Sequence[int]) -> int | None:
    """A number in so many bytes, the highest first. Bytes that are all letters and digits are a text, and read so."""
    if isinstance(value, bytes) and len(value) in sizes and not _PRINTED.fullmatch(value):
        return int.from_bytes(value, "big", signed=True)
    return number(value)


def count(value: Value) -> int | None:
    """A number of times."""
    found = number(value)
    return found if found is not None and 0 <= found < 2**31 else None


def moment(value: Value) -> datetime | None:
    """A moment: as such, in ISO 8601, or in seconds or milliseconds since 1970."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if (since := number(value)) is not None:
        seconds = since / 1_000 if since > 100_000_000_000 else since
        return EPOCH + timedelta(seconds=seconds) if 0 < seconds < LATEST_S else None
    try:
        told = datetime.fromisoformat(text(value)[:40])
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def position(partition: int | None, offset: int | None) -> str:
    """Both in words, as far as they are told."""
    told = (("partition", partition), ("offset", offset))
    return joined(*(f"{name} {value}" for name, value in told if value is not None))


def details(*told: tuple[str, Detail | None]) -> dict[str, Detail]:
    """Those that say something."""
    return {name: value for name, value in told if value is not None and value != ""}


def joined(*parts: str) -> str:
    return ", ".join(each for each in parts if each)


def first_line(stack: str) -> tuple[str, str]:
    """Class and message, as the first line of a stack trace tells them."""
    line = stack.partition("\n")[0].strip()
    name, _, said = line.partition(":")
    return (name.strip(), said.strip()) if re.fullmatch(r"[\w.$]{1,300}", name.strip()) else ("", line)


def inner(name: str, cause: str) -> str:
    """The class of an error, or of its cause where it only wraps that."""
    return cause if cause and (not name or is_wrapper(name)) else name


def is_wrapper(name: str) -> bool:
    return name.rpartition(".")[2] in WRAPPERS


def cause(stack: str) -> tuple[str, str]:
    """Class and message of what a Java stack trace tells, without what only wraps it."""
    told = first_line(stack)
    lines = (line for line in stack.splitlines() if line.startswith("Caused by: "))
    while is_wrapper(told[0]) and (line := next(lines, "")):
        found = first_line(line.removeprefix("Caused by: "))
        told = found if found[0] else told
    return told


def tables(value: Value, *, most: int = 50) -> Sequence[dict[str, Value]]:
    """The tables in a list, as RabbitMQ nests them."""
    return [each for each in value[:most] if isinstance(each, dict)] if isinstance(value, list) else []
