"""The books of dead letters."""

import itertools

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import ledger
from tests import letters

State = DeadLetter.State
NEXT: dict[str, frozenset[str]] = {
    State.OPEN: frozenset(
        {State.QUEUED, State.UNCERTAIN, State.PARKED, State.ARCHIVED, State.DISCARDED, State.EXPIRED}
    ),
    State.QUEUED: frozenset({State.PUBLISHING, State.OPEN, State.UNCERTAIN, State.EXPIRED}),
    State.PUBLISHING: frozenset({State.PUBLISHED, State.OPEN, State.UNCERTAIN}),
    State.PUBLISHED: frozenset({State.RESOLVED, State.PRESUMED_RESOLVED, State.RETURNED}),
    State.UNCERTAIN: frozenset(
        {
            *(State.PUBLISHING, State.OPEN, State.PUBLISHED, State.RESOLVED),
            *(State.RETURNED, State.ARCHIVED, State.DISCARDED, State.EXPIRED),
        }
    ),
    State.PRESUMED_RESOLVED: frozenset({State.RESOLVED, State.RETURNED}),
    State.PARKED: frozenset({State.OPEN, State.ARCHIVED, State.DISCARDED, State.EXPIRED}),
    State.ARCHIVED: frozenset({State.OPEN, State.DISCARDED, State.EXPIRED}),
}
"""What may follow on each state."""


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops)


def test_a_step_is_taken_once_however_many_try(source: DeadLetterSource, ops: Person) -> None:
    letter = letters.letter(source)
    stale = DeadLetter.objects.get(pk=letter.pk)
    assert ledger.move(letter, State.PARKED, by=ops, why="Broken for good")
    assert not ledger.move(stale, State.ARCHIVED, by=ops)
    letter.refresh_from_db()
    assert (letter.state, letter.version, letter.moved_by, letter.why) == ("parked", 2, ops, "Broken for good")


def test_the_database_writes_the_history(source: DeadLetterSource, ops: Person) -> None:
    letter = letters.letter(source)
    ledger.move(letter, State.PARKED, by=ops, why="Broken for good")
    ledger.move(letter, State.OPEN, why="Mended")
    told = letter.moves.values_list("version", "was", "became", "by__username", "why")
    assert list(told) == [
        (1, "", "open", None, ""),
        (2, "open", "parked", "ops", "Broken for good"),
        (3, "parked", "open", None, "Mended"),
    ]


def test_the_database_knows_the_same_steps(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT was, became FROM unnest(%s::text[]) was, unnest(%s::text[]) became"
            " WHERE registry_letter_may_become(was, became)",
            [State.values, State.values],
        )
        allowed = set(cursor.fetchall())
    assert allowed == {(str(was), str(became)) for was, after in NEXT.items() for became in after}


def test_no_other_step_is_taken(source: DeadLetterSource) -> None:
    letter = letters.letter(source)
    for state in set(State.values) - {str(each) for each in NEXT[State.OPEN]} - {State.OPEN}:
        with pytest.raises(IntegrityError, match="letter_moves_as_it_may"), transaction.atomic():
            ledger.move(DeadLetter.objects.get(pk=letter.pk), state)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM registry_deadletter",
        "UPDATE registry_lettermove SET why = 'never was'",
        "DELETE FROM registry_lettermove",
        "UPDATE registry_payload SET body = 'other'",
        "UPDATE registry_deadletter SET identity = 'other'",
        "UPDATE registry_deadletter SET state = 'parked'",
    ],
)
def test_what_happened_cannot_be_rewritten(source: DeadLetterSource, statement: str) -> None:
    letters.letter(source)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_same_letter_is_taken_in_once_and_equal_ones_without_an_id_each(source: DeadLetterSource) -> None:
    letters.letter(source, identity="7")
    with pytest.raises(IntegrityError, match="letter_once_per_identity"), transaction.atomic():
        letters.letter(source, identity="7")
    for _ in range(2):
        letters.letter(source, id_kind=DeadLetter.IdKind.WEAK, identity="")
    assert source.letters.count() == 3


def test_one_letter_of_a_key_is_on_its_way_at_a_time(source: DeadLetterSource) -> None:
    first, second = (letters.letter(source, key=b"order-1") for _ in range(2))
    for each in (first, second):
        assert ledger.move(each, State.QUEUED)
    assert ledger.move(first, State.PUBLISHING)
    with pytest.raises(IntegrityError, match="letter_one_in_flight_per_key"), transaction.atomic():
        ledger.move(second, State.PUBLISHING)


def test_the_books_balance_until_something_is_lost(source: DeadLetterSource) -> None:
    for _ in range(3):
        letters.letter(source)
    assert ledger.imbalance() == 0
    DeadLetterSource.objects.update(harvested=5)
    [balance] = ledger.balances()
    assert (balance.harvested, balance.total, balance.missing, balance.imbalance) == (5, 3, 2, 2)


def test_a_letter_being_sent_without_an_attempt_is_told(source: DeadLetterSource) -> None:
    letter = letters.letter(source)
    for state in (State.QUEUED, State.PUBLISHING):
        ledger.move(letter, state)
        assert ledger.imbalance() == 1


def test_many_take_the_same_step_at_once(source: DeadLetterSource, ops: Person) -> None:
    made = [letters.letter(source) for _ in range(3)]
    ledger.move(made[0], State.PARKED)
    at = timezone.now()
    assert ledger.move_all([each.pk for each in made], State.OPEN, State.ARCHIVED, by=ops, why="Old", at=at) == 2
    states = list(source.letters.order_by("pk").values_list("state", "version", "moved_at"))
    assert states[1:] == list(itertools.repeat(("archived", 2, at), 2))
