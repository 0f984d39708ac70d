"""The page that asks before all letters that fit are archived, parked, opened, taken or discarded."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import letters as acts
from registry.services import sweeps
from tests import letters
from tests.console.browsing import browse, form, text


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    return letters.source(approved, letters.broker(Environment.objects.get(slug="production")), by=ops)


@pytest.fixture
def client(oncall: Person) -> Client:
    return browse(oncall)


def address(source: DeadLetterSource, **query: Any) -> str:
    return reverse("letters-all", args=[source.pk], query=query)


def test_all_of_a_group_are_archived_once_it_was_said_how_many(
    source: DeadLetterSource, client: Client, django_assert_num_queries: Any
) -> None:
    for error in ("TimeoutError", "TimeoutError", "ValueError"):
        group = letters.letter(source, error_class=error).group_id
    group = DeadLetter.objects.earliest("pk").group_id
    where = address(source, group=group)
    linked = client.get(reverse("letters", args=[source.pk]), {"group": group}).content.decode()
    assert where in linked
    with django_assert_num_queries(11):
        page = client.get(where)
    assert "Archive 2 letters All that died of TimeoutError, not only those on a page." in text(page)
    assert "Open 2 Archived" in text(page)
    sent = form(page)
    refused = client.post(where, sent | {"why": ""})
    assert (refused.status_code, "why: is missing" in text(refused)) == (400, True)
    letters.letter(source, error_class="TimeoutError")
    done = client.post(where, sent | {"why": "Sold out"}, follow=True)
    assert "2 letters are archived." in text(done)
    assert list(source.letters.order_by("pk").values_list("state", flat=True)) == ["archived"] * 2 + ["open"] * 2
    assert "None of them is left" in text(client.post(where, sent | {"why": "Again"}))


def test_where_more_fit_than_are_done_at_once_one_is_asked_again(
    source: DeadLetterSource, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "MOST_AT_ONCE", 2)
    for _ in range(3):
        letters.letter(source)
    where = address(source, act="take")
    page = client.get(where)
    again = client.post(where, form(page))
    assert again["Location"] == where
    assert "None of them is left" in text(client.post(where, form(page)))
    assert "1 letter is assigned to you." in text(client.post(where, form(client.get(where)), follow=True))


def test_discarding_many_says_that_it_takes_two_and_how(
    source: DeadLetterSource, client: Client, cora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "MANY", 1)
    for _ in range(2):
        letters.letter(source)
    page = client.get(address(source, act="discard"))
    assert "Nothing to discard" in text(page)
    assert "Two people discard these: they are more than 1." in text(page)
    assert f'href="{address(source, act="archive")}">Archive them first' in page.content.decode()
    assert "Open 2 Stay as they are: nobody archived them" in text(page)
    assert client.post(address(source, act="discard"), {"count": 2, "newest": 9**9, "why": "x"}).status_code == 409
    assert not source.letters.exclude(state="open").exists()


def test_what_cannot_be_asked_for_does_nothing(source: DeadLetterSource, client: Client, mallory: Person) -> None:
    letters.letter(source)
    assert client.get(address(source, act="explode")).status_code == 404
    assert client.get(address(source, since="yesterday"))["Location"].endswith("?since=yesterday")
    for odd in ({}, {"count": "x", "newest": "\x00"}, {"count": "9" * 40, "newest": "-1", "last": "9" * 40}):
        assert client.post(address(source), {"why": "x", **odd}).status_code == 409
    other = browse(mallory)
    assert other.get(address(source)).status_code == other.post(address(source), {"why": "x"}).status_code == 403
    assert source.letters.get().state == "open"
