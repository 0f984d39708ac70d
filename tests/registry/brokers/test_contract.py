"""What every broker's module promises, tried on the real thing."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from struct import pack

import pytest

from registry import deaths
from registry.brokers import (
    BROKERS,
    Broker,
    BrokerError,
    Busy,
    Found,
    Headers,
    Mode,
    NoSuchPlace,
    NotPossible,
    Outgoing,
    Place,
    Sent,
    Unreachable,
    Value,
    connect,
    kafka,
    rabbitmq,
    text_of,
)
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import (
    ClassicWorld,
    KafkaWorld,
    Message,
    NatsWorld,
    QuorumWorld,
    RabbitWorld,
    RedisStreamsWorld,
    SqsWorld,
    StreamWorld,
    World,
    eventually,
)

WORLDS = {
    "redis-streams": (RedisStreamsWorld, None),
    "nats": (NatsWorld, servers.nats),
    "kafka": (KafkaWorld, servers.kafka),
    "sqs": (SqsWorld, servers.sqs),
    "rabbitmq-quorum": (QuorumWorld, servers.rabbitmq),
    "rabbitmq-classic": (ClassicWorld, servers.rabbitmq),
    "rabbitmq-stream": (StreamWorld, servers.rabbitmq),
}
LOGS = ["redis-streams", "nats", "kafka", "rabbitmq-stream"]
BOUNDED = ["kafka", "rabbitmq-quorum", "rabbitmq-classic", "rabbitmq-stream"]
"""Those that keep to MOST_BYTES."""
QUEUES = ["sqs", "rabbitmq-quorum", "rabbitmq-classic"]
HEADERS: list[tuple[str, Value]] = [
    ("", "no name"),
    (" ", "x"),
    ("nul\0", "x"),
    ("lines\r\n", "x"),
    ("größe", "x"),
    ("nothing", None),
    ("empty", ""),
    ("yes", True),
    ("bytes", b"\xff\x00\r\n"),
    ("table", {"list": [1, {"deep": b"\xff"}], "none": None}),
    ("infinite", float("inf")),
    ("large", 2**80),
    ("long ago", datetime(1, 1, 1, tzinfo=UTC)),
    ("lines", "one\r\ntwo"),
    ("long", "x" * 100_000),
    ("body", "of a header"),
]


def properties(there: int, *values: bytes) -> bytes:
    """Properties of a message as AMQP writes them."""
    return pack(">H", there) + b"".join(values)


def table(*items: bytes) -> bytes:
    return pack(">I", len(b"".join(items))) + b"".join(items)


HOSTILE = b"\x00\xff\xfe not text \r\n \xe2\x80\xae"


@pytest.fixture
def world(urls: dict[object, str], request: pytest.FixtureRequest) -> Iterator[World]:
    made, server = WORLDS[request.param]
    one = made(urls[server])
    yield one
    one.close()


@pytest.fixture
def opened(world: World) -> Iterator[list[Broker]]:
    held: list[Broker] = []
    yield held
    for each in held:
        each.close()


@pytest.fixture
def place(world: World) -> Place:
    return world.place()


def at(world: World, place: Place, opened: list[Broker]) -> Broker:
    made = connect(world.broker, place)
    opened.append(made)
    return made


def letters(count: int) -> list[Message]:
    return [(f"body {n}".encode(), (("reason", f"no {n}"),), None, f"id-{n}") for n in range(count)]


def bodies(messages: tuple[Found, ...] | list[Found]) -> list[bytes]:
    return [each.body for each in messages]


everywhere = pytest.mark.parametrize("world", WORLDS, indirect=True)
logs = pytest.mark.parametrize("world", LOGS, indirect=True)
queues = pytest.mark.parametrize("world", QUEUES, indirect=True)


def test_every_broker_is_tried() -> None:
    assert {made.broker for made, _ in WORLDS.values()} == set(BROKERS)


@everywhere
def test_it_counts_what_is_there(world: World, place: Place, opened: list[Broker]) -> None:
    broker = at(world, place, opened)
    assert broker.depth(reads=True).messages == 0
    world.put(place, *letters(7))
    assert broker.depth(reads=True).messages == 7


@everywhere
def test_a_hundred_counts_of_many_messages_change_nothing(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(world.many))
    before = world.state(place)
    broker = at(world, place, opened)
    counts = {broker.depth().messages for _ in range(100)}
    if place.kind == "stream":
        # RabbitMQ counts it every five seconds.
        assert all(each is None or each <= world.many for each in counts)
        eventually(lambda: broker.depth().messages == world.many)
    else:
        assert counts == {world.many}
    assert {broker.depth(reads=True).messages for _ in range(3)} == {world.many}
    assert world.state(place) == before
    if not world.is_log:
        assert world.handed_out(place) == {(False, 0)}


@pytest.mark.parametrize("world", ["redis-streams", "nats", "kafka"], indirect=True)
def test_a_log_tells_how_old_its_oldest_message_is(world: World, place: Place, opened: list[Broker]) -> None:
    broker = at(world, place, opened)
    assert broker.depth(reads=True).oldest_at is None
    since = datetime.now(UTC)
    world.put(place, *letters(1))
    until = datetime.now(UTC)
    world.put(place, *[(b"later", (), f"key {n}".encode(), "") for n in range(20)])
    told = broker.depth(reads=True).oldest_at
    assert told is not None
    # Some keep milliseconds, cut off.
    assert since - timedelta(milliseconds=1) <= told <= until
    assert broker.depth().oldest_at == (None if world.broker == "kafka" else told)


@everywhere
def test_a_message_with_nothing_but_a_body_is_found(world: World, place: Place, opened: list[Broker]) -> None:
    world.put_bare(place, b"bare")
    broker = at(world, place, opened)
    [found] = broker.look("", 5).messages if world.is_log else taken_from(broker)
    assert found.body == b"bare"


@logs
def test_a_hundred_looks_at_a_thousand_messages_change_nothing(
    world: World, place: Place, opened: list[Broker]
) -> None:
    world.put(place, *letters(1_000))
    before = world.state(place)
    broker = at(world, place, opened)
    assert bodies(broker.look("", 2_000).messages) == [f"body {n}".encode() for n in range(1_000)]
    cursor, looked = "", list[bytes]()
    for _ in range(100):
        found = broker.look(cursor, world.stride)
        looked += bodies(found.messages)
        cursor = found.cursor if len(looked) % 1_000 else ""
    assert looked == [f"body {n}".encode() for n in range(1_000)] * (world.stride // 10)
    assert world.state(place) == before


@logs
def test_looking_goes_on_where_it_ended(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(5))
    first = at(world, place, opened).look("", 3)
    again = at(world, place, opened).look(first.cursor, 10)
    end = at(world, place, opened).look(again.cursor, 10)
    assert bodies([*first.messages, *again.messages]) == [f"body {n}".encode() for n in range(5)]
    assert (end.messages, end.cursor) == ((), again.cursor)
    assert not (again.made_anew or again.skipped or end.made_anew or end.skipped)
    world.put(place, (b"later", (), None, ""))
    assert bodies(at(world, place, opened).look(end.cursor, 10).messages) == [b"later"]
    assert len({each.identity(Mode.CURSOR) for each in (*first.messages, *again.messages)}) == 5


@pytest.mark.parametrize("world", ["redis-streams", "nats"], indirect=True)
def test_what_the_source_dropped_unseen_is_told(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(6))
    broker = at(world, place, opened)
    seen = broker.look("", 2)
    assert not seen.skipped
    world.drop_first(place, 1)
    assert not broker.look(seen.cursor, 2).skipped
    world.drop_first(place, 3)
    late = broker.look(seen.cursor, 10)
    assert (late.skipped, bodies(late.messages)) == (True, [b"body 4", b"body 5"])


@pytest.mark.parametrize("world", ["nats", "kafka", "rabbitmq-stream"], indirect=True)
def test_what_retention_dropped_unseen_is_told(world: World, opened: list[Broker]) -> None:
    place = world.small()
    world.put(place, *letters(6))
    broker = at(world, place, opened)
    seen = broker.look("", 2)
    assert not broker.look(seen.cursor, 2).skipped
    world.overflow(place)
    late = broker.look(seen.cursor, 1)
    assert (late.skipped, len(late.messages), late.made_anew) == (True, 1, False)
    assert not broker.look(late.cursor, 1).skipped


@pytest.mark.parametrize("lie", [1, 5, 12])
@logs
def test_a_log_made_anew_is_told_from_the_one_before(world: World, opened: list[Broker], lie: int) -> None:
    place = world.numbered()
    world.put(place, *letters(5))
    seen = at(world, place, opened).look("", 10)
    assert len(seen.messages) == 5
    again = world.made_anew(place)
    world.put(again, *[(f"other {n}".encode(), (), None, "") for n in range(lie)])
    broker = at(world, again, opened)
    looked = broker.look(seen.cursor, 10)
    assert (looked.messages, looked.made_anew) == ((), True)
    begun = broker.look("", 20)
    assert (len(begun.messages), begun.made_anew, begun.skipped) == (lie, False, False)


@logs
def test_a_cursor_that_knows_places_alone_is_still_read(world: World, opened: list[Broker]) -> None:
    place = world.numbered()
    world.put(place, *letters(5))
    broker = at(world, place, opened)
    seen = broker.look("", 10)
    old = world.of_old(seen.cursor)
    assert old != seen.cursor
    looked = broker.look(old, 10)
    assert (looked.messages, looked.cursor, looked.made_anew, looked.skipped) == ((), seen.cursor, False, False)
    world.put(place, (b"later", (), None, ""))
    assert bodies(broker.look(old, 10).messages) == [b"later"]
    again = world.made_anew(place)
    world.put(again, *letters(1))
    assert at(world, again, opened).look(old, 10).made_anew


@pytest.mark.parametrize("world", BOUNDED, indirect=True)
def test_what_is_more_than_one_batch_may_bring_comes_in_several(
    world: World, place: Place, opened: list[Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is larger than that comes all the same; out of a queue also what is on its way with it."""
    broker = at(world, place, opened)
    monkeypatch.setattr(f"{type(broker).__module__}.MOST_BYTES", 1_000)
    monkeypatch.setattr(rabbitmq, "HANDFUL", 10)
    sizes = [2_000, *[100] * 25, 2_000, 3_000, 50, 50]
    world.put(place, *[(f"{n:03}".encode().ljust(size, b"x"), (), None, f"id-{n}") for n, size in enumerate(sizes)])
    batches: list[list[Found]] = []
    cursor = ""
    while not batches or batches[-1]:
        if world.is_log:
            looked = broker.look(cursor, 500)
            assert not (looked.made_anew or looked.skipped)
            cursor = looked.cursor
            batches.append([*looked.messages])
        else:
            with broker.take(500) as taken:
                batches.append([*taken.messages])
                assert not taken.is_all or sum(map(len, batches)) == len(sizes), "there is more"
                taken.settle()
    assert [len(each) for each in batches] == ([1, 10, 10, 6, 1, 2, 0] if world.is_log else [10, 1, 10, 9, 0])
    assert [int(each.body[:3]) for batch in batches for each in batch] == [*range(len(sizes))]


