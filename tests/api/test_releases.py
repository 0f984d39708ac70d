"""Releases, overrides and the board by API: the same acts, the same refusals."""

from typing import Any

import pytest

from registry.models import Environment, Integration, Person, Release
from registry.services import catalog as catalogs
from tests.api.conftest import Issue, Speak, with_token
from tests.registry.services.test_overrides import PATCH, approve_next

ONE = "/api/v1/integrations/orders-to-payments"


@pytest.fixture
def second(approved: Integration, ann: Person, sign: Any) -> None:
    approve_next(approved, ann, sign, lambda policy: policy["timeouts"].update(total_ms=9_000))


def send(client: Any, address: str, body: Any) -> Any:
    return client.post(f"{ONE}/{address}", body, content_type="application/json")


def test_releases_are_listed_and_an_older_one_is_served_again(second: None, speak: Speak, zoe: Person) -> None:
    client = speak(zoe)
    listed = client.get(f"{ONE}/releases?environment=staging&size=1").json()
    assert [(each["number"], each["revision"], each["kind"]) for each in listed["items"]] == [(2, "1.1", "approval")]
    assert [each["number"] for each in client.get(listed["next"]).json()["items"]] == [1]
    asked = {"environment": "staging", "to": 1, "reason": "Too fast", "seen": 2}
    made = send(client, "releases/roll-back", asked)
    assert made.status_code == 201
    told = {name: made.json()[name] for name in ("number", "revision", "kind", "reason", "released_by")}
    assert told == {
        "number": 3,
        "revision": "1.0",
        "kind": "rolled_back",
        "reason": "Too fast",
        "released_by": "zoe",
    }
    assert send(client, "releases/roll-back", asked).status_code == 409
    refused = send(client, "releases/roll-back", asked | {"to": 99})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "to")
    refused = send(client, "releases/roll-back", asked | {"environment": "none"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "environment")


def test_what_another_environment_serves_is_promoted(second: None, speak: Speak, zoe: Person, ada: Person) -> None:
    source = Environment.objects.get(slug="production")
    catalogs.save_environment(slug="later", name="Later", position=9, promoted_from=source, by=ada)
    made = send(speak(zoe), "releases/promote", {"environment": "later", "seen": 0})
    assert (made.status_code, made.json()["kind"], made.json()["number"]) == (201, "promoted", 1)
    again = send(speak(zoe), "releases/promote", {"environment": "later"})
    assert (again.status_code, again.json()["detail"]) == (409, "Later serves 1.1 already.")


def test_an_override_is_begun_seen_and_ended(
    approved: Integration, speak: Speak, oncall: Person, ann: Person, issue: Issue
) -> None:
    client = speak(oncall)
    asked = {"environment": "production", "patch": PATCH, "reason": "The bank is down", "minutes": 30}
    beyond = send(
        client, "overrides", asked | {"patch": {"contracts": {"payments-api": {"retry": {"max_retries": 99}}}}}
    )
    assert beyond.status_code == 422
    assert beyond.json()["errors"] == [
        {
            "pointer": "contracts[payments-api].policy.retry.max_retries",
            "detail": "is more than 10",
            "mend": "Write 10 or less.",
        }
    ]
    assert send(client, "overrides", asked | {"minutes": 481}).json()["errors"][0]["pointer"] == "minutes"
    made = send(client, "overrides", asked)
    assert made.status_code == 201
    key = made.json()["id"]
    body = with_token(issue("order-service", "production")[1]).get("/api/v1/settings/orders-to-payments").json()
    assert body["override"]["id"] == key
    assert body["contracts"]["payments-api"]["circuit_breaker"]["forced"] == "open"
    [line] = [each for each in speak(ann).get(f"{ONE}/board").json()["environments"] if each["override"]]
    assert (line["environment"], line["override"]["id"], line["instances"]) == ("production", key, {})
    ended = send(client, f"overrides/{key}/end", {"note": "It is back"})
    assert (ended.status_code, ended.json()["ended_by"], ended.json()["end_note"]) == (200, "otto", "It is back")
    assert send(client, f"overrides/{key}/end", {}).status_code == 409
    assert [each["id"] for each in client.get(f"{ONE}/overrides").json()["items"]] == [key]
    assert Release.objects.filter(environment__slug="production").count() == 3


@pytest.mark.parametrize(
    "patch",
    [
        {"contracts": {"payments-api": {"retry": {"max_retries": 1.5}}}},
        {"contracts": {"payments-api": {"retry": {"multiplier": 2.5, "delays_ms": ["x"]}}}},
        {"contracts": {"payments-api": [1]}},
        {"contracts": {"": {}}},
        {"x": {"y": []}},
    ],
)
def test_whatever_a_patch_holds_the_answer_names_a_field(
    approved: Integration, speak: Speak, oncall: Person, patch: Any
) -> None:
    answer = send(speak(oncall), "overrides", {"environment": "production", "patch": patch, "reason": "x"})
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["pointer"]


def test_the_board_says_where_instances_stand(
    approved: Integration, speak: Speak, mallory: Person, issue: Issue
) -> None:
    told = {
        "instance": "a",
        "sdk": "python 0.1",
        "started_at": "2026-11-24T10:00:00Z",
        "integrations": {"orders-to-payments": {"release": 1}},
    }
    service = with_token(issue("order-service", "production")[1])
    assert service.post("/api/v1/instances", told, content_type="application/json").status_code == 200
    board = speak(mallory).get(f"{ONE}/board").json()
    assert board["approved"] == "1.0"
    assert {each["environment"]: each["instances"] for each in board["environments"]} == {
        "local": {},
        "staging": {},
        "production": {"on": 1},
    }
