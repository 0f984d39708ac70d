"""Topics and events: what several records say of one, together, and where they do not agree."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry.models import Integration, Person
from registry.services import integrations, revisions
from tests import landscape
from tests.console.browsing import text

Count = Callable[..., Any]
PLACED = "com.example.orders.order.placed.v1"
SCHEMA = '{"type": "object", "properties": {"total": {"type": "integer", "description": "In cents."}}}'


def topic(**stated: Any) -> dict[str, Any]:
    said = {
        "name": "orders.events",
        "kind": "topic",
        "broker": "kafka-main",
        "partitions": 12,
        "retention": "P7D",
        "key": "orderId",
        "producer": "order-service",
        "consumer_groups": ["payment-service.orders"],
        "dead_letter": "orders.events.dead",
    }
    return {name: value for name, value in (said | stated).items() if value is not None}


def event(**stated: Any) -> dict[str, Any]:
    said = {
        "name": "order.PLACED",
        "type": PLACED,
        "published_by": "order-service",
        "consumed_by": ["payment-service"],
        "data_schema": SCHEMA,
    }
    return said | stated


def record(consumer: str, *topics: dict[str, Any], events: list[dict[str, Any]], **sections: Any) -> dict[str, Any]:
    parties = [{"role": "consumer", "system": consumer}, {"role": "provider", "system": "order-service"}]
    ordering = [{"topic": "orders.events", "guarantee": "strict", "scope": "orderId"}]
    return {"parties": parties, "topics": list(topics), "events": events, "ordering": ordering, **sections}


@pytest.fixture
def shared(catalog: landscape.Catalog, ann: Person) -> list[Integration]:
    """Two integrations on one topic, a third that is retired; they disagree on partitions and on the schema."""
    dead = {"name": "orders.events.dead", "kind": "topic", "broker": "kafka-main"}
    kept = {"deduplication": {"strategy": "processed_events", "window": "P14D"}}
    texts = {
        "payments": record("payment-service", topic(), dead, events=[event()], **kept),
        "points": record(
            "loyalty",
            topic(partitions=6, consumer_groups=["loyalty.points"]),
            events=[event(consumed_by=["loyalty"], data_schema='{"type": "object"}')],
        ),
        "sms": record("sms", topic(partitions=1, consumer_groups=["sms"]), events=[event(consumed_by=["sms"])]),
    }
    made = [
        integrations.create(name=f"Orders to {slug}", slug=f"orders-to-{slug}", document=each, by=ann)
        for slug, each in texts.items()
    ]
    integrations.retire(made[2], by=ann)
    return made


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def test_a_topic_stands_in_the_list_once_with_everybody_who_uses_it(by_ann: Client, shared: list[Integration]) -> None:
    rows = by_ann.get("/topics/").context["page"].rows
    assert [each.name for each in rows] == ["orders.events", "orders.events.dead"]
    [one] = [each for each in rows if each.name == "orders.events"]
    assert (one.kinds, one.brokers, one.producers) == (["topic"], ["kafka-main"], ["order-service"])
    assert one.groups == ["loyalty.points", "payment-service.orders"]
    assert (one.integrations, one.differing) == (2, ["partitions"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ORDERS", 2),
        ("q=dead", 1),
        ("q=%25", 0),
        ("kind=queue", 0),
        ("broker=kafka-main&producer=order-service", 1),
        ("producer=nobody", 0),
        ("order=-name", 2),
    ],
)
def test_topics_are_filtered(by_ann: Client, shared: list[Integration], query: str, found: int) -> None:
    assert len(by_ann.get(f"/topics/?{query}").context["page"].rows) == found


def test_topics_are_turned_page_by_page(by_ann: Client, ann: Person) -> None:
    topics = [{"name": f"t{number:02}"} for number in range(60)]
    integrations.create(name="Many", slug="many", document={"topics": topics}, by=ann)
    integrations.create(name="Again", slug="again", document={"topics": topics[:30]}, by=ann)
    for order, names in (("name", [f"t{n:02}" for n in range(60)]), ("-name", [f"t{n:02}" for n in range(59, -1, -1)])):
        first = by_ann.get("/topics/", {"order": order}).context["page"]
        second = by_ann.get("/topics/", {"order": order, "cursor": first.next}).context["page"]
        back = by_ann.get("/topics/", {"order": order, "cursor": second.previous}).context["page"]
        assert [each.name for each in (*first.rows, *second.rows)] == names
        assert (back.rows, back.previous, second.next) == (first.rows, "", "")


def test_a_topics_page_says_who_writes_who_reads_and_where_records_differ(
    by_ann: Client, shared: list[Integration], django_assert_num_queries: Count
) -> None:
    with django_assert_num_queries(8):
        page = by_ann.get(reverse("topic", args=["orders.events"]))
    said = text(page)
    assert "The records do not agree on its partitions." in said
    assert "Written by 1 order-service" in said
    assert "payment-service.orders payment-service Orders to payments" in said
    assert "loyalty.points loyalty Orders to points" in said
    assert "Orders to payments 0.1 Draft order-service 12 differs" in said
    assert "Orders to points 0.1 Draft order-service 6 differs" in said
    assert "Orders to sms 0.1 Retired order-service 1 Not stated" in said, "what is retired is not compared"
    assert "Strict orderId orders.events.dead Table of processed events for 14 days" in said
    assert f"{PLACED} order.PLACED order-service payment-service, loyalty, sms" in said
    assert "2 differ Orders to payments , Orders to points" in said


def test_what_most_say_is_not_marked(by_ann: Client, shared: list[Integration], ann: Person) -> None:
    integrations.create(name="Orders to ledger", slug="l", document={"topics": [topic()]}, by=ann)
    said = text(by_ann.get(reverse("topic", args=["orders.events"])))
    assert "Orders to payments 0.1 Draft order-service 12 Not stated" in said
    assert "Orders to points 0.1 Draft order-service 6 differs" in said


def test_the_revision_in_force_and_the_draft_are_both_compared(
    by_ann: Client, approved: Integration, ann: Person
) -> None:
    draft = revisions.start_draft(approved, by=ann)
    revisions.save_section(draft, "topics", [topic()], by=ann, if_match=draft.etag)
    page = by_ann.get(reverse("topic", args=["orders.events"]))
    assert "Orders to payments 1.1 Draft" in text(page)


def test_where_failures_go_says_whose(by_ann: Client, shared: list[Integration]) -> None:
    said = text(by_ann.get(reverse("topic", args=["orders.events.dead"])))
    assert "Takes what could not be processed from orders.events ." in said
    assert "Events on it" not in said


def test_a_place_for_failures_that_nobody_describes_has_a_page(by_ann: Client, ann: Person) -> None:
    integrations.create(name="One", slug="one", document={"topics": [topic()]}, by=ann)
    said = text(by_ann.get(reverse("topic", args=["orders.events.dead"])))
    assert "No record describes it" in said


def test_an_event_that_may_travel_on_two_topics_says_so(by_ann: Client, ann: Person) -> None:
    document = record("x", topic(), topic(name="orders.replay", dead_letter=None), events=[event()])
    integrations.create(name="One", slug="one", document=document, by=ann)
    assert "here or on orders.replay" in text(by_ann.get(reverse("topic", args=["orders.events"])))


def test_events_are_listed_by_type(by_ann: Client, shared: list[Integration], django_assert_num_queries: Count) -> None:
    with django_assert_num_queries(9):
        page = by_ann.get("/events/")
    [one] = page.context["page"].rows
    assert (one.type, one.names, one.publishers) == (PLACED, ["order.PLACED"], ["order-service"])
    assert (one.consumers, one.integrations, one.schemas) == (["loyalty", "payment-service"], 2, 2)
    assert len(by_ann.get("/events/?consumer=loyalty&q=ORDER").context["page"].rows) == 1
    assert not by_ann.get("/events/?publisher=loyalty").context["page"].rows


def test_an_events_page_shows_its_schemas(
    by_ann: Client, shared: list[Integration], django_assert_num_queries: Count
) -> None:
    with django_assert_num_queries(5):
        page = by_ann.get(reverse("event", args=[PLACED]))
    said = text(page)
    assert "The records give it 2 different schemas." in said
    assert "Orders to points 0.1 Draft order-service loyalty orders.events Schema 2" in said
    assert "total integer In cents." in said


def test_a_schema_laid_out_differently_is_the_same(by_ann: Client, shared: list[Integration], ann: Person) -> None:
    other = event(data_schema=SCHEMA.replace(": ", ":\n  "))
    integrations.create(name="One", slug="one", document={"events": [other]}, by=ann)
    assert by_ann.get("/events/").context["page"].rows[0].schemas == 2


ODD = ["a/b", "a//b", "/", "a b", "%", "ä", "?#&", "<script>alert(1)</script>", "x" * 300, "'\"--\\"]


@pytest.mark.parametrize("name", ODD)
def test_a_topic_may_be_called_anything(by_ann: Client, ann: Person, name: str) -> None:
    document = {"topics": [topic(name=name)], "events": [event(type=name)]}
    integrations.create(name="One", slug="one", document=document, by=ann)
    for page in ("topic", "event"):
        answer = by_ann.get(reverse(page, args=[name]))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
    for page in ("topics", "events"):
        assert (
            reverse(page[:-1], args=[name]).replace("&", "&amp;").replace("'", "&#x27;")
            in by_ann.get(reverse(page)).content.decode()
        )


@pytest.mark.parametrize("path", ["/topics/nothing/", "/topics/%00/", "/events/nothing/", "/events/a%00/"])
def test_what_no_record_names_is_not_there(by_ann: Client, path: str) -> None:
    assert by_ann.get(path).status_code == 404
