"""The list of a source's letters: what it is asked for stands in its address, in words, and in what is taken away."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from tests import letters
from tests.console.browsing import browse, text


@pytest.fixture
def by_ann(ann: Person) -> Client:
    return browse(ann)


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    at = letters.broker(production)
    return letters.source(approved, at, by=ops, masked=["email"], searchable=["tenant", "x-region", "a=b"])


@pytest.fixture
def wanted(source: DeadLetterSource, ann: Person) -> DeadLetter:
    """A letter that fits all that is asked for below, beside one that fits none of it."""
    letters.letter(source, died_at=timezone.now().replace(year=2020), message="Nothing")
    return letters.letter(
        source,
        error_class="HolidayError",
        event_type="order.placed",
        key=b"order-1",
        assignee=ann,
        message="Bank closed",
        facts={"tenant": "nl", "x-region": "eu west", "a=b": "c=d"},
    )


ASKED: dict[str, tuple[dict[str, str | list[str]], str]] = {
    "error": ({"error_class": "HolidayError"}, "Error: HolidayError"),
    "event": ({"event_type": "order.placed"}, "Event: order.placed"),
    "key": ({"ordering_key": "order-1"}, "Key: order-1"),
    "me": ({"assignee": "~me"}, "Assigned: me"),
    "somebody": ({"assignee": "ann"}, "Assigned: ann"),
    "age": ({"age": "under-1h"}, "Dead for: under an hour"),
    "moment": ({"since": "2021-01-01T00:00Z"}, "Died since: 2021-01-01T00:00Z"),
    "words": ({"q": "bank clo"}, "Holds: bank clo"),
    "fact": ({"fact": "tenant=nl"}, "tenant: nl"),
    "facts": ({"fact": ["tenant=nl", "a=b=c=d"]}, "a=b: c=d"),
    "a fact typed": ({"fact": "tenant=nl", "fact_name": "x-region", "fact_value": "eu west"}, "x-region: eu west"),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_is_asked_for_is_found_said_and_taken_away(
    source: DeadLetterSource, wanted: DeadLetter, by_ann: Client, case: str
) -> None:
    asked, words = ASKED[case]
    page = by_ann.get(reverse("letters", args=[source.pk]), asked)
    assert [each.pk for each in page.context["page"].rows] == [wanted.pk]
    assert f"{words} × , remove" in text(page)
    sheet = by_ann.get(reverse("letters-export", args=[source.pk, "json"]), asked)
    assert [each["id"] for each in json.loads(b"".join(sheet))] == [wanted.pk]
    again = by_ann.get(f"{reverse('letters', args=[source.pk])}?{page.context['asked'].query}")
    assert again.context["asked"] == page.context["asked"]
    assert [each.pk for each in again.context["page"].rows] == [wanted.pk]


def test_a_filter_is_taken_away_and_the_others_stay(
    source: DeadLetterSource, wanted: DeadLetter, by_ann: Client
) -> None:
    asked = {"fact": ["tenant=nl", "x-region=eu west"], "q": "bank & co", "assignee": "~nobody"}
    chips = dict(by_ann.get(reverse("letters", args=[source.pk]), asked).context["chips"])
    assert chips == {
        "Holds: bank & co": "assignee=~nobody&fact=tenant%3Dnl&fact=x-region%3Deu+west",
        "Assigned: nobody": "q=bank+%26+co&fact=tenant%3Dnl&fact=x-region%3Deu+west",
        "tenant: nl": "q=bank+%26+co&assignee=~nobody&fact=x-region%3Deu+west",
        "x-region: eu west": "q=bank+%26+co&assignee=~nobody&fact=tenant%3Dnl",
    }


def test_a_fact_that_is_asked_for_has_a_column(source: DeadLetterSource, wanted: DeadLetter, by_ann: Client) -> None:
    DeadLetter.objects.filter(pk=wanted.pk).update(facts={"tenant": "<b>", "x-region": "eu"})
    page = by_ann.get(reverse("letters", args=[source.pk]), {"fact": "tenant=<b>"}).content.decode()
    assert '<th scope="col">tenant</th>' in page
    assert '<td class="break" data-label="tenant">&lt;b&gt;</td>' in page
    assert "x-region</th>" not in page


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"state": "lost"}, "state"),
    ({"age": "old"}, "age"),
    ({"since": "yesterday"}, "since"),
    ({"group": "x"}, "group"),
    ({"q": "ab"}, "q"),
    ({"fact": "order=1"}, "facts.order"),
    ({"fact": "tenant"}, "facts.tenant"),
    ({"fact_name": "tenant"}, "facts.tenant"),
    ({"fact_value": "nl"}, "fact_name"),
    ({"error_class": "\x07"}, "error_class"),
]


@pytest.mark.parametrize(("asked", "field"), REFUSED)
def test_what_cannot_be_asked_for_is_named(
    source: DeadLetterSource, wanted: DeadLetter, by_ann: Client, asked: dict[str, str], field: str
) -> None:
    page = by_ann.get(reverse("letters", args=[source.pk]), asked)
    assert [each.path for each in page.context["problems"]] == [field]
    assert (page.context["page"].rows, page.status_code) == ([], 200)
    if "q" not in asked:
        assert by_ann.get(reverse("letters-export", args=[source.pk, "json"]), asked).status_code == 400


def test_what_is_hidden_is_neither_offered_nor_found(source: DeadLetterSource, by_ann: Client) -> None:
    """Even where it stands among what is searchable, as it could if both were changed at once."""
    DeadLetterSource.objects.update(searchable=["tenant", "email"])
    letter = letters.letter(source, facts={"email": "cora@example.com", "tenant": "nl"})
    shown = text(by_ann.get(reverse("letter", args=[letter.pk])))
    assert ("tenant nl" in shown, "cora@example.com" in shown) == (True, False)
    page = by_ann.get(reverse("letters", args=[source.pk]))
    assert page.context["menus"]["fact_names"] == ["tenant"]
    asked = by_ann.get(reverse("letters", args=[source.pk]), {"fact": "email=cora@example.com"})
    assert [each.path for each in asked.context["problems"]] == ["facts.email"]
    assert asked.context["page"].rows == []


def test_what_filters_offer_is_what_there_is(source: DeadLetterSource, wanted: DeadLetter, by_ann: Client) -> None:
    offered = by_ann.get(reverse("letters", args=[source.pk]), {"assignee": "zoe"}).context["menus"]
    assert list(offered["errors"]) == ["HolidayError", "TimeoutError"]
    assert offered["assignees"] == [("zoe", "zoe"), ("~me", "Me"), ("~nobody", "Nobody"), ("ann", "Ann Archer")]


def test_a_redrive_of_all_that_fit_says_what_they_are_chosen_by(
    source: DeadLetterSource, wanted: DeadLetter, oncall: Person
) -> None:
    client, address = browse(oncall), reverse("redrive-new", args=[source.pk])
    page = client.get(address, {"fact": "tenant=nl", "assignee": "ann", "q": "bank"})
    assert page.context["plan"].total == 1
    assert page.context["chosen"] == [("Assigned", "ann"), ("Holds", "bank"), ("tenant", "nl")]
    assert client.get(address, {"fact": "email=x"}).status_code == 400


def test_a_page_costs_the_same_for_one_filter_and_for_all(
    source: DeadLetterSource, wanted: DeadLetter, by_ann: Client, django_assert_num_queries: Any
) -> None:
    address = reverse("letters", args=[source.pk])
    with django_assert_num_queries(8):
        by_ann.get(address, {"ordering_key": "order-1", "assignee": "ann", "state": "open"})
    # A transaction with a limit of its own, and two looks.
    for asked in ({"q": "bank"}, {"fact": "tenant=nl"}, {"error_class": "HolidayError", "event_type": "order.placed"}):
        with django_assert_num_queries(13):
            by_ann.get(address, asked)


def test_rows_are_marked_without_a_script_and_all_at_once_with_one(
    source: DeadLetterSource, wanted: DeadLetter, by_ann: Client, oncall: Person
) -> None:
    address = reverse("letters", args=[source.pk])
    page = browse(oncall).get(address).content.decode()
    assert page.count('<td class="choose"><input type="checkbox" name="letter"') == 2
    # Without the script that serves it, it is not there.
    assert '<input type="checkbox" aria-label="Choose all on this page" data-page hidden>' in page
    assert "data-chooses" in page
    assert "data-chooses" not in by_ann.get(address).content.decode()
