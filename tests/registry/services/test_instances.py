"""Reports of instances: kept as said, counted into minutes, forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.errors import Invalid
from registry.models import Event, Instance, InstanceReport, Integration, TrafficMinute
from registry.services import catalog as catalogs
from registry.services import instances
from registry.services.instances import Breaker, Counters, Refused, Reported
from tests.landscape import Catalog

NOW = datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC)
SLUG = "orders-to-payments"


@pytest.fixture
def report(approved: Integration, catalog: Catalog) -> Any:
    def reported(instance: str = "one", at: datetime = NOW, **given: Any) -> Instance:
        asked: dict[str, Any] = {
            "system": catalog.systems["order-service"],
            "environment": catalog.environments["production"],
            "sdk": "python 0.1",
            "started_at": NOW - timedelta(seconds=30),
            "integrations": {SLUG: Reported(release=1)},
        }
        return instances.report(instance=instance, now=at, **asked | given)

    return reported


def test_what_is_said_is_kept_and_said_again_is_replaced(report: Any) -> None:
    since = NOW - timedelta(minutes=3)
    before = Event.objects.count()
    report(
        integrations={
            SLUG: Reported(
                release=1,
                content_hash="a" * 64,
                applied_at=since,
                refused=Refused(2, "max_retries\nis 99"),
                breakers={"payments-api": Breaker("open", since)},
                counters={"payments-api": Counters(calls=10, failures=9)},
            )
        }
    )
    kept = InstanceReport.objects.select_related("instance").get()
    assert (kept.release_number, kept.content_hash, kept.applied_at) == (1, "a" * 64, since)
    assert (kept.refused_number, kept.refused_reason) == (2, "max_retries is 99")
    assert kept.breakers == {"payments-api": {"state": "open", "since": "2026-11-24T11:57:10.000+00:00"}}
    assert (kept.instance.name, kept.instance.sdk, kept.reported_at) == ("one", "python 0.1", NOW)
    later = NOW + timedelta(seconds=30)
    report(at=later, integrations={SLUG: Reported(release=2)})
    kept = InstanceReport.objects.get()
    assert (kept.release_number, kept.refused_number, kept.breakers, kept.reported_at) == (2, None, {}, later)
    assert Event.objects.count() == before


def test_calls_are_counted_by_how_much_totals_grew(report: Any) -> None:
    def said(calls: int, at: datetime, instance: str = "one", started_at: datetime = NOW) -> None:
        counted = {SLUG: Reported(release=1, counters={"payments-api": Counters(calls=calls, failures=calls // 10)})}
        report(instance, at, started_at=started_at, integrations=counted)

    said(100, NOW)
    said(150, NOW + timedelta(seconds=30))
    said(40, NOW + timedelta(seconds=20), "two")
    said(250, NOW + timedelta(seconds=60))
    # A restart begins at nothing; of one that is new to us, what it counted long ago is no news.
    said(7, NOW + timedelta(seconds=90), started_at=NOW + timedelta(seconds=80))
    said(9_000, NOW + timedelta(seconds=90), "old", started_at=NOW - timedelta(days=3))
    said(3, NOW + timedelta(seconds=95), started_at=NOW + timedelta(seconds=80))
    rows = TrafficMinute.objects.order_by("minute").values_list("contract", "minute", "calls", "failures")
    first = NOW.replace(second=0)
    assert list(rows) == [
        ("payments-api", first, 190, 19),
        ("payments-api", first + timedelta(minutes=1), 107, 10),
    ]


def test_a_report_costs_the_same_for_one_integration_and_for_many(
    report: Any, approved: Integration, django_assert_num_queries: Any
) -> None:
    counted = Reported(release=1, counters={f"c{number}": Counters(calls=number + 1) for number in range(40)})
    with django_assert_num_queries(10):
        report(integrations={SLUG: counted})
    with django_assert_num_queries(8):
        report(integrations={SLUG: Reported(release=1, counters={"c1": Counters(calls=9)})})


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"integrations": {"none-such": Reported()}}, "integrations.none-such"),
        ({"integrations": {"a\x00b": Reported()}}, "integrations.a\x00b"),
        ({"instance": ""}, "instance"),
        ({"instance": "a\nb"}, "instance"),
        ({"sdk": "\x00"}, "sdk"),
        ({"integrations": {SLUG: Reported(counters={"x" * 101: Counters()})}}, f"integrations.{SLUG}.contracts"),
        ({"integrations": {SLUG: Reported(refused=Refused(2, "  "))}}, f"integrations.{SLUG}.refused.reason"),
    ],
)
def test_what_cannot_be_kept_is_named(report: Any, given: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        report(**given)
    assert [each.path for each in refused.value.problems] == [path]
    assert not Instance.objects.exists()


def test_a_system_that_is_no_party_reports_nothing(report: Any, catalog: Catalog, ada: Any) -> None:
    stranger = catalogs.save_system(slug="newsletter", name="Newsletter", by=ada)
    with pytest.raises(Invalid, match="is none that this system is served here"):
        report(system=stranger)
    report(system=catalog.systems["payment-service"])


def test_a_process_that_takes_ever_new_names_is_told_so(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "MOST_INSTANCES", 2)
    report("one")
    report("two")
    with pytest.raises(Invalid, match="one too many"):
        report("three")
    report("one")


def test_what_is_long_gone_is_forgotten(report: Any) -> None:
    counted = {SLUG: Reported(release=1, counters={"payments-api": Counters(calls=1)})}
    report("old", NOW - timedelta(hours=25), started_at=NOW - timedelta(hours=25), integrations=counted)
    report("new", NOW, started_at=NOW, integrations=counted)
    assert instances.prune(at=NOW) == 1
    assert [each.name for each in Instance.objects.all()] == ["new"]
    assert InstanceReport.objects.count() == TrafficMinute.objects.count() == 1
