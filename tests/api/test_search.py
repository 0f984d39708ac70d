"""Search through the API says what the page says."""

import pytest

from registry.models import Integration, Person, Revision
from tests.api.conftest import Speak

SEARCH = "/api/v1/search"


def test_everything_is_searched(draft: Revision, ann: Person, speak: Speak) -> None:
    assert speak(ann).get(SEARCH, {"q": "create"}).json() == {
        "groups": [
            {
                "kind": "operation",
                "count": 1,
                "is_bounded": False,
                "items": [
                    {
                        "title": "POST /payments",
                        "where": ["Orders to payments", "Contracts", "payments-api"],
                        "slug": "orders-to-payments",
                        "pointer": "contracts[payments-api].operations[create-payment]",
                        "field": "Name",
                        "fragment": "create-payment",
                        "url": "/api/v1/integrations/orders-to-payments",
                    }
                ],
            }
        ],
        "instead": {},
        "problems": [],
        "took_too_long": False,
    }


def test_a_revision_is_found_with_its_address(approved: Integration, ann: Person, speak: Speak) -> None:
    revision = approved.in_force
    assert revision is not None
    client = speak(ann)
    [revisions, releases] = client.get(SEARCH, {"q": revision.content_hash}).json()["groups"]
    assert client.get(revisions["items"][0]["url"]).status_code == 200
    assert len(releases["items"]) == 3
    assert {each["url"] for each in releases["items"]} == {"/api/v1/integrations/orders-to-payments"}


def test_the_number_of_hits_is_asked_for(approved: Integration, ann: Person, speak: Speak) -> None:
    client = speak(ann)
    [group] = client.get(SEARCH, {"q": "error in:errors"}).json()["groups"]
    assert group["count"] == len(group["items"]) == 2
    group = client.get(SEARCH, {"q": "error", "size": "1"}).json()["groups"][0]
    assert (group["kind"], group["count"], len(group["items"])) == ("error", 2, 1)


def test_what_was_understood_otherwise_is_told(approved: Integration, ann: Person, speak: Speak) -> None:
    answer = speak(ann).get(SEARCH, {"q": "pyaments type:magic"}).json()
    assert answer["instead"] == {"pyaments": ["payments"]}
    assert answer["problems"] == ["type: takes synchronous, asynchronous, bidirectional, file_based"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"q": ""}, 200),
        ({"q": "'\"\\ & | ! <-> :*"}, 200),
        ({"q": "💥 \u05d0"}, 200),
        ({"q": "a" * 2_000}, 200),
        ({"q": "\x00"}, 422),
        ({"q": "a" * 10_000}, 422),
        ({"q": "x", "size": "51"}, 422),
        ({"q": "x", "page": "2"}, 422),
    ],
)
def test_any_question_is_answered_or_refused(
    draft: Revision, ann: Person, speak: Speak, query: dict[str, str], status: int
) -> None:
    assert speak(ann).get(SEARCH, query).status_code == status
