"""Letters taken out of RabbitMQ's queue: equal ones without an id are as many as they are, whoever dies meanwhile."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DataError
from django.utils import timezone

from registry.brokers import Place, Unreachable
from registry.brokers.rabbitmq import RabbitMQ
from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import endpoints, harvests, ledger
from tests import letters
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import QuorumWorld

TWINS = 12


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours answers it."""


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture
def world(rabbitmq: str) -> Iterator[QuorumWorld]:
    made = QuorumWorld(rabbitmq)
    yield made
    made.close()


@pytest.fixture
def queue(world: QuorumWorld, approved: Integration, ops: Person, monkeypatch: pytest.MonkeyPatch) -> DeadLetterSource:
    """A quorum queue in our custody, with messages that are equal to the byte."""
    login, _, host = world.url.removeprefix("amqp://").partition("@")
    monkeypatch.setenv("BROKER_TESTS", login)
    place = world.place()
    for _ in range(TWINS):
        world.put_bare(place, b"the same")
    at = letters.broker(
        Environment.objects.get(slug="production"),
        kind="rabbitmq",
        url=f"amqp://{host}",
        credentials="env:BROKER_TESTS",
    )
    return letters.source(approved, at, by=ops, place=place.name, place_kind="quorum", mode="consume")


def taken_in(queue: DeadLetterSource) -> int:
    """What a later worker takes in, once the lease of the one that died is over."""
    DeadLetterSource.objects.filter(pk=queue.pk).update(lease_until=timezone.now())
    deadline = time.monotonic() + 20
    while True:
        count = harvests.harvest(queue.pk)
        queue.refresh_from_db()
        # The queue counts a reader that died for a moment.
        if not queue.trouble or time.monotonic() > deadline:
            assert queue.trouble == ""
            return count


def test_equal_letters_are_as_many_when_the_reader_dies_before_its_commit(
    queue: DeadLetterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(harvests, "keep", dies)
        with pytest.raises(Killed):
            harvests.harvest(queue.pk)
    assert DeadLetter.objects.count() == 0
    assert taken_in(queue) == TWINS
    assert (DeadLetter.objects.count(), ledger.imbalance()) == (TWINS, 0)


def test_equal_letters_are_as_many_when_the_reader_dies_between_commit_and_acknowledgement(
    queue: DeadLetterSource,
) -> None:
    with pytest.raises(Killed):
        commit_and_die(queue, 5)
    assert taken_in(queue) == TWINS - 5
    assert (DeadLetter.objects.count(), ledger.imbalance()) == (TWINS, 0)
    assert len({each.wire_id for each in DeadLetter.objects.all()}) == TWINS


def test_one_letter_with_an_id_tells_that_its_whole_batch_is_back_however_many_readers_died(
    queue: DeadLetterSource, world: QuorumWorld
) -> None:
    world.put(queue_place(queue), (b"another", (), None, "evt-1"))
    with pytest.raises(Killed):
        commit_and_die(queue, TWINS + 1)
    for _ in range(3):
        noted_and_died(queue)
    assert taken_in(queue) == 0
    assert (DeadLetter.objects.count(), ledger.imbalance()) == (TWINS + 1, 0)


def test_letters_equal_to_those_of_an_acknowledged_batch_are_new(queue: DeadLetterSource, world: QuorumWorld) -> None:
    world.put(queue_place(queue), (b"another", (), None, "evt-1"))
    with pytest.raises(Killed):
        commit_and_die(queue, TWINS + 1, acknowledges=True)
    for _ in range(5):
        world.put_bare(queue_place(queue), b"the same")
    assert taken_in(queue) == 5
    assert (DeadLetter.objects.count(), ledger.imbalance()) == (TWINS + 6, 0)


def test_a_second_death_with_the_id_and_headers_of_the_first_is_not_acknowledged_and_lost(
    queue: DeadLetterSource, world: QuorumWorld, ops: Person
) -> None:
    died = (b"another", (("error", "Timeout"),), None, "evt-1")
    world.put(queue_place(queue), died)
    assert taken_in(queue) == TWINS + 1
    first = DeadLetter.objects.get(wire_id="evt-1")
    letters.sent_again(first, by=ops)
    world.put(queue_place(queue), died)
    assert taken_in(queue) == 1
    told = DeadLetter.objects.filter(wire_id="evt-1").order_by("pk").values_list("state", "parent")
    assert (list(told), ledger.imbalance()) == ([("returned", None), ("parked", first.pk)], 0)


def test_what_a_dead_reader_held_comes_back_in_its_order(queue: DeadLetterSource, world: QuorumWorld) -> None:
    place = world.place()
    world.put(place, *((b"%d" % number, (), None, f"evt-{number}") for number in range(9)))
    for _ in range(6):
        reader = RabbitMQ(place)
        with pytest.raises(Unreachable), reader.take(9) as taken:
            reader.connection.transport.sock.shutdown(socket.SHUT_RDWR)
        reader.connection.collect()
        assert [each.body for each in taken.messages] == [b"%d" % number for number in range(9)]


def queue_place(queue: DeadLetterSource) -> Place:
    return Place(queue.broker.url, queue.place, "quorum")


def noted_and_died(queue: DeadLetterSource) -> None:
    """A reader that noted what it will be handed, and died before it was."""
    DeadLetterSource.objects.filter(pk=queue.pk).update(lease_until=timezone.now())
    reader = harvests.claim(queue.pk)
    assert reader is not None
    harvests.expect(reader)


def commit_and_die(queue: DeadLetterSource, count: int, *, acknowledges: bool = False) -> None:
    reader = harvests.claim(queue.pk)
    assert reader is not None
    with (
        endpoints.open(reader.source.broker, queue.place, "quorum") as broker,
        broker.take(count, once_alone=lambda: harvests.expect(reader)) as taken,
    ):
        assert harvests.keep(reader, taken.messages).letters == count
        if acknowledges:
            taken.settle()
        dies()


def dies(*_: object, **__: object) -> None:
    raise Killed


def test_what_nobody_foresaw_is_not_tried_again_every_few_seconds(
    queue: DeadLetterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue counts each look, and some drop what was looked at twenty times."""
    with monkeypatch.context() as patch:
        patch.setattr(harvests, "keep", fails)
        assert harvests.harvest(queue.pk) == 0
    queue.refresh_from_db()
    assert queue.trouble == (
        "DataError while it was read; the worker's log says where."
        " It is tried again in ten minutes, as its queue may count each time."
    )
    assert harvests.harvest_all() == 0
    assert queue.lease_until is not None
    assert queue.lease_until > timezone.now() + timedelta(minutes=9)
    assert taken_in(queue) == TWINS


def fails(*_: object, **__: object) -> None:
    raise DataError
