"""What is said of one integration among others, as they stand in the index: compared with what is in force there."""

import importlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from django.apps import apps
from hypothesis import HealthCheck, given, settings
from pytest_django import DjangoAssertNumQueries

from registry.models import IndexedContract, Integration, Person, Review, Revision
from registry.record import DesignRecord, documents
from registry.record.findings import Finding
from registry.rules import Owner, facts
from registry.services import integrations, landscape, revisions
from registry.services import landscape as landscapes
from tests import landscape as sample
from tests.strategies import records

Sign = Callable[..., None]


def document(name: str, consumer: str, provider: str, **policy: Any) -> dict[str, Any]:
    """The sample document as another integration's, with this policy over its own."""
    told = sample.document()
    [contract] = told["contracts"]
    contract |= {"name": name, "consumer": consumer, "provider": provider}
    for part, values in policy.items():
        contract["policy"][part] = contract["policy"][part] | values
    told["parties"][0]["system"], told["parties"][1]["system"] = consumer, provider
    return told


def across(integration: Integration) -> list[Finding]:
    """What the rules across integrations say of its newest revision."""
    fresh = Integration.objects.select_related("current").get(pk=integration.pk)
    assert fresh.current is not None
    fresh.current.integration = fresh
    return landscapes.findings(fresh.current, fresh.current.record)


@pytest.fixture
def above(catalog: sample.Catalog, ann: Person) -> Integration:
    """The shop calls orders, and tries five times."""
    told = document("orders-api", "shop", "order-service", retry={"max_retries": 4}, timeouts={"total_ms": 30_000})
    return integrations.create(name="Shop to orders", slug="shop-to-orders", document=told, by=ann)


def test_a_chain_is_told_with_the_numbers_of_every_link(above: Integration, integration: Integration) -> None:
    [found] = across(integration)
    assert (found.code, found.path) == ("chain-retries", "contracts[payments-api].policy.retry.max_retries")
    assert found.message == (
        "5 attempts × 3 = 15 calls reach payment-service at worst: shop → order-service → payment-service."
    )
    assert [each.title for each in found.others] == ["draft 0.1 of shop-to-orders"]
    [seen_from_above] = across(above)
    assert (seen_from_above.code, seen_from_above.message) == (found.code, found.message)
    assert [each.title for each in seen_from_above.others] == ["draft 0.1 of orders-to-payments"]


def test_what_is_in_force_is_compared_and_not_the_draft_after_it(
    approved: Integration, above: Integration, ann: Person
) -> None:
    draft = revisions.start_draft(approved, by=ann)
    contracts = sample.document()["contracts"]
    contracts[0]["policy"]["retry"]["max_retries"] = 0
    revisions.save_section(draft, "contracts", contracts, by=ann, if_match=draft.etag)
    [found] = across(above)
    assert [(each.title, each.state) for each in found.others] == [("1.0 of orders-to-payments", "approved")]
    assert across(approved) == []


def test_of_a_retired_integration_nothing_is_compared(
    above: Integration, integration: Integration, ann: Person
) -> None:
    assert across(above) != []
    integrations.retire(integration, by=ann)
    assert across(above) == []


def test_the_index_knows_which_revision_is_compared_through_a_whole_life(
    review: Review, sign: Sign, ann: Person
) -> None:
    def compared() -> set[int]:
        flagged = set(IndexedContract.objects.filter(is_compared=True).values_list("revision", flat=True))
        assert flagged == set(IndexedContract.objects.compared().values_list("revision", flat=True))
        return flagged

    assert compared() == {review.revision_id}
    sign(review)
    integration = Integration.objects.get()
    draft = revisions.start_draft(integration, by=ann)
    assert compared() == {review.revision_id}
    later = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Again")
    sign(later)
    assert compared() == {later.revision_id}
    integrations.deprecate(Integration.objects.get(), by=ann)
    assert compared() == {later.revision_id}
    integrations.retire(Integration.objects.get(), by=ann)
    assert compared() == set()


def test_a_draft_that_is_not_saved_yet_is_compared_too(above: Integration, draft: Revision) -> None:
    unsaved = documents.parse(document("payments-api", "order-service", "payment-service", retry={"max_retries": 9}))
    [found] = [each for each in revisions.found_in(draft, unsaved) if each.code == "chain-retries"]
    assert "5 attempts × 10 = 50 calls" in found.message


def test_a_warning_across_integrations_asks_for_a_justification_and_is_frozen_with_its_others(
    above: Integration, draft: Revision, ann: Person
) -> None:
    key = "chain-retries contracts[payments-api].policy.retry.max_retries"
    review = revisions.submit(
        draft,
        by=ann,
        if_match=draft.etag,
        change_note="First",
        justifications={key: "The shop never retries this one."},
    )
    [frozen] = [each for each in review.findings if each["key"] == key]
    assert frozen["others"] == [
        {"integration": "shop-to-orders", "version": "0.1", "state": "draft", "path": "contracts[orders-api]"}
    ]
    assert review.justifications == {key: "The shop never retries this one."}


