"""Letters that come back are the same letters; whoever only says so is a stranger."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.brokers import Found, Headers
from registry.errors import Conflict
from registry.models import DeadLetter, DeadLetterSource, Person, RedriveAttempt, RedriveItem, RedriveJob
from registry.services import harvests, ledger, letters, redrives, returns, sending
from registry.services.returns import STRANGER, Lineage
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, Killed, Stream, dies, driven, freed, over, states

State = DeadLetter.State


@pytest.fixture
def sent(source: DeadLetterSource, stream: Stream, begun: Begin) -> RedriveAttempt:
    """A letter that was sent again."""
    sending.advance(begun(made.letter(source)).pk)
    return RedriveAttempt.objects.select_related("letter", "item").get()


def headers(attempt: RedriveAttempt) -> Headers:
    return (("x-registry-attempt", str(attempt.pk)), ("x-registry-root", str(attempt.letter_id)))


def found(attempt: RedriveAttempt, *more: tuple[str, str]) -> Found:
    return Found("1-1", b"{}", (*headers(attempt), *more), message_id=attempt.wire_id)


def test_a_letter_that_comes_back_descends_from_what_was_sent(source: DeadLetterSource, sent: RedriveAttempt) -> None:
    lineage = returns.came_back(source, found(sent), timezone.now())
    assert lineage == Lineage(sent.letter, sent.letter, 1, "")
    sent.refresh_from_db()
    sent.item.refresh_from_db()
    assert (sent.state, sent.item.came_back, states(source)) == ("returned", True, ["returned"])
    assert returns.came_back(source, found(sent), timezone.now()).parent == sent.letter, "twice changes nothing more"


def test_it_is_parked_when_it_died_of_the_same_or_too_often(source: DeadLetterSource, sent: RedriveAttempt) -> None:
    of_the_same = returns.came_back(source, found(sent), timezone.now(), group_key=sent.letter.group.key)
    assert of_the_same.parked_why == "It died of the same as before it was sent again."
    source.max_redrives = 1
    assert returns.came_back(source, found(sent), timezone.now()).parked_why == "It was sent again once."


def test_numbers_anybody_can_make_up_are_strangers(source: DeadLetterSource, sent: RedriveAttempt) -> None:
    for number in ("", "0", "-1", "x", "9" * 30, "1e3", "\u0661", "123456789"):
        forged = Found("1-1", b"{}", (("x-registry-attempt", number), ("x-registry-root", str(sent.letter_id))))
        assert returns.came_back(source, forged, timezone.now()).parent is None
    assert states(source) == ["published"]


def test_what_does_not_fit_what_was_sent_is_a_stranger_and_told_why(
    source: DeadLetterSource, sent: RedriveAttempt
) -> None:
    elsewhere = made.source(source.integration, source.broker)
    other_root = replace(found(sent), headers=(headers(sent)[0], ("x-registry-root", "7")))
    told = [
        returns.came_back(elsewhere, found(sent), timezone.now()),
        returns.came_back(source, other_root, timezone.now()),
    ]
    assert told == [
        Lineage(told="Its headers name an attempt of ours that never was at this source."),
        Lineage(told="Its headers name an attempt of ours at another letter."),
    ]
    assert returns.came_back(source, Found("1-1", b"{}"), timezone.now()) == STRANGER
    assert states(source) == ["published"]


def test_one_may_come_back_before_its_confirmation_is_written_down(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = sending.settle

    def late(told: list[sending.Told]) -> None:
        attempt = told[0].claim.attempt
        returns.came_back(source, found(attempt), timezone.now())
        settle(told)

    made.letter(source)
    monkeypatch.setattr(sending, "settle", late)
    sending.advance(begun().pk)
    assert (states(source), RedriveAttempt.objects.get().state) == (["returned"], "returned")
    assert RedriveItem.objects.get().came_back


def test_what_comes_back_arrived_whatever_was_known_of_it(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = made.letter(source)
    job = begun(letter)
    monkeypatch.setattr(sending, "settle", dies)
    with pytest.raises(Killed):
        sending.advance(job.pk)
    sending.sweep(at=timezone.now() + timedelta(days=1))
    assert states(source) == ["uncertain"]
    returns.came_back(source, found(RedriveAttempt.objects.get()), timezone.now())
    assert states(source) == ["returned"]
    assert RedriveItem.objects.get().state == "sent"


def test_any_that_comes_back_stops_the_first_waves(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    for _ in range(30):
        made.letter(source)
    job = begun()
    sending.advance(job.pk)
    returns.came_back(source, found(RedriveAttempt.objects.get()), timezone.now())
    job = driven(job)
    assert (job.state, job.paused_because) == ("paused", "The last letter came back.")
    redrives.resume(job, by=oncall)
    assert driven(job).state == "finished"
    assert len(stream.ids()) == 30


def test_more_than_a_share_that_comes_back_stops_the_rest(source: DeadLetterSource, begun: Begin) -> None:
    chosen = [made.letter(source) for _ in range(60)]
    job = driven(begun())
    RedriveJob.objects.filter(pk=job.pk).update(state="running", ended_at=None)
    now = timezone.now()
    for place, item in enumerate(RedriveItem.objects.order_by("position")):
        RedriveItem.objects.filter(pk=item.pk).update(settled_at=now + timedelta(seconds=place))
    came = RedriveItem.objects.filter(letter__in=chosen[10:15])
    came.update(came_back=True)
    assert sending.too_many_back(job) == "Of the last 15 letters 5 came back."
    RedriveItem.objects.filter(letter=chosen[59]).update(came_back=True)
    came.filter(letter__in=chosen[10:11]).update(came_back=False)
    assert sending.too_many_back(job) == "", "5 of the last 50 are 10 per cent"
    RedriveItem.objects.filter(letter=chosen[58]).update(came_back=True)
    assert sending.too_many_back(job) == "Of the last 50 letters 6 came back."
    job.resumed_at = now + timedelta(seconds=100)
    assert sending.too_many_back(job) == "", "somebody looked at those"


def test_an_attempts_number_cannot_be_guessed(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    """A topic is written to by many: a made up header must not have a consumer report letters it never saw."""
    for _ in range(12):
        made.letter(source)
    driven(begun())
    numbers = sorted(RedriveAttempt.objects.values_list("pk", flat=True))
    assert min(numbers) >= 10**14
    assert max(numbers) < 10**15, "an SDK reports fifteen digits"
    assert min(later - earlier for earlier, later in itertools.pairwise(numbers)) > 10**6
    near = [each + step for each in numbers for step in (-1, 1)]
    assert returns.resolve(source.integration, [*range(1, 200), *near]) == 0


def test_a_consumer_says_what_is_done(source: DeadLetterSource, sent: RedriveAttempt) -> None:
    assert returns.resolve(source.integration, [sent.pk, sent.pk + 1]) == 1
    assert states(source) == ["resolved"]
    assert returns.resolve(source.integration, [sent.pk]) == 0


def test_a_consumer_may_say_so_before_its_confirmation_is_written_down(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = sending.settle

    def late(told: list[sending.Told]) -> None:
        assert returns.resolve(source.integration, [each.claim.attempt.pk for each in told]) == len(told)
        assert ledger.imbalance() == 0
        settle(told)

    first, second = made.letter(source, key=b"same"), made.letter(source, key=b"same")
    monkeypatch.setattr(sending, "settle", late)
    job = driven(begun())
    assert (job.state, states(source), stream.ids()) == (
        "finished",
        ["resolved", "resolved"],
        [first.wire_id, second.wire_id],
    )
    assert set(RedriveAttempt.objects.values_list("state", "why")) == {("confirmed", "Its consumer reported it done.")}
    assert set(RedriveItem.objects.values_list("state", flat=True)) == {"sent"}
    assert list(first.moves.values_list("was", "became"))[-2:] == [
        ("publishing", "published"),
        ("published", "resolved"),
    ]


def test_what_its_consumer_reported_needs_no_worker_to_say_so_and_holds_up_nothing(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeadLetterSource.objects.update(unknown_policy="hold")
    for _ in range(2):
        made.letter(source, key=b"same")
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    assert returns.resolve(source.integration, [RedriveAttempt.objects.get().pk]) == 1
    assert sending.sweep(at=over()) == 0
    assert driven(freed(job)).state == "finished"
    assert (states(source), len(stream.ids())) == (["resolved", "presumed_resolved"], 2)


@pytest.mark.parametrize("known", ["confirmed", "refused", "unknown", "not_sent"])
def test_what_becomes_of_a_later_attempt_changes_nothing_once_an_earlier_one_is_reported(
    source: DeadLetterSource, begun: Begin, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    DeadLetterSource.objects.update(unknown_policy="resend")
    made.letter(source)
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    earlier = RedriveAttempt.objects.get()
    freed(job)
    settle = sending.settle

    def late(told: list[sending.Told]) -> None:
        assert returns.resolve(source.integration, [earlier.pk]) == 1
        assert ledger.imbalance() == 0
        settle([replace(each, known=sending.Known(known), why="") for each in told])

    monkeypatch.setattr(sending, "settle", late)
    sending.advance(job.pk)
    first, second = RedriveAttempt.objects.order_by("number").values_list("state", flat=True)
    said = {"confirmed": "confirmed", "unknown": "unknown"}.get(known, "refused")
    assert (states(source), first, second) == (["resolved"], "confirmed", said)
    assert driven(freed(job)).state == "finished"


def test_a_letter_comes_back_by_the_harvest(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    letter = made.letter(source)
    job = begun(letter)
    sending.advance(job.pk)
    dead = f"{stream.name}.dead"
    [message] = stream.messages()
    again: Any = {**message, "dead-letter-exception-class-name": "OtherError", "dead-letter-reason": "again"}
    stream.client.xadd(dead, again)
    DeadLetterSource.objects.filter(pk=source.pk).update(place=dead)
    assert harvests.harvest(source.pk) == 1
    stream.client.delete(dead)
    back = source.letters.get(parent=letter)
    assert (back.root, back.redrive_count, back.state, back.wire_id) == (letter, 1, "open", letter.wire_id)
    assert states(source) == ["returned", "open"]
    assert redrives.progress(job).came_back == 1
    again = driven(begun(back))
    assert (again.state, stream.messages()[1]["x-registry-no"]) == ("finished", "2")
    assert stream.messages()[1]["x-registry-root"] == str(letter.pk)


@pytest.fixture
def said_not_to_have_arrived(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RedriveJob]:
    """A letter that was sent, of which nobody knew, and a person said that it is not there: it is to be sent again."""

    def say(*, cancelled: bool = False) -> RedriveJob:
        DeadLetterSource.objects.update(unknown_policy="hold")
        job = begun(made.letter(source))
        with monkeypatch.context() as patch:
            patch.setattr(sending, "settle", dies)
            with pytest.raises(Killed):
                sending.advance(job.pk)
        freed(job)
        if cancelled:
            redrives.cancel(job, why="Enough", by=oncall)
        letters.settle_uncertain(source.letters.get(), arrived=False, why="I did not see it", by=oncall)
        assert states(source) == ["open" if cancelled else "queued"]
        return job

    return say


def steps(of: DeadLetterSource) -> list[str]:
    return list(of.letters.get().moves.order_by("version").values_list("became", flat=True))


@pytest.mark.parametrize("cancelled", [False, True], ids=["queued", "open"])
def test_what_was_said_not_to_have_arrived_and_comes_back_is_not_sent_again(
    source: DeadLetterSource,
    stream: Stream,
    begun: Begin,
    said_not_to_have_arrived: Callable[..., RedriveJob],
    cancelled: bool,
) -> None:
    job = said_not_to_have_arrived(cancelled=cancelled)
    assert returns.came_back(source, found(RedriveAttempt.objects.get()), timezone.now()).parent
    assert steps(source)[-2:] == ["uncertain", "returned"]
    item = RedriveItem.objects.get()
    assert (item.state, item.came_back) == ("refused" if cancelled else "sent", True)
    assert driven(job).state == ("cancelled" if cancelled else "paused")
    assert len(stream.ids()) == 1


@pytest.mark.parametrize("cancelled", [False, True], ids=["queued", "open"])
def test_what_was_said_not_to_have_arrived_and_is_reported_done_is_not_sent_again(
    source: DeadLetterSource, stream: Stream, said_not_to_have_arrived: Callable[..., RedriveJob], cancelled: bool
) -> None:
    job = said_not_to_have_arrived(cancelled=cancelled)
    attempt = RedriveAttempt.objects.get()
    assert returns.resolve(source.integration, [attempt.pk]) == 1
    assert steps(source)[-2:] == ["uncertain", "resolved"]
    attempt.refresh_from_db()
    assert attempt.state == "confirmed"
    assert driven(job).state == ("cancelled" if cancelled else "finished")
    assert len(stream.ids()) == 1


def test_what_did_arrive_leaves_another_redrive_it_waits_in(
    source: DeadLetterSource, stream: Stream, begun: Begin, said_not_to_have_arrived: Callable[..., RedriveJob]
) -> None:
    said_not_to_have_arrived(cancelled=True)
    other = begun()
    lease = sending._take(other.pk)
    assert lease
    sending._gather(lease, until=float("inf"))
    assert states(source) == ["queued"]
    assert returns.resolve(source.integration, [RedriveAttempt.objects.get().pk]) == 1
    assert RedriveItem.objects.get(job=other).state == "skipped"
    assert driven(freed(other)).state == "finished"
    assert (states(source), len(stream.ids())) == (["resolved"], 1)


# --- where nobody looked whether any came back -------------------------------------------------------------------


def read_through(at: datetime | None) -> None:
    DeadLetterSource.objects.update(read_through_at=at)


def test_no_wave_begins_before_somebody_would_have_seen_the_last_one_come_back(
    source: DeadLetterSource, stream: Stream, begun: Begin
) -> None:
    DeadLetterSource.objects.update(returns_within_seconds=1)
    for _ in range(3):
        made.letter(source)
    job = begun()
    sending.advance(job.pk)
    earlier = timezone.now()
    RedriveItem.objects.filter(state="sent").update(settled_at=earlier - timedelta(seconds=5))
    for at in (None, earlier - timedelta(seconds=4, milliseconds=1)):
        read_through(at)
        RedriveJob.objects.update(next_send_at=None)
        sending.advance(job.pk)
        job.refresh_from_db()
        assert (job.wave, job.trouble, len(stream.ids())) == (0, "Waits until its dead letters are read.", 1)
    read_through(earlier - timedelta(seconds=4))
    sending.advance(job.pk)
    job.refresh_from_db()
    assert job.wave == 1


def test_the_rest_waits_while_nobody_could_see_it_fail(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    DeadLetterSource.objects.update(returns_within_seconds=1)
    made.letter(source)
    job = begun()
    sending.advance(job.pk, seconds=0)
    RedriveJob.objects.update(wave=2, state="running")
    read_through(timezone.now() - timedelta(minutes=6))
    sending.advance(job.pk)
    job.refresh_from_db()
    assert (job.trouble, stream.ids()) == ("Waits until its dead letters are read.", [])
    read_through(timezone.now() - timedelta(minutes=4))
    assert sending.advance(job.pk) == 1


def test_none_is_presumed_done_before_somebody_would_have_seen_it_come_back(
    source: DeadLetterSource, sent: RedriveAttempt
) -> None:
    at = DeadLetter.objects.get().moved_at
    for read in (None, at + timedelta(seconds=source.returns_within_seconds - 1)):
        read_through(read)
        assert sending.presume(at=over()) == 0
    read_through(at + timedelta(seconds=source.returns_within_seconds))
    assert sending.presume(at=over()) == 1
    assert DeadLetter.objects.get().why == "It did not come back."


def test_where_nobody_reads_any_more_letters_stay_sent_until_their_retention_is_over(
    source: DeadLetterSource, sent: RedriveAttempt
) -> None:
    DeadLetterSource.objects.update(is_active=False, read_through_at=None)
    assert sending.presume(at=over(days=source.retention_days - 1)) == 0
    assert sending.presume(at=over(days=source.retention_days)) == 1
    assert DeadLetter.objects.get().why == "Nobody read whether it came back, and its retention is over."


def test_a_source_that_is_only_counted_is_redriven_no_further(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    for _ in range(3):
        made.letter(source)
    job = begun()
    sending.advance(job.pk)
    DeadLetterSource.objects.update(mode="counts")
    job = driven(job)
    said = "This source is only counted now, so nobody would see what comes back. See its settings."
    assert (job.state, job.paused_because, len(stream.ids())) == ("paused", said, 1)
    with pytest.raises(Conflict, match="is only counted now"):
        redrives.resume(job, by=oncall)
