"""Overrides: for a while, with a reason, seen by all, looked at by another afterwards."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from registry.errors import Conflict, Invalid, NotAllowed
from registry.live.document import compile_settings
from registry.models import Environment, Event, Integration, Override, Person, Release
from registry.services import overrides, releases, revisions
from tests import landscape

PATCH: dict[str, Any] = {
    "contracts": {"payments-api": {"retry": {"max_retries": 0}, "circuit_breaker": {"forced": "open"}}}
}


@pytest.fixture
def production(approved: Integration) -> Environment:
    return Environment.objects.get(slug="production")


@pytest.fixture
def override(approved: Integration, production: Environment, oncall: Person) -> Override:
    return overrides.begin(approved, production, patch=PATCH, reason="The bank is down", by=oncall)


def served(integration: Integration, environment: Environment) -> dict[str, Any]:
    newest = Release.objects.filter(integration=integration, environment=environment).order_by("-number").first()
    assert newest is not None
    body: dict[str, Any] = json.loads(bytes(newest.body))
    return body


def test_an_override_is_a_release_with_other_values_and_says_so(
    approved: Integration, production: Environment, override: Override, oncall: Person
) -> None:
    body = served(approved, production)
    assert body["release"] == 2
    assert body["override"] == {
        "id": override.pk,
        "reason": "The bank is down",
        "expires_at": override.expires_at.isoformat(timespec="microseconds"),
    }
    contract = body["contracts"]["payments-api"]
    assert contract["circuit_breaker"]["forced"] == "open"
    assert (contract["retry"]["max_retries"], contract["retry"].get("delays_ms", [])) == (0, [])
    assert contract["timeouts"] == landscape.DOCUMENT["contracts"][0]["policy"]["timeouts"]
    assert override.expires_at - override.begun_at == timedelta(hours=1)
    release = Release.objects.get(environment=production, number=2)
    assert (release.kind, release.released_by, release.override, release.reason) == (
        "overridden",
        oncall,
        override,
        "The bank is down",
    )
    event = Event.objects.get(kind="override.begun")
    assert event.subject == "integration/orders-to-payments/production/2"
    assert event.details["patch"] == PATCH
    staging = Environment.objects.get(slug="staging")
    assert "override" not in served(approved, staging)


def test_when_its_time_is_over_the_design_is_served_again(
    approved: Integration, production: Environment, override: Override
) -> None:
    assert overrides.expire_due(at=override.expires_at - timedelta(seconds=1)) == 0
    assert overrides.expire_due(at=override.expires_at) == 1
    assert overrides.expire_due(at=override.expires_at) == 0
    body = served(approved, production)
    assert body["release"] == 3
    assert "override" not in body
    assert approved.in_force is not None
    compiled = compile_settings(approved.in_force.record, "production")
    assert {name: body[name] for name in compiled} == compiled
    override.refresh_from_db()
    assert (override.ended_at, override.ended_by) == (override.expires_at, None)
    event = Event.objects.get(kind="override.ended")
    assert (event.actor_name, event.details["after"]["number"]) == ("the registry", 3)


def test_it_is_ended_by_hand_once(override: Override, oncall: Person, zoe: Person, mallory: Person) -> None:
    with pytest.raises(NotAllowed):
        overrides.end(override, by=mallory)
    release = overrides.end(override, by=zoe, note="The bank is back")
    assert (release.kind, release.reason, release.override) == ("override_ended", "The bank is back", None)
    with pytest.raises(Conflict, match="over already"):
        overrides.end(override, by=oncall)
    assert overrides.expire_due(at=override.expires_at) == 0


def test_there_is_one_at_a_time_and_the_second_hears_of_the_first(
    approved: Integration, production: Environment, override: Override, oncall: Person
) -> None:
    with pytest.raises(Conflict, match=r"Otto Oncall overrides Production until .*: The bank is down"):
        overrides.begin(approved, production, patch=PATCH, reason="Again", by=oncall)


@pytest.mark.parametrize("who", ["ann", "zoe", "ada", "mallory"])
def test_only_who_is_on_call_overrides(
    approved: Integration, production: Environment, request: pytest.FixtureRequest, who: str
) -> None:
    with pytest.raises(NotAllowed):
        overrides.begin(approved, production, patch=PATCH, reason="x", by=request.getfixturevalue(who))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 481}, "minutes"),
        (
            {"patch": {"contracts": {"payments-api": {"retry": {"max_retries": 99}}}}},
            "contracts[payments-api].policy.retry.max_retries",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_released(
    approved: Integration, production: Environment, oncall: Person, given: dict[str, Any], field: str
) -> None:
    asked: dict[str, Any] = {"patch": PATCH, "reason": "x", "minutes": 60} | given
    with pytest.raises(Invalid) as refused:
        overrides.begin(approved, production, **asked, by=oncall)
    assert [each.path for each in refused.value.problems] == [field]
    assert Release.objects.filter(environment=production).count() == 1


def test_whoever_saw_another_release_overrides_nothing(
    approved: Integration, production: Environment, oncall: Person
) -> None:
    with pytest.raises(Conflict, match="serves release 1 by now; you saw 7"):
        overrides.begin(approved, production, patch=PATCH, reason="x", by=oncall, seen=7)


def test_another_person_looks_at_it_afterwards(override: Override, oncall: Person, zoe: Person, ann: Person) -> None:
    with pytest.raises(Conflict, match="still served"):
        overrides.review(override, by=zoe)
    overrides.end(override, by=oncall)
    for refused in (oncall, ann):
        with pytest.raises(NotAllowed):
            overrides.review(override, by=refused)
    reviewed = overrides.review(override, by=zoe, note="Right thing to do")
    assert (reviewed.reviewed_by, reviewed.review_note) == (zoe, "Right thing to do")
    assert not Override.objects.to_review().exists()
    with pytest.raises(Conflict, match="already"):
        overrides.review(override, by=zoe)


def test_an_approval_meanwhile_keeps_the_override_over_the_new_revision(
    approved: Integration, production: Environment, override: Override, ann: Person, sign: Any
) -> None:
    approve_next(approved, ann, sign, lambda document: document["timeouts"].update(total_ms=9_000))
    body = served(approved, production)
    contract = body["contracts"]["payments-api"]
    assert (body["revision"], body["override"]["id"]) == ("1.1", override.pk)
    assert (contract["timeouts"]["total_ms"], contract["circuit_breaker"]["forced"]) == (9_000, "open")
    assert overrides.expire_due(at=override.expires_at) == 1
    body = served(approved, production)
    assert body["contracts"]["payments-api"]["retry"]["max_retries"] == 2
    assert body["revision"] == "1.1"


def test_where_it_does_not_fit_the_new_revision_it_ends(
    approved: Integration, production: Environment, oncall: Person, ann: Person, sign: Any
) -> None:
    patch = {"contracts": {"payments-api": {"rate_limit": {"requests_per_minute": 500}}}}
    override = overrides.begin(approved, production, patch=patch, reason="Slow", by=oncall)
    approve_next(approved, ann, sign, None, expected_requests_per_minute=550)
    override.refresh_from_db()
    assert not override.is_running
    assert "It does not fit 1.1" in override.end_note
    body = served(approved, production)
    assert "override" not in body
    assert body["contracts"]["payments-api"]["rate_limit"]["requests_per_minute"] == 600
    assert Event.objects.filter(kind="override.ended", actor=None).count() == 1


def test_rolling_back_meanwhile_keeps_it_too(
    approved: Integration, production: Environment, override: Override, ann: Person, zoe: Person, sign: Any
) -> None:
    approve_next(approved, ann, sign, lambda document: document["timeouts"].update(total_ms=9_000))
    first = Release.objects.get(environment=production, number=1)
    release = releases.roll_back(first, by=zoe, reason="1.1 is too fast")
    assert (release.override, release.revision.version) == (override, "1.0")


TAMPERING = [
    "UPDATE registry_override SET expires_at = begun_at + interval '9 hours'",
    "UPDATE registry_override SET reason = 'other'",
    "UPDATE registry_override SET patch = '{}'",
    "UPDATE registry_override SET reviewed_at = now(), reviewed_by_id = begun_by_id, ended_at = now()",
    "UPDATE registry_override SET reviewed_at = now(), reviewed_by_id = (SELECT max(id) FROM registry_person)",
    "DELETE FROM registry_override",
    "INSERT INTO registry_override SELECT nextval('registry_override_id_seq'), patch, 'x', begun_at, "
    "begun_at + interval '481 minutes', NULL, '', NULL, '', begun_by_id, NULL, environment_id + 1, integration_id, NULL"
    " FROM registry_override",
]


@pytest.mark.parametrize("statement", TAMPERING)
def test_the_database_refuses_what_no_override_may_be(override: Override, statement: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_clock_that_was_set_back_ends_nothing_early(override: Override) -> None:
    assert overrides.expire_due(at=timezone.now() - timedelta(days=1)) == 0


def approve_next(approved: Integration, ann: Person, sign: Any, change: Any, **contract: Any) -> None:
    draft = revisions.start_draft(approved, by=ann)
    document = json.loads(json.dumps(draft.document))
    document["contracts"][0] |= contract
    if change:
        change(document["contracts"][0]["policy"])
    saved = revisions.save(draft, document, by=ann, if_match=draft.etag)
    problems = [each for each in revisions.findings(saved) if each.severity != "hint"]
    notes = {each.key: "It is a test." for each in problems}
    sign(revisions.submit(saved, by=ann, if_match=saved.etag, change_note="Next", justifications=notes))
