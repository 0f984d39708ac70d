"""Whatever dies and whenever: no letter is lost, none is sent twice unawares, and the books balance."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from registry.brokers import Broker
from registry.models import DeadLetterSource, Person, RedriveAttempt, RedriveItem, RedriveJob
from registry.services import ledger, letters, redrives, sending
from registry.services.sending import Claim, Lease, Told
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, Killed, Stream, dies, driven, freed, states
from tests.registry.services.redrives.wire import Line, line

Policy = DeadLetterSource.UnknownPolicy


@pytest.fixture
def cut(source: DeadLetterSource) -> Iterator[Line]:
    """The source's broker is reached by a line that can be cut."""
    with line(settings.REDIS_URL) as one:
        type(source.broker).objects.filter(pk=source.broker_id).update(url=one.url)
        yield one


def having(source: DeadLetterSource, policy: str) -> None:
    DeadLetterSource.objects.filter(pk=source.pk).update(unknown_policy=policy)


def killed(job: RedriveJob) -> None:
    with pytest.raises(Killed):
        sending.advance(job.pk)


def tried(job: RedriveJob) -> list[str]:
    return list(
        RedriveAttempt.objects.filter(item__job=job).order_by("letter", "number").values_list("state", flat=True)
    )


def test_a_worker_that_dies_while_gathering_is_followed_by_another(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        made.letter(source)
    job = begun()
    monkeypatch.setattr(sending, "CHUNK", 2)
    moves = iter([ledger.move_all])
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "move_all", lambda *given, **more: next(moves, dies)(*given, **more))
        killed(job)
    assert states(source) == ["queued", "queued", "open", "open", "open"]
    assert RedriveItem.objects.count() == 2
    assert driven(freed(job)).state == "finished"
    assert len(set(stream.ids())) == len(stream.ids()) == 5


