"""RabbitMQ: queues are consumed into our custody, streams are copied by their offset."""

import hashlib
import math
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
from amqp.exceptions import (
    AccessRefused,
    AMQPError,
    FrameSyntaxError,
    MessageNacked,
    NotFound,
    PreconditionFailed,
    RecoverableConnectionError,
)

from . import frames
from .base import (
    MADE_ANEW,
    MOST_BYTES,
    Broker,
    BrokerError,
    Busy,
    Depth,
    Found,
    Headers,
    Looked,
    Mode,
    NoSuchPlace,
    NotPossible,
    Outcome,
    Outgoing,
    Place,
    Sent,
    Taken,
    Unreachable,
    Value,
)

STREAM, QUORUM, EXCHANGE = "stream", "quorum", "exchange"
OFFSET = "x-stream-offset"
PROPERTY = "amqp:"
"""Headers with this prefix are the message's own properties, such as its correlation id."""
PROPERTIES = ("correlation_id", "reply_to", "expiration", "type", "user_id", "app_id", "content_encoding", "priority")
DELIVERIES = "x-delivery-count"
COUNTERS = frozenset({DELIVERIES, "x-acquired-count"})
PATIENCE_S = 1
SILENT_S = 0.1
"""After this long without a message, a queue is asked whether it has more."""
QUIET_S = 0.5
"""A stream that sends nothing for this long has come to its end."""
TIMEOUT_S = 10
DEEPEST = 32
"""Tables inside tables that are kept; a frame has room for eighteen thousand."""
DEEPEST_CALLS = 200_000
HANDFUL = 50
"""Messages that are on their way to us at most: how large they are is not known before they are here, and a reader who
died gives back what it held in its order only if it was one."""
LATEST_S = 253_402_300_799
"""The last second that a calendar has."""
LARGEST_CHUNK = 100_000
FRAME = 20
"""What stands around a message's headers in the one frame that has to hold them all."""
NO_WAY = (struct.error, TypeError, ValueError, AttributeError, FrameSyntaxError, RecursionError)
"""How the client says that AMQP has no way to write something."""
CONFIRMED = Outcome(Sent.CONFIRMED)


