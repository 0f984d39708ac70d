"""NATS JetStream: messages are read by their sequence, without a consumer of ours."""

import asyncio
import json
import re
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import nats
from nats.errors import Error, NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from .base import (
    ATTEMPT,
    MADE_ANEW,
    Broker,
    BrokerError,
    Depth,
    Found,
    Log,
    Looked,
    NoSuchPlace,
    Outcome,
    Outgoing,
    Place,
    Sent,
    Unreachable,
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


class JetStream(Log, Broker):
    """A stream to read, by its name; a subject to send to.

    A cursor is the sequence of the last message seen, and when the stream was made.
    """

    def __init__(self, place: Place) -> None:
        self.name = place.name
        # The client is made for an event loop; it gets one of its own.
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="nats", daemon=True)
        self.thread.start()
        try:
            once: Any = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.05}
            options: Any = {"connect_timeout": TIMEOUT_S, "error_cb": _ignore, **once}
            self.client = self._wait(nats.connect(place.url, **options))
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
        headers = {name: text_of(value) for name, value in message.headers if not name.startswith(OURS)}
        headers |= {MESSAGE_ID: message.message_id} if message.message_id else {}
        if why := unwritable(message) or _unfit(headers) or self._too_large(headers, message.body):
            return Outcome(Sent.UNFIT, why)
        try:
            answer = self._wait(self.stream.publish(self.name, message.body, headers=headers or None))
            if answer.duplicate and not self._is_there(answer, headers, message.body):
                return Outcome(Sent.REFUSED, COPY)
        except Unreachable as lost:
            return Outcome(Sent.UNKNOWN, str(lost))
        except Unfit as refused:
            return Outcome(Sent.UNFIT, str(refused))
        except BrokerError as refused:
            return Outcome(Sent.REFUSED, str(refused))
        return Outcome(Sent.CONFIRMED)

    def _too_large(self, headers: dict[str, str], body: bytes) -> str:
        """NATS hangs up on whoever sends more than it takes, and the client counts the body alone."""
        size = len(body) + FRAME + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
        most = self.client.max_payload
        return f"With its headers it has {size:,} bytes, and NATS takes {most:,}." if size > most else ""

    def _is_there(self, answer: Any, headers: dict[str, str], body: bytes) -> bool:
        """Whether what NATS has under this id already is an earlier sending of the same letter."""
        there = self._wait(self.stream.get_msg(answer.stream, seq=answer.seq))
        return (there.data or b"", _lasting(there.headers or {})) == (body, _lasting(headers))

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
        except (NotFoundError, NoStreamResponseError, NoRespondersError):
            raise NoSuchPlace(f"There is no stream of {self.name}.") from None
        except APIError as refused:
            kind = Unfit if refused.err_code in TOO_LARGE else BrokerError
            raise kind(f"NATS, {self.name}: {refused.description or refused}") from None
        except (Error, OSError, TimeoutError) as problem:
            answer.cancel()
            raise Unreachable(f"NATS does not answer: {problem or type(problem).__name__}") from None

    async def _state(self) -> State:
        """The client's own call leaves out how old the first message is."""
        asked = await self.client.request(f"$JS.API.STREAM.INFO.{self.name}", timeout=TIMEOUT_S)
        told = json.loads(asked.data)
        if problem := told.get("error"):
            APIError.from_error(problem)
        state = told["state"]
        first_at = datetime.fromisoformat(state["first_ts"])
        return State(state["messages"], state["first_seq"], state["last_seq"], first_at, told["created"])

    async def _messages(self, after: int, last: int, most: int) -> list[Found]:
        found: list[Found] = []
        while after < last and len(found) < most:
            message = await self._message(after + 1)
            if message is None:
                break
            found.append(_found(message))
            after = message.seq
        return found

    async def _message(self, sequence: int) -> Any:
        """The first message from this sequence on; there are holes where some were deleted."""
        try:
            return await self.stream.get_msg(self.name, seq=sequence, subject=">", next=True)
        except NotFoundError:
            return None


def _unfit(headers: dict[str, str]) -> str:
    """Which header NATS cannot carry as it is, in words: its client refuses some, and writes others otherwise."""
    for name, value in headers.items():
        if not NAME.fullmatch(name):
            return f"NATS cannot carry a header called {name!r}."
        if NEWLINES & set(value):
            return f"NATS cannot carry the lines of its header {name}."
    return ""


def _lasting(headers: dict[str, str]) -> dict[str, str]:
    """The headers that are the same in each sending of a letter."""
    return {name: value.strip() for name, value in headers.items() if name != ATTEMPT}


async def _ignore(problem: Exception) -> None:
    """What goes wrong is told by the call that it goes wrong for."""


def _found(message: Any) -> Found:
    headers = message.headers or {}
    named = (*headers.items(), (f"{OURS}subject", message.subject))
    return Found(str(message.seq), message.data or b"", named, None, headers.get(MESSAGE_ID, ""), message.time)
