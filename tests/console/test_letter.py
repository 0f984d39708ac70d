"""One dead letter: what it holds, what was mended in it, and what became of it."""

import json
from typing import Any

import pytest
from django.urls import reverse

from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import edits
from registry.services.masks import HIDDEN
from tests import letters
from tests.console.browsing import browse, text

SECRET = "cora@example.com"


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops, place="orders.events.dead", masked=["email"])


@pytest.fixture
def letter(source: DeadLetterSource) -> DeadLetter:
    body = json.dumps({"email": SECRET, "total": "83,96", "note": "\u202egnp"}, ensure_ascii=False).encode()
    return letters.letter(source, body=body, headers=[("tenant", "blue"), ("gone", "x"), ("email", SECRET)])


def page(letter: DeadLetter, by: Person) -> Any:
    return browse(by).get(reverse("letter", args=[letter.pk]))


def mended(letter: DeadLetter, by: Person, **more: Any) -> Any:
    body = {"email": HIDDEN, "total": 8396, "note": "\u202egnp"}
    headers = [("tenant", "green"), ("new", "1"), ("email", HIDDEN)]
    given: dict[str, Any] = {"body": json.dumps(body).encode(), "headers": headers, "reason": "Cents", "by": by}
    return edits.edit(letter, **given | more)


def test_an_edit_says_who_when_why_and_what(
    letter: DeadLetter, oncall: Person, ann: Person, django_assert_num_queries: Any
) -> None:
    mended(letter, oncall)
    client = browse(ann)
    with django_assert_num_queries(14):
        shown = client.get(reverse("letter", args=[letter.pk]))
    said = text(shown)
    assert "Mended 1 Otto Oncall just now , against the letter as it came Sent so" in said
    for each in ("Changed: Header tenant blue → green", "Added: Header new 1", "Removed: Header gone x"):
        assert each in said
    assert "<del> &quot;total&quot;: <b>&quot;83,96&quot;</b>" in " ".join(shown.content.decode().split())
    assert SECRET not in shown.content.decode()
    assert "\u202e" not in shown.content.decode()


def test_that_a_hidden_value_became_another_is_said_without_it(letter: DeadLetter, oncall: Person, ann: Person) -> None:
    body = json.dumps({"email": "other@example.com", "total": "83,96", "note": "\u202egnp"}).encode()
    mended(letter, oncall, body=body, headers=[("tenant", "blue"), ("gone", "x"), ("email", "other@example.com")])
    shown = page(letter, ann)
    assert "Another hidden value at body/email ." in text(shown)
    assert "Changed: Header email Another hidden value." in text(shown)
    assert "@example.com" not in text(shown)


def test_of_many_edits_the_newest_are_compared(
    letter: DeadLetter, oncall: Person, django_assert_num_queries: Any
) -> None:
    for place in range(7):
        mended(letter, oncall, headers=[("tenant", str(place))])
    client = browse(oncall)
    with django_assert_num_queries(15):
        said = text(client.get(reverse("letter", args=[letter.pk])))
    assert said.count("Changed: Header tenant") == 5
    assert said.count("What it changed is not worked out here.") == 2


def test_a_long_body_is_not_compared(source: DeadLetterSource, oncall: Person) -> None:
    DeadLetterSource.objects.update(masked=[])
    letter = letters.letter(source, body=b"x" * 150_000)
    letter.source.refresh_from_db()
    mended(letter, oncall, body=b"x" * 149_999, headers=[])
    assert "It is changed, and too long to be compared here." in text(page(letter, oncall))
