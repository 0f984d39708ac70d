"""How it went, hour by hour."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.models import (
    DeadLetterGroup,
    DeadLetterSource,
    DepthReading,
    Environment,
    GroupHour,
    Integration,
)
from registry.services import trends
from registry.services.trends import DAY, HOUR, Level, Trend, hour_of
from tests import letters


@pytest.fixture
def source(approved: Integration) -> DeadLetterSource:
    return letters.source(approved, letters.broker(Environment.objects.get(slug="production")))


def group(source: DeadLetterSource, name: str, **hours_ago: int) -> DeadLetterGroup:
    now = timezone.now()
    made = DeadLetterGroup.objects.create(source=source, key=name, error_class=name, first_at=now, last_at=now)
    for ago, count in hours_ago.items():
        hour = hour_of(now) - int(ago.removeprefix("h")) * HOUR
        GroupHour.objects.create(group=made, hour=hour, letters=count)
    return made


def test_a_trend_is_two_days_by_hour_the_newest_last(source: DeadLetterSource) -> None:
    one = group(source, "one", h0=5, h23=2, h24=1, h47=1, h48=900)
    other = group(source, "other")
    found = trends.of_groups([one.pk, other.pk])
    trend = found[one.pk]
    assert {place: count for place, count in enumerate(trend.hours) if count} == {0: 1, 23: 1, 24: 2, 47: 5}
    assert (trend.last_day, trend.day_before, trend.course) == (7, 2, "rising")
    assert found[other.pk] == Trend()


@pytest.mark.parametrize(
    ("before", "last", "course"),
    [(0, 0, "quiet"), (0, 1, "rising"), (1, 0, "falling"), (10, 14, "steady"), (10, 15, "rising"), (15, 10, "falling")],
)
def test_a_few_more_are_not_yet_a_rise(before: int, last: int, course: str) -> None:
    assert Trend((before, *[0] * (2 * DAY - 2), last)).course == course


def test_an_hour_is_that_of_the_clock_everywhere() -> None:
    now = timezone.now()
    assert hour_of(now.astimezone(timezone.get_fixed_timezone(330))) == hour_of(now)
    assert timedelta(0) <= now - hour_of(now) < HOUR


def test_depth_and_age_are_told_by_hour(source: DeadLetterSource) -> None:
    now = timezone.now()
    hour = hour_of(now)
    for minute, count in ((hour, 3), (hour - timedelta(minutes=5), 9), (hour - timedelta(minutes=50), 2)):
        DepthReading.objects.create(source=source, minute=minute, messages=count, oldest_at=hour - DAY * HOUR)
    DepthReading.objects.create(source=source, minute=hour - 2 * HOUR, messages=0)
    DepthReading.objects.create(source=source, minute=hour - 72 * HOUR, messages=900)
    early = timedelta(minutes=5)
    assert trends.of_source(source) == [
        Level(2, 0, None),
        Level(1, 9, DAY * HOUR - early),
        Level(0, 3, DAY * HOUR),
    ]
    other = letters.source(source.integration, source.broker)
    assert trends.depths([source.pk, other.pk]) == {
        source.pk: [*[None] * 21, 0, 9, 3],
        other.pk: [None] * DAY,
    }


def test_all_trends_of_a_page_are_one_statement(source: DeadLetterSource, django_assert_num_queries: Any) -> None:
    keys = [group(source, f"g{number}", h1=1).pk for number in range(25)]
    with django_assert_num_queries(1):
        assert len(trends.of_groups(keys)) == 25
