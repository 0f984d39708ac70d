"""Brokers are reached where the operator allows, with passwords nobody sees."""

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from registry.brokers import BrokerError, Unreachable
from registry.errors import Invalid, NotAllowed
from registry.models import Broker, Environment, Event, Person
from registry.services import addresses, endpoints
from tests import landscape, letters

PASSWORD = "correct/horse:battery@staple"


@pytest.fixture
def production(catalog: landscape.Catalog) -> Environment:
    return catalog.environments["production"]


def named(production: Environment, by: Person, **more: Any) -> Broker:
    given: dict[str, Any] = {"slug": "rabbit-main", "kind": "rabbitmq", "url": "amqps://rabbit.example.com/orders"}
    return endpoints.save(environment=production, by=by, **given | more)


def refusal(production: Environment, by: Person, **more: Any) -> tuple[str, str]:
    with pytest.raises(Invalid) as refused:
        named(production, by, **more)
    [problem] = refused.value.problems
    return problem.path, problem.message


def test_administrators_name_brokers_and_the_trail_says_so(production: Environment, ada: Person) -> None:
    made = named(production, ada, credentials="env:BROKER_RABBIT")
    changed = named(production, ada, broker=made, url="amqp://10.1.2.3", credentials="")
    assert (changed.pk, changed.url, changed.credentials) == (made.pk, "amqp://10.1.2.3", "")
    named(production, ada, broker=made, url="amqp://10.1.2.3")
    told = Event.objects.filter(subject="broker/production/rabbit-main").order_by("id")
    assert [each.kind for each in told] == ["broker.added", "broker.changed"]


def test_nobody_else_does(production: Environment, ann: Person) -> None:
    with pytest.raises(NotAllowed, match="administrator"):
        named(production, ann)


def test_addresses_hold_no_password_and_are_of_their_kind(production: Environment, ada: Person) -> None:
    assert refusal(production, ada, url="amqp://guest:guest@rabbit") == ("url", "holds a password")
    assert refusal(production, ada, url="redis://valkey") == ("url", "is no address of RabbitMQ")
    assert refusal(production, ada, url="amqp://rabbit:port") == ("url", "is not an address")
    assert refusal(production, ada, url="amqp:///orders") == ("url", "names no host")
    assert refusal(production, ada, kind="mqtt")[0] == "kind"


