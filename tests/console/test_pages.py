"""Every page that is read: what it costs, who may see it, and that it can be empty."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.listings import LISTINGS
from console.urls import urlpatterns
from registry.models import Integration, Person
from registry.services import integrations
from tests import landscape

Count = Callable[..., Any]

FULL = [
    # the page, and exactly what it asks of the database
    ("home", {}, "", 15),
    ("integrations", {}, "", 12),
    ("integrations", {}, "?q=payments&state=active&type=synchronous&team=payments", 12),
    ("integration", {"slug": "orders-to-payments"}, "", 7),
    ("integration", {"slug": "orders-to-payments"}, "?revision=1.0", 7),
    ("integration", {"slug": "orders-to-payments"}, "?revision=0.1", 9),
    ("paper", {"slug": "orders-to-payments"}, "?revision=1.0", 3),
    ("history", {"slug": "orders-to-payments"}, "", 9),
    ("diff", {"slug": "orders-to-payments"}, "?from=1.0&to=1.0", 4),
    ("restore", {"slug": "orders-to-payments"}, "?from=1.0", 5),
    ("live", {"slug": "orders-to-payments"}, "", 17),
    ("releases", {"slug": "orders-to-payments"}, "?environment=staging", 8),
    ("releases-diff", {"slug": "orders-to-payments"}, "?environment=staging&to=1", 7),
    ("board", {}, "", 9),
    ("board", {}, "?show=look", 7),
    ("dialects", {"slug": "orders-to-payments"}, "", 7),
    ("dialects", {"slug": "orders-to-payments"}, "?environment=staging&revision=1.0", 7),
    ("dialect", {"slug": "orders-to-payments", "name": "dotnet"}, "", 7),
    ("dialect-file", {"slug": "orders-to-payments", "name": "dotnet"}, "", 5),
    ("exports", {"slug": "orders-to-payments"}, "", 8),
    ("export", {"slug": "orders-to-payments", "name": "markdown"}, "", 7),
    ("search", {}, "", 2),
    ("search", {}, "?q=payments", 9),
    ("search", {}, "?q=pyaments", 12),
    ("landscape", {}, "", 11),
    ("landscape-mermaid", {}, "", 8),
    ("systems", {}, "", 10),
    ("system", {"slug": "order-service"}, "", 16),
    ("systems", {}, "?q=order&team=checkout&columns=tokens", 10),
    ("teams", {}, "", 9),
    ("team", {"slug": "checkout"}, "", 10),
    ("topics", {}, "", 6),
    ("topics", {}, "?q=orders&kind=topic&broker=kafka-main&producer=order-service", 6),
    ("events", {}, "?q=orders&publisher=order-service&consumer=x", 7),
    ("environments", {}, "", 6),
    ("environment", {"slug": "production"}, "", 6),
    ("environment", {"slug": "production"}, "?show=releases", 5),
    ("tags", {}, "", 3),
    ("list-views", {"page": "integrations"}, "", 4),
    ("trail", {}, "", 3),
    ("trail", {}, "?chain=orders-to-payments", 5),
    ("findings", {}, "", 5),
    ("findings", {}, "?rule=chain-retries&severity=warning", 5),
    ("rules", {}, "", 2),
    ("rules", {}, "?q=retry&severity=error", 2),
    ("rule", {"code": "retry-unsafe"}, "", 4),
    ("rule", {"code": "chain-retries"}, "", 4),
    ("dead-letters", {}, "", 4),
    ("redrives", {}, "", 5),
    ("brokers", {}, "", 4),
    ("integration-dead-letters", {"slug": "orders-to-payments"}, "", 8),
    ("account", {}, "", 8),
    ("notices", {}, "", 4),
    ("notices-count", {}, "", 3),
    ("approval-rules", {}, "", 4),
]


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


@pytest.mark.parametrize(("name", "where", "query", "queries"), FULL)
def test_a_page_asks_the_database_exactly_this_often(
    approved: Integration,
    by_ann: Client,
    django_assert_num_queries: Count,
    name: str,
    where: Any,
    query: str,
    queries: int,
) -> None:
    with django_assert_num_queries(queries):
        answer = by_ann.get(reverse(name, kwargs=where) + query)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "home",
        "integrations",
        "board",
        "landscape",
        "systems",
        "teams",
        "topics",
        "events",
        "environments",
        "tags",
        "trail",
        "dead-letters",
        "redrives",
        "brokers",
        "rules",
        "account",
        "notices",
    ],
)
def test_a_page_with_nothing_to_show_says_what_belongs_there(by_ann: Client, name: str) -> None:
    answer = by_ann.get(reverse(name))
    assert answer.status_code == 200
    if name not in {"rules"}:
        assert 'class="empty' in answer.content.decode()


@pytest.mark.parametrize("page", urlpatterns, ids=lambda page: str(page.name))
def test_nobody_sees_a_page_before_signing_in(client: Client, page: Any) -> None:
    given = {
        "slug": "x",
        "code": "x",
        "section": "overview",
        "role": "author",
        "key": 1,
        "page": "integrations",
        "format": "csv",
        "digest": "x",
        "upload": uuid.UUID(int=1),
        "source": 1,
        "job": 1,
        "letter": 1,
    }
    wanted = {name: given.get(name, "x") for name in page.pattern.converters}
    if page.name in {"sign-in", "theme"}:
        pytest.skip("for everybody")
    url = reverse(page.name, kwargs=wanted)
    answer = client.post(url) if page.name == "sign-out" else client.get(url)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


def test_the_list_costs_the_same_with_ten_rows_and_with_sixty(
    by_ann: Client, ann: Person, catalog: landscape.Catalog, django_assert_num_queries: Count
) -> None:
    for size in (10, 60):
        for number in range(Integration.objects.count(), size):
            integrations.create(name=f"Number {number:03}", slug=f"n-{number}", document=landscape.document(), by=ann)
        with django_assert_num_queries(12):
            by_ann.get(reverse("integrations"))


def test_pages_of_the_list_go_forth_and_back(by_ann: Client, ann: Person) -> None:
    for number in range(55):
        integrations.create(name=f"Number {number:03}", slug=f"n-{number}", by=ann)
    first = by_ann.get(reverse("integrations"))
    assert [row.name for row in first.context["page"].rows][::49] == ["Number 000", "Number 049"]
    second = by_ann.get(reverse("integrations"), {"cursor": first.context["page"].next})
    assert [row.name for row in second.context["page"].rows] == [f"Number {number:03}" for number in range(50, 55)]
    back = by_ann.get(reverse("integrations"), {"cursor": second.context["page"].previous})
    assert back.context["page"].rows == first.context["page"].rows


def test_typing_in_the_search_answers_only_the_rows(approved: Integration, by_ann: Client) -> None:
    answer = by_ann.get(
        reverse("integrations"), {"q": "payments"}, headers={"HX-Request": "true", "HX-Target": "found"}
    )
    page = answer.content.decode()
    assert "Orders to payments" in page
    assert "<html" not in page


ODD = [
    "\x00",
    "a" * 100_000,
    "'\"--%_\\",
    "<script>alert(1)</script>",
    "ﷺ" * 500,
    "\ud7ff",
    "-1",
    "ＮＵＬ",
    "() { :; }",
]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("search", ("q",)),
        *((each.page, (*each.filters, "order", "columns", "cursor")) for each in LISTINGS.values()),
        ("tags", ("cursor",)),
        ("redrives", ("cursor",)),
        ("environments", ("cursor",)),
        ("rules", ("q", "severity")),
        ("findings", ("rule", "severity", "cursor")),
        ("trail", ("chain", "kind", "actor", "subject", "request", "cursor")),
    ],
)
def test_odd_input_in_a_search_is_never_an_error_of_ours(
    approved: Integration, by_ann: Client, name: str, parameters: tuple[str, ...], text: str
) -> None:
    for parameter in parameters:
        answer = by_ann.get(reverse(name), {parameter: text})
        assert answer.status_code == (400 if parameter == "cursor" and text.strip("\x00") else 200), parameter
        assert "<script>alert" not in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/integrations/nothing/",
        "/integrations/nothing/history/",
        "/integrations/nothing/live/",
        "/integrations/%00/",
        "/integrations/orders-to-payments/?revision=9.9",
        "/integrations/orders-to-payments/?revision=x",
        "/integrations/orders-to-payments/?revision=1.99999999999999999999",
        "/integrations/orders-to-payments/diff/?from=%00&to=1.0",
        "/systems/nothing/",
        "/teams/%00/",
        "/environments/nothing/",
        "/rules/nothing/",
        "/nowhere/",
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(approved: Integration, by_ann: Client, path: str) -> None:
    answer = by_ann.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