@pytest.mark.parametrize("policy", Policy.values)
def test_a_worker_that_dies_before_it_sends(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    having(source, policy)
    letter = made.letter(source)
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_send_all", dies)
        killed(job)
    assert (states(source), tried(job), stream.ids()) == (["publishing"], ["claimed"], [])
    assert sending.sweep() == 0, "its lease is not over"
    job = driven(freed(job))
    if policy == Policy.RESEND:
        assert (tried(job), stream.ids()) == (["unknown", "confirmed"], [letter.wire_id])
        assert job.state == "finished"
    else:
        assert (states(source), tried(job), stream.ids()) == (["uncertain"], ["unknown"], [])
        assert job.trouble == "Waits for a person: of 1 letters nobody knows whether they arrived."


@pytest.mark.parametrize("policy", Policy.values)
def test_a_confirmation_that_never_came(
    source: DeadLetterSource, stream: Stream, begun: Begin, cut: Line, policy: str, oncall: Person
) -> None:
    having(source, policy)
    letter = made.letter(source)
    job = begun()
    cut.swallows = True
    sending.advance(job.pk)
    assert (states(source), tried(job), stream.ids()) == (["uncertain"], ["unknown"], [letter.wire_id])
    cut.swallows = False
    job = driven(freed(job))
    if policy == Policy.RESEND:
        assert (tried(job), stream.ids()) == (["unknown", "confirmed"], [letter.wire_id] * 2)
    else:
        assert stream.ids() == [letter.wire_id]
        letters.settle_uncertain(letter, arrived=True, why="I saw it in the topic", by=oncall)
        assert states(source) == ["published"]
    assert driven(job).state == "finished"


def test_a_person_who_said_it_did_not_arrive_is_corrected_by_a_late_confirmation(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, Policy.HOLD)
    letter = made.letter(source)
    job = begun()
    send = sending._send_all

    def said_meanwhile(broker: Broker, claims: Sequence[Claim], lease: Lease) -> list[Told]:
        told = send(broker, claims, lease)
        freed(job)
        letters.settle_uncertain(letter, arrived=False, why="I did not see it", by=oncall)
        return told

    monkeypatch.setattr(sending, "_send_all", said_meanwhile)
    sending.advance(job.pk)
    assert (states(source), tried(job), stream.ids()) == (["published"], ["confirmed"], [letter.wire_id])
    assert driven(job).state == "finished"
    assert stream.ids() == [letter.wire_id]


def test_what_nobody_ever_knows_is_not_sent_for_ever(
    source: DeadLetterSource, stream: Stream, begun: Begin, cut: Line
) -> None:
    having(source, Policy.RESEND)
    made.letter(source)
    job = begun()
    cut.swallows = True
    for _ in range(sending.MOST_RESENDS + 2):
        sending.advance(freed(job).pk)
    assert tried(job) == ["unknown"] * sending.MOST_RESENDS
    assert len(stream.ids()) == sending.MOST_RESENDS
    assert states(source) == ["uncertain"]


def test_a_worker_that_dies_after_the_confirmation(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, Policy.HOLD)
    letter = made.letter(source)
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", dies)
        killed(job)
    assert (states(source), stream.ids()) == (["publishing"], [letter.wire_id])
    driven(freed(job))
    assert (states(source), tried(job), stream.ids()) == (["uncertain"], ["unknown"], [letter.wire_id])


@pytest.mark.parametrize("policy", Policy.values)
def test_what_a_worker_paused_past_its_lease_knows_still_counts(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    having(source, policy)
    letter = made.letter(source)
    job = begun()
    send = sending._send_all

    def paused_after_sending(broker: Broker, claims: Sequence[Claim], lease: Lease) -> list[Told]:
        told = send(broker, claims, lease)
        monkeypatch.setattr(sending, "_send_all", send)
        driven(freed(job), most=1)
        return told

    monkeypatch.setattr(sending, "_send_all", paused_after_sending)
    sending.advance(job.pk)
    if policy == Policy.RESEND:
        assert (tried(job), stream.ids()) == (["confirmed", "confirmed"], [letter.wire_id] * 2)
    else:
        assert (tried(job), stream.ids()) == (["confirmed"], [letter.wire_id])
    assert driven(job).state == "finished"
    assert states(source) == ["presumed_resolved"]


def test_a_worker_that_lost_its_redrive_claims_nothing_more(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        made.letter(source)
    job = begun()
    sending.advance(job.pk)
    lease = sending._take(job.pk)
    assert lease is not None
    RedriveJob.objects.update(fence=lease.fence + 1, wave=2, state="running")
    with pytest.raises(sending.Lost):
        sending._claim(lease, resends=True)
    assert states(source) == ["published", "queued", "queued"]


def test_what_was_not_sent_when_the_lease_ends_waits_again(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.letter(source)
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(Lease, "may_send", property(lambda _: False))
        assert sending.advance(job.pk) == 0
    assert (states(source), tried(job), stream.ids()) == (["queued"], ["refused"], [])
    assert driven(job).state == "finished"
    assert len(stream.ids()) == 1


def test_what_no_topic_takes_is_open_again_and_stops_the_redrive(
    source: DeadLetterSource, stream: Stream, begun: Begin
) -> None:
    for _ in range(3):
        made.letter(source)
    stream.client.delete(stream.name)
    job = driven(begun())
    assert states(source) == ["open", "queued", "queued"]
    assert (job.state, job.paused_because) == ("paused", "The last letter was refused.")
    item = RedriveItem.objects.order_by("position").first()
    assert item is not None
    assert (item.state, item.note) == ("refused", f"There is no stream {stream.name}.")


def test_a_refusal_says_nothing_of_an_earlier_attempt(
    source: DeadLetterSource, stream: Stream, begun: Begin, cut: Line
) -> None:
    having(source, Policy.RESEND)
    made.letter(source)
    job = begun()
    cut.swallows = True
    sending.advance(job.pk)
    cut.swallows = False
    stream.client.delete(stream.name)
    sending.advance(freed(job).pk, seconds=1)
    assert tried(job)[:2] == ["unknown", "refused"]
    assert states(source) == ["uncertain"], "it may have arrived before the stream went"


def test_a_broker_that_is_away_costs_no_attempt(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    made.letter(source)
    kept = source.broker.url
    type(source.broker).objects.update(url="redis://127.0.0.1:1/0")
    job = begun()
    for _ in range(2):
        assert sending.advance(job.pk) == 0
    job.refresh_from_db()
    assert (job.state, job.setbacks, tried(job)) == ("canary", 2, [])
    assert job.trouble.startswith("Redis does not answer")
    assert job.next_send_at is not None
    assert sending.drive() == 0, "it waits a little"
    type(source.broker).objects.update(url=kept)
    assert driven(job).state == "finished"


def test_after_a_restore_nothing_is_sent_by_itself(
    source: DeadLetterSource,
    stream: Stream,
    begun: Begin,
    zoe: Person,
    oncall: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    having(source, Policy.RESEND)
    for _ in range(3):
        made.letter(source, key=b"same")
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", dies)
        killed(job)
    waiting = begun(made.letter(source))
    before = source.letters.latest("pk").pk
    assert sending.restored(by=zoe) == (3, 2)
    assert states(source) == ["uncertain", "uncertain", "uncertain", "open"]
    for each in (job, waiting):
        each.refresh_from_db()
        assert (each.state, each.paused_because) == ("paused", "The database was restored from a backup.")
    assert sending.drive() == 0
    assert len(stream.ids()) == 1
    redrives.resume(waiting, by=oncall)
    driven(waiting)
    assert made.letter(source).pk > before + sending.SKIPPED_NUMBERS, "numbers under way are not given again"


def test_after_a_restore_letters_of_one_key_do_not_wait_for_each_other(
    source: DeadLetterSource, stream: Stream, begun: Begin, zoe: Person, oncall: Person
) -> None:
    having(source, Policy.RESEND)
    same = [made.letter(source, key=b"same") for _ in range(3)]
    other = made.letter(source, key=b"other")
    job = begun()
    while states(source) != ["queued"] * 4 or not RedriveJob.objects.get().total:
        sending.advance(job.pk, seconds=0)
    assert sending.restored(by=zoe) == (4, 1)
    younger = made.letter(source, key=b"same")
    redrives.resume(job, by=oncall)
    assert driven(job).state == "finished"
    assert [each for each in stream.ids() if each != other.wire_id] == [each.wire_id for each in same]
    assert driven(begun(younger)).state == "finished"


def test_an_uncertain_letter_holds_all_of_its_key_but_older_ones_that_are_uncertain_too() -> None:
    now = timezone.now()
    older, mine, younger = ((now + timedelta(seconds=step), step + 2) for step in (-1, 0, 1))
    held = {
        (name, state): sending.Others({}, set(), {"same": age}, {}).hold("same", state, *mine)
        for name, age in (("older", older), ("younger", younger))
        for state in ("waiting", "uncertain")
    }
    assert not sending.Others({}, set(), {"same": mine}, {}).hold("same", "uncertain", *mine)
    assert {which for which, holds in held.items() if holds} == {
        *(("older", "waiting"), ("older", "uncertain"), ("younger", "waiting")),
    }
