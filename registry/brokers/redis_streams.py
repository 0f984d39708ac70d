"""Redis Streams: entries are copied by their id and stay where they are."""

import json
from datetime import UTC, datetime
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from .base import (
    MADE_ANEW,
    MESSAGE_ID,
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
    first,
    text_of,
    unwritable,
)

BODY = "body"
ALL_FIELDS = "*"
"""A place of this kind has the body in all fields of an entry, told as JSON."""
AT_ONCE = 50
"""Entries of one answer, since nothing but the answer tells how large they are."""
TIMEOUT_S = 10


class RedisStreams(Log, Broker):
    """A stream. Its kind names the field the body is in; the other fields are headers.

    A cursor is the id of the last entry seen, and its trace: Redis has no name for one stream of several in its place.
    """

    def __init__(self, place: Place) -> None:
        self.name = place.name
        self.field = place.kind or BODY
        # The client would send a command again whose answer it missed: the entry would be there twice.
        never = Retry(NoBackoff(), 0)
        # It would also follow a server that says it moves, to a host that nobody checked, and log in there.
        stays = MaintNotificationsConfig(enabled=False)
        self.redis = redis.Redis.from_url(
            place.url,
            retry=never,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            maint_notifications_config=stays,
        )
        self._ask(self.redis.ping)

    def depth(self, *, reads: bool = False) -> Depth:
        info = self._info()
        # What Redis says of a stream holds two whole entries; of those only the id is of use, which is a moment.
        oldest = info["first-entry"]
        return Depth(info["length"], _moment(oldest[0]) if oldest else None)

    def look(self, cursor: str, most: int) -> Looked:
        after, _, trace = cursor.partition(" ")
        seen = self._range(after, after, 1) if after else []
        if after and not seen and _order(after) > _order(self._info()["last-generated-id"]):
            return MADE_ANEW
        if seen and trace not in ("", seen[0].trace):
            return MADE_ANEW
        found = self._after(after, most)
        # A stream is trimmed from its oldest entry: while the last one seen is there, so is all that came after it.
        last = (*seen, *found)[-1:]
        told = f"{last[0].position} {last[0].trace}" if last else cursor
        return Looked(tuple(found), told, bool(after) and not seen)

    def _after(self, last: str, most: int) -> list[Found]:
        """Up to `most` entries, or MOST_BYTES: one first, then as many as would not come to much more."""
        found: list[Found] = []
        size, largest, count = 0, 1, 1
        while size < MOST_BYTES and len(found) < most:
            count = min(count, most - len(found), (MOST_BYTES - size) // largest + 1)
            some = self._range(f"({last}" if last else "-", "+", count)
            for each in some:
                if size < MOST_BYTES:
                    found.append(each)
                    size += len(each.body)
            if len(some) < count:
                break
            last, largest = found[-1].position, max(largest, *(len(each.body) for each in some))
            count = min(count * 2, AT_ONCE)
        return found

    def _range(self, least: str, last: str, most: int) -> list[Found]:
        entries = self._ask(self.redis.xrange, self.name, min=least, max=last, count=most)
        return [self._found(position.decode(), fields) for position, fields in entries if fields]

    def send(self, message: Outgoing) -> Outcome:
        if why := unwritable(message):
            return Outcome(Sent.UNFIT, why)
        if self.field in dict(message.headers):
            return Outcome(Sent.UNFIT, f"A header is called {self.field}, as the field of {self.name} for the body is.")
        fields: Any = self._fields(message)
        if not fields:
            return Outcome(Sent.UNFIT, f"{self.name} takes the members of a JSON object, and its body is none.")
        self._ask(self.redis.ping)
        try:
            placed = self.redis.xadd(self.name, fields, nomkstream=True)
        except redis.ResponseError as refused:
            return Outcome(Sent.REFUSED, str(refused))
        except redis.RedisError as lost:
            return Outcome(Sent.UNKNOWN, str(lost))
        return Outcome(Sent.CONFIRMED) if placed else Outcome(Sent.REFUSED, f"There is no stream {self.name}.")

    def close(self) -> None:
        self.redis.close()

    def _info(self) -> dict[str, Any]:
        try:
            info: dict[str, Any] = self._ask(self.redis.xinfo_stream, self.name)
        except Unreachable:
            raise
        except BrokerError as refused:
            raise NoSuchPlace(f"There is no stream {self.name}: {refused}.") from None
        return info

    @staticmethod
    def _ask(command: Any, *words: Any, **more: Any) -> Any:
        try:
            return command(*words, **more)
        except (redis.ConnectionError, redis.TimeoutError) as problem:
            raise Unreachable(f"Redis does not answer: {problem}") from None
        except redis.RedisError as refused:
            raise BrokerError(str(refused)) from None

    def _found(self, position: str, fields: dict[bytes, bytes]) -> Found:
        headers: Headers = tuple((name.decode(errors="replace"), value) for name, value in fields.items())
        body = fields.get(self.field.encode())
        if body is None:
            body, headers = json.dumps({name: text_of(value) for name, value in headers}).encode(), ()
        else:
            headers = tuple(each for each in headers if each[0] != self.field)
        return Found(position, body, headers, None, first(headers, MESSAGE_ID), _moment(position))

    def _fields(self, message: Outgoing) -> dict[str, bytes | str]:
        if self.field == ALL_FIELDS:
            return _members(message.body)
        named = {name: value if isinstance(value, bytes) else text_of(value) for name, value in message.headers}
        named |= {MESSAGE_ID: message.message_id} if message.message_id else {}
        return {self.field: message.body, **named}


def _members(body: bytes) -> dict[str, bytes | str]:
    """The members of a JSON object as fields; none if it is not one."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return (
        {name: text_of(value).encode(errors="replace") for name, value in told.items()}
        if isinstance(told, dict)
        else {}
    )


def _order(position: bytes | str) -> tuple[int, int]:
    moment, _, number = (position.decode() if isinstance(position, bytes) else position).partition("-")
    return int(moment), int(number or 0)


def _moment(position: bytes | str) -> datetime:
    milliseconds, _ = _order(position)
    return datetime.fromtimestamp(min(milliseconds, 253_402_300_799_999) / 1000, UTC)
