"""Long lists: found by words, filtered, and turned page by page."""

import base64
import contextlib
import json
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from registry.errors import Invalid
from registry.models import Contribution, Event, Integration, Page, Person, keyset
from registry.services import integrations, revisions
from tests import landscape


@pytest.fixture
def many(ann: Person) -> list[Integration]:
    """Twelve integrations, four names three times each, so that ties must be told apart."""
    now = timezone.now()
    return Integration.objects.bulk_create(
        Integration(
            slug=f"i-{n}", name=f"Name {n % 4}", search_text=f"name {n}", created_by=ann, created_at=now, updated_at=now
        )
        for n in range(12)
    )


def walk(order: str, size: int) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        page = keyset(Integration.objects.all(), order=order, cursor=cursor, size=size)
        pages.append([row.slug for row in page.rows])
        if not page.next:
            return pages
        cursor = page.next


@pytest.mark.parametrize("order", ["name", "-name", "updated_at", "-updated_at", "id", "-id"])
@pytest.mark.parametrize("size", [1, 5, 11, 12, 50])
def test_pages_show_every_row_once_in_order(many: list[Integration], order: str, size: int) -> None:
    tie = "-id" if order.startswith("-") else "id"
    expected = list(Integration.objects.order_by(*dict.fromkeys((order, tie))).values_list("slug", flat=True))
    pages = walk(order, size)
    assert [slug for page in pages for slug in page] == expected
    assert all(len(page) == size for page in pages[:-1])


@pytest.mark.parametrize("order", ["name", "-updated_at", "-id"])
def test_going_back_shows_the_page_one_came_from(many: list[Integration], order: str) -> None:
    first = _page(order, "")
    second = _page(order, first.next)
    third = _page(order, second.next)
    assert (first.previous, third.next) == ("", "")
    assert _page(order, third.previous).rows == second.rows
    assert _page(order, _page(order, third.previous).previous).rows == first.rows
    assert _page(order, _page(order, third.previous).previous).previous == ""
    assert _page(order, _page(order, second.previous).next).rows == second.rows


@pytest.mark.parametrize(
    "cursor", ["x", "ä", "W10", "WzEsMiwzXQ", "A" * 5_000, "\x00", "bnVsbA", "WyJuYW1lIixmYWxzZSwieCIsImEiXQ"]
)
@pytest.mark.django_db
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        keyset(Integration.objects.all(), order="name", cursor=cursor)


def test_a_cursor_of_another_order_is_refused(many: list[Integration]) -> None:
    with pytest.raises(Invalid):
        keyset(Integration.objects.all(), order="-id", cursor=_page("name", "").next)


@pytest.mark.django_db
def test_an_empty_list_has_one_empty_page() -> None:
    assert keyset(Integration.objects.all(), order="name") == Page([])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", True),
        ("ORDERS", True),
        ("customer money", True),
        ("order-service", True),
        ("payments-api", True),
        ("checkout", True),
        ("rders to pay", True),
        ("orders refund", False),
        ("100%", False),
        ("_", False),
        ("\x00", True),
        ("x" * 5_000, False),
    ],
)
def test_a_list_is_searched_by_every_word(integration: Integration, words: str, found: bool) -> None:
    assert list(Integration.objects.listing(search=words)) == [integration] * found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"state": "proposed"}, True),
        ({"state": "active"}, False),
        ({"revision_state": "draft"}, True),
        ({"revision_state": "approved"}, False),
        ({"type": "synchronous", "criticality": "low"}, True),
        ({"type": "file_based"}, False),
        ({"team": "checkout"}, True),
        ({"team": "platform"}, False),
        ({"system": "payment-service", "team": "payments", "search": "money"}, True),
        ({"system": "elsewhere"}, False),
        ({"state": "no such state"}, False),
    ],
)
def test_a_list_is_filtered(integration: Integration, asked: dict[str, str], found: bool) -> None:
    assert list(Integration.objects.listing(**asked)) == [integration] * found


