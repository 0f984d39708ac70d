"""Several redrives at one time: none keeps another from being sent, and together they keep what holds for each."""

import logging
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.utils import timezone

from registry import brokers
from registry.models import Broker, DeadLetter, DeadLetterSource, Integration, Person, RedriveJob
from registry.services import endpoints, overrides, plans, redrives, sending
from registry.services.plans import Selector
from tests import landscape
from tests import letters as made
from tests.registry.services.redrives import redriving
from tests.registry.services.redrives.redriving import Begin, Stream, driven


def test_a_redrive_that_fails_in_an_unknown_way_keeps_no_other_from_being_sent(
    source: DeadLetterSource, stream: Stream, begun: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = begun(made.letter(source)), begun(letter := made.letter(source))
    RedriveJob.objects.filter(pk=broken.pk).update(selector=["secret"])
    RedriveJob.objects.filter(pk=sound.pk).update(next_send_at=timezone.now())
    with caplog.at_level(logging.ERROR, logger="registry"):
        assert sending.drive() == 1
    assert stream.ids() == [letter.wire_id]
    broken.refresh_from_db()
    assert (broken.state, broken.setbacks, broken.lease_until) == ("selecting", 1, None)
    assert broken.trouble == "AttributeError while it was gone on with; the worker's log says where."
    assert broken.next_send_at
    assert broken.next_send_at > timezone.now()
    [said] = [each.getMessage() for each in caplog.records]
    assert said.startswith(f"AttributeError in redrive {broken.pk}, at ")
    assert "secret" not in caplog.text


def test_a_broker_whose_client_breaks_keeps_no_other_from_being_sent_to(
    source: DeadLetterSource,
    stream: Stream,
    begun: Begin,
    approved: Integration,
    oncall: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = redriving.source(approved, stream.name, by=oncall)
    broken = redriving.begun(elsewhere, made.letter(elsewhere), by=oncall)
    sound = begun(letter := made.letter(source))
    RedriveJob.objects.filter(pk=sound.pk).update(next_send_at=timezone.now() - timedelta(seconds=1))
    opened = endpoints.open

    def breaks(broker: Broker, *given: str) -> AbstractContextManager[brokers.Broker]:
        if broker == elsewhere.broker:
            raise TypeError("redis://:password@valkey")
        return opened(broker, *given)

    monkeypatch.setattr(endpoints, "open", breaks)
    assert sending.drive() == 1
    assert stream.ids() == [letter.wire_id]
    broken.refresh_from_db()
    assert (broken.state, broken.setbacks) == ("canary", 1)
    assert "password" not in broken.trouble
    assert broken.trouble.startswith("TypeError")


def test_many_letters_take_two_people_however_many_redrives_they_are_in(
    source: DeadLetterSource, begun: Begin, oncall: Person, cora: Person, zoe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.services.letters.MANY", 4)
    cora.groups.add(landscape.group_of("on-call"))
    chosen = [made.letter(source) for _ in range(8)]
    first = gathered(begun(*chosen[:3]))
    assert (first.state, first.second_because) == ("canary", "")
    because = "with the 3 that Otto Ops sent alone in the last 24 hours, 5 letters are more than 4"
    assert second_because(source, chosen[3:5], by=oncall) == because
    assert (second_because(source, chosen[3:4], by=oncall), second_because(source, chosen[3:7], by=cora)) == ("", "")
    second = gathered(begun(*chosen[3:5]))
    assert (second.state, second.second_because) == ("awaiting_approval", because)
    redrives.approve(second, by=zoe)
    assert second_because(source, chosen[5:6], by=oncall) == "", "two people agreed to the second"
    redrives.cancel(first, why="Not now", by=oncall)
    assert second_because(source, chosen[:3] + chosen[5:6], by=oncall) == "", "what was cancelled was not sent"


def test_what_was_sent_alone_a_day_ago_counts_no_longer(
    source: DeadLetterSource, begun: Begin, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.services.letters.MANY", 4)
    chosen = [made.letter(source) for _ in range(6)]
    first = driven(begun(*chosen[:3]))
    assert first.state == "finished"
    assert second_because(source, chosen[3:], by=oncall).startswith("with the 3 that Otto Ops sent alone")
    RedriveJob.objects.filter(pk=first.pk).update(started_at=timezone.now() - timedelta(hours=25))
    assert second_because(source, chosen[3:], by=oncall) == ""


def test_two_redrives_that_are_gathered_at_once_see_each_other(
    source: DeadLetterSource, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.services.letters.MANY", 4)
    chosen = [made.letter(source) for _ in range(6)]
    jobs = [begun(*chosen[:3]), begun(*chosen[3:])]
    assert [each.needs_second for each in jobs] == [False, False]
    assert [gathered(each).state for each in jobs] == ["canary", "awaiting_approval"]


def test_a_limit_that_is_lowered_slows_a_redrive_that_runs(
    source: DeadLetterSource, begun: Begin, oncall: Person
) -> None:
    for _ in range(40):
        made.letter(source)
    job = begun(rate_per_minute=600)
    patch = {"contracts": {"payments-api": {"rate_limit": {"requests_per_minute": 120}}}}
    place = source.broker.environment
    override = overrides.begin(source.integration, place, patch=patch, reason="Overload", by=oncall)
    assert pace(job) == (120, "Slowed to 120 a minute: payments-api allows 120.")
    overrides.end(override, by=oncall)
    assert pace(job) == (600, "")


def test_redrives_to_one_topic_share_its_limit(source: DeadLetterSource, begun: Begin, oncall: Person) -> None:
    chosen = [made.letter(source) for _ in range(90)]
    first, second, third = (running(begun(*chosen[start::3], rate_per_minute=600)) for start in range(3))
    redrives.pause(third, why="Later", by=oncall)
    shared = "Slowed to 300 a minute: payments-api allows 600, and 2 redrives share that."
    assert (pace(first), pace(second)) == ((300, shared), (300, shared))
    redrives.cancel(first, why="The other goes before", by=oncall)
    assert pace(second) == (600, "")


def test_a_redrive_that_shares_a_small_limit_with_many_still_moves() -> None:
    assert sending.Share(limit=2, contract="payments-api", redrives=5).per_minute == 1


def running(job: RedriveJob) -> RedriveJob:
    """Gathered, and past its first waves."""
    gathered(job)
    RedriveJob.objects.filter(pk=job.pk).update(state="running", wave=2)
    return job


def pace(job: RedriveJob) -> tuple[int, str]:
    """How many a minute it sends, and what it says of that."""
    began = timezone.now()
    RedriveJob.objects.filter(pk=running(job).pk).update(next_send_at=began)
    sent = sending.advance(job.pk, seconds=1)
    job.refresh_from_db()
    assert job.next_send_at
    return round(sent * timedelta(minutes=1) / (job.next_send_at - began)), job.trouble


def second_because(source: DeadLetterSource, chosen: list[DeadLetter], *, by: Person) -> str:
    """As the plan says it."""
    return plans.plan(source, Selector(letters=tuple(each.pk for each in chosen)), by=by).second_because


def gathered(job: RedriveJob) -> RedriveJob:
    """With its letters in it, and none of them sent."""
    while job.state == RedriveJob.State.SELECTING:
        sending.advance(job.pk, seconds=0)
        job.refresh_from_db()
    return job
