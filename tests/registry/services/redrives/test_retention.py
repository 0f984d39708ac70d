"""What is still in a redrive when its retention is over."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.brokers import Broker
from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Event,
    Payload,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import harvests, ledger, redrives, sending
from registry.services.sending import Claim, Lease, Told
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, Killed, Stream, dies, driven, freed, states

OVER = "Its retention of 30 days is over."


def old(source: DeadLetterSource, **more: Any) -> DeadLetter:
    at = timezone.now() - timedelta(days=31)
    return made.letter(source, harvested_at=at, died_at=at, **more)


def having(source: DeadLetterSource, policy: str) -> None:
    DeadLetterSource.objects.filter(pk=source.pk).update(unknown_policy=policy)


def in_doubt(job: RedriveJob, patch: pytest.MonkeyPatch) -> RedriveJob:
    """Its worker died after it sent."""
    with patch.context() as once:
        once.setattr(sending, "settle", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    return freed(job)


def items(job: RedriveJob) -> list[tuple[str, str]]:
    return list(RedriveItem.objects.filter(job=job).order_by("position").values_list("state", "note"))


def test_an_uncertain_letter_expires_and_holds_up_nothing(
    source: DeadLetterSource, stream: Stream, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, "hold")
    first, _ = old(source, key=b"same"), made.letter(source, key=b"same")
    job = driven(in_doubt(begun(), monkeypatch))
    assert (states(source), "person" in job.trouble) == (["uncertain", "queued"], True)
    assert harvests.prune() == 1
    assert harvests.prune() == 0
    assert not Payload.objects.filter(letter=first).exists()
    last = first.moves.latest("version")
    assert (last.was, last.became, last.why) == ("uncertain", "expired", OVER)
    assert RedriveAttempt.objects.get().state == "unknown"
    assert items(job)[0] == ("cancelled", OVER)
    assert ledger.imbalance() == 0
    assert driven(job).state == "finished"
    assert (states(source), len(stream.ids())) == (["expired", "presumed_resolved"], 2)


def test_one_that_is_uncertain_in_a_redrive_that_ended_expires_too(
    source: DeadLetterSource, begun: Begin, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, "resend")
    old(source)
    job = in_doubt(begun(), monkeypatch)
    redrives.cancel(job, why="Enough", by=oncall)
    assert harvests.prune() == 1
    assert (states(source), items(job)) == (["expired"], [("cancelled", OVER)])
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_what_a_worker_learns_late_of_one_that_expired_changes_nothing(
    source: DeadLetterSource, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, "hold")
    old(source)
    job = begun()
    send = sending._send_all

    def expired_meanwhile(broker: Broker, claims: Sequence[Claim], lease: Lease) -> list[Told]:
        told = send(broker, claims, lease)
        freed(job)
        assert harvests.prune() == 1
        return told

    monkeypatch.setattr(sending, "_send_all", expired_meanwhile)
    sending.advance(job.pk)
    assert (states(source), RedriveAttempt.objects.get().state) == (["expired"], "confirmed")
    assert driven(job).state == "finished"


@pytest.mark.parametrize("state", ["paused", "awaiting_approval"])
def test_what_waits_in_a_redrive_that_stands_still_expires_and_with_its_last_letter_it_ends(
    source: DeadLetterSource, stream: Stream, begun: Begin, state: str
) -> None:
    old(source)
    fresh = made.letter(source)
    job = begun()
    sending.advance(job.pk, seconds=0)
    RedriveJob.objects.filter(pk=job.pk).update(state=state)
    assert harvests.prune() == 1
    assert (states(source), ledger.imbalance()) == (["expired", "queued"], 0)
    assert items(job) == [("cancelled", OVER), ("waiting", "")]
    job.refresh_from_db()
    assert job.state == state
    assert harvests.prune(at=timezone.now() + timedelta(days=31)) == 1
    job.refresh_from_db()
    assert (job.state, states(source), stream.ids()) == ("finished", ["expired", "expired"], [])
    assert Event.objects.get(kind="redrive.finished").details["counts"] == {"cancelled": 2}
    assert not Payload.objects.filter(letter=fresh).exists()


def test_what_a_worker_has_yet_to_send_or_to_hear_of_is_left(
    source: DeadLetterSource, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(source, "resend")
    for _ in range(2):
        old(source)
    job = begun()
    sending.advance(job.pk, seconds=0)
    assert (states(source), harvests.prune()) == (["queued", "queued"], 0)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    assert (states(source), harvests.prune()) == (["publishing", "queued"], 0)
    freed(job)
    assert (states(source), harvests.prune()) == (["uncertain", "queued"], 0)
    monkeypatch.setattr(sending, "MOST_RESENDS", 1)
    assert harvests.prune() == 1, "it is sent no more"
    assert states(source) == ["expired", "queued"]
