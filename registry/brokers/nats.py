"""NATS JetStream: messages are read by their sequence, without a consumer of ours."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from nats.aio.client import Client
from nats.errors import BadSubjectError, Error, NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from .base import (
    ATTEMPT,
    MADE_ANEW,
    MOST_BYTES,
    Broker,
    BrokerError,
    Depth,
    Found,
    Headers,
    Log,
    Looked,
    NoSuchPlace,
    Outcome,
    Outgoing,
    Place,
    Sent,
    Unreachable,
    Value,
    first,
    text_of,
    unwritable,
)

Answer = TypeVar("Answer")
MESSAGE_ID = "Nats-Msg-Id"
OURS = "nats:"
"""Headers with this prefix are what we noted of a message; no client could send them."""
NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""What a header may be called here: a token, as in HTTP."""
COPY = (
    "NATS took it for a copy of another message of the same id, and left it out."
    " Send it again once the stream's duplicate window is over."
)
NEWLINES = frozenset("\r\n")
FRAME = len("NATS/1.0\r\n\r\n")
TOO_LARGE = frozenset({10054, 10097})
"""The errors of JetStream for a message, or the headers of one, that are larger than it or the stream keeps."""
TIMEOUT_S = 10


class Unfit(BrokerError):
    """The server does not take a message for what it is."""


@dataclass(frozen=True, slots=True)
class State:
    """What the server says of a stream as a whole."""

    messages: int
    first_seq: int
    last_seq: int
    first_at: datetime
    created: str
    """What tells it from another stream of its name."""


class Discreet(Client):
    """Says nothing of us to a server that does not encrypt where the address asks for it. The client alone would."""

    async def reach(self, **options: Any) -> None:
        try:
            await self.connect(**options)
        except BaseException:
            line: Any = self._transport
            if line:
                # It is not waited for: half encrypted, it would never end.
                line.close()
            raise

    def _connect_command(self) -> bytes:
        is_asked = self._current_server and self._current_server.uri.scheme == "tls"
        if is_asked and not self._server_info.get("tls_required"):
            raise Unreachable("NATS does not encrypt there, and was told nothing. Let it require TLS.")
        return super()._connect_command()


class JetStream(Log, Broker):
    """A stream to read, by its name; a subject to send to. The url's ?host= is the name that a certificate has to bear.

    A cursor is the sequence of the last message seen, and when the stream was made.
    """

    def __init__(self, place: Place) -> None:
        self.name = place.name
        # The client is made for an event loop; it gets one of its own.
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="nats", daemon=True)
        self.thread.start()
        self.client = Discreet()
        try:
            self._wait(self.client.reach(**_options(place.url)))
        except BaseException:
            self._stop()
            raise
        self.stream = self.client.jetstream(timeout=TIMEOUT_S)

    def depth(self, *, reads: bool = False) -> Depth:
        state = self._wait(self._state())
        return Depth(state.messages, state.first_at if state.messages else None)

    def look(self, cursor: str, most: int) -> Looked:
        position, _, created = cursor.partition(" ")
        after, state = int(position or 0), self._wait(self._state())
        if after > state.last_seq or created not in ("", state.created):
            return MADE_ANEW
        found = self._wait(self._messages(after, state.last_seq, most))
        skipped = bool(cursor) and state.first_seq > after + 1
        after = int(found[-1].position) if found else max(after, state.first_seq - 1)
        return Looked(tuple(found), f"{after} {state.created}" if after else "", skipped)

    def send(self, message: Outgoing) -> Outcome:
        headers = _headers(message)
        if why := unwritable(message) or _unfit(headers) or self._too_large(headers, message.body):
            return Outcome(Sent.UNFIT, why)
        try:
            answer = self._wait(self.stream.publish(self.name, message.body, headers=_Lines(headers) or None))
            if answer.duplicate and not self._is_there(answer, headers, message.body):
                return Outcome(Sent.REFUSED, COPY)
        except Unreachable as lost:
            return Outcome(Sent.UNKNOWN, str(lost))
        except Unfit as refused:
            return Outcome(Sent.UNFIT, str(refused))
        except BrokerError as refused:
            return Outcome(Sent.REFUSED, str(refused))
        return Outcome(Sent.CONFIRMED)

    def _too_large(self, headers: Headers, body: bytes) -> str:
        """NATS hangs up on whoever sends more than it takes, and the client counts the body alone."""
        size = len(body) + FRAME + sum(len(f"{name}: {text_of(value)}\r\n".encode()) for name, value in headers)
        most = self.client.max_payload
        return f"With its headers it has {size:,} bytes, and NATS takes {most:,}." if size > most else ""

    def _is_there(self, answer: Any, headers: Headers, body: bytes) -> bool:
        """Whether what NATS has under this id already is an earlier sending of the same letter."""
        there = _found(self._wait(self._asked("MSG.GET", answer.stream, seq=answer.seq))["message"])
        return (there.body, _lasting(there.headers)) == (body, _lasting(headers))

    def close(self) -> None:
        with suppress(BrokerError):
            self._wait(self.client.close())
        self._stop()

    def _stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(TIMEOUT_S)
        self.loop.close()

    def _wait(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop)
        try:
            return answer.result(TIMEOUT_S * 2)
        except (NotFoundError, NoStreamResponseError, NoRespondersError, BadSubjectError):
            raise NoSuchPlace(f"There is no stream of {self.name}.") from None
        except APIError as refused:
            kind = Unfit if refused.err_code in TOO_LARGE else BrokerError
            raise kind(f"NATS, {self.name}: {refused.description or refused}") from None
        except (Error, OSError, TimeoutError) as problem:
            answer.cancel()
            raise Unreachable(f"NATS does not answer: {problem or type(problem).__name__}") from None

    async def _asked(self, what: str, stream: str, **words: Any) -> Any:
        """The server's own answer.

        The client's calls leave out how old the first message is, and read headers as those of an e-mail.
        """
        asked = json.dumps(words).encode() if words else b""
        answer = await self.client.request(f"$JS.API.STREAM.{what}.{stream}", asked, timeout=TIMEOUT_S)
        told = json.loads(answer.data)
        if problem := told.get("error"):
            APIError.from_error(problem)
        return told

    async def _state(self) -> State:
        told = await self._asked("INFO", self.name)
        state = told["state"]
        first_at = datetime.fromisoformat(state["first_ts"])
        return State(state["messages"], state["first_seq"], state["last_seq"], first_at, told["created"])

    async def _messages(self, after: int, last: int, most: int) -> list[Found]:
        found: list[Found] = []
        size = 0
        while after < last and len(found) < most and size < MOST_BYTES:
            message = await self._message(after + 1)
            if message is None:
                break
            found.append(message)
            size += len(message.body)
            after = int(message.position)
        return found

    async def _message(self, sequence: int) -> Found | None:
        """The first message from this sequence on; there are holes where some were deleted."""
        try:
            told = await self._asked("MSG.GET", self.name, seq=sequence, next_by_subj=">")
        except NotFoundError:
            return None
        return _found(told["message"])


