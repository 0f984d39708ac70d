"""Overrides and scheduled releases under two who act at once: one outcome, one release each, numbers without gaps."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.models import (
    Environment,
    Event,
    Integration,
    Override,
    Person,
    Release,
    Review,
    Revision,
    ScheduledRelease,
)
from registry.services import overrides, releases, revisions, schedules, trail
from tests.faults.test_races import Race, race, signs, told
from tests.registry.services.test_overrides import PATCH

__all__ = ["race"]

ROUNDS = 40
LATER = timedelta(hours=2)


@pytest.fixture
def staging(approved: Integration) -> Environment:
    return Environment.objects.get(slug="staging")


def begins(integration: Integration, place: Environment, by: Person) -> Callable[[], object]:
    return lambda: overrides.begin(integration, place, patch=PATCH, reason="Race", by=by)


def assert_whole(place: Environment) -> None:
    numbers = list(Release.objects.filter(environment=place).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert trail.verify().is_whole


def newest(place: Environment) -> dict[str, Any]:
    release = Release.objects.filter(environment=place).order_by("-number").first()
    assert release is not None
    body: dict[str, Any] = json.loads(bytes(release.body))
    return body


def test_of_two_overrides_at_once_one_is_served(
    race: Race, approved: Integration, staging: Environment, oncall: Person
) -> None:
    outcomes: Counter[tuple[str, ...]] = Counter()
    for _ in range(ROUNDS):
        outcomes[tuple(sorted(told(race(begins(approved, staging, oncall), begins(approved, staging, oncall)))))] += 1
        running = Override.objects.running().get()
        assert newest(staging)["override"]["id"] == running.pk
        overrides.end(running, by=oncall)
    assert outcomes == {("Conflict", "Override"): ROUNDS}
    assert Release.objects.filter(environment=staging).count() == 1 + 2 * ROUNDS
    assert_whole(staging)


def test_an_override_that_ends_by_hand_and_by_time_ends_once(
    race: Race, approved: Integration, staging: Environment, oncall: Person
) -> None:
    for turn in range(ROUNDS):
        override = overrides.begin(approved, staging, patch=PATCH, reason="Race", by=oncall)
        due = override.expires_at
        one, other = race(
            lambda held=override: overrides.end(held, by=oncall),  # type: ignore[misc]
            lambda at=due: overrides.expire_due(at=at),  # type: ignore[misc]
            late_seconds=(turn % 5 - 2) / 500,
        )
        by_hand, by_time = isinstance(one, Release), other == 1
        assert by_hand != by_time
        assert "override" not in newest(staging)
    assert Release.objects.filter(environment=staging).count() == 1 + 2 * ROUNDS
    assert Event.objects.filter(kind="override.ended").count() == ROUNDS
    assert_whole(staging)


def test_two_workers_make_a_scheduled_release_once(
    race: Race, approved: Integration, staging: Environment, zoe: Person, ann: Person, sign: Any
) -> None:
    two = revision_two(approved, ann, sign)
    first = Release.objects.get(environment=staging, number=1)
    for _ in range(ROUNDS):
        releases.roll_back(first, by=zoe, reason="Race")
        due_at = timezone.now() + LATER
        schedules.schedule(two, staging, due_at=due_at, by=zoe)
        made = race(*[lambda at=due_at: schedules.release_due(at=at)] * 2)
        assert sorted(made) == [0, 1]  # type: ignore[type-var]
    assert Release.objects.filter(environment=staging, kind="scheduled").count() == ROUNDS
    assert ScheduledRelease.objects.filter(state="released").count() == ROUNDS
    assert_whole(staging)


def test_a_scheduled_release_and_an_approval_at_once_leave_the_newer_one_served(
    race: Race, approved: Integration, zoe: Person, ann: Person, sign: Any
) -> None:
    """Each round: 1.0 is scheduled again where it is not served; 1.x is approved at that moment."""
    staging = Environment.objects.get(slug="staging")
    for turn in range(8):
        older = Revision.objects.filter(integration=approved, approved_at__isnull=False).order_by("number").last()
        assert older is not None
        if older.number > 1:
            back = Release.objects.filter(environment=staging, revision__number=1).latest("number")
            releases.roll_back(back, by=zoe, reason="Race")
            due_at: datetime = timezone.now() + LATER
            schedules.schedule(older, staging, due_at=due_at, by=zoe)
        review = next_review(approved, ann, total_ms=9_000 - turn)
        sign(review, "author", "consumer_lead", "provider_lead", "platform")
        at = timezone.now() + 2 * LATER
        race(
            signs(review, "approver", zoe),
            lambda at=at: schedules.release_due(at=at),  # type: ignore[misc]
            late_seconds=(turn % 3 - 1) / 100,
        )
        body = newest(staging)
        assert body["contracts"]["payments-api"]["timeouts"]["total_ms"] == 9_000 - turn
        assert not ScheduledRelease.objects.waiting().exists()
    assert_whole(staging)


def next_review(approved: Integration, ann: Person, *, total_ms: int) -> Review:
    draft = revisions.start_draft(Integration.objects.get(pk=approved.pk), by=ann)
    document = json.loads(json.dumps(draft.document))
    document["contracts"][0]["policy"]["timeouts"]["total_ms"] = total_ms
    saved = revisions.save(draft, document, by=ann, if_match=draft.etag)
    problems = [each for each in revisions.findings(saved) if each.severity != "hint"]
    notes = {each.key: "It is a test." for each in problems}
    return revisions.submit(saved, by=ann, if_match=saved.etag, change_note="Next", justifications=notes)


def revision_two(approved: Integration, ann: Person, sign: Any) -> Revision:
    review = next_review(approved, ann, total_ms=9_500)
    sign(review)
    return Revision.objects.get(pk=review.revision_id)
