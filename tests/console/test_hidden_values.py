"""What a source hides stands nowhere: not on a page, in a list, a search, a file, the API or a plan, whenever it was
hidden."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry.brokers import Found
from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    Environment,
    Integration,
    LetterWords,
    Person,
    RedriveJob,
)
from registry.services import integrations, ledger, payloads, sources, tokens
from registry.services.masks import HIDDEN
from tests import landscape, letters
from tests.console.browsing import browse, text
from tests.letters import taken
from tests.registry.services.redrives import redriving

KEY, SAID = "order-of-cora", "cora@example.com has no card"
MASKED = ["orderId", "dead-letter-reason"]
PLACES = (
    *("source", "letters", "filtered", "of-group", "letter", "letter-edit", "all", "plan", "redrive", "csv", "json"),
    *("api-list", "api-letter", "api-redrive"),
)


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=redriving.document("orders.events"), by=ann
    )


def found(position: int, *, key: str = KEY, said: str = SAID) -> Found:
    headers = (("dead-letter-exception-class-name", "CardError"), ("dead-letter-reason", said))
    placed = timezone.now() - timedelta(hours=3 - position)
    return Found(f"{position}-1", json.dumps({"orderId": key}).encode(), headers, placed_at=placed)


def hide(source: DeadLetterSource, masked: list[str], *, by: Person) -> None:
    kept: dict[str, Any] = {"retention_days": 30, "max_redrives": 3, "unknown_policy": "", "returns_within_seconds": 60}
    sources.change(source, masked=masked, searchable=[], by=by, **kept)
    source.refresh_from_db()


@pytest.fixture
def source(approved: Integration, ann: Person) -> DeadLetterSource:
    return letters.source(approved, letters.broker(Environment.objects.get(slug="production")), by=ann)


@pytest.fixture(params=["before they come", "afterwards"])
def job(request: Any, source: DeadLetterSource, oncall: Person, paul: Person) -> RedriveJob:
    """Of a letter that was overtaken by another of its key."""
    if request.param == "before they come":
        hide(source, MASKED, by=paul)
    one, other = taken(source, found(1), found(2))
    for state in ("queued", "publishing", "published", "resolved"):
        ledger.move(other, state)
    made = redriving.begun(source, one, by=oncall)
    assert made.plan["overtaken"]["letters"] == 1
    if request.param == "afterwards":
        assert made.plan["overtaken"]["examples"] == [KEY]
        hide(source, MASKED, by=paul)
    return made


def address(place: str, job: RedriveJob) -> str:
    letter, source = DeadLetter.objects.get(state="open"), [job.source_id]
    query = {"group": letter.group_id}
    return {
        "source": reverse("source", args=source),
        "letters": reverse("letters", args=source),
        "filtered": reverse("letters", args=source, query={"q": "CardError"}),
        "of-group": reverse("letters", args=source, query=query),
        "letter": reverse("letter", args=[letter.pk]),
        "letter-edit": reverse("letter-edit", args=[letter.pk]),
        "all": reverse("letters-all", args=source, query=query),
        "plan": reverse("redrive-new", args=source, query=query),
        "redrive": reverse("redrive", args=[job.pk]),
        "csv": reverse("letters-export", args=[*source, "csv"]),
        "json": reverse("letters-export", args=[*source, "json"]),
        "api-list": f"/api/v1/dead-letters/{job.source_id}/letters",
        "api-letter": f"/api/v1/dead-letters/letters/{letter.pk}",
        "api-redrive": f"/api/v1/redrives/{job.pk}",
    }[place]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_hidden_is_shown_nowhere(place: str, job: RedriveJob, oncall: Person) -> None:
    client = browse(oncall)
    if place.startswith("api"):
        _, plain = tokens.issue_personal(name="laptop", person=oncall, by=oncall)
        client = Client(headers={"authorization": f"Bearer {plain}"})
    shown = client.get(address(place, job))
    assert shown.status_code == 200
    said = b"".join(shown.streaming_content) if shown.streaming else shown.content  # type: ignore[attr-defined]
    assert "CardError" in said.decode() or place in ("redrive", "letter-edit", "api-redrive")
    for each in (KEY, "cora", "no card"):
        assert each not in said.decode(), each


def test_nothing_is_found_by_what_is_hidden(job: RedriveJob, oncall: Person) -> None:
    client = browse(oncall)
    for name, value in (("q", "has no card"), ("q", KEY), ("ordering_key", KEY)):
        assert "None fits." in text(client.get(reverse("letters", args=[job.source_id], query={name: value})))
    letter = DeadLetter.objects.get(state="open")
    shown = text(client.get(reverse("letters", args=[job.source_id], query={"ordering_key": letter.ordering_key})))
    assert "CardError" in shown


def test_the_database_holds_it_nowhere_in_clear(job: RedriveJob) -> None:
    rows = [*DeadLetter.objects.values(), *DeadLetterGroup.objects.values(), *LetterWords.objects.values()]
    rows += RedriveJob.objects.values()
    assert not [each for each in rows if "cora" in str(each)]
    assert {each.message for each in DeadLetter.objects.all()} == {HIDDEN}


def test_letters_of_a_hidden_key_are_still_known_as_such(job: RedriveJob) -> None:
    source = job.source
    [more, other] = taken(source, found(3), found(4, key="order-of-paul"))
    keys = list(DeadLetter.objects.order_by("pk").values_list("ordering_key", flat=True))
    assert (len(set(keys[:3])), keys[3] == keys[0]) == (1, False)
    assert all(each.startswith(HIDDEN) and len(each) == len(HIDDEN) + 16 for each in keys)
    assert payloads.opened(more).body == b'{"orderId": "order-of-cora"}'
    assert other.group_id == more.group_id


def test_groups_stay_what_they_were_and_tell_hidden_causes_apart(job: RedriveJob) -> None:
    before = DeadLetter.objects.get(state="open")
    same, other = taken(job.source, found(3), found(4, said="The card is blocked"))
    assert same.group_id == before.group_id
    assert other.group_id != same.group_id
    assert {each.message for each in DeadLetterGroup.objects.all()} == {HIDDEN}


def test_another_sources_letters_and_another_column_stay_in_clear(
    source: DeadLetterSource, approved: Integration, paul: Person, ann: Person
) -> None:
    other = letters.source(approved, source.broker, by=ann)
    taken(source, found(1))
    taken(other, found(1))
    hide(source, ["dead-letter-reason"], by=paul)
    told = {each.source_id: (each.error_class, each.message, each.ordering_key) for each in DeadLetter.objects.all()}
    assert told == {source.pk: ("CardError", HIDDEN, KEY), other.pk: ("CardError", SAID, KEY)}


def test_what_a_nested_header_says_is_hidden_with_it(source: DeadLetterSource, paul: Person) -> None:
    table: Any = [{"reason": "rejected by cora", "queue": "orders", "count": 1}]
    message = Found("1-1", b"{}", (("x-death", table), ("ce_type", "cora.signed")))
    [before] = taken(source, message)
    hide(source, ["reason", "ce_type"], by=paul)
    [after] = taken(source, Found("2-1", message.body, message.headers))
    before.refresh_from_db()
    for each in (before, after):
        assert (each.reason, each.origin, each.event_type) == (HIDDEN, "orders", HIDDEN)
