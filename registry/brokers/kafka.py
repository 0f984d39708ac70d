"""Kafka: partitions are read by their offsets; no group of ours is ever written down."""

import json
import time
from datetime import UTC, datetime
from operator import methodcaller
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

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
    Value,
    first,
    text_of,
    unwritable,
)

TIMEOUT_S = 10
QUIET_S = 5
"""How long a partition that should have more may send nothing."""
LATEST_MS = 253_402_300_799_999
"""The last millisecond that a calendar has."""
KNOWN_BY = ("ce_id", MESSAGE_ID)
GIVEN = methodcaller("headers")
"""The client answers and fails at once; called like this, Python always looks whether it did."""
SENDS = {
    "acks": "all",
    "enable.idempotence": True,
    "message.timeout.ms": TIMEOUT_S * 1000,
    # As Java's producers choose it by default, and most others: else a letter lies in another partition than what
    # follows it with the same key, and is read beside it.
    "partitioner": "murmur2_random",
}
UNREAD = "kafka:headers"
"""Stands for the headers of a message whose client could not read them."""
NOTHING: tuple[str, Value] = ("kafka:value", "It has none, which deletes its key from a compacted topic.")
"""Stands beside an empty body where there was none, so that it is sent as none again. A body that is there stays."""
UNFIT = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.RECORD_LIST_TOO_LARGE,
    }
)
"""Errors of a message that no broker of this topic takes."""
REFUSALS = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)
"""Errors after which the broker surely does not have the message."""


class Ended(NamedTuple):
    """Where one ended in a partition: the next offset, and the trace of the message before it where that is known."""

    next: int
    trace: str = ""


