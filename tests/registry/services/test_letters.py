"""What people decide of single dead letters."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import DeadLetter, DeadLetterSource, Environment, Event, Integration, Payload, Person
from registry.services import ledger, letters
from tests import landscape
from tests import letters as made

State = DeadLetter.State


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
    return made.source(approved, made.broker(Environment.objects.get(slug="production")), by=oncall)


def test_what_is_parked_is_opened_again(source: DeadLetterSource, oncall: Person) -> None:
    keys = [made.letter(source).pk for _ in range(3)]
    assert letters.park(source, keys[:2], why="Broken for good", by=oncall) == 2
    assert letters.archive(source, keys[1:], why="Old", by=oncall) == 2
    assert letters.reopen(source, keys, why="Mended", by=oncall) == 3
    told = Event.objects.filter(kind__startswith="letter.").order_by("id").values_list("kind", flat=True)
    assert list(told) == ["letter.parked", "letter.archived", "letter.reopened"]
    event = Event.objects.get(kind="letter.parked")
    assert event.subject == f"integration/orders-to-payments/production/source/{source.pk}"
    assert event.details == {
        "count": 2,
        "letters": keys[:2],
        "source": source.place,
        "topic": "orders.events",
        "why": "Broken for good",
    }


def test_an_act_needs_a_reason_a_right_and_a_letter_it_fits(
    source: DeadLetterSource, oncall: Person, mallory: Person
) -> None:
    letter = made.letter(source)
    with pytest.raises(NotAllowed):
        letters.park(source, [letter.pk], why="Because", by=mallory)
    with pytest.raises(Invalid, match="why: is missing"):
        letters.park(source, [letter.pk], why=" ", by=oncall)
    with pytest.raises(Conflict, match="None of them is parked or archived"):
        letters.reopen(source, [letter.pk], why="Because", by=oncall)
    other = made.source(source.integration, source.broker)
    with pytest.raises(Conflict):
        letters.park(other, [letter.pk], why="Because", by=oncall)


def test_what_is_discarded_is_gone_and_its_row_stays(source: DeadLetterSource, oncall: Person) -> None:
    letter, other = (made.letter(source, facts={"order": "o-1"}) for _ in range(2))
    assert letters.discard(source, [letter.pk], why="A test order", by=oncall) == 1
    letter.refresh_from_db()
    assert (letter.state, letter.moved_by, letter.why) == ("discarded", oncall, "A test order")
    assert list(Payload.objects.values_list("letter", flat=True)) == [other.pk]
    found = DeadLetter.objects.filter(facts__contains={"order": "o-1"})
    assert list(found) == [other], "nor is it found by what it held"


def test_letters_discarded_before_are_not_found_by_what_they_held_either(source: DeadLetterSource) -> None:
    gone, _kept = (made.letter(source, facts={"order": "o-1"}) for _ in range(2))
    ledger.move(gone, State.DISCARDED)
    with connection.cursor() as cursor:
        cursor.execute(import_module("registry.migrations.0032_what_is_gone").GONE)
    assert list(DeadLetter.objects.order_by("pk").values_list("facts", flat=True)) == [{}, {"order": "o-1"}]


def test_letters_of_a_critical_integration_are_discarded_by_two(
    source: DeadLetterSource, oncall: Person, cora: Person
) -> None:
    Integration.objects.update(criticality="critical")
    source.integration.refresh_from_db()
    cora.groups.add(landscape.group_of("on-call"))
    letter = made.letter(source)
    with pytest.raises(Conflict, match="Two people discard these: Orders to payments is critical"):
        letters.discard(source, [letter.pk], why="Test orders", by=oncall)
    letters.archive(source, [letter.pk], why="Test orders", by=oncall)
    with pytest.raises(Conflict, match="Two people"):
        letters.discard(source, [letter.pk], why="Test orders", by=oncall)
    assert letters.discard(source, [letter.pk], why="Seen, they are", by=cora) == 1


def test_many_are_two_peoples_to_discard_in_however_many_portions(
    source: DeadLetterSource, oncall: Person, cora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MANY", 3)
    cora.groups.add(landscape.group_of("on-call"))
    keys = [made.letter(source).pk for _ in range(8)]
    assert letters.discard(source, keys[:2], why="Test orders", by=oncall) == 2
    with pytest.raises(Conflict, match=f"with those {oncall.name} discarded alone here in the last day .* than 3"):
        letters.discard(source, keys[2:4], why="Test orders", by=oncall)
    letters.archive(source, keys[3:4], why="Test orders", by=oncall)
    with pytest.raises(Conflict, match="Two people discard these"):
        letters.discard(source, keys[2:4], why="Test orders", by=oncall)
    letters.archive(source, keys[4:7], why="Test orders", by=cora)
    assert letters.discard(source, keys[4:7], why="Seen, they are", by=oncall) == 3
    assert letters.discard(source, keys[2:3], why="The third", by=oncall) == 1, "what two discarded is nobody's alone"
    with pytest.raises(Conflict, match="Two people discard these"):
        letters.discard(source, keys[7:], why="The fourth", by=oncall)
    other = made.source(source.integration, source.broker, by=oncall)
    assert letters.discard(other, [made.letter(other).pk], why="Elsewhere", by=oncall) == 1
    assert letters.discard(source, keys[7:], why="By another", by=cora) == 1
    monkeypatch.setattr(letters, "A_DAY", timedelta())
    assert letters.discard(source, keys[3:4], why="The next day", by=oncall) == 1


def test_letters_are_handed_over_and_talked_about(source: DeadLetterSource, oncall: Person, cora: Person) -> None:
    letter = made.letter(source)
    assert letters.assign(source, [letter.pk], to=cora, by=oncall) == 1
    noted = letters.note(letter, text="The customer called.", by=oncall)
    letter.refresh_from_db()
    assert letter.assignee == cora
    assert [each.text for each in letter.notes.all()] == ["The customer called."]
    event = Event.objects.get(kind="letter.noted")
    sha256 = hashlib.sha256(b"The customer called.").hexdigest()
    assert (event.actor, event.details) == (oncall, {"letter": letter.pk, "note": noted.pk, "sha256": sha256})
    assert letters.assign(source, [letter.pk], to=None, by=oncall) == 1


def test_only_what_is_uncertain_is_settled_by_hand(source: DeadLetterSource, oncall: Person) -> None:
    with pytest.raises(Conflict, match="It is open"):
        letters.settle_uncertain(made.letter(source), arrived=True, why="I looked", by=oncall)