@pytest.mark.parametrize("world", ["rabbitmq-quorum", "rabbitmq-classic"], indirect=True)
def test_what_a_batch_has_no_room_for_is_handed_to_nobody(
    world: World, place: Place, opened: list[Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "MOST_BYTES", 1_000)
    monkeypatch.setattr(rabbitmq, "HANDFUL", 10)
    world.put(place, *[(b"x" * 250, (), None, f"id-{n}") for n in range(60)])
    broker = at(world, place, opened)
    for count, left in ((10, 50), (4, 46)):
        with broker.take(500) as taken:
            assert (len(taken.messages), world.state(place)) == (count, left)
            taken.settle()
    assert world.handed_out(place) == {(False, 0)}


@logs
def test_nothing_is_taken_from_a_log(world: World, place: Place, opened: list[Broker]) -> None:
    broker = at(world, place, opened)
    assert Mode.CONSUME not in broker.modes
    with pytest.raises(NotPossible):
        broker.take(1)


@queues
def test_nobody_looks_into_a_queue(world: World, place: Place, opened: list[Broker]) -> None:
    broker = at(world, place, opened)
    assert Mode.CURSOR not in broker.modes
    with pytest.raises(NotPossible):
        broker.look("", 1)


@queues
def test_what_is_taken_is_ours_alone_and_gone_once_settled(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(15))
    broker, other = at(world, place, opened), at(world, place, opened)
    with broker.take(12) as taken:
        ours = list(taken.messages)
        if world.broker == "rabbitmq":
            with pytest.raises(Busy), other.take(20):
                pytest.fail("Two read one queue.")
        else:
            with other.take(20) as rest:
                assert len(ours) + len(rest.messages) == 15
                assert not set(bodies(ours)) & set(bodies(list(rest.messages)))
        taken.settle()
    eventually(lambda: broker.depth().messages == 3)
    with other.take(20) as left:
        assert len(left.messages) == 3


@queues
def test_what_is_not_settled_is_given_back(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(4))
    broker = at(world, place, opened)
    with broker.take(4) as taken:
        assert len(taken.messages) == 4
    eventually(lambda: broker.depth().messages == 4)
    with broker.take(4) as again:
        assert sorted(bodies(list(again.messages))) == [b"body 0", b"body 1", b"body 2", b"body 3"]


@pytest.mark.parametrize("world", ["sqs", "rabbitmq-quorum"], indirect=True)
def test_a_queue_that_counts_says_how_often_it_gave_a_message_out(
    world: World, place: Place, opened: list[Broker]
) -> None:
    world.put(place, *letters(2))
    broker = at(world, place, opened)
    for times in range(3):
        eventually(lambda: broker.depth().messages == 2)
        with broker.take(2) as taken:
            assert [each.delivered for each in taken.messages] == [times, times]


@pytest.mark.parametrize("world", ["rabbitmq-quorum", "rabbitmq-classic"], indirect=True)
def test_a_message_given_back_is_the_same_and_another_death_of_its_id_is_not(
    world: World, place: Place, opened: list[Broker]
) -> None:
    world.put(place, (b"once", (("n", "1"),), None, "id-1"), (b"once", (("n", "2"),), None, "id-1"))
    broker, seen = at(world, place, opened), []
    for _ in range(2):
        eventually(lambda: broker.depth().messages == 2)
        with broker.take(2) as taken:
            seen.append({each.identity(Mode.CONSUME) for each in taken.messages})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2


@queues
def test_taking_from_nothing_takes_nothing(world: World, place: Place, opened: list[Broker]) -> None:
    with at(world, place, opened).take(5) as taken:
        assert list(taken.messages) == []
        taken.settle()


@everywhere
def test_what_is_sent_arrives_as_it_was(world: World, place: Place, opened: list[Broker]) -> None:
    body = HOSTILE if world.carries_bytes else "schön ✓".encode()
    sent = Outgoing(body, (("traceparent", "00-1"), ("attempt", "2")), b"order-7", "id-7")
    broker = at(world, place, opened)
    assert broker.send(sent).sent == Sent.CONFIRMED
    [found] = broker.look("", 5).messages if world.is_log else taken_from(broker)
    headers = {name: text_of(value) for name, value in found.headers}
    assert (found.body, headers["traceparent"], headers["attempt"]) == (body, "00-1", "2")
    # SQS gives each sending an id of its own, so what its consumers know it by is a header.
    assert (found.message_id if world.keeps_ids else headers["message-id"]) == "id-7"
    if world.broker == "kafka":
        assert found.key == b"order-7"


def taken_from(broker: Broker) -> list[Found]:
    with broker.take(5) as taken:
        taken.settle()
        return list(taken.messages)


@everywhere
def test_what_was_found_can_be_sent_as_it_was_found(world: World, place: Place, opened: list[Broker]) -> None:
    world.put(place, (b"again", (("reason", "no 1"),), None, "id-1"))
    broker, topic = at(world, place, opened), at(world, world.place(), opened)
    [found] = broker.look("", 5).messages if world.is_log else taken_from(broker)
    sent = topic.send(Outgoing(found.body, found.headers, found.key, found.message_id))
    assert (sent.sent, sent.why) == (Sent.CONFIRMED, "")
    [again] = topic.look("", 5).messages if world.is_log else taken_from(topic)
    assert (again.body, dict(again.headers)["reason"]) == (b"again", dict(found.headers)["reason"])


@everywhere
def test_what_cannot_be_carried_is_unfit_in_words_and_holds_up_no_other(
    world: World, place: Place, opened: list[Broker]
) -> None:
    broker = at(world, place, opened)
    for unfit in world.cannot_carry:
        outcome = broker.send(unfit)
        assert (outcome.sent, len(outcome.why) > 20) == (Sent.UNFIT, True), (unfit.headers, outcome)
        assert broker.send(Outgoing(b"fit")).sent == Sent.CONFIRMED
    eventually(lambda: broker.depth(reads=True).messages == len(world.cannot_carry))


@everywhere
def test_whatever_headers_hold_is_carried_or_unfit(world: World, place: Place, opened: list[Broker]) -> None:
    broker = at(world, place, opened)
    for name, value in HEADERS:
        outcome = broker.send(Outgoing(b"{}", ((name, value),)))
        assert outcome.sent in (Sent.CONFIRMED, Sent.UNFIT), (name, value, outcome)


@pytest.mark.parametrize("world", ["nats"], indirect=True)
def test_what_nats_takes_for_a_copy_is_confirmed_only_if_it_is_one(
    world: World, place: Place, opened: list[Broker]
) -> None:
    broker = at(world, place, opened)
    ours = ("x-registry-root", "1")
    first, again, other = (
        Outgoing(b"{}", (("x-registry-attempt", attempt), root), None, "id-1")
        for attempt, root in (("1", ours), ("2", ours), ("3", ("x-registry-root", "2")))
    )
    assert [broker.send(each).sent for each in (first, again)] == [Sent.CONFIRMED] * 2
    assert broker.depth().messages == 1
    outcome = broker.send(other)
    assert (outcome.sent, broker.depth().messages) == (Sent.REFUSED, 1)
    assert "took it for a copy" in outcome.why
    # The window of the tests' streams.
    time.sleep(2.2)
    assert (broker.send(other).sent, broker.depth().messages) == (Sent.CONFIRMED, 2)


@pytest.mark.parametrize("world", ["sqs"], indirect=True)
def test_a_fifo_queue_leaves_out_only_other_sendings_of_the_same_letter(world: SqsWorld, opened: list[Broker]) -> None:
    place = world.fifo()
    broker = at(world, place, opened)
    for letter in ("1", "1", "2"):
        assert broker.send(Outgoing(b"{}", (), b"order-1", "id-1", once=letter)).sent == Sent.CONFIRMED
    assert broker.depth().messages == 2


@pytest.mark.parametrize("world", ["kafka"], indirect=True)
def test_a_header_that_kafkas_client_cannot_read_holds_up_no_other(
    world: KafkaWorld, place: Place, opened: list[Broker]
) -> None:
    world.put_unreadable(place)
    world.put(place, (b"after", (), b"", "id-2"))
    broker = at(world, place, opened)
    found = {each.body: each for each in broker.look("", 5).messages}
    assert sorted(found) == [b"after", b"{}"]
    assert found[b"{}"].headers == (("kafka:headers", "Its headers have a name that is not UTF-8."),)
    assert broker.send(Outgoing(b"{}", found[b"{}"].headers)).sent == Sent.UNFIT, "it would go without them"


@pytest.mark.parametrize("world", ["kafka"], indirect=True)
def test_a_moment_that_no_calendar_has_holds_up_no_other(world: KafkaWorld, place: Place, opened: list[Broker]) -> None:
    """As of a producer that counts microseconds."""
    moments = (1_790_000_000_000_000, 2**63 - 1, 253_402_300_800_000, 253_402_300_799_999, 1_790_000_000_000)
    for each in moments:
        world.put_at(place, b"{}", each)
    broker = at(world, place, opened)
    found = [each.placed_at and each.placed_at.year for each in broker.look("", 9).messages]
    assert found == [None, None, None, 9999, 2026]
    assert broker.depth(reads=True).messages == len(moments)


@pytest.mark.parametrize("world", ["kafka"], indirect=True)
def test_a_letter_goes_where_javas_producers_send_its_key(
    world: KafkaWorld, place: Place, opened: list[Broker]
) -> None:
    """What the tests of Kafka itself say of these keys, for one of four partitions."""
    hashes = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107}
    broker = at(world, place, opened)
    for key in hashes:
        assert broker.send(Outgoing(b"{}", (), key.encode())).sent == Sent.CONFIRMED
    lie = {(each.key or b"").decode(): int(each.partition) for each in broker.look("", 9).messages}
    assert lie == {key: (each & 0x7FFFFFFF) % 4 for key, each in hashes.items()}