class _Lines(dict[str, str]):
    """Headers for the client, which writes what `items` gives: a name may come again."""

    def __init__(self, headers: Headers) -> None:
        self.lines = [(name, text_of(value)) for name, value in headers]
        super().__init__(self.lines)

    def items(self) -> Any:
        return self.lines


def _headers(message: Outgoing) -> Headers:
    """What is sent along: its id in place of the one it came with."""
    given = tuple(each for each in message.headers if not each[0].startswith(OURS))
    if not message.message_id:
        return given
    return (*(each for each in given if each[0] != MESSAGE_ID), (MESSAGE_ID, message.message_id))


def _options(url: str) -> Any:
    """What the client is told: where the server is, and by which name it is known if that is not where it is."""
    parts = urlsplit(url)
    once = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.05}
    return {
        "servers": urlunsplit((*parts[:2], "", "", "")),
        "tls_hostname": dict(parse_qsl(parts.query)).get("host"),
        "connect_timeout": TIMEOUT_S,
        "error_cb": _ignore,
        **once,
    }


def _unfit(headers: Headers) -> str:
    """Which header NATS cannot carry as it is, in words: its client refuses some, and writes others otherwise."""
    for name, value in headers:
        if not NAME.fullmatch(name):
            return f"NATS cannot carry a header called {name!r}."
        if NEWLINES & set(text_of(value)):
            return f"NATS cannot carry the lines of its header {name}."
        if isinstance(value, bytes) and isinstance(_text(value), bytes):
            return f"Its header {name} is not UTF-8, and the client of NATS writes nothing else."
    return ""


def _lasting(headers: Headers) -> list[tuple[str, str]]:
    """The headers that are the same in each sending of a letter."""
    ours = (ATTEMPT, f"{OURS}subject")
    return [(name, text_of(value).strip()) for name, value in headers if name not in ours]


async def _ignore(problem: Exception) -> None:
    """What goes wrong is told by the call that it goes wrong for."""


def _found(message: dict[str, Any]) -> Found:
    """A message as the server tells it."""
    headers = _lines(base64.b64decode(message.get("hdrs") or b""))
    return Found(
        position=str(message["seq"]),
        body=base64.b64decode(message.get("data") or b""),
        headers=(*headers, (f"{OURS}subject", message["subject"])),
        message_id=first(headers, MESSAGE_ID),
        placed_at=datetime.fromisoformat(message["time"]),
    )


def _lines(block: bytes) -> Headers:
    """Headers by the lines they stand in, after that of the protocol: no line goes on in the next, none is encoded."""
    lines = (each.partition(b":") for each in block.split(b"\r\n")[1:] if each)
    return tuple((name.decode(errors="replace"), _text(value.lstrip(b" \t"))) for name, _, value in lines)


def _text(value: bytes) -> Value:
    """Its text, or the bytes themselves where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
