"""As your library reads it: the page for authors, the fold for reviewers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry.dialects import DIALECTS, find
from registry.models import Environment, Integration, Person, Review, Revision
from registry.services import integrations, revisions
from tests.console.browsing import text

PAGE = reverse("dialects", args=["orders-to-payments"])


def one(name: str) -> str:
    return reverse("dialect", args=["orders-to-payments", name])


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def test_every_library_is_listed_with_what_it_does_otherwise(by_ann: Client, approved: Integration) -> None:
    page = by_ann.get(PAGE)
    told = text(page)
    assert all(each.label in told for each in DIALECTS)
    assert "Production: release" in told
    assert ".NET (Http.Resilience) At once nothing Retry on statuses, Connect timeout, Read timeout, Rate limit" in told
    assert "gRPC service config Carries none of these contracts" in told


def test_of_two_productions_pages_open_on_the_first(by_ann: Client, approved: Integration) -> None:
    """Settings are read where most run, and not where they were brought last."""
    Environment.objects.create(slug="belgium", name="Belgium", position=9, is_production=True)
    assert "Production: release" in text(by_ann.get(PAGE))
    assert "Settings in Production" in text(by_ann.get(reverse("live", args=["orders-to-payments"])))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_a_library_has_its_losses_its_file_and_how_to_take_it_in(
    by_ann: Client, approved: Integration, dialect: Any
) -> None:
    page = by_ann.get(one(dialect.name))
    assert page.status_code == 200
    reading = page.context["reading"]
    assert all(each.instead in text(page) for each in reading.grave)
    download = by_ann.get(f"{one(dialect.name)}file/")
    assert download.content.decode() == reading.rendering.text
    ending = f'filename="orders-to-payments-production-{dialect.name}{dialect.ending}"'
    assert ending in download["Content-Disposition"]


def test_a_draft_is_read_before_anything_of_it_is_served(by_ann: Client, approved: Integration, ann: Person) -> None:
    draft = revisions.start_draft(approved, by=ann)
    document = draft.document
    document["contracts"][0]["policy"]["circuit_breaker"]["minimum_calls"] = 1
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    served, drafted = by_ann.get(one("dotnet")), by_ann.get(f"{one('dotnet')}?revision=1.1")
    assert "Refused" not in text(served)
    assert "Refused Minimum calls: 1 .NET refuses less than 2: the file says 2." in text(drafted)
    assert "version 1.1, as written" in text(drafted)


def test_the_environment_is_chosen(by_ann: Client, approved: Integration) -> None:
    assert "payments.staging.example.com" in text(by_ann.get(f"{one('envoy')}?environment=staging"))


@pytest.mark.parametrize("query", ["?environment=none", "?revision=9.9", "?revision=x", "?environment=%00"])
def test_what_there_is_not_is_not_found(by_ann: Client, approved: Integration, query: str) -> None:
    assert by_ann.get(PAGE + query).status_code == 404
    assert by_ann.get(one("envoy") + query).status_code == 404


def test_an_unknown_library_is_not_found(by_ann: Client, approved: Integration) -> None:
    assert find("cobol") is None
    assert by_ann.get(one("cobol")).status_code == 404
    assert by_ann.get(f"{one('cobol')}file/").status_code == 404


def test_an_integration_without_contracts_says_what_belongs_there(
    by_ann: Client, approved: Integration, ann: Person
) -> None:
    integrations.create(name="Empty", slug="empty", document={}, by=ann)
    assert "There is no contract yet" in text(by_ann.get(reverse("dialects", args=["empty"])))


def test_without_environments_there_is_nothing_to_read(by_ann: Client, ann: Person, db: None) -> None:
    integrations.create(name="Alone", slug="alone", document={}, by=ann)
    assert not Environment.objects.exists()
    assert "There are no environments" in text(by_ann.get(reverse("dialects", args=["alone"])))
    assert by_ann.get(reverse("dialect", args=["alone", "envoy"])).status_code == 404


def test_reviewers_see_what_libraries_make_of_the_text(
    client: Client, cora: Person, draft: Revision, review: Review, sign: Callable[..., None]
) -> None:
    client.force_login(cora)
    page = client.get(reverse("review", args=["orders-to-payments"]))
    told = text(page)
    assert "What libraries make of it" in told
    assert "Kong At once nothing Retry on statuses, Delays, Attempt timeout" in told
    # None of its contracts is over gRPC.
    assert "gRPC service config" not in told
    link = page.content.decode().split('href="/integrations/orders-to-payments/libraries/kong/')[1].split('"')[0]
    assert client.get(f"{one('kong')}{link}").status_code == 200
