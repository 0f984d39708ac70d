"""However large messages are, one look or one batch brings no more bytes than a process can hold."""

from collections.abc import Iterator
from typing import Any

import pytest

from registry import brokers
from registry.brokers import Broker, Found, Place, connect
from registry.models import DeadLetter, Environment, Integration, Person
from registry.services import harvests
from tests import letters
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import Message, NatsWorld, RedisStreamsWorld, SqsWorld, World

MOST = 2_000
SIZES = [150] * 40 + [3 * MOST] + [1] * 40 + [3 * MOST] * 3 + [MOST // 2] * 4
WORLDS: dict[str, tuple[type[World], Any, str]] = {
    "redis-streams": (RedisStreamsWorld, None, "redis_streams"),
    "nats": (NatsWorld, servers.nats, "nats"),
    "sqs": (SqsWorld, servers.sqs, "sqs"),
}
LOGS = ["redis-streams", "nats"]


@pytest.fixture
def world(urls: dict[object, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made, server, module = WORLDS[request.param]
    monkeypatch.setattr(f"registry.brokers.{module}.MOST_BYTES", MOST)
    held = made(urls[server])
    yield held
    held.close()


@pytest.fixture
def place(world: World) -> Place:
    return world.place()


@pytest.fixture
def broker(world: World, place: Place) -> Iterator[Broker]:
    held = connect(world.broker, place)
    yield held
    held.close()


def messages() -> list[Message]:
    return [(f"{number:04}".encode().ljust(size, b"x"), (), None, "") for number, size in enumerate(SIZES)]


def bodies(found: list[Found]) -> list[bytes]:
    return [each.body for each in found]


def size(found: Any) -> int:
    return sum(len(each.body) for each in found)


@pytest.mark.parametrize("world", LOGS, indirect=True)
def test_looks_bring_all_messages_and_never_more_than_goes_over_the_brim(
    world: World, place: Place, broker: Broker
) -> None:
    world.put(place, *messages())
    found, cursor, looks = list[Found](), "", 0
    while (looked := broker.look(cursor, 500)).messages:
        assert size(looked.messages[:-1]) < MOST
        found, cursor, looks = [*found, *looked.messages], looked.cursor, looks + 1
        # So that whoever reads knows that there is more.
        assert size(looked.messages) >= MOST or len(found) == len(SIZES)
    assert bodies(found) == [body for body, *_ in messages()]
    assert looks > sum(SIZES) // (5 * MOST)
    assert len(broker.look("", 7).messages) == 7


@pytest.mark.parametrize("world", ["sqs"], indirect=True)
def test_batches_bring_all_messages_and_little_more_than_the_brim(world: World, place: Place, broker: Broker) -> None:
    world.put(place, *messages())
    found, batches = list[Found](), 0
    while True:
        with broker.take(500) as taken:
            if not taken.messages:
                break
            # SQS gives ten at once.
            assert size(taken.messages[:-10]) < MOST
            assert not taken.is_all
            found, batches = [*found, *taken.messages], batches + 1
            taken.settle()
    assert sorted(bodies(found)) == sorted(body for body, *_ in messages())
    assert batches > 2


@pytest.mark.parametrize("world", ["redis-streams"], indirect=True)
def test_redis_is_asked_for_little_more_than_is_kept(
    world: RedisStreamsWorld, place: Place, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 400_000
    monkeypatch.setattr("registry.brokers.redis_streams.MOST_BYTES", most)
    world.put(place, *[(b"x" * 100_000, (), None, "")] * 40)
    before: Any = world.client.info("stats")
    assert len(broker.look("", 500).messages) == 4
    after: Any = world.client.info("stats")
    assert after["total_net_output_bytes"] - before["total_net_output_bytes"] < 2 * most


@pytest.mark.parametrize("world", LOGS, indirect=True)
def test_one_harvest_takes_in_what_takes_several_looks(
    world: World, place: Place, approved: Integration, ops: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "MOST_BYTES", MOST)
    world.put(place, *messages())
    at = letters.broker(Environment.objects.get(slug="production"), kind=world.broker, url=world.url)
    source = letters.source(approved, at, by=ops, place=place.name)
    assert harvests.harvest(source.pk) == len(SIZES)
    assert DeadLetter.objects.filter(source=source).count() == len(SIZES)
