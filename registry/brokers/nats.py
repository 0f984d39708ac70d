"""NATS JetStream: messages are read by their sequence, without a consumer of ours."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import nats
from nats.errors import Error, NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from .base import (
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
)

Answer = TypeVar("Answer")
MESSAGE_ID = "Nats-Msg-Id"
OURS = "nats:"
"""Headers with this prefix are what we noted of a message; no client could send them."""
TIMEOUT_S = 10


class JetStream(Log, Broker):
    """A stream to read, by its name; a subject to send to."""

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

    def depth(self) -> Depth:
        state = self._state()
        first = self._wait(self._message(state.first_seq)) if state.messages else None
        return Depth(state.messages, first and first.time)

    def look(self, cursor: str, most: int) -> Looked:
        after = int(cursor or 0)
        state = self._state()
        found = self._wait(self._messages(after, state.last_seq, most))
        skipped = bool(cursor) and state.first_seq > after + 1
        return Looked(tuple(found), found[-1].position if found else cursor, skipped)

    def send(self, message: Outgoing) -> Outcome:
        headers = {name: text_of(value) for name, value in message.headers if not name.startswith(OURS)}
        headers |= {MESSAGE_ID: message.message_id} if message.message_id else {}
        try:
            self._wait(self.stream.publish(self.name, message.body, headers=headers or None))
        except Unreachable as lost:
            return Outcome(Sent.UNKNOWN, str(lost))
        except BrokerError as refused:
            return Outcome(Sent.REFUSED, str(refused))
        return Outcome(Sent.CONFIRMED)

    def close(self) -> None:
        with suppress(BrokerError):
            self._wait(self.client.close())
        self._stop()

    def _stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(TIMEOUT_S)
        self.loop.close()

    def _state(self) -> Any:
        return self._wait(self.stream.stream_info(self.name)).state

    def _wait(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop)
        try:
            return answer.result(TIMEOUT_S * 2)
        except (NotFoundError, NoStreamResponseError, NoRespondersError):
            raise NoSuchPlace(f"There is no stream of {self.name}.") from None
        except APIError as refused:
            raise BrokerError(f"NATS, {self.name}: {refused.description or refused}") from None
        except (Error, OSError, TimeoutError) as problem:
            answer.cancel()
            raise Unreachable(f"NATS does not answer: {problem or type(problem).__name__}") from None

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


async def _ignore(problem: Exception) -> None:
    """What goes wrong is told by the call that it goes wrong for."""


def _found(message: Any) -> Found:
    headers = message.headers or {}
    named = (*headers.items(), (f"{OURS}subject", message.subject))
    return Found(str(message.seq), message.data or b"", named, None, headers.get(MESSAGE_ID, ""), message.time)
