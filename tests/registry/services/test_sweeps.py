"""What people decide of all letters that fit."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import DeadLetter, DeadLetterSource, Environment, Event, Integration, Payload, Person
from registry.services import ledger, letters, sweeps
from tests import landscape
from tests import letters as made

State = DeadLetter.State


@pytest.fixture(autouse=True)
def _books_balance(db: None) -> Iterator[None]:
    yield
    assert ledger.imbalance() == 0


@pytest.fixture
def source(approved: Integration, oncall: Person) -> DeadLetterSource:
    return made.source(approved, made.broker(Environment.objects.get(slug="production")), by=oncall)


@pytest.fixture
def oncall(ops: Person) -> Person:
    ops.groups.add(landscape.group_of("on-call"))
    return ops


@pytest.fixture
def second(cora: Person) -> Person:
    cora.groups.add(landscape.group_of("on-call"))
    return cora


def rows(source: DeadLetterSource, **fit: Any) -> Any:
    return DeadLetter.objects.filter(source=source, **fit)


def look(source: DeadLetterSource, act: str, by: Person, **fit: Any) -> sweeps.Sweep:
    return sweeps.look(source, rows(source, **fit), act, by=by)


def do(source: DeadLetterSource, act: str, by: Person, **fit: Any) -> sweeps.Swept:
    planned = look(source, act, by, **fit)
    return sweeps.sweep(planned, planned.seen, why="Because", by=by)


def states(source: DeadLetterSource) -> list[str]:
    return list(rows(source).order_by("pk").values_list("state", flat=True))


def test_it_is_told_how_many_in_which_state_it_would_be_done_to(source: DeadLetterSource, oncall: Person) -> None:
    one, two, three, *_ = [made.letter(source) for _ in range(5)]
    letters.park(source, [one.pk], why="Broken", by=oncall)
    letters.archive(source, [two.pk, three.pk], why="Old", by=oncall)
    planned = look(source, "archive", oncall)
    assert (planned.states, planned.others, planned.count) == ({State.OPEN: 2, State.PARKED: 1}, 2, 3)
    assert look(source, "archive", oncall, state="parked").count == 1
    assert states(source) == ["parked", "archived", "archived", "open", "open"]


def test_it_is_done_to_what_fits_batch_by_batch_with_an_event_each(
    source: DeadLetterSource, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    for error in ("TimeoutError", "ValueError", "TimeoutError", "TimeoutError"):
        made.letter(source, error_class=error)
    assert do(source, "park", oncall, error_class="TimeoutError") == sweeps.Swept(3)
    assert states(source) == ["parked", "open", "parked", "parked"]
    told = [event.details["count"] for event in Event.objects.filter(kind="letter.parked").order_by("id")]
    assert told == [2, 1]
    assert do(source, "reopen", oncall).done == 3
    assert do(source, "take", oncall).done == 4
    assert look(source, "take", oncall).count == 0


def test_what_came_after_it_was_looked_at_stays_as_it_is(source: DeadLetterSource, oncall: Person) -> None:
    for _ in range(2):
        made.letter(source)
    planned = look(source, "archive", oncall)
    made.letter(source)
    letters.park(source, [rows(source).earliest("pk").pk], why="Mine", by=oncall)
    fresh = look(source, "park", oncall)
    assert sweeps.sweep(fresh, planned.seen, why="Because", by=oncall).done == 1
    assert states(source) == ["parked", "parked", "open"]
    with pytest.raises(Conflict, match="None of them is left"):
        sweeps.sweep(fresh, planned.seen, why="Because", by=oncall)
    with pytest.raises(Conflict):
        sweeps.sweep(fresh, replace(fresh.seen, count=0), why="Because", by=oncall)


def test_no_more_than_so_many_are_done_at_once(
    source: DeadLetterSource, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "MOST_AT_ONCE", 2)
    for _ in range(5):
        made.letter(source)
    planned = look(source, "archive", oncall)
    assert (planned.count, planned.is_whole) == (3, False)
    assert do(source, "archive", oncall).done == 2
    again = look(source, "archive", oncall)
    with pytest.raises(Conflict, match="None of them is left"):
        sweeps.sweep(again, planned.seen, why="A second click", by=oncall)
    assert states(source) == ["open"] * 3 + ["archived"] * 2
    assert [do(source, "archive", oncall).done for _ in range(2)] == [2, 1]


def test_many_are_discarded_by_two_and_no_batch_is_too_small_for_that(
    source: DeadLetterSource, oncall: Person, second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MANY", 3)
    monkeypatch.setattr(sweeps, "BATCH", 1)
    for _ in range(5):
        made.letter(source)
    planned = look(source, "discard", oncall)
    assert (planned.count, planned.second_because) == (0, "they are more than 3")
    with pytest.raises(Conflict, match="None of them is left"):
        sweeps.sweep(planned, replace(planned.seen, count=5), why="Because", by=oncall)
    with pytest.raises(Conflict, match="Two people discard these"):
        letters.discard(source, [rows(source).earliest("pk").pk], why="Because", by=oncall, among=planned.fitting)
    letters.archive(source, rows(source).order_by("pk").values_list("pk", flat=True)[:3], why="Old", by=oncall)
    letters.archive(source, [rows(source).latest("pk").pk], why="Old", by=second)
    assert look(source, "discard", oncall).count == 1
    assert do(source, "discard", second).done == 3
    assert states(source) == ["discarded"] * 3 + ["open", "archived"]
    assert Payload.objects.count() == 2
    assert do(source, "discard", oncall).done == 2


def test_what_somebody_discarded_before_counts(
    source: DeadLetterSource, oncall: Person, second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MANY", 3)
    for _ in range(4):
        made.letter(source)
    assert do(source, "discard", oncall, pk__lte=rows(source).order_by("pk")[1].pk).done == 2
    planned = look(source, "discard", oncall)
    assert (planned.fitting, planned.count) == (2, 0)
    assert planned.second_because.startswith(f"with those {oncall.name} discarded alone here")
    do(source, "archive", second)
    assert do(source, "discard", oncall).done == 2


def test_letters_of_a_critical_integration_are_discarded_by_two_however_few(
    source: DeadLetterSource, oncall: Person, second: Person
) -> None:
    Integration.objects.update(criticality="critical")
    source.integration.refresh_from_db()
    made.letter(source)
    assert look(source, "discard", oncall).second_because == "Orders to payments is critical"
    do(source, "archive", oncall)
    assert (look(source, "discard", oncall).count, do(source, "discard", second).done) == (0, 1)


def test_it_stops_where_a_batch_is_refused_and_says_how_far_it_came(
    source: DeadLetterSource, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 1)
    for _ in range(2):
        made.letter(source)
    planned = look(source, "archive", oncall)
    archive = letters.archive

    def archived(source: DeadLetterSource, keys: list[int], **given: Any) -> int:
        done = archive(source, keys, **given)
        letters.park(source, rows(source, state="open").values_list("pk", flat=True), why="Mine", by=oncall)
        archive(source, rows(source, state="parked").values_list("pk", flat=True), why="Mine", by=oncall)
        return done

    monkeypatch.setattr(letters, "archive", archived)
    swept = sweeps.sweep(planned, planned.seen, why="Because", by=oncall)
    assert (swept.done, str(swept.stopped)) == (1, "None of them is open or parked.")


def test_it_needs_a_right_and_a_reason(source: DeadLetterSource, oncall: Person, mallory: Person) -> None:
    made.letter(source)
    with pytest.raises(NotAllowed):
        look(source, "archive", mallory)
    planned = look(source, "archive", oncall)
    with pytest.raises(NotAllowed):
        sweeps.sweep(planned, planned.seen, why="Because", by=mallory)
    with pytest.raises(Invalid, match="why: is missing"):
        sweeps.sweep(planned, planned.seen, why=" ", by=oncall)
    assert states(source) == ["open"]
