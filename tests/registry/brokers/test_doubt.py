"""What is known of a message whose broker went silent, and of a queue that says less than it knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from registry.brokers import Busy, Outgoing, Place, Sent, Unreachable, connect, nats, rabbitmq
from tests.registry.brokers import servers
from tests.registry.brokers.lines import line
from tests.registry.brokers.worlds import NatsWorld, QuorumWorld, World

MARK = b"the letter itself"
SILENT = {
    "nats": (NatsWorld, servers.nats, nats),
    "rabbitmq-quorum": (QuorumWorld, servers.rabbitmq, rabbitmq),
}


@pytest.fixture
def world(urls: dict[object, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made, server, module = SILENT[request.param]
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    one = made(urls[server])
    yield one
    one.close()


@pytest.mark.parametrize("cuts", [False, True], ids=["silent", "cut"])
@pytest.mark.parametrize("world", SILENT, indirect=True)
def test_what_was_sent_and_not_confirmed_is_not_known(world: World, cuts: bool) -> None:
    place = world.place()
    with line(place.url, MARK, cuts=cuts) as url:
        broker = connect(world.broker, replace(place, url=url))
        assert broker.send(Outgoing(MARK)).sent == Sent.UNKNOWN
        broker.close()
    behind = connect(world.broker, place)
    assert behind.depth().messages == 1
    behind.close()


@pytest.mark.parametrize("world", ["rabbitmq-quorum"], indirect=True)
def test_what_was_confirmed_stays_so_whatever_becomes_of_the_line(world: World) -> None:
    place = world.place()
    with line(place.url, MARK, answers=1, cuts=True) as url:
        broker = connect(world.broker, replace(place, url=url))
        assert broker.send(Outgoing(MARK)).sent == Sent.CONFIRMED
        with pytest.raises(Unreachable):
            broker.send(Outgoing(b"another"))
        broker.close()


@dataclass
class Queue:
    """A quorum queue by what it says, in this order, of its messages and its readers."""

    says: list[tuple[int, int]]
    asked: list[str] = field(default_factory=list)

    def queue_declare(self, name: str, *, passive: bool) -> Any:
        messages, readers = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return SimpleNamespace(message_count=messages, consumer_count=readers)

    def __getattr__(self, act: str) -> Any:
        return lambda *told, **more: self.asked.append(act)


def custody(*says: tuple[int, int]) -> "rabbitmq._Custody":
    return rabbitmq._Custody(Queue(list(says)), Place("", "orders", rabbitmq.QUORUM))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq, "PATIENCE_S", 0.05)


@pytest.mark.usefixtures("impatient")
def test_nothing_is_handed_out_while_somebody_reads_or_the_queue_cannot_say() -> None:
    assert custody((3, 1), (3, 1), (5, 0)).ready() == 5
    assert custody((0, 0), (3, 0)).ready() == 0
    with pytest.raises(Busy, match="Somebody else reads orders"):
        custody((3, 1)).ready()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("says", "heard"),
    [
        ([(4, 1), (4, 0)], True),
        ([(4, 1)], False),
        # It may be empty, and it may not be able to say.
        ([(0, 0)], False),
    ],
)
def test_an_acknowledgement_is_heard_once_the_queue_counts_us_no_more(says: list[tuple[int, int]], heard: bool) -> None:
    held = custody(*says)
    held.messages, held.tag = [SimpleNamespace(position="7")], "ours"  # type: ignore[list-item]
    assert held.settle() is heard
    assert held.channel.asked == ["basic_cancel", "basic_ack"]
