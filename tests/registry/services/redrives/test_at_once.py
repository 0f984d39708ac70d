"""Several at one redrive, on real connections: workers, people, and a database that goes away."""

import functools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from registry.brokers import Broker
from registry.errors import DomainError
from registry.models import DeadLetter, DeadLetterSource, Event, Person, RedriveAttempt, RedriveItem, RedriveJob
from registry.services import edits, harvests, ledger, redrives, returns, sending, trail
from registry.services.sending import Claim, Lease, Told
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, Stream, over, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def together() -> Callable[..., None]:
    """Runs these at the same moment, each on a connection of its own."""

    def run(*acts: Callable[[], object]) -> None:
        barrier = threading.Barrier(len(acts), timeout=30)

        def one(act: Callable[[], object]) -> None:
            barrier.wait()
            try:
                act()
            finally:
                connection.close()

        with ThreadPoolExecutor(len(acts)) as pool:
            for each in [pool.submit(one, act) for act in acts]:
                each.result(timeout=60)

    return run


def running(job: RedriveJob) -> RedriveJob:
    """Gathered, and past its first waves, as fast as can be."""
    job.refresh_from_db()
    sending.advance(job.pk, seconds=0)
    RedriveJob.objects.filter(pk=job.pk).update(state="running", wave=2, rate_per_minute=60_000, next_send_at=None)
    return job


def moved_on(job: RedriveJob) -> Callable[[], None]:
    def go_on() -> None:
        for _ in range(200):
            sending.advance(job.pk, seconds=0.2)
            if not RedriveJob.objects.moving().filter(pk=job.pk).exists():
                return

    return go_on


def test_two_workers_send_each_letter_once_and_each_key_in_order(
    source: DeadLetterSource, stream: Stream, begun: Begin, together: Callable[..., None]
) -> None:
    letters = [made.letter(source, key=b"key-%d" % (number % 4)) for number in range(40)]
    job = running(begun())
    together(moved_on(job), moved_on(job), sending.drive)
    assert sorted(stream.ids()) == sorted(each.wire_id for each in letters)
    of_key = {each.wire_id: each.ordering_key for each in letters}
    for key in set(of_key.values()):
        assert [each for each in stream.ids() if of_key[each] == key] == [
            each.wire_id for each in letters if each.ordering_key == key
        ]
    assert redrives.progress(job).sent == 40


def test_two_redrives_never_have_one_key_on_its_way_twice(
    source: DeadLetterSource, stream: Stream, begun: Begin, together: Callable[..., None]
) -> None:
    letters = [made.letter(source, key=b"key-%d" % (number % 2)) for number in range(20)]
    jobs = [running(begun(*letters[start::2])) for start in (0, 1)]
    together(*map(moved_on, jobs))
    assert sorted(stream.ids()) == sorted(each.wire_id for each in letters)


def test_who_cancels_while_it_is_sent_knows_exactly_what_was(
    source: DeadLetterSource, stream: Stream, begun: Begin, together: Callable[..., None], oncall: Person
) -> None:
    for _ in range(60):
        made.letter(source, key=b"one after the other")
    job = running(begun())

    def interrupt() -> None:
        with suppress(DomainError):
            redrives.pause(job, why="Wait", by=oncall)
        with suppress(DomainError):
            redrives.resume(job, by=oncall)
        with suppress(DomainError):
            redrives.cancel(job, why="Enough", by=oncall)

    together(moved_on(job), interrupt)
    told = redrives.progress(job)
    assert told.sent == len(stream.ids()) == states(source).count("published")
    assert told.cancelled == states(source).count("open") == 60 - told.sent
    assert set(stream.ids()) == set(DeadLetter.objects.of_state("published").values_list("wire_id", flat=True))


def test_an_edit_that_is_saved_while_its_letter_is_gathered_goes_out(
    source: DeadLetterSource,
    begun: Begin,
    together: Callable[..., None],
    oncall: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gathering waits for the letter's row, and what it read before it waited is old by then."""
    letter = made.letter(source)
    job = begun()
    record, is_locked = trail.record, threading.Event()

    def when_waited_for(kind: str, **more: Any) -> Event:
        if kind == "letter.edited":
            is_locked.set()
            until(somebody_waits)
        return record(kind, **more)

    def gather() -> None:
        assert is_locked.wait(timeout=30)
        sending.advance(job.pk)

    monkeypatch.setattr(trail, "record", when_waited_for)
    mended = functools.partial(edits.edit, letter, body=b'{"order": 2}', headers=[], reason="Wrong order", by=oncall)
    together(mended, gather)
    assert RedriveItem.objects.get().edit == letter.edits.get()
    job.refresh_from_db()
    assert (job.state, job.second_because) == ("awaiting_approval", "an edited letter is among them")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        [waits] = cursor.fetchone()
    return bool(waits)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


def test_a_database_that_went_away_after_sending_hears_of_it(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = made.letter(source)
    job = begun()
    send = sending._send_all

    def without_database(broker: Broker, claims: Sequence[Claim], lease: Lease) -> list[Told]:
        told = send(broker, claims, lease)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [number] = cursor.fetchone()
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [number])
        other.close()
        return told

    monkeypatch.setattr(sending, "_send_all", without_database)
    assert sending.advance(job.pk) == 1
    assert (states(source), stream.ids()) == (["published"], [letter.wire_id])
    assert RedriveAttempt.objects.get().state == "confirmed"


def test_a_report_that_arrives_while_a_batch_is_settled_counts(
    source: DeadLetterSource,
    begun: Begin,
    together: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    oncall: Person,
) -> None:
    """Both wait for the other where they have to, and none of their work is lost."""
    count = 60
    for _ in range(count):
        made.letter(source)
    job = running(begun())
    RedriveJob.objects.filter(pk=job.pk).update(needs_second=False)
    settle = sending.settle

    def at_once(told: Sequence[Told]) -> None:
        attempts = [each.claim.attempt.pk for each in told]
        together(
            lambda: settle(told),
            lambda: returns.resolve(source.integration, reversed(attempts)),
            lambda: returns.resolve(source.integration, attempts[::2]),
            lambda: sending.sweep(at=over()),
        )

    monkeypatch.setattr(sending, "settle", at_once)
    moved_on(job)()
    assert (set(states(source)), ledger.imbalance()) == ({"resolved"}, 0)
    job.refresh_from_db()
    assert job.state == "finished"


def test_a_letter_expires_or_is_sent_whoever_comes_first(
    source: DeadLetterSource, stream: Stream, begun: Begin, together: Callable[..., None], oncall: Person
) -> None:
    """The redrive goes on in the very moment when the retention of what waits in it is over."""
    for _ in range(40):
        made.letter(source)
    job = running(begun())
    RedriveJob.objects.filter(pk=job.pk).update(state="paused")

    def resumed() -> None:
        with suppress(DomainError):
            redrives.resume(job, by=oncall)
        moved_on(job)()

    together(resumed, lambda: harvests.prune(at=over(days=31)), moved_on(job), lambda: harvests.prune(at=over(days=31)))
    job.refresh_from_db()
    assert (job.state, ledger.imbalance()) == ("finished", 0)
    assert states(source).count("expired") == 40 - len(stream.ids())
    assert len(set(stream.ids())) == len(stream.ids())
