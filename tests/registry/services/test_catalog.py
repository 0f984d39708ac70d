"""Teams, systems and environments are kept by administrators, and every change is told."""

import pytest

from registry.errors import Invalid, NotAllowed
from registry.models import Event, IndexedParty, Integration, Membership, Person, ReleaseCounter, System, Team
from registry.record import documents
from registry.services import catalog as catalogs
from registry.services import revisions
from tests import landscape


def test_a_team_is_made_and_changed_by_its_slug(ada: Person, cora: Person, paul: Person) -> None:
    catalogs.save_team(slug="checkout", name="Checkout", leads=[cora], by=ada)
    catalogs.save_team(slug="checkout", name="Checkout & basket", members=[paul], by=ada)
    assert list(Team.objects.values_list("slug", "name")) == [("checkout", "Checkout & basket")]
    assert sorted(Membership.objects.values_list("person__username", "is_lead")) == [("cora", True), ("paul", False)]
    changed = Event.objects.get(kind="team.changed")
    assert changed.subject == "team/checkout"
    assert changed.details["before"] == {
        "name": "Checkout",
        "contact": "",
        "is_platform": False,
        "people": ["cora (lead)"],
    }
    assert changed.details["after"]["people"] == ["cora (lead)", "paul"]


def test_people_stay_where_none_are_given(ada: Person, cora: Person) -> None:
    catalogs.save_team(slug="checkout", name="Checkout", leads=[cora], by=ada)
    catalogs.save_team(slug="checkout", name="Checkout", contact="#checkout", by=ada)
    assert Membership.objects.get().is_lead


def test_a_system_named_before_it_was_known_is_linked(integration: Integration, ann: Person, ada: Person) -> None:
    draft = integration.current
    assert draft is not None
    parties = [{"role": "consumer", "system": "basket"}]
    revisions.save_section(draft, "parties", parties, by=ann, if_match=draft.etag)
    system = catalogs.save_system(slug="basket", name="Basket", by=ada)
    assert IndexedParty.objects.get(system_slug="basket").system == system


def test_a_new_environment_counts_its_releases_from_one(ada: Person) -> None:
    environment = catalogs.save_environment(slug="qa", name="QA", position=2, by=ada)
    assert ReleaseCounter.objects.values_list("environment", "number", "epoch").get() == (environment.pk, 0, 1)


def test_only_an_administrator_changes_the_catalog(ann: Person, mallory: Person) -> None:
    mallory.is_superuser = True
    mallory.save()
    for person in (ann, mallory):
        with pytest.raises(NotAllowed):
            catalogs.save_team(slug="x", name="x", by=person)
        with pytest.raises(NotAllowed):
            catalogs.save_environment(slug="x", name="x", by=person)
    catalogs.save_system(slug="x", name="An architect adds", by=ann)
    for person in (ann, mallory):
        with pytest.raises(NotAllowed):
            catalogs.save_system(slug="x", name="and changes nothing", by=person)
    assert System.objects.get().name == "An architect adds"


def test_everything_wrong_is_said_at_once(ada: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        catalogs.save_environment(slug="Not Good", name="", position=-1, purpose="x" * 301, by=ada)
    assert [each.path for each in refusal.value.problems] == ["name", "purpose", "slug", "position"]


def test_rules_are_given_of_the_names_in_a_record_those_the_catalog_has(catalog: landscape.Catalog) -> None:
    parties = [{"system": "order-service", "team": "checkout"}, {"system": "order-servcie", "team": "chekout"}, {}]
    names = catalogs.names_in(documents.parse({"parties": parties}))
    assert (names.systems, names.teams, names.environments) == (
        frozenset({"order-service"}),
        frozenset({"checkout"}),
        frozenset({"local", "staging", "production"}),
    )


def test_saving_what_is_there_already_leaves_no_event(ada: Person, cora: Person) -> None:
    for _ in range(2):
        team = catalogs.save_team(slug="checkout", name="Checkout", leads=[cora], by=ada)
        catalogs.save_system(slug="basket", name="Basket", team=team, by=ada)
        catalogs.save_environment(slug="staging", name="Staging", position=2, by=ada)
    kinds = Event.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["team.added", "system.added", "environment.added"]
