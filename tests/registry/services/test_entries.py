"""What search looks through follows records and catalog, and a save touches only what it changed."""

import io
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

from registry.models import Integration, Person, Revision, SearchEntry, SearchWord
from registry.record import documents
from registry.services import catalog as catalogs
from registry.services import entries, revisions
from tests import landscape


def kept() -> dict[tuple[int | None, str], tuple[int, str]]:
    rows = SearchEntry.objects.values_list("integration", "pointer", "pk", "digest")
    return {(integration, pointer): (key, digest) for integration, pointer, key, digest in rows}


def words() -> set[str]:
    return set(SearchWord.objects.values_list("text", flat=True))


@pytest.fixture
def changed(draft: Revision, ann: Person) -> Revision:
    """One operation's summary is written, and one error row taken out."""
    document = landscape.document()
    document["contracts"][0]["operations"][0]["summary"] = "Reserve the amount."
    del document["contracts"][0]["errors"][0]
    return revisions.save(draft, document, by=ann, if_match=draft.etag)


def test_a_save_writes_only_the_entries_it_changed(draft: Revision, ann: Person, request: Any) -> None:
    before = kept()
    request.getfixturevalue("changed")
    after = kept()
    different = {pointer for (_, pointer), row in after.items() if before.get((draft.integration_id, pointer)) != row}
    api = "contracts[payments-api]"
    moved = {f"{api}.errors[{status}]" for status in ("401", "429", "500", "502/503")}
    assert {pointer for _, pointer in before.keys() - after.keys()} == {f"{api}.errors[400]"}
    # The errors below the one that is gone stand one row higher now, and so do their links.
    assert different - {pointer for _, pointer in before if _ is None} == moved | {f"{api}.operations[create-payment]"}
    assert {before[key][0] for key in before.keys() & after.keys()} == {after[key][0] for key in after}


def test_entries_cost_one_query_where_nothing_changed_and_at_most_four(
    draft: Revision, ann: Person, django_assert_num_queries: Any
) -> None:
    integration, record = draft.integration, draft.record
    with django_assert_num_queries(1):
        entries.rewrite(integration, record)
    changed = documents.parse(landscape.document(contracts=[], consistency={"notes": "Zebras lag."}))
    # What is kept, what is gone, what is new, and its words.
    with django_assert_num_queries(4):
        entries.rewrite(integration, changed)


def test_words_are_learnt_once(draft: Revision, ann: Person) -> None:
    assert {"payments", "validation", "checkout", "order"} <= words()
    count = SearchWord.objects.count()
    revisions.save_section(draft, "consistency", {"notes": "Payments and zebras."}, by=ann, if_match=draft.etag)
    assert SearchWord.objects.count() == count + 2
    assert {"zebras", "consistency", "notes", "and"} & words() == {"zebras", "consistency", "and"}


def test_the_catalog_is_found_as_it_is_now(catalog: landscape.Catalog, ada: Person) -> None:
    catalogs.save_system(slug="order-service", name="Orders", description="Keeps orders.", by=ada)
    entry = SearchEntry.objects.get(pointer="system/order-service")
    assert (entry.title, entry.lines) == (
        "Orders",
        [["Description", "", "Keeps orders."], ["Address", "", "order-service"]],
    )


def test_reindexing_brings_everything_back(approved: Integration, catalog: landscape.Catalog) -> None:
    def content() -> set[tuple[Any, ...]]:
        return {
            (each.integration_id, each.pointer, each.digest, str(each.vector)) for each in SearchEntry.objects.all()
        }

    before, known = content(), words()
    SearchEntry.objects.filter(kind="error").delete()
    SearchEntry.objects.filter(kind="contract").update(digest="", title="Wrong")
    SearchEntry.objects.create(kind="system", pointer="system/gone", title="Gone", lines=[], vector="", digest="")
    SearchWord.objects.all().delete()
    told = io.StringIO()
    call_command("reindex", stdout=told)
    assert content() == before
    assert told.getvalue().startswith(f"1 integrations: {len(before)} entries, ")
    SearchEntry.objects.all().delete()
    call_command("reindex", "orders-to-payments", stdout=told)
    assert content() == {each for each in before if each[0] is not None}
    assert known


def test_a_registry_from_before_is_filled_when_it_is_migrated(
    approved: Integration, catalog: landscape.Catalog
) -> None:
    from importlib import import_module

    before, known = {key: digest for key, (_, digest) in kept().items()}, words()
    SearchEntry.objects.all().delete()
    SearchWord.objects.all().delete()
    import_module("registry.migrations.0008_search_filled").fill(apps, None)
    assert {key: digest for key, (_, digest) in kept().items()} == before
    assert words() == known
