"""Findings across integrations through the API: of one revision, and of the whole landscape."""

from typing import Any

import pytest

from registry.models import Integration, Person
from registry.services import integrations, surveys
from tests.api.checked import CheckedClient
from tests.api.conftest import Speak

ALL = "/api/v1/findings"


@pytest.fixture
def client_of_ann(speak: Speak, ann: Person) -> CheckedClient:
    return speak(ann)


@pytest.fixture
def feeds(catalog: Any, ann: Person) -> list[Integration]:
    """Two integrations that describe one topic in two ways."""
    return [
        integrations.create(
            name=f"Feed {partitions}",
            slug=f"feed-{partitions}",
            document={"topics": [{"name": "orders.events", "partitions": partitions, "kind": "topic"}]},
            by=ann,
        )
        for partitions in (12, 6)
    ]


def test_the_landscape_is_told_with_both_sides(feeds: list[Integration], client_of_ann: CheckedClient) -> None:
    assert client_of_ann.get(ALL).json() == {"taken_at": None, "items": [], "next": None, "previous": None}
    surveys.take()
    told = client_of_ann.get(ALL).json()
    assert told["taken_at"]
    assert told["items"] == [
        {
            "integration": "feed-12",
            "version": "0.1",
            "state": "draft",
            "path": "topics[orders.events].partitions",
            "code": "topic-differs",
            "severity": "warning",
            "message": "orders.events has 12 partitions here, 6 in feed-6.",
            "mend": "See what the broker has, and correct whichever record is wrong.",
            "others": [{"integration": "feed-6", "version": "0.1", "state": "draft", "path": "topics[orders.events]"}],
        }
    ]
    assert client_of_ann.get(f"{ALL}?rule=chain-retries").json()["items"] == []
    assert client_of_ann.get(f"{ALL}?rule=retry-many").status_code == 422
    assert client_of_ann.get(f"{ALL}?severity=warning&size=1").json()["items"] == told["items"]


def test_a_revisions_findings_name_what_they_were_compared_with(
    feeds: list[Integration], client_of_ann: CheckedClient
) -> None:
    items = client_of_ann.get("/api/v1/integrations/feed-6/revisions/draft/findings").json()["items"]
    [found] = [each for each in items if each["code"] == "topic-differs"]
    assert found["others"] == [
        {"integration": "feed-12", "version": "0.1", "state": "draft", "path": "topics[orders.events]"}
    ]
    assert {len(each["others"]) for each in items if each is not found} == {0}
