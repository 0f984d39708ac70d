"""The page and the dialog of the search: what they show, and that each link leads to the very field."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry.demo import files
from registry.models import Integration, Person, Release, SearchEntry
from registry.services import integrations, labels
from tests.console.browsing import text

DIALOG = {"HX-Request": "true", "HX-Target": "jump-found"}


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def links(page: Any) -> list[str]:
    content = page.content.decode().split("<main", 1)[-1].split("<footer", 1)[0]
    return [unescape(each) for each in re.findall(r'<a class="row-link[^"]*" href="([^"]+)"', content)]


def test_what_was_found_is_grouped_marked_and_linked(approved: Integration, by_ann: Client) -> None:
    page = by_ann.get(reverse("search"), {"q": "create"})
    assert links(page) == ["/integrations/orders-to-payments/#contract-1-operation-1"]
    assert "Operations 1 POST /payments Orders to payments › Contracts › payments-api Name: create -payment" in text(
        page
    )
    assert "<mark>create</mark>-payment" in page.content.decode()


@pytest.mark.parametrize(
    ("asked", "link"),
    [
        ("orders in:integrations", "/integrations/orders-to-payments/"),
        ("order-service in:systems", "/systems/order-service/"),
        ("checkout in:teams", "/teams/checkout/"),
        ("staging in:environments", "/environments/staging/"),
        ("pci in:tags", "/integrations/?tag=pci-dss"),
        ("zoe in:people", "/trail/?actor=zoe"),
        ("orders 1.0 in:revisions", "/integrations/orders-to-payments/?revision=1.0"),
    ],
)
def test_each_kind_leads_to_its_page(approved: Integration, by_ann: Client, ann: Person, asked: str, link: str) -> None:
    labels.tag([approved.pk], ["pci-dss"], by=ann)
    assert links(by_ann.get(reverse("search"), {"q": asked})) == [link]
    assert by_ann.get(link).status_code == 200


def test_an_etag_leads_to_where_it_is_served(approved: Integration, by_ann: Client) -> None:
    release = Release.objects.get(environment__slug="staging")
    page = by_ann.get(reverse("search"), {"q": release.etag})
    assert links(page) == ["/integrations/orders-to-payments/live/?environment=staging"]


def test_a_request_id_leads_to_its_acts(approved: Integration, by_ann: Client) -> None:
    by_ann.post(reverse("draft-new", args=[approved.slug]), headers={"X-Request-ID": "0f3a-4711-incident"})
    page = by_ann.get(reverse("search"), {"q": "0f3a-4711-incident"})
    assert links(page) == ["/trail/?request=0f3a-4711-incident"]
    assert "revision.started" in text(by_ann.get(links(page)[0]))
    assert "revision.started" not in text(by_ann.get(reverse("trail"), {"request": "another"}))


@pytest.mark.parametrize("story", files.stories(), ids=lambda each: each.slug)
def test_every_link_into_a_document_leads_somewhere(by_ann: Client, ann: Person, story: files.Story) -> None:
    made = integrations.create(name=story.name, slug=story.slug, document=story.steps[-1].document, by=ann)
    page = by_ann.get(reverse("integration", args=[story.slug])).content.decode()
    places = re.findall(r'\bid="([^"]+)"', page)
    assert len(places) == len(set(places))
    anchors = set()
    for each in SearchEntry.objects.filter(integration=made):
        anchors |= {each.anchor, *(anchor for _, anchor, _ in each.lines)}
    assert anchors - {""} <= set(places)


def test_what_was_found_cannot_break_the_page(by_ann: Client, ann: Person) -> None:
    evil = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"
    document = {"overview": {"purpose": evil}, "topics": [{"name": evil}], "events": [{"name": evil, "type": evil}]}
    integrations.create(name=evil, slug="evil", document=document, by=ann)
    for headers in ({}, DIALOG):
        page = by_ann.get(reverse("search"), {"q": f"script alert {evil}"}, headers=headers)
        content = page.content.decode()
        assert "<mark>script</mark>" in content
        assert "<script>alert" not in content
        assert "<img src" not in content


def test_the_dialog_is_answered_with_choices_alone(approved: Integration, by_ann: Client) -> None:
    content = by_ann.get(reverse("search"), {"q": "payment"}, headers=DIALOG).content.decode()
    assert "<html" not in content
    assert content.count('role="option"') > 4
    assert len(re.findall(r'id="([^"]+)"', content)) == len(set(re.findall(r'id="([^"]+)"', content)))
    assert 'href="/search/?q=payment"' in content


def test_typing_in_the_page_answers_only_what_was_found(approved: Integration, by_ann: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "search-found"}
    content = by_ann.get(reverse("search"), {"q": "payment"}, headers=headers).content.decode()
    assert "<html" not in content
    assert "Orders to <mark>payments</mark>" in content


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", "also finds payments-api and createPayment"),
        ("💥", "Nothing is asked yet"),
        ("zzqqxx", "Nothing found Every word must be found in one place or in the name of its integration."),
        ("zzqqxx in:errors", "Try fewer words or a part of one, everywhere ."),
        ("zzqqxx team:checkout -a", "no filters , or without the words you left out ."),
        ("pyaments", "No word begins with “pyaments”. This is what was found for “payments”."),
        ("payments type:magic", "type: takes synchronous, asynchronous, bidirectional, file_based. It was left out."),
    ],
)
def test_the_page_says_what_to_try(approved: Integration, by_ann: Client, asked: str, told: str) -> None:
    assert told.replace(" ,", ",").replace(" .", ".") in text(by_ann.get(reverse("search"), {"q": asked})).replace(
        " ,", ","
    ).replace(" .", ".")


def test_of_many_the_rest_is_one_link_away(by_ann: Client, ann: Person) -> None:
    topics = [{"name": f"payments.{number:03}"} for number in range(120)]
    integrations.create(name="Many", slug="many", document={"topics": topics}, by=ann)
    page = by_ann.get(reverse("search"), {"q": "payments"})
    assert "Topics 100 or more" in text(page)
    assert 'href="/search/?q=payments+in%3Atopics"' in page.content.decode()
    page = by_ann.get("/search/?q=payments+in%3Atopics")
    assert len(links(page)) == 50
    assert "These are the best 50. Another word narrows it down." in text(page)
    assert 'href="/search/?q=payments"' in page.content.decode()


def test_the_box_in_the_bar_asks_for_everything(by_ann: Client) -> None:
    bar = by_ann.get(reverse("home")).content.decode().split("<main", 1)[0]
    assert re.search(r'<form class="bar-search"[^>]+action="/search/"', bar)


def test_a_list_without_a_match_leads_to_the_search(approved: Integration, by_ann: Client) -> None:
    page = by_ann.get(reverse("integrations"), {"q": "RATE LIMITED & more"})
    assert 'href="/search/?q=RATE%20LIMITED%20%26%20more"' in page.content.decode()
