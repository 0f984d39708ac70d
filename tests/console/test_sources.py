"""Brokers and sources from the page: named by administrators, read with consent, and never with a password shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse

from registry.models import Broker, DeadLetterSource, Environment, Integration, Person
from registry.services import integrations
from tests import landscape, letters
from tests.console.browsing import form, text
from tests.registry.services.redrives import redriving

TOPIC = "orders.events"
SLUG = "orders-to-payments"
READ = {"mode": "cursor", "agreed": "cursor"}
ACTIVE = {"is_active": "on"}
"""What a browser sends of a box that is ticked."""
Browse = Callable[[Person], Client]
Count = Callable[..., Any]


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return integrations.create(name="Orders to payments", slug=SLUG, document=redriving.document(TOPIC), by=ann)


@pytest.fixture
def production(catalog: landscape.Catalog) -> Environment:
    return catalog.environments["production"]


@pytest.fixture
def broker(production: Environment) -> Broker:
    return letters.broker(production, slug="valkey-main", credentials="env:BROKER_HIDDEN")


@pytest.fixture
def queues(production: Environment) -> Broker:
    return letters.broker(production, slug="rabbit-main", kind="rabbitmq", url="amqp://127.0.0.1:1/")


@pytest.fixture
def browse(client: Client) -> Browse:
    def browsing(person: Person) -> Client:
        client.force_login(person)
        return client

    return browsing


def test_brokers_are_named_and_changed_by_administrators(production: Environment, browse: Browse, ada: Person) -> None:
    client = browse(ada)
    assert "No brokers yet" in text(client.get(reverse("brokers")))
    sent = form(client.get(reverse("broker-new"))) | {
        "slug": "valkey-main",
        "environment": str(production.pk),
        "kind": "redis-streams",
        "url": "redis://user:secret@valkey.example.com:6379/0",
    }
    refused = client.post(reverse("broker-new"), sent)
    assert refused.status_code == 422
    assert "Holds a password. Keep it in a variable or file, and name that as credentials." in text(refused)
    done = client.post(reverse("broker-new"), sent | {"url": "redis://127.0.0.1:1/0"}, follow=True)
    assert "valkey-main in Production is saved." in text(done)
    broker = Broker.objects.get()
    taken = client.post(reverse("broker-new"), sent | {"url": "redis://127.0.0.1:1/0"})
    assert "Is taken in Production." in text(taken)
    changed = {"url": "redis://127.0.0.1:2/0", "credentials": "env:BROKER_MAIN", "kind": "kafka", "slug": "other"}
    client.post(reverse("broker-edit", args=[broker.pk]), changed)
    broker.refresh_from_db()
    assert (broker.slug, broker.kind, broker.url, broker.is_active) == (
        "valkey-main",
        "redis-streams",
        "redis://127.0.0.1:2/0",
        False,
    )


def test_a_connection_is_tried_and_says_what_the_operator_would_have_to_add(
    production: Environment, browse: Browse, ada: Person, settings: Any
) -> None:
    broker = letters.broker(production, url=configured.REDIS_URL)
    client, address = browse(ada), reverse("broker-edit", args=[broker.pk])
    nothing = client.post(address, {"act": "try", "place": "no.such.stream"})
    assert "It answers." in text(nothing)
    assert client.post(address, {"act": "try", "place": ""}).status_code == 422
    Broker.objects.update(url="redis://127.0.0.1:1/0")
    silent = client.post(address, {"act": "try", "place": "orders.dead"}).content.decode()
    assert ("is-good" in silent, 'class="notice is-bad" role="status"' in silent) == (False, True)
    settings.BROKER_NETWORKS = ()
    Broker.objects.update(url="redis://127.0.0.1:6379/0")
    refused = client.post(address, {"act": "try", "place": "orders.dead"})
    assert "The operator allows no connection there: add 127.0.0.1/32:6379 to BROKER_NETWORKS." in text(refused)
    assert Broker.objects.get().url == "redis://127.0.0.1:6379/0"


def test_everybody_sees_who_uses_a_broker_and_nobody_its_credentials(
    approved: Integration, broker: Broker, browse: Browse, mallory: Person, django_assert_num_queries: Count
) -> None:
    client = browse(mallory)
    for _ in range(3):
        letters.source(approved, broker)
        with django_assert_num_queries(5):
            page = client.get(reverse("brokers"))
    assert "Orders to payments" in text(page)
    assert "BROKER_HIDDEN" not in page.content.decode()
    assert "By reference" in text(page)
    for address in (reverse("broker-new"), reverse("broker-edit", args=[broker.pk])):
        assert client.get(address).status_code == client.post(address, {"act": "try", "place": "x"}).status_code == 403


def test_the_tab_shows_what_the_design_proposes_until_it_is_defined(
    approved: Integration, broker: Broker, browse: Browse, cora: Person, django_assert_num_queries: Count
) -> None:
    client, tab = browse(cora), reverse("integration-dead-letters", args=[SLUG])
    with django_assert_num_queries(10):
        page = client.get(tab)
    assert f"{TOPIC} {TOPIC}.dead Production The design names none" in text(page)
    asked = {"topic": TOPIC, "place": f"{TOPIC}.dead", "broker": broker.pk}
    address = reverse("source-new", args=[SLUG], query=asked)
    sent = form(client.get(address))
    assert {name: sent[name] for name in asked} == {name: str(value) for name, value in asked.items()}
    same = client.post(address, sent | {"place": TOPIC, "masked": "card.number\n", "retention_days": "0"})
    assert same.status_code == 422
    assert "Is the topic itself. Name the queue or stream that takes what failed." in text(same)
    assert "Is out of range. Write a number from 1 to 3,650." in text(same)
    assert form(same)["masked"].strip() == "card.number"
    done = client.post(address, sent | {"masked": "card.number\ncustomer.email"}, follow=True)
    assert f"{TOPIC}.dead is counted from now on." in text(done)
    source = DeadLetterSource.objects.get()
    assert (source.mode, source.masked, source.unknown_policy) == ("counts", ["card.number", "customer.email"], "")
    with django_assert_num_queries(10):
        page = client.get(tab)
    assert "What the design proposes" not in text(page)


def test_a_place_suggests_the_topic_its_name_belongs_to(
    approved: Integration, broker: Broker, browse: Browse, cora: Person
) -> None:
    def suggested(place: str) -> str:
        return form(browse(cora).get(reverse("source-new", args=[SLUG], query={"place": place})))["topic"]

    assert [suggested(each) for each in (f"{TOPIC}-dlt", f"{TOPIC}_error", "another-dlt", "")] == [TOPIC, TOPIC, "", ""]


def test_more_than_counting_needs_consent_to_what_it_does_to_the_place(
    approved: Integration, queues: Broker, browse: Browse, cora: Person, django_assert_num_queries: Count
) -> None:
    source = letters.source(approved, queues, topic=TOPIC, place_kind="quorum", topic_kind="quorum")
    client, address = browse(cora), reverse("source-settings", args=[source.pk])
    with django_assert_num_queries(9):
        page = client.get(address)
    assert "Letters are taken out of the queue once they are safe here" in text(page)
    assert "Copy, leave the original" not in text(page)
    asked = form(page, "settings") | ACTIVE | {"mode": "consume", "masked": "card.number"}
    silent = client.post(address, asked)
    said = "Nothing was saved. “I agree to that for this source” is missing. Agree to it: Letters are taken out"
    assert (silent.status_code, said in text(silent)) == (400, True)
    assert form(silent, "settings") | ACTIVE == asked
    source.refresh_from_db()
    assert (source.mode, source.masked) == ("counts", [])
    done = client.post(address, asked | {"agreed": "consume"}, follow=True)
    assert f"{source.place} is read and kept so from now on: take custody" in text(done)
    source.refresh_from_db()
    assert (source.mode, source.consented_by, source.masked) == ("consume", cora, ["card.number"])
    assert "Cora Cole agreed to it" in text(client.get(address))
    impossible = client.post(address, asked | {"mode": "cursor", "agreed": "cursor"})
    assert "“How it is read” is not possible at RabbitMQ. Choose counts or consume." in text(impossible)


def test_no_letter_is_read_with_masks_that_were_typed_and_refused(
    approved: Integration, broker: Broker, browse: Browse, cora: Person
) -> None:
    source = letters.source(approved, broker, topic=TOPIC)
    client, address = browse(cora), reverse("source-settings", args=[source.pk])
    sent = form(client.get(address), "settings") | ACTIVE | READ | {"masked": "card.number"}
    for wrong in ({"searchable": "card.number"}, {"retention_days": "x"}):
        refused = client.post(address, sent | wrong)
        assert (refused.status_code, "Nothing was saved. What is wrong stands" in text(refused)) == (422, True)
        assert form(refused, "settings") | ACTIVE == sent | wrong
        source.refresh_from_db()
        assert (source.mode, source.masked) == ("counts", [])


def test_what_two_people_save_at_once_undoes_nothing(
    approved: Integration, broker: Broker, browse: Browse, cora: Person
) -> None:
    source = letters.source(approved, broker, topic=TOPIC)
    client, address = browse(cora), reverse("source-settings", args=[source.pk])
    mine = theirs = form(client.get(address), "settings") | ACTIVE
    client.post(address, mine | READ | {"masked": "card.number\ncustomer.email"})
    client.post(address, theirs | {"retention_days": "7"})
    source.refresh_from_db()
    kept = (source.mode, source.masked, source.retention_days, source.is_active)
    assert kept == ("cursor", ["card.number", "customer.email"], 7, True)


def test_how_letters_are_kept_is_changed_and_refused_beside_the_field(
    approved: Integration, broker: Broker, browse: Browse, cora: Person
) -> None:
    source = letters.source(approved, broker, topic=TOPIC)
    client, address = browse(cora), reverse("source-settings", args=[source.pk])
    page = client.get(address)
    assert "The design says: send it again with the same id." in text(page)
    sent = form(page, "settings") | {"masked": "card.number", "searchable": "Card.Number\norder.id"}
    refused = client.post(address, sent)
    assert (refused.status_code, "which is masked. It would be kept in clear" in text(refused)) == (422, True)
    assert form(refused, "settings")["searchable"].split() == ["Card.Number", "order.id"]
    assert client.post(address, sent | {"searchable": "", "retention_days": "x"}).status_code == 422
    client.post(
        address, sent | {"searchable": "order.id", "unknown_policy": "hold", "max_redrives": "5", "is_active": "on"}
    )
    source.refresh_from_db()
    kept = (source.masked, source.searchable, source.unknown_policy, source.max_redrives, source.is_active)
    assert kept == (["card.number"], ["order.id"], "hold", 5, True)


def test_who_leads_no_team_of_it_defines_and_changes_nothing(
    approved: Integration, broker: Broker, browse: Browse, mallory: Person
) -> None:
    source = letters.source(approved, broker, topic=TOPIC)
    client = browse(mallory)
    DeadLetterSource.objects.update(trouble="Nobody answers there.")
    page = client.get(reverse("integration-dead-letters", args=[SLUG]))
    assert source.place in text(page)
    assert "In vain Nobody answers there." in text(page)
    assert "Define a source" not in text(page)
    for address in (reverse("source-new", args=[SLUG]), reverse("source-settings", args=[source.pk])):
        assert client.get(address).status_code == 403
        assert client.post(address, READ).status_code == 403
    source.refresh_from_db()
    assert source.mode == "counts"


def test_a_design_without_topics_says_so_where_one_would_define_a_source(
    catalog: landscape.Catalog, browse: Browse, ada: Person, ann: Person
) -> None:
    integrations.create(name="Bare", slug="bare", document=landscape.document(), by=ann)
    client = browse(ada)
    assert "The approved design names no topic" in text(client.get(reverse("source-new", args=["bare"])))
    assert "Once a design is approved" in text(client.get(reverse("integration-dead-letters", args=["bare"])))
    assert client.get(reverse("source-new", args=["bare"]) + "?broker=%00&topic=%00").status_code == 200
