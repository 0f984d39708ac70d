"""Letters taken out of queues: each once, whenever their reader dies, told by real queues."""

import itertools
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pika
import pytest
from django.utils import timezone

from registry.brokers import BrokerError, Place
from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import endpoints, harvests, ledger, payloads
from tests import letters
from tests.faults.redrive.world import WRITTEN_DOWN_S
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import ClassicWorld, Message, QuorumWorld, SqsWorld, World, eventually

TWIN: Message = (b'{"order": 1}', (), None, "")
"""A message without an id, equal to all others of its kind."""
DEATHS = ("taken", "kept", "settled")
"""How far readers get before they die: before the commit, behind it, and once the broker heard of it."""


@pytest.fixture
def quorum(urls: dict[object, str]) -> Iterator[QuorumWorld]:
    world = QuorumWorld(urls[servers.rabbitmq])
    yield world
    world.close()


@pytest.fixture
def classic(urls: dict[object, str]) -> Iterator[ClassicWorld]:
    world = ClassicWorld(urls[servers.rabbitmq])
    yield world
    world.close()


Custody = Callable[[World], tuple[DeadLetterSource, Place]]


@pytest.fixture
def custody(approved: Integration, ops: Person, monkeypatch: pytest.MonkeyPatch) -> Custody:
    """`custody(world)`: a new queue of it, and its source, in our custody."""

    def made(world: World) -> tuple[DeadLetterSource, Place]:
        place, (scheme, _, rest) = world.place(), world.url.partition("://")
        login, _, host = rest.rpartition("@")
        monkeypatch.setenv("BROKER_TESTS", login)
        production = Environment.objects.get(slug="production")
        at = letters.broker(production, kind=world.broker, url=f"{scheme}://{host}", credentials="env:BROKER_TESTS")
        return letters.source(approved, at, by=ops, place=place.name, place_kind=place.kind, mode="consume"), place

    return made


def die(source: DeadLetterSource, after: str, *, then: Callable[[], None] = lambda: None) -> None:
    """A reader whose machine is gone once it came so far; `then` happens a moment before."""
    DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=None)
    reader = harvests.claim(source.pk)
    assert reader is not None
    with suppress(BrokerError), endpoints.open(source.broker, source.place, source.place_kind) as broker:
        held: Any = broker
        with broker.take(harvests.BATCH, once_alone=lambda: harvests.expect(reader)) as taken:
            if after != "taken":
                harvests.keep(reader, taken.messages)
            if after == "settled":
                taken.settle()
            then()
            held.connection.sock.shutdown(socket.SHUT_RDWR)


def harvested(source: DeadLetterSource) -> int:
    """How many letters there are once somebody else read on."""
    DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=None)
    while True:
        harvests.harvest(source.pk)
        source.refresh_from_db()
        if not source.trouble.startswith("Somebody else reads"):
            break
        DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=None)
    assert source.trouble == ""
    assert ledger.imbalance() == 0
    return DeadLetter.objects.filter(source=source).count()


def is_settled(world: World, place: Place, source: DeadLetterSource) -> bool:
    """Whether none can be given back any more, once another letter was taken in behind them."""
    world.put(place, (b"last", (), None, "id-last"))
    harvested(source)
    return not DeadLetter.objects.filter(source=source, unsettled_count__isnull=False).exists()


def test_letters_are_taken_out_once_they_are_safe(quorum: QuorumWorld, custody: Custody) -> None:
    source, place = custody(quorum)
    messages = [(f"{n}".encode(), (("n", n),), None, f"id-{n}") for n in range(700)]
    quorum.put(place, *messages, TWIN)
    assert harvested(source) == 701
    eventually(lambda: quorum.state(place) == 0)
    letter = DeadLetter.objects.get(wire_id="id-7")
    assert payloads.opened(letter) == payloads.Opened(b"7", (("n", 7),))
    assert is_settled(quorum, place, source)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(DEATHS, DEATHS)))
