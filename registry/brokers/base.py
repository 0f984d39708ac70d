"""The port to a broker: count, look, take, send. What each broker can, it says; what it cannot, nobody pretends."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

Value = str | bytes | int | float | bool | datetime | None | list["Value"] | dict[str, "Value"]
Headers = tuple[tuple[str, Value], ...]


ATTEMPT = "x-registry-attempt"
"""The one header in which two sendings of a letter differ."""
MESSAGE_ID = "message-id"
"""A header that tells the id, where a broker gives messages none or one of its own."""
MOST_BYTES = 32_000_000
"""Bodies of one look or one batch: once they come to more, the rest is left for the next, whatever was asked for."""


class Mode(StrEnum):
    """How messages of a source are read, from harmless to not."""

    COUNTS = "counts"
    CURSOR = "cursor"
    CONSUME = "consume"


class IdKind(StrEnum):
    """What makes two sightings of a message the same message."""

    OFFSET = "offset"
    """Its place in a log: exact."""
    MESSAGE_ID = "message_id"
    """The id its producer gave it: as exact as the producer."""
    WEAK = "weak"
    """Nothing: equal bytes may be two messages, so none is taken for another."""


class Sent(StrEnum):
    """What is known of a message once it was sent."""

    CONFIRMED = "confirmed"
    """The broker has it, in a place somebody reads."""
    REFUSED = "refused"
    """The broker does not have it."""
    UNFIT = "unfit"
    """The broker does not have it and never will: it, its client or its protocol cannot carry what is in it."""
    UNKNOWN = "unknown"
    """The line went dead in between: it may have it."""


class BrokerError(Exception):
    """The broker cannot be asked. The message says what it answered and what to do."""


class Unreachable(BrokerError):
    """Nobody answers there, or no longer."""


class Busy(BrokerError):
    """Somebody else reads there, and only one may."""


class NoSuchPlace(BrokerError):
    """The broker answers, and knows no such queue, stream or topic."""


class NotPossible(BrokerError):
    """This kind of source does not do that without harm."""


@dataclass(frozen=True, slots=True)
class Place:
    """A queue, stream or topic at a broker."""

    url: str
    """Where the broker is, with its credentials; never shown. For Kafka host:port, for SQS the endpoint."""
    name: str
    kind: str = ""
    """Where a broker has several: RabbitMQ's quorum, classic or stream."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages are there, and how old the oldest is where the broker tells."""

    messages: int | None
    """None where the broker does not say so, but to whoever reads them."""
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A message as it lies there."""

    position: str
    """The source's own name of its place, after which one goes on; for a queue the delivery's number."""
    body: bytes
    headers: Headers = ()
    key: bytes | None = None
    """What orders it: Kafka's key, a FIFO group."""
    message_id: str = ""
    placed_at: datetime | None = None
    partition: str = ""
    delivered: int | None = None
    """How often it was handed to somebody before, where the broker counts that."""
    mark: str = ""
    """What tells two deaths of one id apart, where the broker does not give each message an id of its own."""

    def identity(self, mode: Mode) -> tuple[IdKind, str]:
        """What tells it from every other message of its source."""
        if mode is Mode.CURSOR:
            return IdKind.OFFSET, f"{self.partition}/{self.position}" if self.partition else self.position
        if not self.message_id:
            return IdKind.WEAK, ""
        return IdKind.MESSAGE_ID, f"{self.message_id}/{self.mark}" if self.mark else self.message_id

    @property
    def trace(self) -> str:
        """What tells it from a message that came to lie in its place. Cursors hold it: it must stay what it is."""
        placed = self.placed_at.isoformat() if self.placed_at else ""
        told = repr((self.body, self.key, self.message_id, placed))
        return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Looked:
    """Messages after a cursor, and the cursor after them.

    An empty look keeps the place the cursor names, or moves it behind what was dropped.
    """

    messages: tuple[Found, ...]
    cursor: str
    skipped: bool = False
    """Whether the source may have dropped messages the cursor had not come to."""
    made_anew: bool = False
    """Whether the cursor is of another log than the one that is there now; then nothing of it was read."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent, as its consumer shall see it."""

    body: bytes
    headers: Headers = ()
    key: bytes | None = None
    message_id: str = ""
    content_type: str = ""
    once: str = ""
    """What all sendings of one letter have in common, and those of no other, where a broker leaves out copies."""


@dataclass(frozen=True, slots=True)
class Outcome:
    sent: Sent
    why: str = ""


class Taken(Protocol):
    """Messages in our custody, and all that were ever handed to us. Given back when the block ends, unless settled."""

    @property
    def messages(self) -> Sequence[Found]: ...

    @property
    def is_all(self) -> bool:
        """Whether surely nothing else was left there, and nobody else held anything."""

    def settle(self) -> bool:
        """Tell the broker we keep them. Only after they are committed on our side. Whether it has surely heard."""


class Broker(Protocol):
    """One place at one broker, held open. Not for several threads at once."""

    modes: frozenset[Mode]

    def depth(self, *, reads: bool = False) -> Depth:
        """How many are there. Messages are looked at for it only if it `reads`, which their owner has to agree to."""

    def look(self, cursor: str, most: int) -> Looked:
        """Up to `most` messages after `cursor` ("" is the beginning), or MOST_BYTES; nothing there changes by it.

        A log that was deleted and made again, or is another one by the same name, is told by what lies where the
        cursor ended, or that nothing reaches as far.
        """

    def take(self, most: int, *, once_alone: Callable[[], None] | None = None) -> AbstractContextManager[Taken]:
        """Up to `most` messages, or MOST_BYTES, exclusively; Busy says somebody else reads where only one may.

        `once_alone` is called when nobody else reads, before anything is handed to us.
        """

    def send(self, message: Outgoing) -> Outcome:
        """Send one message and wait until the broker has it, or says no.

        What cannot be carried is unfit, and nothing is raised for it: it would be each time. A BrokerError is raised
        only while not a byte of it has left.
        """

    def close(self) -> None: ...


class Log:
    """What all places have in common whose messages stay when they are read."""

    modes = frozenset({Mode.COUNTS, Mode.CURSOR})

    def take(self, most: int, *, once_alone: Callable[[], None] | None = None) -> AbstractContextManager[Taken]:
        raise NotPossible("A log is read from where one stopped; nothing need be taken from it.")


MADE_ANEW = Looked((), "", made_anew=True)


def text_of(value: Value) -> str:
    """A header's value as text, whatever it was sent as."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def unwritable(message: Outgoing) -> str:
    """Which text of it UTF-8 has no way to write, in words; "" if none. Clients fail at it, Kafka's by dying."""
    texts = {"id": message.message_id} | {f"header {name!r}": name + text_of(value) for name, value in message.headers}
    return next((f"Its {what} is not text that can be sent." for what, text in texts.items() if not _is_text(text)), "")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def first(headers: Headers, *names: str) -> str:
    """The first of these headers that is there, as text. Names are compared without case."""
    found = {name.lower(): value for name, value in reversed(headers)}
    return next((text_of(found[each.lower()]) for each in names if each.lower() in found), "")
