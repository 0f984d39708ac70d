"""The rows of the landscape map: the right ones, and by as many statements however many there are."""

from collections.abc import Callable
from typing import Any

import pytest

from registry.exporters.landscape import System
from registry.models import Integration, Person
from registry.models.landscape import MOST_NEAR, Wanted, agreements, agreements_near, catalogued, uses_between_teams
from registry.services import integrations
from tests import landscape

Make = Callable[..., Integration]


@pytest.fixture
def make(catalog: landscape.Catalog, ann: Person) -> Make:
    """`make("shop", "stock")` proposes an integration by which one calls the other; `events=True` by an event."""

    def made(consumer: str, provider: str, *, events: bool = False, **overview: Any) -> Integration:
        document: dict[str, Any] = {
            "overview": overview,
            "parties": [
                {"role": "consumer", "system": consumer, "team": f"team-{consumer}"},
                {"role": "provider", "system": provider, "team": f"team-{provider}"},
            ],
        }
        if events:
            document["topics"] = [{"name": f"{provider}.events", "producer": provider}]
            document["events"] = [{"name": "x.DONE", "published_by": provider, "consumed_by": [consumer]}]
        else:
            document["contracts"] = [{"name": "c", "protocol": "rest", "consumer": consumer, "provider": provider}]
        slug = f"{consumer}-to-{provider}"
        return integrations.create(name=slug.capitalize(), slug=slug, document=document, by=ann)

    return made


def slugs(found: list[Any]) -> list[str]:
    return [each.slug for each in found]


def test_each_integration_comes_with_all_it_names(make: Make) -> None:
    make("shop", "stock", events=True, criticality="high")
    [found] = agreements(Wanted(), 10)
    assert (found.state, found.criticality) == ("proposed", "high")
    assert [(each.role, each.system, each.team) for each in found.parties] == [
        ("consumer", "shop", "team-shop"),
        ("provider", "stock", "team-stock"),
    ]
    assert [(each.name, each.producer) for each in found.topics] == [("stock.events", "stock")]
    assert [(each.name, each.publisher, each.consumers) for each in found.events] == [("x.DONE", "stock", ("shop",))]


def test_what_is_in_force_is_drawn_rather_than_the_draft_after_it(approved: Integration, ann: Person) -> None:
    from registry.services import revisions

    draft = revisions.start_draft(approved, by=ann)
    revisions.save_section(draft, "contracts", [], by=ann, if_match=draft.etag)
    [found] = agreements(Wanted(), 10)
    assert [(each.consumer, each.provider) for each in found.contracts] == [("order-service", "payment-service")]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["a-to-b", "b-to-c"]),
        ({"team": "team-a"}, ["a-to-b"]),
        ({"criticality": "high"}, ["b-to-c"]),
        ({"type": "synchronous"}, ["a-to-b"]),
        ({"state": "active"}, []),
        ({"state": "proposed", "team": "team-b"}, ["a-to-b", "b-to-c"]),
        ({"environment": "production"}, []),
        ({"state": "no such state"}, []),
    ],
)
def test_only_what_is_wanted_is_on_the_map(make: Make, wanted: dict[str, str], expected: list[str]) -> None:
    make("a", "b", type="synchronous", criticality="low")
    make("b", "c", criticality="high")
    assert sorted(slugs(agreements(Wanted(**wanted), 10))) == expected


def test_what_is_served_somewhere_can_be_asked_for(approved: Integration) -> None:
    assert slugs(agreements(Wanted(environment="production"), 10)) == ["orders-to-payments"]


def test_more_than_can_be_drawn_is_not_read(make: Make) -> None:
    make("a", "b")
    make("b", "c")
    assert agreements(Wanted(), 1) == []


def test_around_a_system_come_those_that_need_it_step_by_step_and_what_it_needs(make: Make) -> None:
    for pair in ("ab", "bc", "cd", "xy"):
        make(*pair)
    make("e", "b", events=True)
    found, is_whole = agreements_near("c", Wanted())
    assert (sorted(slugs(found)), is_whole) == (["a-to-b", "b-to-c", "c-to-d", "e-to-b"], True)


def test_where_no_events_are_told_a_topics_readers_are_the_consumers(make: Make, ann: Person) -> None:
    document = {
        "parties": [{"role": "consumer", "system": "mail"}, {"role": "provider", "system": "shop"}],
        "topics": [{"name": "orders", "producer": "shop"}],
    }
    integrations.create(name="Told", slug="told", document=document, by=ann)
    make("app", "mail")
    assert sorted(slugs(agreements_near("shop", Wanted())[0])) == ["app-to-mail", "told"]


def test_a_circle_ends(make: Make) -> None:
    for pair in ("ab", "bc", "ca"):
        make(*pair)
    assert sorted(slugs(agreements_near("a", Wanted())[0])) == ["a-to-b", "b-to-c", "c-to-a"]


def test_the_number_of_statements_depends_on_steps_and_not_on_how_many_there_are(
    make: Make, django_assert_num_queries: Callable[[int], Any]
) -> None:
    make("a", "b")
    with django_assert_num_queries(5):
        agreements(Wanted(), 100)
    with django_assert_num_queries(8):
        agreements_near("b", Wanted())
    for number in range(20):
        make(f"a-{number}", "b")
    with django_assert_num_queries(5):
        agreements(Wanted(), 100)
    with django_assert_num_queries(8):
        agreements_near("b", Wanted())


def test_so_much_is_looked_at_and_no_more(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_NEAR == 400
    monkeypatch.setattr("registry.models.landscape.MOST_NEAR", 2)
    for each in "abcd":
        make(each, "hub")
    found, is_whole = agreements_near("hub", Wanted())
    assert (len(found), is_whole) == (2, False)


def test_the_catalog_says_names_and_teams(catalog: landscape.Catalog) -> None:
    found = catalogued({"order-service", "unknown"})
    assert found == [System("order-service", "Order Service", "checkout", catalog.teams["checkout"].name)]


def test_uses_are_counted_between_teams_by_the_catalog_else_by_the_record(make: Make, integration: Integration) -> None:
    make("a", "b")
    make("a", "c", events=True)
    make("order-service", "b")
    counted, names = uses_between_teams(Wanted())
    assert sorted(counted) == [
        ("checkout", "payments", 1),
        ("checkout", "team-b", 1),
        ("team-a", "team-b", 1),
        ("team-a", "team-c", 1),
    ]
    assert set(names) == {"checkout", "payments"}
