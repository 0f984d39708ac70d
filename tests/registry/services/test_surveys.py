"""All integrations looked at together: whenever something changed, by one worker at a time, told with both sides."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from registry.models import Integration, Person, Survey, SurveyFinding
from registry.services import integrations, revisions, surveys
from registry.tasks import survey as task
from tests import landscape


def told() -> list[tuple[str, str, str, list[str]]]:
    return [
        (each.integration.slug, each.code, each.here.title, [other.title for other in each.others])
        for each in SurveyFinding.objects.select_related("integration")
    ]


@pytest.fixture
def feeds(catalog: landscape.Catalog, ann: Person) -> list[Integration]:
    """Two integrations that describe one topic in two ways."""
    return [
        integrations.create(
            name=f"Feed {partitions}",
            slug=f"feed-{partitions}",
            document={"topics": [{"name": "orders.events", "broker": "kafka", "partitions": partitions}]},
            by=ann,
        )
        for partitions in (12, 6)
    ]


def test_what_is_found_is_kept_with_both_sides(feeds: list[Integration]) -> None:
    taken = surveys.take()
    assert taken is not None
    assert (taken.integrations, taken.found) == (2, 1)
    assert told() == [("feed-12", "topic-differs", "draft 0.1 of feed-12", ["draft 0.1 of feed-6"])]
    found = SurveyFinding.objects.get()
    assert (found.severity, found.path) == ("warning", "topics[orders.events].partitions")
    assert found.message == "orders.events has 12 partitions here, 6 in feed-6."


def test_a_look_is_taken_again_only_after_a_change_or_a_while(feeds: list[Integration], ann: Person) -> None:
    first = surveys.take()
    assert surveys.take() is None
    draft = feeds[1].current
    assert draft is not None
    topics = [{"name": "orders.events", "broker": "kafka", "partitions": 12}]
    revisions.save_section(draft, "topics", topics, by=ann, if_match=draft.etag)
    second = surveys.take()
    assert first is not None
    assert second is not None
    assert (first.found, second.found) == (1, 0)
    assert list(Survey.objects.all()) == [second]
    Survey.objects.update(taken_at=timezone.now() - timedelta(hours=1))
    assert surveys.take() is not None


def test_what_is_retired_is_looked_at_no_more(feeds: list[Integration], ann: Person) -> None:
    integrations.retire(feeds[0], by=ann)
    taken = surveys.take()
    assert taken is not None
    assert (taken.integrations, told()) == (1, [])


def test_two_workers_do_not_look_at_once(feeds: list[Integration]) -> None:
    other: Any = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [surveys._LOCK])
            assert surveys.take() is None
            cursor.execute("SELECT pg_advisory_unlock_all()")
        assert surveys.take() is not None
    finally:
        other.close()


def test_only_the_worst_are_kept(feeds: list[Integration], ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveys, "MOST_KEPT", 1)
    event = {"name": "a", "type": "com.example", "data_schema": "{}"}
    integrations.create(name="Third", slug="third", document={"events": [event]}, by=ann)
    integrations.create(name="Fourth", slug="fourth", document={"events": [event | {"data_schema": "true"}]}, by=ann)
    taken = surveys.take()
    assert taken is not None
    assert (taken.found, SurveyFinding.objects.count()) == (2, 1)


def test_the_task_looks(feeds: list[Integration]) -> None:
    task()
    assert Survey.objects.get().found == 1
