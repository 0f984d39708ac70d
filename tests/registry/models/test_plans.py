"""No filter and no order of a long list reads a whole table: each has an index to go by.

A few rows are cheapest read as they lie, so the planner is asked not to; what it still reads whole has no index.
"""

import re
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from registry.models import NOBODY, Integration, Person, keyset_values
from registry.models import topics as described
from registry.models.topics import declarations, event_declarations

LONG = "integration|revision|indexed[a-z]*|tagging"
FILTERS: dict[str, tuple[dict[str, str], str]] = {
    # what is asked, and the index that finds it
    "state": ({"state": "active"}, "integration_of_state"),
    "draft": ({"revision_state": "draft"}, "revision_one_open"),
    "type": ({"type": "synchronous"}, "integration_of_type"),
    "criticality": ({"criticality": "critical"}, "integration_of_criticality"),
    "errors": ({"findings": "error"}, "integration_with_errors"),
    "warnings": ({"findings": "warning"}, "integration_with_warnings"),
    "neither": ({"findings": "none"}, "integration_by_findings"),
    "rule": ({"finding": "no-such-rule"}, "indexed_finding_by_code"),
    "tag": ({"tag": "pci"}, "tagging_by_tag"),
    "nobody": ({"owner": NOBODY}, "integration_of_owner"),
    "team": ({"team": "checkout"}, "indexed_party_by_team"),
    "system": ({"system": "order-service", "role": "consumer"}, "indexed_party_by_system"),
}
FORGET = """
    SELECT pg_clear_relation_stats(held.relnamespace::regnamespace::text, relname),
        pg_clear_attribute_stats(held.relnamespace::regnamespace::text, relname, attname, false)
    FROM pg_class held JOIN pg_attribute ON attrelid = held.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relname ~ %s
"""
ORDERS = ["name", "criticality_rank", "findings_rank", "created_at", "updated_at"]


@pytest.fixture
def many(ann: Person) -> None:
    """Rows enough for statistics."""
    now = timezone.now()
    Integration.objects.bulk_create(
        Integration(
            slug=f"i-{n}",
            name=f"Name {n}",
            state="proposed",
            created_by=ann,
            created_at=now,
            updated_at=now,
            errors=n % 2,
        )
        for n in range(300)
    )
    with connection.cursor() as cursor:
        # What other tests left known of these tables outlives their rows, and would choose among indexes.
        if connection.pg_version >= 180_000:  # type: ignore[attr-defined]
            cursor.execute(FORGET, [f"registry_({LONG})$"])
        cursor.execute("ANALYZE registry_integration; SET LOCAL enable_seqscan = off; SET LOCAL jit = off")


def read_whole(found: Any) -> set[str]:
    """The long tables a query reads from end to end."""
    return set(re.findall(rf"Seq Scan on (registry_(?:{LONG}))\b", found.explain()))


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_an_index(many: None, name: str) -> None:
    asked, index = FILTERS[name]
    found = Integration.objects.listing(**asked)
    assert read_whole(found.with_tags().order_by("name", "id")[:51]) == set()
    assert index in found.order_by().values("pk").explain()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_an_order_has_an_index_and_nothing_is_sorted(many: None, order: str, sign: str) -> None:
    found = Integration.objects.listing().order_by(f"{sign}{order}", f"{sign}id")[:51]
    assert read_whole(found) == set()
    assert not re.search(r"Sort Key: registry_integration", found.explain())


@pytest.mark.parametrize(
    "asked", [{}, {"q": "orders"}, {"producer": "order-service"}, {"kind": "queue", "broker": "x"}], ids=str
)
def test_topics_are_found_by_index(many: None, asked: dict[str, str]) -> None:
    assert read_whole(described.topics(**asked).order_by("name").values("name").distinct()[:51]) == set()


@pytest.mark.parametrize("asked", [{}, {"q": "orders"}, {"publisher": "x"}, {"consumer": "x"}], ids=str)
def test_events_are_found_by_index(many: None, asked: dict[str, str]) -> None:
    assert read_whole(described.events(**asked).order_by("type").values("type").distinct()[:51]) == set()


def test_pages_of_names_that_are_none_are_empty(db: None) -> None:
    assert keyset_values(described.topics(), field="name").rows == []
    assert declarations("x") == []
    assert event_declarations("x") == []