@pytest.mark.parametrize("world", ["kafka"], indirect=True)
def test_what_kafka_holds_as_nothing_is_sent_as_nothing_and_never_made_so(
    world: KafkaWorld, place: Place, opened: list[Broker]
) -> None:
    """Nothing deletes a key where Kafka keeps the last of each; an empty body does not."""
    told: Headers = (("none", None), ("empty", b""))
    world.put_values(place, (None, told), (b"", told))
    broker, topic = at(world, place, opened), world.place()
    target = at(world, topic, opened)
    # Without a key each goes to any partition.
    empty, deleted = sorted(broker.look("", 5).messages, key=lambda each: len(each.headers))
    marked = deleted.headers
    assert (deleted.body, empty.body, marked, empty.headers) == (b"", b"", (*told, kafka.NOTHING), told)
    sent = [
        Outgoing(b"", (*marked, ("x-registry-no", "1"))),
        Outgoing(b"", empty.headers),
        Outgoing(b"edited", marked),
        Outgoing(b"", ((kafka.NOTHING[0], "of another"),)),
    ]
    assert [target.send(each).sent for each in sent] == [Sent.CONFIRMED] * 4
    arrived = [
        (None, [*told, ("x-registry-no", b"1")]),
        (b"", [*told]),
        (b"edited", [*told]),
        (b"", [(kafka.NOTHING[0], b"of another")]),
    ]
    assert sorted(world.values(topic), key=repr) == sorted(arrived, key=repr)