def test_twins_in_a_quorum_queue_are_taken_once_whoever_dies(
    quorum: QuorumWorld, custody: Custody, first: str, second: str
) -> None:
    source, place = custody(quorum)
    quorum.put(place, *[TWIN] * 3)
    die(source, first)
    quorum.put(place, *[TWIN] * 2, (b"other", (), None, ""))
    eventually(lambda: quorum.state(place) == 3 + 3 * (first != "settled"))
    die(source, second)
    quorum.put(place, TWIN)
    assert harvested(source) == 7
    eventually(lambda: quorum.state(place) == 0)
    assert is_settled(quorum, place, source)


@pytest.mark.parametrize("expected", [0, 1, 2])
@pytest.mark.parametrize("batch", [2, 3, 4, 500])
def test_twins_are_known_again_by_the_company_they_keep(
    quorum: QuorumWorld, custody: Custody, batch: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, place = custody(quorum)
    quorum.put(place, *[each for n in range(4) for each in ((b"named", (), None, f"id-{n}"), TWIN)], TWIN)
    die(source, "kept")
    quorum.put(place, TWIN)
    eventually(lambda: quorum.state(place) == 10)
    for _ in range(expected):
        # Readers that died before a letter was handed to them.
        DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=None)
        reader = harvests.claim(source.pk)
        assert reader is not None
        harvests.expect(reader)
    monkeypatch.setattr(harvests, "BATCH", batch)
    assert harvested(source) == 10
    eventually(lambda: quorum.state(place) == 0)
    assert is_settled(quorum, place, source)


