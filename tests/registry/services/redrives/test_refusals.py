"""What a broker does not take is open again with the reason, and whose fault it was decides whether others wait."""

from collections.abc import Iterator
from typing import Any

import pytest

from registry.brokers import Place
from registry.models import DeadLetterSource, Environment, Integration, Person, RedriveAttempt, RedriveItem
from registry.services import endpoints, harvests, integrations, redrives, sending
from tests import landscape
from tests import letters as made
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import NatsWorld, QuorumWorld, World
from tests.registry.services.redrives import redriving
from tests.registry.services.redrives.redriving import Begin, driven, states

UNFIT = {
    "nats": ([["größe", "x"]], "NATS cannot carry a header called 'größe'."),
    "rabbitmq": ([["amqp:reply_to", "amq.rabbitmq.reply-to"]], "fast reply consumer does not exist"),
}


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    named = getattr(request, "param", "rabbitmq")
    one: World = {"nats": NatsWorld, "rabbitmq": QuorumWorld}[named](request.getfixturevalue(named))
    yield one
    one.close()


@pytest.fixture
def topic(world: World, request: pytest.FixtureRequest) -> Place:
    bounds: dict[str, Any] = getattr(request, "param", {})
    return world.bounded(**bounds) if bounds and isinstance(world, QuorumWorld) else world.place()


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person, topic: Place) -> Integration:
    document = redriving.document(topic.name)
    return integrations.create(name="Orders to payments", slug="orders-to-payments", document=document, by=ann)


@pytest.fixture
def source(
    approved: Integration, world: World, topic: Place, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> DeadLetterSource:
    scheme, _, rest = world.url.partition("://")
    login, _, host = rest.rpartition("@")
    monkeypatch.setenv("BROKER_TESTS", login)
    at = made.broker(
        Environment.objects.get(slug="production"),
        kind=world.broker,
        url=f"{scheme}://{host}",
        credentials="env:BROKER_TESTS" if login else "",
    )
    return made.source(approved, at, by=oncall, topic=topic.name, topic_kind=topic.kind)


def bounded(**bounds: Any) -> pytest.MarkDecorator:
    """The topic is a queue that takes so many."""
    return pytest.mark.parametrize("topic", [bounds], indirect=True)


everywhere = pytest.mark.parametrize("world", UNFIT, indirect=True)


def told(source: DeadLetterSource) -> list[tuple[str, str]]:
    """How far each letter got, and why."""
    items = RedriveItem.objects.filter(letter__source=source).order_by("pk")
    return [(each.state, each.note) for each in items]


@everywhere
def test_a_letter_that_cannot_be_carried_is_open_again_and_stops_no_other(
    source: DeadLetterSource, world: World, topic: Place, begun: Begin
) -> None:
    headers, why = UNFIT[world.broker]
    made.letter(source, headers=headers)
    for number in range(15):
        made.letter(source, headers=headers if number == 7 else ())
    job = driven(begun())
    assert (job.state, job.setbacks) == ("finished", 0)
    assert states(source) == ["open", *["presumed_resolved"] * 7, "open", *["presumed_resolved"] * 7]
    refused = [note for state, note in told(source) if state == "refused"]
    assert [why in each for each in refused] == [True, True]
    counts = redrives.progress(job)
    assert (counts.sent, counts.refused, counts.uncertain) == (14, 2, 0)
    assert RedriveAttempt.objects.count() == 16, "each was tried once"
    assert lying(source, topic) == 14


def lying(source: DeadLetterSource, topic: Place) -> int:
    with endpoints.open(source.broker, topic.name, topic.kind) as broker:
        return broker.depth().messages or 0


def test_what_no_queue_takes_is_refused_though_confirms_alone_say_yes(
    source: DeadLetterSource, world: QuorumWorld, topic: Place, begun: Begin, oncall: Person
) -> None:
    for _ in range(3):
        made.letter(source)
    world.remove(topic)
    job = driven(begun())
    assert (job.state, job.paused_because) == ("paused", "The last letter was refused.")
    assert states(source) == ["open", "queued", "queued"]
    assert told(source)[0] == ("refused", f"No queue takes what is sent to {topic.name}.")


def test_an_exchange_nothing_is_bound_to_refuses(
    source: DeadLetterSource, world: QuorumWorld, topic: Place, begun: Begin
) -> None:
    DeadLetterSource.objects.filter(pk=source.pk).update(topic_kind="exchange")
    letter = made.letter(source)
    assert (driven(begun()).state, states(source)) == ("paused", ["open"])
    [(state, note)] = told(source)
    assert (state, f"NOT_FOUND - no exchange '{topic.name}'" in note) == ("refused", True)
    with world.connection.channel() as channel:
        channel.exchange_declare(topic.name, "fanout")
        assert driven(begun(letter)).state == "paused"
        assert told(source)[1] == ("refused", f"No queue takes what is sent to {topic.name}.")
        channel.queue_bind(topic.name, topic.name)
    assert driven(begun(letter)).state == "finished"
    assert (states(source), lying(source, topic)) == (["presumed_resolved"], 1)


@bounded(most=2, overflow="reject-publish")
def test_what_a_full_queue_does_not_take_is_open_again_and_goes_once_there_is_room(
    source: DeadLetterSource, world: QuorumWorld, topic: Place, begun: Begin, oncall: Person
) -> None:
    for _ in range(4):
        made.letter(source)
    job = driven(begun())
    assert (job.state, job.paused_because) == ("paused", "Of the last 3 letters 1 was refused.")
    assert states(source) == ["presumed_resolved", "presumed_resolved", "open", "queued"]
    assert told(source)[2] == ("refused", "RabbitMQ refused it: the queue is full or not available.")
    world.empty(topic)
    redrives.cancel(job, why="The queue was full", by=oncall)
    assert driven(begun(*source.letters.filter(state="open"))).state == "finished"
    assert (states(source), lying(source, topic)) == (["presumed_resolved"] * 4, 2)


DROPPED = "orders.dropped"


@bounded(most=1, overflow="drop-head", dead=DROPPED)
def test_what_a_full_queue_dropped_after_it_said_yes_comes_back_where_it_dies_to_its_source(
    source: DeadLetterSource, world: QuorumWorld, topic: Place, begun: Begin
) -> None:
    with world.connection.channel() as channel:
        channel.queue_declare(DROPPED, durable=True)
    place = {"place": DROPPED, "place_kind": "classic", "mode": "consume"}
    DeadLetterSource.objects.filter(pk=source.pk).update(**place)
    first, second = made.letter(source), made.letter(source)
    for letter in (first, second):
        sending.advance(begun(letter).pk)
    assert (states(source), lying(source, topic)) == (["published", "published"], 1), "RabbitMQ confirmed both"
    assert harvests.harvest(source.pk) == 1
    assert states(source) == ["returned", "published", "open"]
    back = source.letters.get(parent=first)
    assert (back.wire_id, back.reason) == (first.wire_id, "maxlen")


@bounded(most=1, overflow="drop-head")
def test_what_a_full_queue_drops_and_does_not_dead_letter_is_believed(
    source: DeadLetterSource, topic: Place, begun: Begin
) -> None:
    """Confirmed, and gone: nothing tells. The handbook says how to look before."""
    for _ in range(2):
        made.letter(source)
    assert driven(begun()).state == "finished"
    assert (states(source), lying(source, topic)) == (["presumed_resolved"] * 2, 1)
