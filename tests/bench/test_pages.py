"""The measurement of pages still fits the pages: what it makes is valid, and everything it opens opens."""

from pathlib import Path

import pytest
from django.db import connection, connections

from bench import machine
from bench.pages import load, measure, records, report, tables, visits
from registry.models import Event, Integration, Release, SearchEntry
from registry.permissions import GROUPS
from registry.record import documents
from registry.services import trail
from tests import landscape


@pytest.fixture
def few(db: None) -> None:
    """Some of two hundred integrations: those that are opened, and one page of others."""
    for name in GROUPS:
        landscape.group_of(name)
    load.write(load.make_place(200), [*range(1, 60), visits.WHOLE])


def test_what_is_made_up_is_valid_and_always_the_same() -> None:
    for number in range(1, 100):
        made = records.design(number, systems=20, teams=10)
        assert made == records.design(number, systems=20, teams=10)
        documents.parse(made.document)
        documents.parse(records.amended(made.document))
        assert made.is_whole == (number % records.ONE_IN == 0)


def test_rows_are_such_as_the_services_write(few: None) -> None:
    whole = Integration.objects.select_related("current", "in_force").get(pk=visits.WHOLE)
    assert whole.current is not None
    assert whole.in_force == whole.current
    assert whole.current.content_hash == documents.content_hash(whole.current.record)
    assert SearchEntry.objects.filter(integration=whole).count() > 20
    assert Release.objects.filter(integration=whole).count() == 2
    assert Event.objects.filter(chain=whole.slug).count() == 2
    assert trail.verify(chain=whole.slug).is_whole


def test_indexes_are_there_again_afterwards(db: None) -> None:
    def named() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(tables.INDEXES)
            return {name for name, _ in cursor.fetchall()}

    before = named()
    with tables.indexes_later():
        assert named() == set()
    assert named() == before
    assert "search_entry_by_words" in before


def test_every_page_that_is_measured_opens(few: None) -> None:
    costs = measure.measure(visits.all_visits(), {60: connections["default"]}, rounds=2, say=lambda told: None)
    assert {name: len(by_size[60].times_ms) for name, by_size in costs.items()} == dict.fromkeys(costs, 1)
    assert min(min(by_size[60].queries) for by_size in costs.values()) > 1


def costs(*measured: tuple[int, float, int]) -> measure.Costs:
    return {"list": {size: measure.Cost([time], {queries}) for size, time, queries in measured}}


def test_a_page_that_asks_more_where_there_is_more_is_told() -> None:
    [same] = report.lines(costs((1_000, 10.0, 8), (10_000, 11.0, 8), (100_000, 30.0, 8)))
    assert (same.asks_more, same.grew) == (False, 3)
    [more] = report.lines(costs((1_000, 10.0, 8), (10_000, 11.0, 9)))
    assert (more.asks_more, more.grew) == (True, 1)


def test_the_table_has_a_column_for_each_size_and_each_step() -> None:
    found = report.lines(costs((1_000, 10.0, 8), (10_000, 11.0, 8), (100_000, 30.0, 9)))
    head, _, line = report.table(found)
    assert [each.strip() for each in head.split("|")[1:-1]] == [
        "page", "queries", "1,000", "10,000", "100,000", "×10", "×10"
    ]  # fmt: skip
    assert [each.strip() for each in line.split("|")[1:-1]] == ["list", "8 → 9", "10.0", "11.0", "30.0", "1.10", "2.73"]


def test_results_replace_those_before_them_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "benchmarks.md"
    report.write(place, "first")
    place.write_text(place.read_text() + "\nBy hand.\n")
    report.write(place, "second \\1")
    assert place.read_text().count("second \\1") == 1
    assert "first" not in place.read_text()
    assert place.read_text().endswith("By hand.\n")


def test_the_machine_is_told() -> None:
    assert "cores" in machine.describe()
