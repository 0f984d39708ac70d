"""By what a message is known, where its broker gives each sending another id."""

import pytest

from registry.brokers import Found
from registry.models import DeadLetterSource, Environment, Integration, Person
from registry.services import sightings
from tests import letters

OURS, ANOTHER = ("message-id", "evt-7"), ("ce_id", "evt-8")


@pytest.mark.parametrize(
    ("kind", "headers", "known_as"),
    [
        ("sqs", (), ""),
        ("sqs", (OURS,), "evt-7"),
        ("sqs", (OURS, ANOTHER), "evt-8"),
        ("rabbitmq", (OURS, ANOTHER), "broker-1"),
    ],
)
def test_a_message_is_known_by_what_its_consumers_know_it_by(
    approved: Integration, ops: Person, kind: str, headers: tuple[tuple[str, str], ...], known_as: str
) -> None:
    at = letters.broker(Environment.objects.get(slug="production"), kind=kind)
    source: DeadLetterSource = letters.source(approved, at, by=ops, place="orders-dead")
    found = Found("1", b'{"order": 1}', headers, message_id="broker-1")
    assert sightings.message_id(source, found) == known_as
