"""Releases at a set time, promotion and rolling back: each once, and never what was not meant."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Environment, Event, Integration, Person, Release, Revision, ScheduledRelease
from registry.services import catalog as catalogs
from registry.services import integrations, releases, schedules
from tests.registry.services.test_overrides import approve_next

SOON = timedelta(hours=2)


@pytest.fixture
def place(approved: Integration, ada: Person) -> dict[str, Environment]:
    """Production is promoted to from staging; 1.0 was released everywhere before that was so."""
    staging = Environment.objects.get(slug="staging")
    catalogs.save_environment(
        slug="production", name="Production", position=2, is_production=True, promoted_from=staging, by=ada
    )
    return {each.slug: each for each in Environment.objects.select_related("promoted_from")}


@pytest.fixture
def second(approved: Integration, place: dict[str, Environment], ann: Person, sign: Any) -> Revision:
    """1.1, approved: served in local and staging."""
    approve_next(approved, ann, sign, lambda policy: policy["timeouts"].update(total_ms=9_000))
    return Revision.objects.get(integration=approved, major=1, minor=1)


def served(environment: Environment) -> str:
    newest = Release.objects.filter(environment=environment).select_related("revision").order_by("-number").first()
    return newest.revision.version if newest else ""


def test_an_approval_releases_only_where_approval_is_enough(second: Revision, place: dict[str, Environment]) -> None:
    assert {slug: served(each) for slug, each in place.items()} == {
        "local": "1.1",
        "staging": "1.1",
        "production": "1.0",
    }
    approval = Event.objects.filter(kind="revision.approved").latest("id")
    assert approval.details["releases"] == {"local": 2, "staging": 2}


def test_promoting_serves_what_the_environment_before_serves(
    second: Revision, place: dict[str, Environment], zoe: Person, ann: Person, approved: Integration
) -> None:
    with pytest.raises(NotAllowed):
        releases.promote(approved, place["production"], by=ann)
    release = releases.promote(approved, place["production"], by=zoe, reason="A quiet week in staging", seen=1)
    assert (release.number, release.revision, release.kind) == (2, second, "promoted")
    assert json.loads(bytes(release.body))["contracts"]["payments-api"]["endpoint"] == "https://payments.example.com/v1"
    assert Event.objects.get(kind="release.promoted").details["reason"] == "A quiet week in staging"
    with pytest.raises(Conflict, match=r"serves 1\.1 already"):
        releases.promote(approved, place["production"], by=zoe)
    with pytest.raises(Conflict, match="is not served by promoting"):
        releases.promote(approved, place["staging"], by=zoe)


def test_what_was_never_served_before_it_is_not_published_past_the_policy(
    approved: Integration, place: dict[str, Environment], ann: Person, ada: Person, zoe: Person, sign: Any
) -> None:
    later = catalogs.save_environment(slug="later", name="Later", promoted_from=place["production"], by=ada)
    approve_next(approved, ann, sign, lambda policy: policy["timeouts"].update(total_ms=9_000))
    newest = Revision.objects.get(minor=1, major=1)
    with pytest.raises(Conflict, match="serves only what was served in Production"):
        releases.publish(newest, later, by=zoe)
    with pytest.raises(Conflict, match="serves only what was served in Production"):
        schedules.schedule(newest, later, due_at=timezone.now() + SOON, by=zoe)


def test_environments_cannot_promote_in_a_circle(place: dict[str, Environment], ada: Person) -> None:
    with pytest.raises(Invalid, match="promoted_from"):
        catalogs.save_environment(slug="staging", name="Staging", promoted_from=place["production"], by=ada)
    with pytest.raises(Invalid, match="promoted_from"):
        catalogs.save_environment(slug="staging", name="Staging", promoted_from=place["staging"], by=ada)
    with pytest.raises(IntegrityError, match="environment_promotes_from_one"), transaction.atomic():
        Environment.objects.filter(slug="staging").update(release_policy="promote")


def test_rolling_back_is_a_new_release_with_a_reason(
    second: Revision, place: dict[str, Environment], zoe: Person
) -> None:
    first = Release.objects.get(environment=place["staging"], number=1)
    with pytest.raises(Invalid, match="reason"):
        releases.roll_back(first, by=zoe, reason="")
    with pytest.raises(Conflict, match="serves release 2 by now; you saw 1"):
        releases.roll_back(first, by=zoe, reason="Too fast", seen=1)
    release = releases.roll_back(first, by=zoe, reason="Too fast", seen=2)
    assert (release.number, release.revision.version, release.kind, release.reason) == (
        3,
        "1.0",
        "rolled_back",
        "Too fast",
    )
    with pytest.raises(Conflict, match=r"serves 1\.0 already"):
        releases.roll_back(first, by=zoe, reason="Again")


def test_a_scheduled_release_is_made_when_its_time_has_come(
    second: Revision, place: dict[str, Environment], zoe: Person
) -> None:
    due_at = timezone.now() + SOON
    made = schedules.schedule(second, place["production"], due_at=due_at, by=zoe, reason="After the sale")
    assert schedules.release_due(at=due_at - timedelta(seconds=1)) == 0
    assert served(place["production"]) == "1.0"
    assert schedules.release_due(at=due_at) == 1
    assert schedules.release_due(at=due_at) == 0
    made.refresh_from_db()
    assert made.state == "released"
    assert made.release is not None
    assert (made.release.kind, made.release.released_by, made.release.reason) == ("scheduled", zoe, "After the sale")
    assert served(place["production"]) == "1.1"
    event = Event.objects.filter(kind="release.published").latest("id")
    assert (event.actor, event.details["scheduled_by"]) == (None, "zoe")


def test_it_can_be_called_off_until_then(
    second: Revision, place: dict[str, Environment], zoe: Person, ann: Person
) -> None:
    due_at = timezone.now() + SOON
    made = schedules.schedule(second, place["production"], due_at=due_at, by=zoe)
    with pytest.raises(Conflict, match=r"1\.1 is scheduled for Production"):
        schedules.schedule(second, place["production"], due_at=due_at, by=zoe)
    with pytest.raises(NotAllowed):
        schedules.cancel(made, by=ann)
    schedules.cancel(made, by=zoe, note="Not this week")
    assert schedules.release_due(at=due_at) == 0
    with pytest.raises(Conflict, match="cancelled already"):
        schedules.cancel(made, by=zoe)
    schedules.schedule(second, place["production"], due_at=due_at, by=zoe)


@pytest.mark.parametrize("away", [timedelta(0), -SOON, timedelta(days=93)])
def test_a_moment_that_is_past_or_far_is_refused(
    second: Revision, place: dict[str, Environment], zoe: Person, away: timedelta
) -> None:
    with pytest.raises(Invalid, match="due_at"):
        schedules.schedule(second, place["production"], due_at=timezone.now() + away, by=zoe)


def test_it_never_goes_back_behind_what_was_released_meanwhile(
    approved: Integration, second: Revision, place: dict[str, Environment], ann: Person, zoe: Person, sign: Any
) -> None:
    releases.roll_back(Release.objects.get(environment=place["staging"], number=1), by=zoe, reason="Slow")
    due_at = timezone.now() + SOON
    at_once = schedules.schedule(second, place["staging"], due_at=due_at, by=zoe)
    promoted = schedules.schedule(second, place["production"], due_at=due_at, by=zoe)
    approve_next(approved, ann, sign, lambda policy: policy["timeouts"].update(total_ms=8_000))
    at_once.refresh_from_db()
    assert (at_once.state, at_once.outcome_note) == ("cancelled", "1.2 was approved meanwhile.")
    releases.promote(approved, place["production"], by=zoe)
    assert schedules.release_due(at=due_at) == 0
    promoted.refresh_from_db()
    assert (promoted.state, promoted.outcome_note) == ("refused", "1.2 is served there since, which is newer.")
    assert served(place["production"]) == "1.2"


@pytest.mark.parametrize("meanwhile", ["retired", "no longer an approver"])
def test_what_is_no_longer_right_when_its_time_comes_is_refused(
    approved: Integration, second: Revision, place: dict[str, Environment], ann: Person, zoe: Person, meanwhile: str
) -> None:
    due_at = timezone.now() + SOON
    made = schedules.schedule(second, place["production"], due_at=due_at, by=zoe)
    if meanwhile == "retired":
        integrations.retire(approved, by=ann)
    else:
        zoe.groups.clear()
    assert schedules.release_due(at=due_at) == 0
    made.refresh_from_db()
    assert made.state == "refused"
    assert Event.objects.filter(kind="release.schedule_refused").count() == 1
    with pytest.raises(IntegrityError, match="scheduled_ended_never_changes"), transaction.atomic():
        ScheduledRelease.objects.update(state="waiting", ended_at=None)