def test_twins_are_known_again_where_their_broker_hands_out_others_first(
    tmp_path: Path, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quorum queue that starts again gives its first reader what lies behind that which a dead reader held."""
    monkeypatch.setattr(harvests, "BATCH", 6)
    server = servers.RabbitMQ(tmp_path)
    try:
        server.start()
        quorum = QuorumWorld(server.url)
        source, place = custody(quorum)
        quorum.put(place, *[each for n in range(9) for each in ((b"named", (), None, f"id-{n}"), TWIN)])
        quorum.close()
        # RabbitMQ knows a queue again once it has written its list down.
        time.sleep(WRITTEN_DOWN_S)
        die(source, "kept", then=server.kill)
        server.start()
        assert harvested(source) == 18
        quorum = QuorumWorld(server.url)
        eventually(lambda: quorum.state(place) == 0)
        assert is_settled(quorum, place, source)
        quorum.close()
    finally:
        server.stop()


@pytest.mark.parametrize("death", DEATHS)
def test_letters_with_an_id_are_taken_once_out_of_a_classic_queue_too(
    classic: ClassicWorld, custody: Custody, death: str
) -> None:
    source, place = custody(classic)
    classic.put(place, *[(b"1", (), None, f"id-{n}") for n in range(3)])
    die(source, death)
    classic.put(place, (b"2", (), None, "id-1"))
    assert harvested(source) == 4
    eventually(lambda: classic.state(place) == 0)


def test_what_a_classic_queue_gives_back_though_it_was_acknowledged_is_known_by_its_id(
    tmp_path: Path, custody: Custody
) -> None:
    """Killed right after it heard, it has not written that down: what it gives back then looks like new."""
    server = servers.RabbitMQ(tmp_path)
    messages: list[Message] = [(b"1", (), None, f"id-{n}") for n in range(300)]
    try:
        server.start()
        classic = ClassicWorld(server.url)
        source, place = custody(classic)
        back, tries = 0, 0
        while not back:
            assert (tries := tries + 1) < 6, "it always wrote it down in time: nothing came back, so nothing was tried"
            classic.put(place, *messages)
            classic.close()
            die(source, "settled", then=server.kill)
            server.start()
            classic = ClassicWorld(server.url)
            back = classic.state(place)
        assert harvested(source) == 300
        eventually(lambda: classic.state(place) == 0)
        classic.close()
    finally:
        server.stop()


def test_twins_in_a_classic_queue_are_never_lost_but_may_come_twice(classic: ClassicWorld, custody: Custody) -> None:
    source, place = custody(classic)
    classic.put(place, TWIN, TWIN)
    die(source, "kept")
    assert harvested(source) == 4


def test_nobody_takes_what_somebody_else_reads(quorum: QuorumWorld, classic: ClassicWorld, custody: Custody) -> None:
    for world in (quorum, classic):
        source, place = custody(world)
        world.put(place, TWIN)
        with world.connection.channel() as other:
            other.basic_consume(place.name, lambda *told: None)
            assert harvests.harvest(source.pk) == 0
            source.refresh_from_db()
            assert source.trouble == f"Somebody else reads {place.name}, and only one may."
        assert harvested(source) == 1


def test_a_reader_that_lost_its_lease_gives_back_what_it_holds(quorum: QuorumWorld, custody: Custody) -> None:
    source, place = custody(quorum)
    quorum.put(place, TWIN)
    reader = harvests.claim(source.pk)
    assert reader is not None
    DeadLetterSource.objects.filter(pk=source.pk).update(fence=reader.fence + 1)
    with (
        pytest.raises(harvests.LostLease),
        endpoints.open(source.broker, source.place, source.place_kind) as broker,
        broker.take(10) as taken,
    ):
        harvests.keep(reader, taken.messages)
    assert harvested(source) == 1


def test_what_rabbitmq_says_of_a_death_is_kept_whole(quorum: QuorumWorld, custody: Custody) -> None:
    source, place = custody(quorum)
    dies = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": place.name, "x-message-ttl": 1}
    with quorum.connection.channel() as channel:
        channel.queue_declare(f"{place.name}.before", arguments=dies)
        channel.basic_publish("", f"{place.name}.before", b"late", pika.BasicProperties(message_id="id-1"))
    eventually(lambda: quorum.state(place) == 1)
    assert harvested(source) == 1
    headers: dict[str, Any] = dict(payloads.opened(DeadLetter.objects.get()).headers)
    [death] = headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("expired", f"{place.name}.before", 1)
    assert abs((timezone.now() - death["time"]).total_seconds()) < 600


def test_tables_in_tables_without_end_hold_up_nobody(quorum: QuorumWorld, custody: Custody) -> None:
    source, place = custody(quorum)
    table: dict[str, Any] = {}
    for _ in range(3_000):
        table = {"a": table}
    usual = sys.getrecursionlimit()
    # What sends it calls itself as well.
    sys.setrecursionlimit(20_000)
    try:
        quorum.put(place, (b"poison", (("deep", table),), None, ""), TWIN)
    finally:
        sys.setrecursionlimit(usual)
    assert harvested(source) == 2
    assert sys.getrecursionlimit() == usual


def test_what_cannot_be_read_of_a_message_is_kept_as_the_bytes_it_was(quorum: QuorumWorld, custody: Custody) -> None:
    source, place = custody(quorum)
    quorum.put(place, TWIN)
    quorum.put_raw(place, b"poison", b"\x04\0\1\xff")
    quorum.put(place, TWIN)
    assert harvested(source) == 3
    eventually(lambda: quorum.state(place) == 0)
    poison = payloads.opened(DeadLetter.objects.get(size=len(b"poison")))
    told = (("amqp:correlation_id", b"\xff"), ("amqp:unread", "amqp:correlation_id"))
    assert poison == payloads.Opened(b"poison", told)


def test_what_sqs_gives_back_is_known_by_its_id(urls: dict[object, str], custody: Custody) -> None:
    world = SqsWorld(urls[servers.sqs])
    source, place = custody(world)
    world.put(place, TWIN, TWIN)
    reader = harvests.claim(source.pk)
    assert reader is not None
    with endpoints.open(source.broker, source.place) as broker, broker.take(10) as taken:
        harvests.keep(reader, taken.messages)
    assert harvested(source) == 2
    assert world.state(place)["ApproximateNumberOfMessages"] == "0"
    assert DeadLetter.objects.values("identity").distinct().count() == 2
