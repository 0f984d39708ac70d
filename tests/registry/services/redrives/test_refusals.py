"""What a broker does not take is open again with the reason, and whose fault it was decides whether others wait."""

from collections.abc import Iterator

import pytest

from registry.brokers import Place
from registry.models import DeadLetterSource, Environment, Integration, Person, RedriveAttempt, RedriveItem
from registry.services import endpoints, integrations, redrives
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
def topic(world: World) -> Place:
    return world.place()


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


everywhere = pytest.mark.parametrize("world", UNFIT, indirect=True)


def told(source: DeadLetterSource) -> list[tuple[str, str]]:
    """How far each letter got, and why."""
    items = RedriveItem.objects.filter(letter__source=source).order_by("position")
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
        return broker.depth().messages
