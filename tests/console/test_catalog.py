"""Systems, teams and environments are kept by administrators and read by all."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry.models import Environment, Integration, Person, Review, System, Team
from registry.services import catalog as catalogs
from registry.services import integrations, releases, revisions, tokens
from tests import landscape
from tests.console.browsing import text

Count = Callable[..., Any]


@pytest.fixture
def by_ada(client: Client, ada: Person) -> Client:
    client.force_login(ada)
    return client


def test_an_administrator_adds_a_system(by_ada: Client, catalog: landscape.Catalog) -> None:
    given = {"name": "Ledger", "slug": "ledger", "description": "Books.", "team": "payments"}
    answer = by_ada.post(reverse("system-new"), given)
    assert answer["Location"] == reverse("system", args=["ledger"])
    made = System.objects.get(slug="ledger")
    assert (made.name, made.description, made.team) == ("Ledger", "Books.", catalog.teams["payments"])


def test_a_team_is_chosen_from_a_menu_while_that_is_short_and_typed_then(
    by_ada: Client, catalog: landscape.Catalog
) -> None:
    edit = reverse("system-edit", args=["order-service"])
    assert '<option value="checkout" selected>' in by_ada.get(edit).content.decode()
    Team.objects.bulk_create(Team(slug=f"team-{number}", name=f"Team {number}") for number in range(200))
    page = by_ada.get(edit).content.decode()
    assert '<option value="checkout"' not in page
    assert re.search(r'<input type="text" name="team" value="checkout"[^>]* id="id_team"', page)
    assert "By its short name. Its leads sign for this system." in page
    assert by_ada.post(edit, {"name": "Orders", "team": "team-7"}).status_code == 302
    assert System.objects.get(slug="order-service").team == Team.objects.get(slug="team-7")
    for wrong in ("nothing", "\x00", "team-7 "):
        answer = by_ada.post(edit, {"name": "Orders", "team": wrong})
        assert answer.status_code == (302 if wrong.strip() == "team-7" else 400)


def test_an_administrator_changes_a_team_but_not_its_short_name(
    by_ada: Client, catalog: landscape.Catalog, cora: Person, paul: Person
) -> None:
    given = {"name": "Checkout and basket", "slug": "other", "leads": [str(paul.pk)], "members": [str(cora.pk)]}
    answer = by_ada.post(reverse("team-edit", args=["checkout"]), given)
    assert answer["Location"] == reverse("team", args=["checkout"])
    team = Team.objects.get(slug="checkout")
    assert team.name == "Checkout and basket"
    assert {each.person: each.is_lead for each in team.memberships.all()} == {paul: True, cora: False}


def test_an_administrator_adds_an_environment(by_ada: Client) -> None:
    answer = by_ada.post(reverse("environment-new"), {"name": "Test", "slug": "test", "position": "3"})
    assert answer.status_code == 302
    assert Environment.objects.get(slug="test").position == 3


@pytest.mark.parametrize("slug", ["", "No Spaces", "a\x00", "-", "a" * 101])
def test_an_odd_short_name_is_refused_beside_the_field(by_ada: Client, slug: str) -> None:
    answer = by_ada.post(reverse("system-new"), {"name": "Ledger", "slug": slug})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not System.objects.filter(name="Ledger").exists()


def test_an_architect_adds_a_system_and_changes_none(
    client: Client, ann: Person, mallory: Person, catalog: landscape.Catalog
) -> None:
    client.force_login(ann)
    assert client.post(reverse("system-new"), {"name": "Ledger", "slug": "ledger"}).status_code == 302
    answer = client.post(reverse("system-new"), {"name": "Mine", "slug": "order-service"})
    assert answer.status_code == 400
    assert "The catalog has order-service already, and only an administrator changes it." in answer.content.decode()
    assert client.get(reverse("system-edit", args=["ledger"])).status_code == 403
    assert System.objects.filter(name="Mine").count() == 0
    client.force_login(mallory)
    assert client.post(reverse("system-new"), {"name": "Till", "slug": "till"}).status_code == 403


@pytest.mark.parametrize("name", ["team-new", "environment-new"])
def test_others_do_not_change_the_catalog(client: Client, ann: Person, name: str) -> None:
    client.force_login(ann)
    assert client.get(reverse(name)).status_code == 403
    assert client.post(reverse(name), {"name": "Ledger", "slug": "ledger"}).status_code == 403


def test_a_system_says_who_uses_it(client: Client, ann: Person, approved: Integration) -> None:
    client.force_login(ann)
    page = client.get(reverse("system", args=["payment-service"])).content.decode()
    assert "Orders to payments" in page
    assert "payments-api" in page
    assert "order-service → payment-service" in page


def test_a_system_that_only_records_name_has_a_page_that_says_so(
    client: Client, ann: Person, approved: Integration
) -> None:
    System.objects.filter(slug="order-service").delete()
    client.force_login(ann)
    answer = client.get(reverse("system", args=["order-service"]))
    assert answer.status_code == 200
    assert "the catalog does not know it" in answer.content.decode()


# --- who uses what -----------------------------------------------------------------------------------------------


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def test_a_system_is_shown_on_either_side_with_all_it_touches(
    by_ann: Client, approved: Integration, ann: Person, ada: Person, catalog: landscape.Catalog
) -> None:
    topic = {"name": "orders.events", "producer": "payment-service", "consumer_groups": ["order-service.x"]}
    event = {"name": "a.B", "type": "com.a.b", "published_by": "payment-service", "consumed_by": ["order-service"]}
    parties = [{"role": "consumer", "system": "order-service"}, {"role": "provider", "system": "payment-service"}]
    document = {"parties": parties, "topics": [topic], "events": [event]}
    integrations.create(name="Payments to orders", slug="back", document=document, by=ann)
    token, _ = tokens.issue_service(
        name="ci", system=catalog.systems["order-service"], environment=catalog.environments["staging"], by=ada
    )
    said = text(by_ann.get(reverse("system", args=["order-service"])))
    assert "1 valid service token" in said
    assert "as provider in 0 No design record names it as a provider." in said
    assert "as consumer in 2" in said
    assert "Neighbours 1 payment-service provider in 2" in said
    assert "orders.events Reads" in said
    assert "com.a.b Reads a.B Payments to orders" in said
    assert "checkout@example.com" in said
    other = text(by_ann.get(reverse("system", args=["payment-service"])))
    assert "as provider in 2" in other
    assert "orders.events Writes" in other
    assert "com.a.b Publishes" in other
    assert "order-service consumer in 2" in other
    tokens.revoke(token, by=ada)
    assert "0 valid service tokens" in text(by_ann.get(reverse("system", args=["order-service"])))


def test_the_list_of_systems_counts_both_sides_and_names_the_unknown(
    by_ann: Client, approved: Integration, ann: Person
) -> None:
    integrations.create(name="New", slug="new-one", document={"parties": [{"system": "newsletter"}]}, by=ann)
    said = text(by_ann.get(reverse("systems")))
    assert "Order Service order-service Checkout 0 1 0" in said
    assert "Payment Service payment-service Payments 1 0 0" in said
    assert "Named in records but not in this catalog: newsletter ." in said
    assert "Payment Service" not in text(by_ann.get(reverse("systems"), {"team": "checkout"}))


def test_a_team_is_shown_with_what_it_signs_and_the_reviews_that_wait(
    by_ann: Client, review: Review, sign: Callable[..., None]
) -> None:
    said = text(by_ann.get(reverse("team", args=["checkout"])))
    assert "Reviews that wait for its leads 1 Orders to payments 0.1 Submitted by Ann Archer due in 7 days" in said
    assert "Integrations its leads sign for 1" in said
    assert "Cora Cole Lead" in said
    assert "Order Service" in said
    sign(review, "author", "consumer_lead")
    assert "Reviews that wait" not in text(by_ann.get(reverse("team", args=["checkout"])))
    assert "Reviews that wait" in text(by_ann.get(reverse("team", args=["payments"])))
    assert "Reviews that wait" not in text(by_ann.get(reverse("team", args=["platform"])))


def test_an_environment_says_what_it_serves_now(
    by_ann: Client, approved: Integration, ann: Person, sign: Callable[..., None], zoe: Person, ada: Person
) -> None:
    first = approved.in_force
    assert first is not None
    draft = revisions.start_draft(approved, by=ann)
    draft = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ann, if_match=draft.etag)
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Sooner"))
    served = text(by_ann.get(reverse("environment", args=["production"])))
    assert "Orders to payments Active 1.1 2" in served
    history = text(by_ann.get(reverse("environment", args=["production"]), {"show": "releases"}))
    assert "2 Orders to payments 1.1" in history
    assert "1 Orders to payments 1.0" in history
    releases.publish(first, Environment.objects.get(slug="production"), by=zoe)
    served = text(by_ann.get(reverse("environment", args=["production"])))
    assert "Orders to payments Active 1.0 1.1 is in force 3" in served
    everywhere = text(by_ann.get(reverse("environments")))
    assert "Orders to payments 1.1 1.1 1.1 1.0, not 1.1" in everywhere
    catalogs.save_environment(slug="qa", name="QA", position=9, by=ada)
    assert "Orders to payments 1.1 1.1 1.1 1.0, not 1.1 Nothing" in text(by_ann.get(reverse("environments")))


def test_a_catalog_page_costs_the_same_however_much_it_names(
    by_ann: Client, approved: Integration, ann: Person, django_assert_num_queries: Count
) -> None:
    for number in range(30):
        document = landscape.document() | {"topics": [{"name": f"t{number}", "producer": "order-service"}]}
        integrations.create(name=f"Number {number}", slug=f"n-{number}", document=document, by=ann)
    for name, slug, queries in (("system", "order-service", 16), ("team", "checkout", 10)):
        with django_assert_num_queries(queries):
            by_ann.get(reverse(name, args=[slug]))
