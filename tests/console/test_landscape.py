"""The landscape page: a map with its words, of everything, of a team, or around one system."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from console import landscape as maps
from registry.exporters.landscape import question
from registry.models import Integration, Person
from registry.models.landscape import Wanted
from registry.services import integrations
from tests.console.browsing import text

Count = Callable[[int], Any]
PAGE = "/landscape/"
EVENTS = {
    "overview": {"criticality": "high"},
    "parties": [{"role": "consumer", "system": "mail-service"}, {"role": "provider", "system": "order-service"}],
    "topics": [{"name": "orders.events", "producer": "order-service"}],
    "events": [{"name": "order.PLACED", "published_by": "order-service", "consumed_by": ["mail-service"]}],
}


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture
def told(integration: Integration, ann: Person) -> Integration:
    """Besides orders to payments, mails for orders by an event."""
    return integrations.create(name="Orders to mail", slug="orders-to-mail", document=EVENTS, by=ann)


@pytest.fixture(autouse=True)
def fresh() -> None:
    cache.clear()


def places(page: Any) -> list[str]:
    return re.findall(r'data-place="([^"]+)"', page.content.decode())


def test_systems_and_topics_stand_on_the_map_and_lead_to_their_pages(told: Integration, by_ann: Client) -> None:
    page = by_ann.get(PAGE)
    shown = page.content.decode()
    assert places(page) == ["mail-service", "order-service", "payment-service", "topic  orders.events"]
    for address in (
        "/systems/order-service/",
        "/integrations/orders-to-payments/",
        "/topics/orders.events/",
    ):
        assert f'<a href="{address}">' in shown
    assert "proposed: REST/HTTPS" in shown


def test_the_list_says_what_the_map_shows(told: Integration, by_ann: Client) -> None:
    shown = text(by_ann.get(PAGE))
    assert "The map as a list: 3 lines" in shown
    assert "Order Service Payment Service REST/HTTPS, proposed Orders to payments" in shown
    assert "orders.events mail-service message, proposed Orders to mail" in shown


def test_around_a_system_the_page_says_who_needs_it_directly_and_through_others(
    told: Integration, by_ann: Client
) -> None:
    page = by_ann.get(f"{PAGE}?system=payment-service")
    shown = text(page)
    assert "What depends on Payment Service" in shown
    assert "1 system needs it directly, 1 more through others." in shown
    assert "Order Service Orders to payments (proposed)" in shown
    assert "mail-service in 2 steps, through Order Service Orders to mail (proposed)" in shown
    assert 'class="map-place is-focus" data-place="payment-service"' in page.content.decode()


def test_what_a_system_needs_is_told_apart(told: Integration, by_ann: Client) -> None:
    shown = text(by_ann.get(f"{PAGE}?system=order-service"))
    assert "Directly 1 mail-service" in shown
    assert "What it needs 1 Payment Service" in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("criticality=high", ["mail-service", "order-service", "topic  orders.events"]),
        ("team=payments", ["order-service", "payment-service"]),
        ("type=synchronous&state=proposed", ["order-service", "payment-service"]),
        ("state=active", []),
        ("environment=production", []),
        ("system=payment-service&criticality=low", ["order-service", "payment-service"]),
    ],
)
def test_filters_leave_on_the_map_what_they_ask_for(
    told: Integration, by_ann: Client, query: str, expected: list[str]
) -> None:
    assert places(by_ann.get(f"{PAGE}?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "No map yet"),
        ("?state=active", "Nothing matches"),
        ("?system=nobody", "No design record speaks of “nobody”"),
        ("?system=%00%3Cb%3E&team=%FF&state=%00", "No design record speaks of “<b>”"),
        ("?system=" + "x" * 5_000, "No design record speaks of"),
    ],
)
def test_where_there_is_nothing_to_show_the_page_says_why(by_ann: Client, query: str, words: str) -> None:
    page = by_ann.get(PAGE + query)
    assert page.status_code == 200
    assert words in text(page)


def test_more_than_can_be_read_is_shown_by_team(
    told: Integration, by_ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_AGREEMENTS", 1)
    page = by_ann.get(PAGE)
    assert "so it shows teams" in text(page)
    assert places(page) == ["team ", "team checkout", "team payments"]
    assert "Checkout Payments 1 use" in text(page)


def test_of_a_large_team_its_own_systems_are_shown_and_others_by_team(
    told: Integration, by_ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_PLACES", 3)
    assert places(by_ann.get(f"{PAGE}?team=checkout"))[:1] == ["order-service"]


def test_a_line_of_several_integrations_leads_into_the_list(told: Integration, by_ann: Client, ann: Person) -> None:
    assert told.current
    integrations.create(name="Again", slug="again", document=EVENTS, by=ann)
    shown = by_ann.get(PAGE).content.decode()
    [anchor] = set(re.findall(r'<a href="#(line-\w+)"', shown[: shown.index('id="lines"')])[:1])
    assert f'<tr id="{anchor}">' in shown


@pytest.mark.parametrize(
    ("query", "first", "again"), [("", 11, 11), ("?system=payment-service", 15, 15), ("?team=payments", 11, 11)]
)
def test_a_map_asks_the_database_exactly_this_often(
    told: Integration, by_ann: Client, django_assert_num_queries: Count, query: str, first: int, again: int
) -> None:
    for queries in (first, again):
        with django_assert_num_queries(queries):
            by_ann.get(PAGE + query)


def test_teams_are_counted_once_a_minute(
    told: Integration, by_ann: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Count
) -> None:
    monkeypatch.setattr(maps, "MOST_AGREEMENTS", 1)
    for queries in (8, 6):
        with django_assert_num_queries(queries):
            by_ann.get(PAGE)


def test_a_map_is_arranged_once_for_all_who_look_at_it(told: Integration) -> None:
    shown = maps.shown(Wanted(), "")
    first = maps.drawn(shown, maps.address)
    key = f"landscape:layout:{maps._digest(question(shown.graph))}"
    kept = cache.get(key)
    cache.set(key, kept | {"size": [123.0, 45.0]})
    assert (first.count("<a "), 'width="131" height="53"' in maps.drawn(shown, maps.address)) == (7, True)


def test_a_map_that_cannot_be_arranged_leaves_the_list(
    told: Integration, by_ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.exporters.landscape import graphviz

    monkeypatch.setattr(graphviz.arrange, "__kwdefaults__", {"seconds": 0.001})
    shown = text(by_ann.get(PAGE))
    assert "could not be arranged in time" in shown
    assert "The map as a list: 3 lines" in shown


def test_the_map_is_saved_as_mermaid_text(told: Integration, by_ann: Client) -> None:
    answer = by_ann.get(reverse("landscape-mermaid"), {"system": "payment-service"})
    assert answer["Content-Type"] == "text/vnd.mermaid; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="landscape.mmd"'
    assert answer.content.decode().startswith("flowchart LR\n")
    assert by_ann.get(reverse("landscape-mermaid"), {"system": "nobody"}).content == b"flowchart LR\n"


def test_a_systems_page_leads_to_its_blast_radius(integration: Integration, by_ann: Client) -> None:
    assert f'href="{PAGE}?system=order-service"' in by_ann.get("/systems/order-service/").content.decode()


def test_names_that_try_to_be_markup_are_text(integration: Integration, by_ann: Client, ann: Person) -> None:
    document = EVENTS | {"topics": [{"name": '"><script>alert(1)</script>', "producer": "order-service"}]}
    integrations.create(name="<script>", slug="odd", document=document, by=ann)
    assert "<script>alert" not in by_ann.get(PAGE).content.decode()