class Kafka(Log, Broker):
    """A topic. Its url is host:port, or several with commas; kafkas://user:password@… encrypts.

    A cursor is where one ended in each partition, as JSON.
    """

    def __init__(self, place: Place) -> None:
        self.name = place.name
        shared = {**_reached(place.url), "log_level": 0, "socket.timeout.ms": TIMEOUT_S * 1000}
        reads = {"group.id": "integration-registry", "enable.auto.commit": False, "enable.auto.offset.store": False}
        # What the client may read ahead.
        reads |= {"fetch.wait.max.ms": 20, "queued.max.messages.kbytes": MOST_BYTES // 1_024}
        self.consumer = Consumer(shared | reads)
        self.sends = shared | SENDS
        self.producer: Producer | None = None
        self._partitions()

    def depth(self, *, reads: bool = False) -> Depth:
        bounds = self._bounds()
        lying = {each: low for each, (low, high) in bounds.items() if low < high}
        return Depth(sum(high - low for low, high in bounds.values()), self._oldest(lying) if reads else None)

    def look(self, cursor: str, most: int) -> Looked:
        held, bounds = _ended(cursor), self._bounds()
        if any(ended.next > bounds.get(each, (0, 0))[1] for each, ended in held.items()):
            return MADE_ANEW
        skipped = any(each in held and held[each].next < low for each, (low, _) in bounds.items())
        ended = {each: max(held.get(each, Ended(low)), Ended(low)) for each, (low, _) in bounds.items()}
        # From the last one seen on: what lies in its place tells whether this is still the same log.
        start = {each: max(ended[each].next - 1, low) for each, (low, _) in bounds.items()}
        ends = {each: high for each, (_, high) in bounds.items() if start[each] < high}
        new = {each: ended[each].next for each in ends}
        read = self._read(start, ends, most + len(ends), new)
        seen = [each for each in read if int(each.position) < ended[int(each.partition)].next]
        if any(ended[int(each.partition)].trace not in ("", each.trace) for each in seen):
            return MADE_ANEW
        found = [each for each in read if int(each.position) >= ended[int(each.partition)].next][:most]
        ended |= {int(each.partition): Ended(int(each.position) + 1, each.trace) for each in (*seen, *found)}
        return Looked(tuple(found), _cursor(ended), skipped)

    def send(self, message: Outgoing) -> Outcome:
        if why := unwritable(message):
            return Outcome(Sent.UNFIT, why)
        if UNREAD in dict(message.headers):
            return Outcome(Sent.UNFIT, "Its headers could not be read, and it is not sent without them.")
        self._partitions()
        self.producer = self.producer or Producer(self.sends)
        told: list[KafkaError | None] = []
        try:
            self.producer.produce(
                self.name,
                None if not message.body and NOTHING in message.headers else message.body,
                message.key,
                headers=_headers(message),
                on_delivery=lambda error, _: told.append(error),
            )
        except (KafkaException, BufferError) as refused:
            return _told(refused.args[0], otherwise=Sent.REFUSED)
        self.producer.flush(TIMEOUT_S * 2)
        if not told:
            return Outcome(Sent.UNKNOWN, "Kafka did not say whether it has it.")
        if told[0] is None:
            return Outcome(Sent.CONFIRMED)
        return _told(told[0], otherwise=Sent.UNKNOWN)

    def close(self) -> None:
        self.consumer.close()

    def _partitions(self) -> list[int]:
        try:
            topics = self.consumer.list_topics(self.name, timeout=TIMEOUT_S).topics
        except KafkaException as problem:
            raise Unreachable(f"Kafka does not answer: {problem.args[0].str()}") from None
        topic = topics[self.name]
        if topic.error:
            raise NoSuchPlace(f"There is no topic {self.name}: {topic.error.str()}.")
        return sorted(topic.partitions)

    def _bounds(self) -> dict[int, tuple[int, int]]:
        """The first offset and the one after the last, of each partition."""
        places = [TopicPartition(self.name, each) for each in self._partitions()]
        try:
            asked = {each.partition: self.consumer.get_watermark_offsets(each, timeout=TIMEOUT_S) for each in places}
        except KafkaException as problem:
            raise BrokerError(f"Kafka does not tell the offsets of {self.name}: {problem}") from None
        if missing := [str(each) for each, bounds in asked.items() if bounds is None]:
            raise Unreachable(f"Kafka does not tell the offsets of partition {', '.join(missing)}.")
        return {each: bounds for each, bounds in asked.items() if bounds is not None}

    def _oldest(self, lying: dict[int, int]) -> datetime | None:
        """When the oldest message was placed. Kafka says so only with the first message of each partition."""
        ends = {each: low + 1 for each, low in lying.items()}
        first = self._read(lying, dict(ends), len(lying), ends)
        return min((each.placed_at for each in first if each.placed_at), default=None)

    def _read(self, start: dict[int, int], ends: dict[int, int], most: int, new: dict[int, int]) -> list[Found]:
        """As many from there on, or MOST_BYTES of those that are new: from these offsets on."""
        if not ends:
            return []
        self.consumer.assign([TopicPartition(self.name, each, start[each] or OFFSET_BEGINNING) for each in ends])
        found, size = list[Found](), 0
        try:
            quiet_at = time.monotonic() + QUIET_S
            while ends and len(found) < most and time.monotonic() < quiet_at:
                for message in self.consumer.consume(min(most - len(found), 500), timeout=0.05):
                    if error := message.error():
                        raise BrokerError(f"Kafka does not give {self.name}: {error.str()}")
                    quiet_at = time.monotonic() + QUIET_S
                    one = _found(message)
                    partition = int(one.partition)
                    if partition in ends:
                        found.append(one)
                        size += len(one.body) if int(one.position) >= new[partition] else 0
                        if int(one.position) + 1 >= ends[partition]:
                            ends.pop(partition)
                    if size >= MOST_BYTES:
                        return found
        finally:
            self.consumer.unassign()
        return found


def _ended(cursor: str) -> dict[int, Ended]:
    """Where one ended by a cursor; one of an older kind names offsets alone."""
    told = json.loads(cursor or "{}").items()
    return {int(each): Ended(*ended) if isinstance(ended, list) else Ended(ended) for each, ended in told}


def _cursor(ended: dict[int, Ended]) -> str:
    return json.dumps({str(each): ended[each] for each in sorted(ended)})


def _told(error: Any, *, otherwise: Sent) -> Outcome:
    """What an error tells of the message it was told for."""
    if not isinstance(error, KafkaError):
        return Outcome(otherwise, str(error))
    known = Sent.UNFIT if error.code() in UNFIT else Sent.REFUSED if error.code() in REFUSALS else otherwise
    return Outcome(known, error.str())


def _reached(url: str) -> dict[str, Any]:
    """How the client is told where the brokers are, and who asks."""
    scheme, _, rest = url.rpartition("://")
    login, _, hosts = rest.partition("?")[0].rstrip("/").rpartition("@")
    user, _, password = login.partition(":")
    protocol = f"{'sasl_' if login else ''}{'ssl' if scheme == 'kafkas' else 'plaintext'}"
    told = {"bootstrap.servers": hosts, "security.protocol": protocol}
    if login:
        mechanism = dict(parse_qsl(urlsplit(url).query)).get("sasl", "PLAIN")
        told |= {"sasl.mechanism": mechanism, "sasl.username": unquote(user), "sasl.password": unquote(password)}
    return told


def _headers(message: Outgoing) -> Any:
    """As Kafka carries them; a message has no id there but the one in its headers."""
    given = [(name, _header(value)) for name, value in message.headers if (name, value) != NOTHING]
    named = bool(first(message.headers, *KNOWN_BY)) or not message.message_id
    return given if named else [*given, (MESSAGE_ID, message.message_id.encode())]


def _header(value: Value) -> bytes | None:
    return value if isinstance(value, bytes | None) else text_of(value).encode()


def _headers_of(message: Message) -> Headers:
    """The client reads names as UTF-8, and fails at all headers where one is not: the message is found all the same."""
    try:
        given: Any = GIVEN(message) or ()
    except (SystemError, UnicodeDecodeError):
        return ((UNREAD, "Its headers have a name that is not UTF-8."),)
    return tuple((name, value) for name, value in given)


def _found(message: Message) -> Found:
    headers, body = _headers_of(message), message.value()
    kind, milliseconds = message.timestamp()
    # A producer may write whatever number it likes, microseconds too.
    is_moment = kind != TIMESTAMP_NOT_AVAILABLE and 0 <= milliseconds <= LATEST_MS
    placed_at = datetime.fromtimestamp(milliseconds / 1000, UTC) if is_moment else None
    return Found(
        position=str(message.offset()),
        body=body or b"",
        headers=headers if body is not None else (*headers, NOTHING),
        key=message.key(),
        message_id=first(headers, *KNOWN_BY),
        placed_at=placed_at,
        partition=str(message.partition()),
    )