ELSEWHERE = {
    "kafka://127.0.0.1:9092/x,127.0.0.9:9092": ("kafka", "has a path that means nothing there"),
    "kafka://127.0.0.1:9092/x@127.0.0.9:9092": ("kafka", "has a path that means nothing there"),
    "kafka://127.0.0.1:9092?x=://127.0.0.9:9092": ("kafka", "has the option x"),
    "kafka://127.0.0.1:9092?sasl=://127.0.0.9:9092": ("kafka", "has an option sasl that is none"),
    "kafkas://127.0.0.1:9092?sasl=GSSAPI": ("kafka", "has an option sasl that is none"),
    "kafkas://127.0.0.1:9092?sasl=PLAIN&sasl=PLAIN": ("kafka", "has an option twice"),
    "kafka://127.0.0.1:9092#127.0.0.9:9092": ("kafka", "has a #, behind which nothing is read"),
    "nats://127.0.0.1:4222/x": ("nats", "has a path that means nothing there"),
    "nats://127.0.0.1:4222?host=x": ("nats", "has the option host"),
    "nats://127.0.0.1:4222,127.0.0.9:4222": ("nats", "names several hosts"),
    "amqp://127.0.0.1:1,127.0.0.9:2": ("rabbitmq", "names several hosts"),
    "amqp://127.0.0.1:5672?heartbeat=0": ("rabbitmq", "has the option heartbeat"),
    "redis://127.0.0.1:6379?password=x": ("redis-streams", "has the option password"),
    "rediss://127.0.0.1:6379?ssl_cert_reqs=none": ("redis-streams", "has the option ssl_cert_reqs"),
    "redis://127.0.0.1:6379?socket_timeout=900": ("redis-streams", "has the option socket_timeout"),
    "redis://127.0.0.1:6379/orders": ("redis-streams", "has a path that means nothing there"),
    "redis://127.0.0.1%2e9:6379": ("redis-streams", "is not an address"),
    "unix://tests@/run/x.sock": ("redis-streams", "holds a password"),
    "unix:///run/x.sock?password=x": ("redis-streams", "has the option password"),
    "unix:///run/x.sock?db=x": ("redis-streams", "has an option db that is none"),
    "unix:///run/x.sock": ("rabbitmq", "is no address of RabbitMQ"),
    "https://127.0.0.1?region=a.b": ("sqs", "has an option region that is none"),
    "https://127.0.0.1\\x": ("sqs", "is not an address"),
}
"""What clients read otherwise than it is checked, or what turns off what we rely on."""


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_address_says_no_more_than_is_checked(production: Environment, ada: Person, url: str) -> None:
    kind, what = ELSEWHERE[url]
    assert refusal(production, ada, kind=kind, url=url) == ("url", what)
    kept = letters.broker(production, kind=kind, url=url)
    with pytest.raises(endpoints.Refused, match="The broker's address "), endpoints.open(kept, "dead"):
        pytest.fail("It was opened.")
    tried = endpoints.tried(kept, "dead", by=ada)
    assert (tried.is_reached, what in tried.words) == (False, True)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        *((kind, form.shown) for kind, form in addresses.FORMS.items()),
        ("rabbitmq", "amqp://rabbit"),
        ("rabbitmq", "amqp://rabbit/a%2Fb@c"),
        ("redis-streams", "redis://[fd00::1]:6380/"),
        ("redis-streams", "unix:///run/valkey/valkey.sock?db=3"),
        ("nats", "nats://my_nats:4222/"),
        ("kafka", "kafka://10.0.0.1,[::1]:9092?sasl=SCRAM-SHA-512"),
        ("sqs", "http://localhost:4566/sqs?region=us-gov-east-1"),
    ],
)
def test_an_address_that_means_something_is_taken(production: Environment, ada: Person, kind: str, url: str) -> None:
    assert named(production, ada, kind=kind, url=url).url == url


def test_a_kafka_elsewhere_is_not_reached(production: Environment, settings: Any) -> None:
    heard = socket.create_server(("127.0.0.1", 0))
    heard.settimeout(0.2)
    settings.BROKER_NETWORKS = [(ipaddress.ip_network("127.0.0.9/32"), 9092)]
    for url in ("/x,{}", "/x@{}", "?x=://{}"):
        bad = f"kafka://127.0.0.9:9092{url.format(f'127.0.0.1:{heard.getsockname()[1]}')}"
        with pytest.raises(BrokerError), endpoints.open(letters.broker(production, kind="kafka", url=bad), "x"):
            pytest.fail("It was opened.")
    with heard, pytest.raises(TimeoutError):
        heard.accept()


def test_a_socket_is_the_one_that_its_client_opens(production: Environment, settings: Any, tmp_path: Path) -> None:
    settings.BROKER_SOCKETS = [str(tmp_path)]
    broker = letters.broker(production, url=f"unix://{tmp_path}/..%2F..%2F..%2Fvar%2Frun%2Fother.sock")
    assert endpoints.closed_doors(broker) == [broker.url]
    with pytest.raises(endpoints.Refused, match="Sockets of this machine"), endpoints.open(broker, "dead"):
        pytest.fail("It was opened.")