def test_a_search_reads_the_index_of_words(many: list[Integration]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    plan = Integration.objects.listing(search="payments").order_by().explain()
    assert "integration_by_words" in plan


def test_a_list_takes_one_query_and_brings_both_revisions(
    approved: Integration, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        [(current, in_force)] = [(each.current, each.in_force) for each in Integration.objects.listing(search="orders")]
    assert current == in_force == approved.in_force


def test_my_drafts_are_those_i_began_or_wrote_in(
    draft: Any, ann: Person, ada: Person, mallory: Person, django_assert_num_queries: Any
) -> None:
    ada.groups.add(landscape.group_of("architects"))
    with django_assert_num_queries(1):
        assert [str(each.current) for each in Integration.objects.drafts_of(ann)] == ["0.1"]
    assert list(Integration.objects.drafts_of(ada)) == []
    draft = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ada, if_match=draft.etag)
    assert list(Integration.objects.drafts_of(ada)) == [draft.integration]
    assert list(Integration.objects.drafts_of(mallory)) == []
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    assert list(Integration.objects.drafts_of(ann)) == []


def test_the_trail_is_filtered(integration: Integration, ann: Person) -> None:
    integrations.create(name="Other", slug="other", by=ann)
    kinds = [each.kind for each in Event.objects.listing(actor="ann")]
    assert kinds == ["integration.created", "integration.created"]
    assert [each.chain for each in Event.objects.listing(chain="other")] == ["other"]
    assert Event.objects.listing(kind="team").count() == 3
    assert Event.objects.listing(subject="integration/other").count() == 1
    assert Contribution.objects.count() == 1


def _page(order: str, cursor: str) -> Page[Integration]:
    return keyset(Integration.objects.all(), order=order, cursor=cursor, size=4)


@pytest.mark.parametrize(
    ("order", "value"),
    [
        ("name", None),
        ("name", "\ud800"),
        ("name", "\x00"),
        ("updated_at", None),
        ("updated_at", "soon"),
        ("id", float("inf")),
    ],
)
def test_a_cursor_with_a_value_no_row_has_is_refused(many: list[Integration], order: str, value: Any) -> None:
    with pytest.raises(Invalid):
        list(keyset(Integration.objects.all(), order=order, cursor=cursor_of(order, value)).rows)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2020-01-01T00:00:00"])
def test_a_cursor_with_any_moment_breaks_nothing(many: list[Integration], value: str) -> None:
    with contextlib.suppress(Invalid):
        keyset(Integration.objects.all(), order="updated_at", cursor=cursor_of("updated_at", value))


def cursor_of(order: str, value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, False, value, 5]).encode()).decode().rstrip("=")


def test_lists_do_not_read_documents(approved: Integration, ann: Person, cora: Person) -> None:
    listed = Integration.objects.listing().get()
    assert listed.current is not None
    assert listed.current.get_deferred_fields() == {"document"}


def told(*acts: tuple[str, Person, str]) -> None:
    for kind, by, subject in acts:
        Event.objects.create(chain="c", actor=by, actor_name=by.name, kind=kind, subject=subject)


def folded() -> list[tuple[str, str, int]]:
    rows = keyset(Event.objects.listing().folded(), order="-id").rows
    return [(row.kind, row.actor_name, getattr(row, "saves", 0)) for row in rows]


def test_saves_of_one_person_in_a_row_are_told_as_one(ann: Person, zoe: Person) -> None:
    save, submit = "revision.saved", "revision.submitted"
    told((save, ann, "0.1"), (save, ann, "0.1"), (save, ann, "0.1"), (save, zoe, "0.1"), (save, ann, "0.1"))
    told((submit, ann, "0.1"), (submit, ann, "0.1"), (save, ann, "0.2"), (save, ann, "0.2"))
    assert folded() == [
        (save, ann.name, 2),
        (submit, ann.name, 1),
        (submit, ann.name, 1),
        (save, ann.name, 1),
        (save, zoe.name, 1),
        (save, ann.name, 3),
    ]


def test_folded_pages_lead_on_without_gaps_or_repeats(ann: Person, zoe: Person) -> None:
    for turn in range(30):
        told(*[("revision.saved", (ann, zoe)[turn % 2], "0.1")] * (turn % 4 + 1))
    whole = [row.pk for row in Event.objects.listing().folded()]
    pages, cursor = [], ""
    while True:
        page = keyset(Event.objects.listing().folded(), order="-id", cursor=cursor, size=7)
        pages += [row.pk for row in page.rows]
        cursor = page.next
        if not cursor:
            break
    assert (pages, len(whole)) == (whole, 30)
    assert sum(getattr(row, "saves", 0) for row in Event.objects.listing().folded()) == Event.objects.count()
