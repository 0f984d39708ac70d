"""Topics and events over REST."""

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Person
from registry.services import integrations
from tests.api.checked import CheckedClient
from tests.api.conftest import Speak
from tests.console.test_topics import event, record, topic

TOPICS, EVENTS = "/api/v1/topics", "/api/v1/events"


@pytest.fixture
def by_ann(speak: Speak, ann: Person, catalog: Any) -> CheckedClient:
    client = speak(ann)
    client.get("/api/v1/teams")  # the first use of a token is noted; the counts below are of what follows
    for slug, partitions in (("payments", 12), ("points", 6)):
        document = record(slug, topic(partitions=partitions), topic(name="a/b c"), events=[event()])
        integrations.create(name=slug, slug=slug, document=document, by=ann)
    return client


def statements(client: CheckedClient, address: str) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as found:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(found), answer.json()


def test_topics_are_listed_filtered_and_turned(by_ann: CheckedClient) -> None:
    count, whole = statements(by_ann, TOPICS)
    assert count == 4
    assert [each["name"] for each in whole["items"]] == ["a/b c", "orders.events"]
    assert whole["items"][1] == {
        "name": "orders.events",
        "kinds": ["topic"],
        "brokers": ["kafka-main"],
        "producers": ["order-service"],
        "groups": ["payment-service.orders"],
        "integrations": 2,
        "differing": ["partitions"],
    }
    first = by_ann.get(f"{TOPICS}?size=1").json()
    second = by_ann.get(first["next"]).json()
    assert [each["name"] for each in second["items"]] == ["orders.events"]
    assert by_ann.get(second["previous"]).json()["items"] == first["items"]
    assert by_ann.get(f"{TOPICS}?q=EVENTS&kind=topic&broker=kafka-main&producer=order-service").json()["items"]
    assert by_ann.get(f"{TOPICS}?kind=queue").json()["items"] == []
    assert by_ann.get(f"{TOPICS}?kind=stream").status_code == by_ann.get(f"{TOPICS}?cursor=x").status_code == 422


def test_a_topic_says_what_each_record_says(by_ann: CheckedClient) -> None:
    count, found = statements(by_ann, f"{TOPICS}/orders.events")
    assert count == 5
    assert [(each["integration"], each["partitions"], each["differs"]) for each in found["declarations"]] == [
        ("payments", 12, ["partitions"]),
        ("points", 6, ["partitions"]),
    ]
    one = found["declarations"][0]
    assert (one["version"], one["state"], one["consumers"], one["ordering"]) == ("0.1", "draft", ["payments"], "strict")
    assert by_ann.get(one["url"]).status_code == 200
    assert by_ann.get(f"{TOPICS}/{quote('a/b c', safe='')}").json()["name"] == "a/b c"
    assert by_ann.get(f"{TOPICS}/nothing").status_code == by_ann.get(f"{TOPICS}/%00").status_code == 404


def test_events_are_listed_and_read(by_ann: CheckedClient) -> None:
    count, whole = statements(by_ann, EVENTS)
    assert count == 4
    [one] = whole["items"]
    assert (one["publishers"], one["consumers"], one["integrations"], one["schemas"]) == (
        ["order-service"],
        ["payment-service"],
        2,
        1,
    )
    assert by_ann.get(f"{EVENTS}?q=PLACED&publisher=order-service&consumer=payment-service").json()["items"] == [one]
    assert by_ann.get(f"{EVENTS}?consumer=nobody").json()["items"] == []
    count, found = statements(by_ann, f"{EVENTS}/{one['type']}")
    assert count == 3
    assert found["declarations"][0]["topics"] == ["orders.events", "a/b c"]
    assert by_ann.get(f"{EVENTS}/nothing").status_code == 404