TABLE, CORRELATION_ID, MESSAGE_ID, TIMESTAMP, TYPE = 0x2000, 0x0400, 0x0080, 0x0040, 0x0020
"""Bits of properties that AMQP has."""
TEXT = b"\4textS\0\0\0\1x"
LATE = b"T\0\0\1\0\0\0\0\0"
"""A moment behind the year 9999."""
NAMELESS = b"F\0\0\0\4\1\xf6t\1"
"""A table with a name that is not UTF-8."""
UNREADABLE: dict[str, tuple[bytes, bytes, list[tuple[str, Value]]]] = {
    "property": (
        properties(CORRELATION_ID, b"\2\xff\xfe"),
        b"",
        [("amqp:correlation_id", b"\xff\xfe"), ("amqp:unread", "amqp:correlation_id")],
    ),
    "id": (
        properties(TABLE | MESSAGE_ID | TYPE, table(TEXT), b"\1\xff", b"\1t"),
        b"",
        [("amqp:message_id", b"\xff"), ("amqp:type", "t"), ("amqp:unread", "amqp:message_id"), ("text", "x")],
    ),
    "moment": (
        properties(TABLE | MESSAGE_ID, table(b"\2at" + LATE, TEXT), b"\1i"),
        b"",
        [("amqp:unread", "at"), ("at", LATE), ("text", "x")],
    ),
    "name": (
        properties(TABLE, table(b"\5gr\xf6\xdfet\1", TEXT)),
        b"",
        [("amqp:unread", r"gr\xf6\xdfe"), (r"gr\xf6\xdfe", b"t\1"), ("text", "x")],
    ),
    "name in a table": (
        properties(TABLE, table(b"\4deep" + NAMELESS, TEXT)),
        b"",
        [("amqp:unread", "deep"), ("deep", NAMELESS), ("text", "x")],
    ),
    "route": (properties(TABLE, table(TEXT)), "größe".encode("latin-1"), [("text", "x")]),
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("world", ["rabbitmq-quorum", "rabbitmq-classic", "rabbitmq-stream"], indirect=True)
def test_what_rabbitmqs_client_cannot_read_of_a_message_holds_up_no_other(
    world: RabbitWorld, place: Place, opened: list[Broker], what: str
) -> None:
    written, route, told = UNREADABLE[what]
    if what == "name in a table" and place.kind == "stream":
        pytest.skip("Older streams keep no tables.")
    world.put(place, *letters(1))
    world.put_raw(place, b"{}", written, route)
    world.put(place, *letters(1))
    broker = at(world, place, opened)
    before, found, after = broker.look("", 5).messages if world.is_log else taken_from(broker)
    assert (before.body, found.body, after.body) == (b"body 0", b"{}", b"body 0")
    headers = [each for each in found.headers if not each[0].startswith(("x-stream", "x-delivery"))]
    assert sorted(headers) == told
    outcome = broker.send(Outgoing(found.body, found.headers)).sent
    assert outcome == (Sent.CONFIRMED if what == "route" else Sent.UNFIT), "it would be another"


@pytest.mark.parametrize("world", ["rabbitmq-quorum", "rabbitmq-classic", "rabbitmq-stream"], indirect=True)
def test_when_a_message_of_rabbitmq_was_sent_is_read_where_it_says_so(
    world: RabbitWorld, place: Place, opened: list[Broker]
) -> None:
    moments = (1_790_000_000, 253_402_300_799, 253_402_300_800, 2**63 - 1, 0)
    for each in moments:
        world.put_raw(place, b"{}", properties(TIMESTAMP, pack(">Q", each)))
    broker = at(world, place, opened)
    looked = broker.look("", 5) if world.is_log else None
    found = looked.messages if looked else taken_from(broker)
    assert [each.placed_at and each.placed_at.isoformat() for each in found] == [
        "2026-09-21T14:13:20+00:00",
        "9999-12-31T23:59:59+00:00",
        *[None] * 3,
    ]
    if looked:
        old = f"0 {replace(found[0], placed_at=None).trace}"
        assert bodies(broker.look(old, 5).messages) == [b"{}"] * 4, "a cursor from before is still one of this stream"
        assert broker.look("", 1).cursor == old


@pytest.mark.parametrize("world", ["redis-streams"], indirect=True)
def test_a_body_that_is_to_become_fields_is_unfit_where_it_has_none(
    world: World, place: Place, opened: list[Broker]
) -> None:
    broker = at(world, replace(place, kind="*"), opened)
    for body in (b"no JSON", b"[1]", b"{}", HOSTILE):
        assert broker.send(Outgoing(body)).sent == Sent.UNFIT
    assert broker.send(Outgoing(b'{"order": 1}')).sent == Sent.CONFIRMED


def test_what_sqs_fails_at_is_not_known() -> None:
    with servers.failing(503) as url, pytest.raises(BrokerError):
        connect("sqs", Place(url, "orders"))
    with servers.failing(503, after=1) as url:
        assert connect("sqs", Place(url, "orders")).send(Outgoing(b"{}")).sent == Sent.UNKNOWN


@pytest.mark.parametrize("world", ["sqs"], indirect=True)
def test_what_was_received_before_sqs_failed_is_given_back(world: SqsWorld, place: Place, opened: list[Broker]) -> None:
    world.put(place, *letters(15))
    with servers.failing_at(place.url, "ReceiveMessage", after=1) as url:
        broker = at(world, replace(place, url=url), opened)
        with pytest.raises(BrokerError), broker.take(15):
            pytest.fail("It could not be asked for all of them.")
    assert world.state(place) == {"ApproximateNumberOfMessages": "15", "ApproximateNumberOfMessagesNotVisible": "0"}
    with at(world, place, opened).take(15) as taken:
        assert sorted(bodies(list(taken.messages))) == sorted(body for body, *_ in letters(15))


@pytest.mark.parametrize("world", ["sqs"], indirect=True)
def test_an_attribute_is_sent_again_as_of_the_type_it_was(world: SqsWorld, place: Place, opened: list[Broker]) -> None:
    given = {
        "number": {"DataType": "Number", "StringValue": "01.50"},
        "price": {"DataType": "Number.eur", "StringValue": "2"},
        "text": {"DataType": "String", "StringValue": "x"},
        "bytes": {"DataType": "Binary.gif", "BinaryValue": b"\xff"},
    }
    world.client.send_message(QueueUrl=world.queue(place), MessageBody="{}", MessageAttributes=given)
    broker, topic = at(world, place, opened), world.place()
    [found] = taken_from(broker)
    sent = Outgoing(found.body, (*deaths.stripped(found.headers), ("x-registry-no", "1")))
    assert at(world, topic, opened).send(sent).sent == Sent.CONFIRMED
    [again] = world.received(topic)
    given["x-registry-no"] = {"DataType": "String", "StringValue": "1"}
    assert again["MessageAttributes"] == given


@everywhere
def test_what_no_place_takes_is_refused_not_confirmed(world: World, opened: list[Broker]) -> None:
    message = Outgoing(b"lost", (), None, "id")
    try:
        broker = at(world, world.nowhere(), opened)
        outcome = broker.send(message)
    except NoSuchPlace:
        return
    assert outcome.sent == Sent.REFUSED
    assert outcome.why


@everywhere
def test_a_place_that_is_not_there_is_named(world: World, opened: list[Broker]) -> None:
    with pytest.raises(NoSuchPlace, match=world.missing):
        at(world, world.nowhere(), opened).depth()


@everywhere
def test_a_broker_that_does_not_answer_is_said_to_be_so(world: World, opened: list[Broker]) -> None:
    with pytest.raises(Unreachable):
        at(world, world.unreachable(), opened)
