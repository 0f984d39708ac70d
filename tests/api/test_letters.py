"""Dead letters and redrives by API: what is shown, done and refused, and what consumers report."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from django.utils import timezone

from api.letter_shapes import Age
from api.letters import FILTERS
from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Environment,
    IndexedParty,
    Integration,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import ledger, redrives, returns, sending
from registry.services.plans import AGES, Selector
from registry.services.routes import Route
from tests import letters
from tests.api.conftest import Issue, Speak, with_token

SOURCES = "/api/v1/dead-letters"
State = DeadLetter.State


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    at = letters.broker(production, slug="streams")
    return letters.source(approved, at, by=ops, place="orders.events.dead", masked=["email"])


def post(client: Any, address: str, **body: Any) -> Any:
    return client.post(address, body, content_type="application/json")


def sent(letter: DeadLetter, by: Person) -> RedriveAttempt:
    """The letter as it is once its broker has it."""
    now = timezone.now()
    job = RedriveJob.objects.create(
        source=letter.source,
        idempotency_key=str(letter.pk),
        selector={},
        reason="x",
        rate_per_minute=1,
        requested_by=by,
        requested_at=now,
    )
    item = RedriveItem.objects.create(job=job, letter=letter, position=1, state=RedriveItem.State.SENT, settled_at=now)
    for state in (State.QUEUED, State.PUBLISHING, State.PUBLISHED):
        ledger.move(letter, state)
    return RedriveAttempt.objects.create(
        item=item,
        letter=letter,
        number=1,
        fence=1,
        wire_id=letter.wire_id,
        state=RedriveAttempt.State.CONFIRMED,
        claimed_at=now,
        settled_at=now,
        lease_until=now,
    )


def test_sources_are_listed_with_what_was_last_seen(source: DeadLetterSource, speak: Speak, mallory: Person) -> None:
    DeadLetterSource.objects.update(depth=3)
    [told] = speak(mallory).get(SOURCES).json()["items"]
    assert told == {
        "id": source.pk,
        "integration": "orders-to-payments",
        "environment": "production",
        "broker": "streams",
        "topic": "orders.events",
        "place": "orders.events.dead",
        "mode": "cursor",
        "depth": 3,
        "oldest_at": None,
        "looked_at": None,
        "trouble": "",
    }


def test_letters_are_found_a_page_at_a_time(source: DeadLetterSource, speak: Speak, ann: Person) -> None:
    made = [letters.letter(source, error_class=name) for name in ("A", "B", "B")]
    ledger.move(made[2], State.PARKED)
    client, address = speak(ann), f"{SOURCES}/{source.pk}/letters"
    first = client.get(f"{address}?size=2").json()
    rest = client.get(first["next"]).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == [each.pk for each in reversed(made)]
    found = client.get(f"{address}?error_class=B&state=open").json()["items"]
    assert [(each["id"], each["state"], each["parent"]) for each in found] == [(made[1].pk, "open", None)]
    refused = client.get(f"{address}?state=lost")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "state")


def test_letters_are_found_by_what_is_known_of_them(
    approved: Integration, source: DeadLetterSource, speak: Speak, ann: Person
) -> None:
    DeadLetterSource.objects.update(searchable=["tenant", "a=b"])
    letters.letter(source, died_at=timezone.now().replace(year=2020))
    told = {"tenant": "nl", "a=b": "c=d"}
    wanted = letters.letter(
        source, error_class="E", event_type="order.placed", message="Bank closed", key=b"k", assignee=ann, facts=told
    )
    client, address = speak(ann), f"{SOURCES}/{source.pk}/letters"
    queries = [
        *(f"group={wanted.group_id}", "error_class=E", "event_type=order.placed", "ordering_key=k", "q=bank%20clo"),
        *("assignee=ann", "assignee=~me", "age=under-1h", "since=2021-01-01T00:00Z", f"wire_id={wanted.wire_id}"),
        *("fact=tenant=nl", "fact=tenant=nl&fact=a=b=c%3Dd"),
    ]
    for query in queries:
        [found] = client.get(f"{address}?{query}").json()["items"]
        assert (found["id"], found["assignee"]) == (wanted.pk, "ann"), query
    assert client.get(f"{address}?fact=tenant=nl&fact=a=b=e").json()["items"] == []
    letters.letter(source, facts=told)
    turned = client.get(f"{address}?fact=tenant=nl&fact=a=b=c%3Dd&size=1").json()["next"]
    assert [each["id"] for each in client.get(turned).json()["items"]] == [wanted.pk]


def test_what_letters_cannot_be_asked_for_is_named(source: DeadLetterSource, speak: Speak, ann: Person) -> None:
    client = speak(ann)
    refused = {
        "age=old": "age",
        "since=yesterday": "since",
        "group=x": "group",
        "q=ab": "q",
        "fact=order=1": "facts.order",
        "fact=email=cora@example.com": "facts.email",
        "cursor=x": "cursor",
    }
    for query, pointer in refused.items():
        answer = client.get(f"{SOURCES}/{source.pk}/letters?{query}")
        assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, [pointer]), query


def test_a_letter_is_shown_without_what_is_hidden(source: DeadLetterSource, speak: Speak, ann: Person) -> None:
    letter = letters.letter(
        source, body=b'{"order": 1, "email": "cora@example.com"}', headers=[("traceparent", "00-1")]
    )
    told = speak(ann).get(f"{SOURCES}/letters/{letter.pk}").json()
    assert (told["id"], told["wire_id"], told["payload"]["form"]) == (letter.pk, letter.wire_id, "json")
    assert told["payload"]["headers"] == [{"name": "traceparent", "value": "00-1", "hidden": False}]
    assert '"order": 1' in told["payload"]["body"]
    assert "cora@example.com" not in str(told)


def test_only_somebody_on_call_drafts_a_redrive(source: DeadLetterSource, speak: Speak, ann: Person) -> None:
    letter = letters.letter(source)
    asked = {"letters": [letter.pk], "reason": "Mended", "idempotency_key": "1"}
    assert post(speak(ann), f"{SOURCES}/{source.pk}/redrives", **asked).status_code == 403
    assert not RedriveJob.objects.exists()


def test_a_redrive_is_of_what_a_source_is_searched_by(source: DeadLetterSource, speak: Speak, oncall: Person) -> None:
    asked: dict[str, Any] = {"facts": {"email": "cora@example.com"}, "reason": "Mended", "idempotency_key": "1"}
    refused = post(speak(oncall), f"{SOURCES}/{source.pk}/redrives", **asked)
    assert [each["pointer"] for each in refused.json()["errors"]] == ["facts.email"]
    asked |= {"facts": {}, "q": "bank", "event_type": "order.placed", "ordering_key": "k", "assignee": "~me"}
    allowed = post(speak(oncall), f"{SOURCES}/{source.pk}/redrives", **asked)
    # It goes as far as the design, which does not name the topic.
    assert (allowed.status_code, "orders.events" in allowed.json()["detail"]) == (409, True)


@pytest.fixture
def served(source: DeadLetterSource, monkeypatch: pytest.MonkeyPatch) -> DeadLetterSource:
    """As if the design named the topic."""
    monkeypatch.setattr(Route, "refusal", "")
    return source


def test_a_redrive_is_drafted_by_whatever_letters_are_listed_by(
    served: DeadLetterSource, speak: Speak, oncall: Person
) -> None:
    DeadLetterSource.objects.update(searchable=["tenant"])
    now = timezone.now()
    letters.letter(served, died_at=now - timedelta(days=8), wire_id="old")
    told: dict[str, Any] = {"error_class": "E", "event_type": "order.placed", "facts": {"tenant": "nl"}}
    wanted = letters.letter(served, message="Bank closed", wire_id="evt-x", key=b"k", assignee=oncall, **told)
    asked = {
        **told,
        "group": wanted.group_id,
        "ordering_key": "k",
        "wire_id": "evt-x",
        "assignee": "~me",
        "q": "bank clo",
        "age": "under-1d",
        "since": "2021-01-01T00:00:00Z",
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    assert {"fact" if each == "facts" else each for each in asked} == {*FILTERS} - {"state", "cursor", "size"}
    assert {*get_args(Age)} == {"", *AGES}
    client, address = speak(oncall), f"{SOURCES}/{served.pk}/redrives"
    for number, (name, value) in enumerate(asked.items()):
        drafted = post(client, address, **{name: value}, reason="Mended", idempotency_key=str(number))
        assert (drafted.status_code, drafted.json()["plan"]["total"]) == (201, 2 if name in ("since", "until") else 1)
    again = post(client, address, age="under-1d", reason="Mended", idempotency_key="8")
    assert (again.status_code, again.json()["id"]) == (201, RedriveJob.objects.get(idempotency_key="8").pk)
    other = post(client, address, age="under-7d", reason="Mended", idempotency_key="8")
    assert (other.status_code, "another redrive" in other.json()["detail"]) == (409, True)


def test_an_age_is_what_it_came_to_when_the_redrive_was_drafted(served: DeadLetterSource, oncall: Person) -> None:
    asked = Selector.read({"age": "under-1h"}, by=oncall)
    assert asked.since is not None
    assert Selector.read(asked.kept()) == asked


def test_a_page_of_redrives_costs_the_same_for_many(
    source: DeadLetterSource, speak: Speak, oncall: Person, django_assert_num_queries: Any
) -> None:
    client, address = speak(oncall), f"{SOURCES}/{source.pk}/redrives"
    assert client.get(address).json() == {"items": [], "next": None, "previous": None}
    for size in (1, 5):
        while RedriveJob.objects.count() < size:
            sent(letters.letter(source), oncall)
        with django_assert_num_queries(4):
            told = client.get(address).json()["items"]
        assert [each["progress"]["sent"] for each in told] == [1] * size
    first = client.get(f"{address}?size=3").json()
    rest = client.get(first["next"]).json()
    assert (first["items"] + rest["items"], rest["next"]) == (told, None)


def test_a_design_that_does_not_name_the_topic_sends_nothing(
    source: DeadLetterSource, speak: Speak, oncall: Person
) -> None:
    letter = letters.letter(source)
    asked = {"letters": [letter.pk], "reason": "Mended", "idempotency_key": "1"}
    refused = post(speak(oncall), f"{SOURCES}/{source.pk}/redrives", **asked)
    assert (refused.status_code, "orders.events" in refused.json()["detail"]) == (409, True)


def test_a_redrive_is_paused_resumed_and_cancelled(source: DeadLetterSource, speak: Speak, oncall: Person) -> None:
    attempt = sent(letters.letter(source), oncall)
    job, client = attempt.item.job, speak(oncall)
    RedriveJob.objects.update(state=RedriveJob.State.RUNNING, total=1)
    address = f"/api/v1/redrives/{job.pk}"
    told = post(client, address, act="pause", reason="Too many at once").json()
    assert (told["state"], told["paused_because"], told["progress"]["sent"]) == ("paused", "Too many at once", 1)
    assert (told["progress"]["resolved"], told["progress"]["presumed_resolved"]) == (0, 0)
    assert post(client, address, act="pause", reason="Again").status_code == 409
    assert post(client, address, act="cancel", reason="Enough").json()["state"] == "cancelled"
    [listed] = client.get(f"{SOURCES}/{source.pk}/redrives").json()["items"]
    assert listed == client.get(address).json()
    refused = post(client, address, act="explode")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "act")


def test_a_consumer_reports_what_it_has_done(source: DeadLetterSource, token: str, oncall: Person) -> None:
    attempt, other = (sent(letters.letter(source), oncall) for _ in range(2))
    client = with_token(token)
    asked = {"integration": "orders-to-payments", "attempts": [attempt.pk]}
    assert post(client, f"{SOURCES}/resolved", **asked).json() == {"resolved": 1}
    assert post(client, f"{SOURCES}/resolved", **asked).json() == {"resolved": 0}
    states = {each.pk: each.state for each in DeadLetter.objects.all()}
    assert states == {attempt.letter_id: "resolved", other.letter_id: "published"}
    sending.presume(at=timezone.now() + timedelta(days=1))
    told = [redrives.progress(each.item.job) for each in (attempt, other)]
    assert [(each.resolved, each.presumed_resolved) for each in told] == [(1, 0), (0, 1)]


def test_a_consumer_of_another_environment_or_design_reports_nothing(
    source: DeadLetterSource, issue: Issue, oncall: Person
) -> None:
    attempt = sent(letters.letter(source), oncall)
    asked = {"integration": "orders-to-payments", "attempts": [attempt.pk]}
    staging = with_token(issue("order-service", "staging")[1])
    assert post(staging, f"{SOURCES}/resolved", **asked).json() == {"resolved": 0}
    IndexedParty.objects.all().delete()
    stranger = with_token(issue("order-service", "production")[1])
    assert post(stranger, f"{SOURCES}/resolved", **asked).status_code == 404
    assert DeadLetter.objects.get().state == "published"


def test_what_is_uncertain_is_resolved_by_its_consumer(source: DeadLetterSource, oncall: Person) -> None:
    letter = letters.letter(source)
    attempt = sent(letter, oncall)
    RedriveItem.objects.update(state=RedriveItem.State.UNCERTAIN)
    RedriveAttempt.objects.update(state=RedriveAttempt.State.UNKNOWN)
    other = letters.letter(source)
    for state in (State.QUEUED, State.PUBLISHING, State.UNCERTAIN):
        ledger.move(other, state)
    RedriveAttempt.objects.filter(pk=attempt.pk).update(letter=other)
    RedriveItem.objects.update(letter=other)
    assert returns.resolve(source.integration, [attempt.pk]) == 1
    other.refresh_from_db()
    item = RedriveItem.objects.get()
    assert (other.state, item.state, item.note) == ("resolved", "sent", "Its consumer reported it done.")