def test_a_client_that_fails_otherwise_is_an_answer_too(
    production: Environment, ada: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ValueError(f"What is {PASSWORD!r}?")

    monkeypatch.setenv("BROKER_VALKEY", f"registry:{PASSWORD}")
    monkeypatch.setattr(redis.Redis, "from_url", fails)
    broker = letters.broker(production, url="redis://127.0.0.1:1/0", credentials="env:BROKER_VALKEY")
    with pytest.raises(Unreachable) as refused, endpoints.open(broker, "dead"):
        pytest.fail("It was opened.")
    assert str(refused.value) == "The client of Redis Streams fails with ValueError; the log says where."
    assert "ValueError while connecting to" in caplog.text
    assert "horse" not in caplog.text
    assert not endpoints.tried(broker, "dead", by=ada).is_reached


def test_what_fails_while_a_place_is_held_is_left_as_it_is(production: Environment) -> None:
    with pytest.raises(ZeroDivisionError), endpoints.open(_unix(production, ""), "dead"):
        raise ZeroDivisionError


def test_passwords_stand_where_nothing_else_of_ours_does(production: Environment, ada: Person) -> None:
    for each in ("env:SECRET_KEY", "file:/etc/passwd", f"file:{settings.BROKER_SECRETS}/../secret_key", "hunter2"):
        assert refusal(production, ada, credentials=each)[0] == "credentials"
    for broker in (
        letters.broker(production, credentials="env:SECRET_KEY"),
        letters.broker(production, credentials="file:/etc/passwd"),
    ):
        with pytest.raises(Unreachable, match="is not where brokers' passwords may stand"), endpoints.open(broker, "x"):
            pytest.fail("It was opened.")


def test_a_name_is_taken_once(production: Environment, ada: Person) -> None:
    named(production, ada)
    assert refusal(production, ada) == ("slug", "is taken in Production")


def test_where_nothing_is_allowed_the_refusal_says_what_to_add(production: Environment, settings: Any) -> None:
    settings.BROKER_NETWORKS = [(ipaddress.ip_network("10.0.0.0/8"), 5672)]
    broker = letters.broker(production, kind="rabbitmq", url="amqp://localhost:5672")
    with pytest.raises(BrokerError) as refused, endpoints.open(broker, "dead", "quorum"):
        pytest.fail("It was opened.")
    assert "The operator allows no connection there: add " in str(refused.value)
    assert ":5672 to BROKER_NETWORKS." in str(refused.value)
    assert set(endpoints.closed_doors(broker)) <= {"127.0.0.1/32:5672", "[::1/128]:5672"}


def test_another_port_or_a_wrapped_address_is_another_door(production: Environment, settings: Any) -> None:
    settings.BROKER_NETWORKS = [(ipaddress.ip_network("127.0.0.1/32"), 5672)]
    doors = {
        "amqp://127.0.0.1": [],
        "amqp://[::ffff:127.0.0.1]:5672": [],
        "amqp://127.0.0.1:5673": ["127.0.0.1/32:5673"],
        "amqps://127.0.0.1": ["127.0.0.1/32:5671"],
    }
    for url, missing in doors.items():
        assert endpoints.closed_doors(letters.broker(production, kind="rabbitmq", url=url)) == missing
    kafka = letters.broker(production, kind="kafka", url="kafka://127.0.0.1:5672,10.0.0.1")
    assert endpoints.closed_doors(kafka) == ["10.0.0.1/32:9092"]


def test_sockets_of_others_are_not_reached(production: Environment, settings: Any) -> None:
    settings.BROKER_SOCKETS = []
    broker = letters.broker(production, url=settings.REDIS_URL)
    with pytest.raises(endpoints.Refused), endpoints.open(broker, "dead"):
        pytest.fail("It was opened.")


def test_no_refusal_tells_the_password(
    production: Environment, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BROKER_SECRETS = str(tmp_path)
    (tmp_path / "valkey").write_text(f"registry:{PASSWORD}\n")
    broker = letters.broker(production, url="redis://127.0.0.1:1/0", credentials=f"file:{tmp_path}/valkey")
    with pytest.raises(Unreachable) as refused, endpoints.open(broker, "dead"):
        pytest.fail("It was opened.")
    said = f"{refused.value}{refused.value.__cause__}{caplog.text}"
    assert "horse" not in said
    with pytest.raises(BrokerError) as repeated, endpoints.open(_unix(production, broker.credentials), "dead"):
        raise BrokerError(f"The server was told {PASSWORD} and correct%2Fhorse%3Abattery%40staple.")
    assert str(repeated.value) == "The server was told … and …."


def _unix(production: Environment, credentials: str) -> Broker:
    return letters.broker(production, url=settings.REDIS_URL, credentials=credentials)


def test_a_missing_password_is_said_to_be_missing(production: Environment) -> None:
    broker = letters.broker(production, credentials="env:BROKER_NOT_THERE")
    with pytest.raises(Unreachable, match="BROKER_NOT_THERE is not set"), endpoints.open(broker, "dead"):
        pytest.fail("It was opened.")