def test_topics_and_events_are_compared_by_name_and_type(integration: Integration, ann: Person) -> None:
    def told(partitions: int, schema: str) -> dict[str, Any]:
        topics = [{"name": "orders.events", "broker": "kafka", "partitions": partitions, "retention": "P1D"}]
        events = [{"name": "order.PLACED", "type": "com.example.order.placed", "data_schema": schema}]
        return {"topics": topics, "events": events}

    first = integrations.create(name="First", slug="first", document=told(12, '{"type": "object"}'), by=ann)
    integrations.create(name="Second", slug="second", document=told(6, '{"type": "array"}'), by=ann)
    found = {each.path: (each.message, [other.path for other in each.others]) for each in across(first)}
    assert found == {
        "topics[orders.events].partitions": (
            "orders.events has 12 partitions here, 6 in second.",
            ["topics[orders.events]"],
        ),
        "events[order.PLACED].data_schema": (
            "com.example.order.placed has another schema in second.",
            ["events[order.PLACED]"],
        ),
    }


def test_however_many_there_are_the_neighbourhood_is_three_statements(
    above: Integration, integration: Integration, ann: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    told = documents.parse(
        sample.document(topics=[{"name": "orders.events"}], events=[{"name": "order.PLACED", "type": "com.example"}])
    )
    own = facts(told, Owner("orders-to-payments", "0.1", "draft"))
    for size in (1, 30):
        for number in range(size):
            more = document("stock-api", "order-service", f"stock-{size}-{number}")
            integrations.create(name=f"Stock {size} {number}", slug=f"stock-{size}-{number}", document=more, by=ann)
        with django_assert_num_queries(3):
            landscape.around(own)
    with django_assert_num_queries(0):
        landscape.around(facts(DesignRecord(), Owner("empty")))


def test_far_more_than_anybody_could_act_on_is_cut_off_and_said_to_be(
    above: Integration, integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landscape, "MOST_REACHED", 1)
    [found] = across(integration)
    assert "= at least 15 calls" in found.message


def test_circles_end(catalog: sample.Catalog, ann: Person) -> None:
    ring = [f"ring-{number}" for number in range(4)]
    made = [
        integrations.create(
            name=consumer, slug=f"from-{consumer}", document=document("next", consumer, provider), by=ann
        )
        for consumer, provider in zip(ring, [*ring[1:], ring[0]], strict=True)
    ]
    codes = {each.code: each.message for each in across(made[0])}
    assert codes["chain-circle"] == ("Calls come back to where they began: ring-0 → ring-1 → ring-2 → ring-3 → ring-0.")
    assert codes["chain-retries"].startswith("3 attempts × 3 × 3 = 27 calls reach ring-3 at worst: ring-0 → ring-1")


def test_the_migration_fills_what_a_save_writes(approved: Integration, ann: Person) -> None:
    draft = revisions.start_draft(approved, by=ann)
    contracts = sample.document()["contracts"]
    contracts[0]["policy"]["environments"] = [{"environment": "staging", "retry": {"max_retries": 9}}]
    revisions.save_section(draft, "contracts", contracts, by=ann, if_match=draft.etag)
    migration = importlib.import_module("registry.migrations.0010_calls")
    columns = ("revision", *migration.NUMBERS)
    before = list(IndexedContract.objects.order_by("id").values(*columns))
    assert len(before) == 2
    assert before[1]["environments"] == {"staging": {"attempts": 10, "longest_ms": 27_400}}
    IndexedContract.objects.update(
        attempts=None, longest_ms=None, total_ms=None, environments={}, is_compared=False, criticality=""
    )
    migration.index_numbers(apps, None)
    assert list(IndexedContract.objects.order_by("id").values(*columns)) == before


@given(records())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_record_is_read_from_the_index_as_it_tells_itself(draft: Revision, record: DesignRecord) -> None:
    """What others see of a record is what it says, as far as its items have names of their own."""
    kept = documents.parse(documents.dump(record))
    revisions.write(draft.integration, draft, kept, at=draft.updated_at)
    draft.integration.save()
    told = facts(kept, Owner("orders-to-payments", "0.1", "draft"))
    elsewhere = facts(kept, Owner("elsewhere", "0.1", "draft"))
    around = landscape.around(elsewhere)

    def plain(each: Any) -> dict[str, Any]:
        return asdict(each) | {"path": ""}

    seen = [each for each in around.networks[0].numbers if each.owner.slug == "orders-to-payments"]
    assert [plain(each) for each in seen] == [plain(each) for each in told.calls if each.is_call]