class RabbitMQ(Broker):
    """A queue or stream by its name; of the kind `exchange`, "exchange:routing key", which is only sent to.

    A stream's cursor is the offset of the last message seen, and its trace: nothing else tells one stream of a name
    from the next.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.is_stream = place.kind == STREAM
        self.modes = frozenset({Mode.COUNTS, Mode.CURSOR if self.is_stream else Mode.CONSUME})
        self.largest = 1
        """The body that was largest of those a queue handed us last."""
        self.connection = _connection(place.url)
        try:
            self.connection.connect()
        except (AMQPError, OSError) as problem:
            raise Unreachable(f"RabbitMQ does not answer: {_said(problem)}") from None

    def depth(self, *, reads: bool = False) -> Depth:
        with self._channel() as channel:
            there = channel.queue_declare(self.place.name, passive=True).message_count
        if not self.is_stream:
            return Depth(there)
        # A stream is counted every few seconds, and says 0 where it was not yet.
        return self._length() if reads else Depth(there or None)

    def _length(self) -> Depth:
        """What lies between a stream's first offset and its last."""
        first = self._read("first", 1)
        last = self._last() if first else None
        return Depth(int(last.position) - int(first[0].position) + 1 if last else 0)

    def _last(self) -> Found | None:
        """The last message of a stream, which comes with all of its chunk."""
        with closing(self._stream("last", LARGEST_CHUNK)) as chunk:
            return next(iter(deque(chunk, maxlen=1)), None)

    def look(self, cursor: str, most: int) -> Looked:
        if not self.is_stream:
            raise NotPossible("A queue counts every look and may drop a message after some. It is consumed, or left.")
        position, _, trace = cursor.partition(" ")
        if not position:
            found = self._read("first", most)
            return Looked(tuple(found), _cursor(found[-1]) if found else "")
        after = int(position)
        # From the last one seen on: while that is there, nothing after it is missing.
        found = self._read(after, most + 1, seen=after)
        if not found:
            last = self._last()
            return MADE_ANEW if last and int(last.position) < after else Looked((), cursor)
        is_there = found[0].position == position
        if is_there and trace not in ("", _trace(found[0])):
            return MADE_ANEW
        new = found[1:] if is_there else found[:most]
        return Looked(tuple(new), _cursor((new or found)[-1]), int(found[0].position) > after + 1)

    def _read(self, start: int | str, most: int, *, seen: int = -1) -> list[Found]:
        """As many from there on, or MOST_BYTES of those behind the one that was seen."""
        found, size = list[Found](), 0
        with closing(self._stream(start, most)) as messages:
            for each in messages:
                found.append(each)
                size += len(each.body) if int(each.position) > seen else 0
                if size >= MOST_BYTES:
                    break
        return found

    def _stream(self, start: int | str, most: int) -> Generator[Found]:
        """One after the other, so that none need be kept."""
        least = start if isinstance(start, int) else 0
        came, told = deque[Found](), 0
        with self._channel() as channel, _deep_tables():
            channel.basic_qos(0, min(most, HANDFUL), False)

            def take_in(message: Any) -> None:
                channel.basic_ack(message.delivery_tag)
                offset = message.headers.get(OFFSET, 0)
                # A stream is sent from the beginning of the chunk the offset lies in.
                if offset >= least:
                    came.append(_found(str(offset), message))

            channel.basic_consume(self.place.name, callback=take_in, arguments={OFFSET: start})
            with suppress(TimeoutError):
                while told < most:
                    self.connection.drain_events(timeout=QUIET_S)
                    while came and told < most:
                        told += 1
                        yield came.popleft()

    def take(self, most: int, *, once_alone: Callable[[], None] | None = None) -> AbstractContextManager[Taken]:
        if self.is_stream:
            raise NotPossible("A stream is read by its cursor; nothing need be taken from it.")
        return self._take(most, once_alone)

    @contextmanager
    def _take(self, most: int, once_alone: Callable[[], None] | None) -> Iterator[Taken]:
        with self._channel() as channel:
            custody = _Custody(channel, self.place)
            try:
                with _deep_tables():
                    self._fill(custody, most, once_alone)
                yield custody
            finally:
                custody.give_back()

    def _fill(self, custody: "_Custody", most: int, once_alone: Callable[[], None] | None) -> None:
        """As many as are there, and when we stop, not one more is on its way: what we never saw, we never held."""
        wanted = min(most, custody.ready())
        if not wanted:
            return
        if once_alone:
            once_alone()
        # What comes next is taken to be no larger than what came last.
        count = min(wanted, HANDFUL, max(1, MOST_BYTES // self.largest))
        custody.consume(count)
        deadline = time.monotonic() + TIMEOUT_S
        while len(custody.messages) < count and time.monotonic() < deadline:
            self._heard()
        if len(custody.messages) < count:
            # Some are gone, as those whose time was over; others must not come in their place.
            custody.stop()
        self.largest = max(1, *(len(each.body) for each in custody.messages))
        custody.is_all = custody.is_alone_with_all()

    def _heard(self) -> bool:
        """Whether the broker said something."""
        try:
            self.connection.drain_events(timeout=SILENT_S)
        except TimeoutError:
            return False
        return True

    def send(self, message: Outgoing) -> Outcome:
        exchange, _, key = self.place.name.partition(":") if self.place.kind == EXCHANGE else ("", "", self.place.name)
        returned: list[Any] = []
        if frames.UNREAD in dict(message.headers):
            return Outcome(Sent.UNFIT, "Some of it could not be read, and it is not sent as other than it was.")
        made = _message(message)
        if why := self._unfit(made):
            return Outcome(Sent.UNFIT, why)
        with self._channel() as channel:
            channel.events["basic_return"].add(lambda *told: returned.append(told))
            try:
                # Confirms alone say yes to a message that no queue takes.
                channel.basic_publish(made, exchange, key, mandatory=True, timeout=TIMEOUT_S)
            except MessageNacked:
                return Outcome(Sent.REFUSED, "RabbitMQ refused it: the queue is full or not available.")
            except PreconditionFailed as refused:
                return Outcome(Sent.UNFIT, _said(refused))
            except (NotFound, AccessRefused) as refused:
                return Outcome(Sent.REFUSED, _said(refused))
            except (AMQPError, OSError) as lost:
                return Outcome(Sent.UNKNOWN, _said(lost))
        return Outcome(Sent.REFUSED, f"No queue takes what is sent to {self.place.name}.") if returned else CONFIRMED

    def _unfit(self, message: Any) -> str:
        """What of it AMQP cannot carry, in words; "" if it can. RabbitMQ hangs up on whoever tries."""
        size = _written(message)
        if size is None:
            given = message.properties
            headers = given.get("application_headers", {}).items()
            alone = [(f"header {name!r}", amqp.Message(application_headers={name: value})) for name, value in headers]
            alone += [(name, amqp.Message(**{name: value})) for name, value in given.items()]
            what = next((what for what, each in alone if _written(each) is None), "headers")
            return f"AMQP has no way to write its {what}."
        most = self.connection.frame_max - FRAME
        return f"Its headers have {size:,} bytes, and RabbitMQ takes {most:,}." if size > most else ""

    def close(self) -> None:
        with suppress(AMQPError, OSError):
            self.connection.close()

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        try:
            channel = self.connection.channel()
            try:
                yield channel
            finally:
                # What came of the work is known by now, whatever becomes of the channel.
                if channel.is_open and self.connection.connected:
                    with suppress(AMQPError, OSError):
                        channel.close()
        except NotFound as refused:
            raise NoSuchPlace(f"{self.place.name}: {_said(refused)}") from None
        except (RecoverableConnectionError, OSError) as problem:
            raise Unreachable(f"RabbitMQ does not answer: {_said(problem)}") from None
        except AMQPError as refused:
            raise BrokerError(f"{self.place.name}: {_said(refused)}") from None


class _Custody:
    """Deliveries that are ours until they are acknowledged; the last one's number stands for all."""

    def __init__(self, channel: Any, place: Place) -> None:
        self.channel = channel
        self.queue = place.name
        self.counts = place.kind == QUORUM
        self.messages: list[Found] = []
        self.is_settled = False
        self.is_all = False
        self.tag = ""

    def ready(self) -> int:
        """How many wait in the queue, once nobody else reads it and all that others held is back.

        None need not mean that there is none: a quorum queue that cannot say within 250 ms says it has nothing.
        """
        return self._alone(0)

    def consume(self, count: int) -> None:
        """Be handed so many, and no more."""
        self.channel.basic_qos(0, count, False)
        try:
            self.tag = self.channel.basic_consume(self.queue, exclusive=True, callback=self._came)
        except AccessRefused:
            raise self._busy() from None
        # Quorum queues let everybody in, exclusive or not.
        self._alone(1)

    def stop(self) -> None:
        """Be handed no more; what was on its way has come before this is answered."""
        self.channel.basic_cancel(self.tag)
        self.tag = ""

    def _alone(self, readers: int) -> int:
        """How many wait in the queue. Who left a moment ago, ourselves before this batch too, is counted until all they
        held is back: wait a little."""
        deadline = time.monotonic() + PATIENCE_S
        while (stands := self._stands()).consumer_count > readers:
            if time.monotonic() > deadline:
                raise self._busy()
            time.sleep(0.02)
        waiting: int = stands.message_count
        return waiting

    def is_alone_with_all(self) -> bool:
        """Our own reader is counted, so the queue can say how it stands."""
        stands = self._stands()
        return stands.consumer_count == 1 and not stands.message_count

    def _stands(self) -> Any:
        return self.channel.queue_declare(self.queue, passive=True)

    def _busy(self) -> Busy:
        return Busy(f"Somebody else reads {self.queue}, and only one may.")

    def _came(self, message: Any) -> None:
        count = _delivered((message.headers or {}).get(DELIVERIES)) if self.counts else None
        self.messages.append(_found(str(message.delivery_tag), message, count))

    def settle(self) -> bool:
        if self.messages and not self.is_settled:
            # We stay the only reader up to here; once these are acknowledged, others must not be handed to us.
            self._leave()
            self.channel.basic_ack(int(self.messages[-1].position), multiple=True)
        self.is_settled = True
        return self._is_heard()

    def _is_heard(self) -> bool:
        """Neither is answered. But a queue counts us until it has no message of ours; if it can say anything at all."""
        deadline = time.monotonic() + PATIENCE_S
        while (stands := self._stands()).consumer_count and time.monotonic() < deadline:
            time.sleep(0.005)
        return not stands.consumer_count and bool(stands.message_count)

    def give_back(self) -> None:
        if self.messages and not self.is_settled and self.channel.is_open:
            # Else what is given back would be handed to ourselves.
            self._leave()
            self.channel.basic_recover(requeue=True)

    def _leave(self) -> None:
        if self.tag:
            self.channel.basic_cancel(self.tag, nowait=True)


def _cursor(last: Found) -> str:
    return f"{last.position} {_trace(last)}"


def _trace(found: Found) -> str:
    """Without the moment, which no cursor held when none was read."""
    return replace(found, placed_at=None).trace


def _connection(url: str) -> Any:
    parts = urlsplit(url)
    port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
    return amqp.Connection(
        host=f"{parts.hostname}:{port}",
        userid=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=unquote(parts.path[1:]) or "/",
        # Without the name it should bear, any certificate would do.
        ssl={"server_hostname": parts.hostname} if parts.scheme == "amqps" else False,
        connect_timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
        write_timeout=TIMEOUT_S,
        confirm_publish=True,
        frame_handler=frames.reader,
    )


@contextmanager
def _deep_tables() -> Iterator[None]:
    """While messages come in: the client calls itself for each table inside a table, and one message may hold many."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(DEEPEST_CALLS)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def _found(position: str, message: Any, delivered: int | None = None) -> Found:
    properties = message.properties
    own = tuple((PROPERTY + name, _value(properties[name])) for name in PROPERTIES if name in properties)
    headers: Headers = tuple((name, _value(value)) for name, value in (message.headers or {}).items())
    if content_type := properties.get("content_type"):
        headers = (*headers, ("content-type", content_type))
    sent_at = properties.get("timestamp", 0)
    body = message.body if isinstance(message.body, bytes) else message.body.encode()
    return Found(
        position=position,
        body=body,
        headers=(*headers, *own),
        message_id=properties.get("message_id", ""),
        placed_at=datetime.fromtimestamp(sent_at, UTC) if 0 < sent_at <= LATEST_S else None,
        delivered=delivered,
        mark=_mark(body, headers),
    )


def _delivered(count: Any) -> int:
    """A quorum queue says how often from the second time on."""
    return count if isinstance(count, int) else 0


def _mark(body: bytes, headers: Headers) -> str:
    """The same for a message that is given back, another for one of the same id that died once more."""
    kept = sorted((name, repr(value)) for name, value in headers if name.lower() not in COUNTERS)
    return hashlib.sha256(repr((body, kept)).encode(errors="surrogatepass")).hexdigest()[:12]


def _value(value: Any, depth: int = 0) -> Value:
    if depth > DEEPEST:
        return None
    if isinstance(value, dict):
        return {str(name): _value(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_value(each, depth + 1) for each in value]
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC)
    return value if isinstance(value, str | bytes | int | float | bool | None) else str(value)


def _message(message: Outgoing) -> Any:
    own = {name.removeprefix(PROPERTY): value for name, value in message.headers if name.startswith(PROPERTY)}
    given: dict[str, Any] = {name: value for name, value in own.items() if name in PROPERTIES}
    headers = {name: value for name, value in message.headers if not name.startswith(PROPERTY)}
    content_type = message.content_type or headers.pop("content-type", None)
    given |= {"content_type": str(content_type)} if content_type else {}
    given |= {"message_id": message.message_id} if message.message_id else {}
    return amqp.Message(message.body, application_headers=headers, delivery_mode=2, **given)


def _written(message: Any) -> int | None:
    """How long its headers and properties are as AMQP writes them; None where it cannot."""
    try:
        length = len(message._serialize_properties())
    except NO_WAY:
        return None
    # RabbitMQ fails at what is not a number, and hangs up.
    return length if _is_finite(message.properties.get("application_headers", {})) else None


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(_is_finite(each) for each in value.values())
        case list():
            return all(_is_finite(each) for each in value)
        case _:
            return True


def _said(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__
