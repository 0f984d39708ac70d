"""Letters are mended without becoming others."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import DeadLetter, DeadLetterSource, Environment, Event, Integration, PayloadEdit, Person
from registry.services import edits, ledger, letters, payloads
from registry.services.masks import HIDDEN
from tests import landscape
from tests import letters as made

ENVELOPE = {"specversion": "1.0", "id": "evt-1", "source": "/orders", "type": "order.placed"}
HEADERS = [["traceparent", "00-1"], ["tenant", "blue"], ["ce_id", "evt-1"], ["x-death", [{"count": 1}]]]
SHOWN = [("traceparent", "00-1"), ("tenant", "blue"), ("ce_id", "evt-1"), ("x-death", '[{"count": 1}]')]


@pytest.fixture(autouse=True)
def _books_balance(db: None) -> Iterator[None]:
    yield
    assert ledger.imbalance() == 0


@pytest.fixture
def oncall(ops: Person) -> Person:
    ops.groups.add(landscape.group_of("on-call"))
    return ops


@pytest.fixture
def source(approved: Integration, oncall: Person) -> DeadLetterSource:
    at = made.broker(Environment.objects.get(slug="production"))
    return made.source(approved, at, by=oncall, masked=["email"])


@pytest.fixture
def letter(source: DeadLetterSource) -> DeadLetter:
    return made.letter(source, body=body(email="ann@example.com", total=1), headers=HEADERS)


def body(**data: Any) -> bytes:
    return json.dumps({**ENVELOPE, "data": data}).encode()


def test_an_edit_stands_beside_the_original(letter: DeadLetter, oncall: Person) -> None:
    changed = [("tenant", "green") if name == "tenant" else (name, value) for name, value in SHOWN]
    edit = edits.edit(letter, body=body(email=HIDDEN, total=2), headers=changed, reason="Wrong tenant", by=oncall)
    assert edit.wire_id == letter.wire_id
    now, before = payloads.opened_edit(edit), payloads.opened(letter)
    assert json.loads(now.body)["data"] == {"email": "ann@example.com", "total": 2}
    assert json.loads(before.body)["data"] == {"email": "ann@example.com", "total": 1}
    assert dict(now.headers) == {**dict(before.headers), "tenant": "green"}
    event = Event.objects.get(kind="letter.edited")
    assert (event.details["headers"], event.details["reason"]) == (["tenant"], "Wrong tenant")
    assert "example.com" not in event.data


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ([("ce_id", "evt-2")], "headers.ce_id"),
        ([("traceparent", "00-2")], "headers.traceparent"),
        ([("x-death", "none")], "headers.x-death"),
        ([("X-Registry-Attempt", "1")], "headers.X-Registry-Attempt"),
        ([("tracestate", "a=b")], "headers.tracestate"),
        ([("message-id", "other")], "headers.message-id"),
    ],
)
def test_what_tells_a_message_is_locked(letter: DeadLetter, oncall: Person, headers: Any, named: str) -> None:
    given = [each for each in SHOWN if each[0] not in dict(headers)] + headers
    with pytest.raises(Invalid) as refused:
        edits.edit(letter, body=body(email=HIDDEN, total=1), headers=given, reason="Try", by=oncall)
    assert [(each.path, each.message) for each in refused.value.problems] == [(named, "is locked")]
    without = [each for each in SHOWN if each[0] != "traceparent"]
    with pytest.raises(Invalid, match=r"headers\.traceparent: is locked"):
        edits.edit(letter, body=body(email=HIDDEN, total=1), headers=without, reason="Try", by=oncall)


def test_the_envelope_in_a_body_is_locked_too(letter: DeadLetter, oncall: Person) -> None:
    other = json.dumps({**ENVELOPE, "id": "evt-2", "type": "other"}).encode()
    with pytest.raises(Invalid) as refused:
        edits.edit(letter, body=other, headers=SHOWN, reason="Try", by=oncall)
    assert [each.path for each in refused.value.problems] == ["body.id", "body.type"]


def test_a_new_event_bears_a_new_id_everywhere(letter: DeadLetter, oncall: Person) -> None:
    edit = edits.edit(
        letter, body=body(email=HIDDEN, total=1), headers=SHOWN, reason="Again", is_new_event=True, by=oncall
    )
    now = payloads.opened_edit(edit)
    assert edit.wire_id.startswith("reg:")
    assert (json.loads(now.body)["id"], dict(now.headers)["ce_id"]) == (edit.wire_id, edit.wire_id)


def test_only_what_is_open_is_edited_by_who_may(letter: DeadLetter, oncall: Person, mallory: Person) -> None:
    with pytest.raises(NotAllowed):
        edits.edit(letter, body=body(total=2), headers=SHOWN, reason="Try", by=mallory)
    with pytest.raises(Conflict, match="Nothing is changed"):
        edits.edit(letter, body=body(email="ann@example.com", total=1), headers=SHOWN, reason="Try", by=oncall)
    letters.archive(letter.source, [letter.pk], why="Old", by=oncall)
    with pytest.raises(Conflict, match="It is archived"):
        edits.edit(letter, body=body(total=2), headers=SHOWN, reason="Try", by=oncall)
    assert not PayloadEdit.objects.exists()


def test_what_is_no_json_any_more_is_refused(letter: DeadLetter, oncall: Person) -> None:
    with pytest.raises(Invalid, match="body: is no JSON"):
        edits.edit(letter, body=b"{", headers=SHOWN, reason="Try", by=oncall)


def test_a_hidden_value_is_seen_by_who_may_and_says_why(letter: DeadLetter, oncall: Person, mallory: Person) -> None:
    shown = letters.shown(letter, by=mallory)
    assert (shown.hidden, "example.com" in shown.body) == (("body/data/email",), False)
    with pytest.raises(NotAllowed):
        letters.reveal(letter, "body/data/email", reason="Curious", by=mallory)
    with pytest.raises(Invalid, match="reason: is missing"):
        letters.reveal(letter, "body/data/email", reason="", by=oncall)
    with pytest.raises(Conflict, match="Nothing is hidden there"):
        letters.reveal(letter, "body", reason="All of it", by=oncall)
    assert letters.reveal(letter, "body/data/email", reason="The customer asks", by=oncall) == "ann@example.com"
    [event] = Event.objects.filter(kind="letter.revealed")
    assert event.details == {"letter": letter.pk, "path": "body/data/email", "reason": "The customer asks"}
    assert event.actor == oncall


def test_what_is_gone_shows_that_it_is(letter: DeadLetter, oncall: Person) -> None:
    letters.discard(letter.source, [letter.pk], why="A test", by=oncall)
    assert letters.shown(letter, by=oncall).form == "gone"
