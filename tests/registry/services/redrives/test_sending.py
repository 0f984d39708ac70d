"""Letters on their way back: in waves, at their rate, in their order, and only as the design in force allows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import (
    DeadLetterSource,
    Event,
    InstanceReport,
    Integration,
    Payload,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import edits, endpoints, letters, redrives, sending
from registry.services.plans import Selector
from tests import landscape
from tests import letters as made
from tests.registry.services.redrives.redriving import (
    Begin,
    Killed,
    Stream,
    dies,
    driven,
    freed,
    reported,
    states,
    without_guards,
)


def test_a_letter_goes_back_as_it_was(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    letter = made.letter(source, body=b'{"order": 7}', headers=[["traceparent", "00-1"], ["x-death", [{"count": 3}]]])
    job = begun(letter)
    assert sending.advance(job.pk) == 1
    attempt = RedriveAttempt.objects.get()
    assert stream.messages() == [
        {
            "body": '{"order": 7}',
            "traceparent": "00-1",
            "x-registry-attempt": str(attempt.pk),
            "x-registry-root": str(letter.pk),
            "x-registry-no": "1",
            "message-id": letter.wire_id,
        }
    ]
    assert (attempt.state, attempt.number, attempt.wire_id) == ("confirmed", 1, letter.wire_id)
    letter.refresh_from_db()
    job.refresh_from_db()
    assert (letter.state, job.state, job.lease_until) == ("published", "finished", None)
    assert [each.became for each in letter.moves.all()] == ["open", "queued", "publishing", "published"]


def test_many_go_in_waves(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    DeadLetterSource.objects.update(returns_within_seconds=1)
    letters = [made.letter(source) for _ in range(20)]
    job = begun(rate_per_minute=600)
    counts = []
    while RedriveJob.objects.moving().exists():
        sending.advance(job.pk)
        counts.append(len(stream.ids()))
        sending.presume(at=timezone.now() + timedelta(seconds=2))
    assert sorted(set(counts)) == [1, 11, 20]
    assert stream.ids() == [each.wire_id for each in letters]


def test_what_waits_is_open_again_when_a_redrive_is_cancelled(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    for _ in range(3):
        made.letter(source)
    job = begun()
    assert sending.advance(job.pk) == 1
    redrives.pause(job, why="Something looks odd", by=oncall)
    assert sending.advance(job.pk) == 0
    redrives.cancel(job, why="It was odd", by=oncall)
    assert states(source) == ["published", "open", "open"]
    told = redrives.progress(job)
    assert (told.total, told.sent, told.cancelled, told.waiting, told.percent) == (3, 1, 2, 0, 100)
    last = source.letters.get(state="published").moved_at
    assert redrives.may_return_until(job) == last + timedelta(seconds=source.returns_within_seconds)
    assert driven(begun()).state == "finished"
    # What another redrive sent is none of this one's.
    told = redrives.progress(job)
    assert (told.resolved, told.presumed_resolved, redrives.may_return_until(job)) == (0, 1, None)


def test_a_redrive_that_needs_two_waits_for_the_second(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, zoe: Person
) -> None:
    Integration.objects.update(criticality="critical")
    made.letter(source)
    source.integration.refresh_from_db()
    job = begun()
    assert sending.advance(job.pk) == 0
    job.refresh_from_db()
    assert (job.state, job.second_because) == ("awaiting_approval", "Orders to payments is critical")
    with pytest.raises(NotAllowed, match="Somebody else"):
        redrives.approve(job, by=oncall)
    redrives.approve(job, by=zoe)
    assert sending.advance(job.pk) == 1
    kinds = Event.objects.filter(kind__startswith="redrive.").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["redrive.requested", "redrive.approved", "redrive.finished"]


def test_nothing_is_sent_while_the_consumers_breaker_is_open(
    source: DeadLetterSource, stream: Stream, begun: Begin
) -> None:
    made.letter(source)
    job = begun()
    report = reported(source, "open")
    assert sending.advance(job.pk) == 0
    job.refresh_from_db()
    said = "Waits for the breaker. The breaker of payments-api is open in 1 of 1 instance."
    assert (job.state, job.trouble, stream.ids()) == ("canary", said, [])
    InstanceReport.objects.filter(pk=report.pk).update(breakers={"payments-api": {"state": "half_open", "since": ""}})
    assert driven(job).state == "finished"


def test_the_oldest_letter_of_a_key_goes_first_and_one_that_is_uncertain_holds_the_rest(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    now = timezone.now()
    late, early, other = (
        made.letter(source, key=key, died_at=now - timedelta(minutes=age))
        for key, age in ((b"order-1", 1), (b"order-1", 3), (b"order-2", 2))
    )
    job = begun()
    sending.advance(job.pk)
    assert stream.ids() == [early.wire_id]
    RedriveJob.objects.update(next_send_at=None)
    DeadLetterSource.objects.update(unknown_policy="hold")
    item = RedriveItem.objects.get(letter=early)
    without_guards(
        f"UPDATE registry_deadletter SET state = 'uncertain', version = version + 1 WHERE id = {early.pk};"
        f"UPDATE registry_redriveitem SET state = 'uncertain' WHERE id = {item.pk}"
    )
    RedriveJob.objects.update(wave=2, state="running")
    job = driven(job)
    assert stream.ids() == [early.wire_id, other.wire_id]
    assert job.trouble == "Waits for a person: of 1 letters nobody knows whether they arrived."
    letters.settle_uncertain(early, arrived=False, why="Not in the topic", by=oncall)
    item.refresh_from_db()
    assert (states(source), item.state) == (["queued", "queued", "presumed_resolved"], "waiting")
    assert driven(job).state == "finished"
    assert stream.ids() == [early.wire_id, other.wire_id, early.wire_id, late.wire_id]


def test_what_can_no_longer_be_gathered_waits_for_a_person_and_holds_up_nobody(
    source: DeadLetterSource, begun: Begin
) -> None:
    """A word that was short enough when the redrive was drafted."""
    letter = made.letter(source)
    other, job = begun(made.letter(source)), begun(letter)
    RedriveJob.objects.filter(pk=job.pk).update(selector={"q": "ev"})
    assert sending.drive() == 1
    job.refresh_from_db()
    other.refresh_from_db()
    said = "Its letters cannot be gathered. q: is shorter than 3 characters. Write more of the word."
    assert (job.state, job.paused_because, other.state) == ("paused", said, "finished")


def test_no_broker_is_called_for_letters_that_wait_for_a_person(
    source: DeadLetterSource, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeadLetterSource.objects.update(unknown_policy="hold")
    made.letter(source)
    job = begun()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_send_all", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    monkeypatch.setattr(endpoints, "open", dies)
    assert sending.advance(freed(job).pk) == 0
    job.refresh_from_db()
    assert job.trouble == "Waits for a person: of 1 letters nobody knows whether they arrived."
    DeadLetterSource.objects.update(unknown_policy="resend")
    with pytest.raises(Killed):
        sending.advance(job.pk)


def test_one_that_did_not_arrive_is_open_where_its_redrive_has_ended(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeadLetterSource.objects.update(unknown_policy="hold")
    early, late = (made.letter(source, key=b"order-1") for _ in range(2))
    job = begun(early)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_send_all", dies)
        with pytest.raises(Killed):
            sending.advance(job.pk)
    redrives.cancel(freed(job), why="Enough", by=oncall)
    letters.settle_uncertain(early, arrived=False, why="Not in the topic", by=oncall)
    assert states(source) == ["open", "open"]
    behind = driven(begun(late))
    assert (behind.state, stream.ids(), states(source)) == ("finished", [], ["open", "open"])
    item = RedriveItem.objects.get(letter=late)
    assert (item.state, item.note) == (
        "skipped",
        f"Letter {early.pk} of the same key is older, was refused, and is open.",
    )
    letters.archive(source, [early.pk], why="Not needed any more", by=oncall)
    assert driven(begun(late)).state == "finished"
    assert stream.ids() == [late.wire_id]


def gathered(job: RedriveJob) -> RedriveJob:
    """With its letters, and not yet sending."""
    lease = sending._take(job.pk)
    assert lease
    sending._gather(lease, until=float("inf"))
    RedriveJob.objects.filter(pk=job.pk).update(lease_until=None)
    return job


def test_a_letter_that_was_refused_is_not_overtaken_by_its_key(
    source: DeadLetterSource, stream: Stream, begun: Begin
) -> None:
    """In its own redrive, in another, and where both died in the same moment."""
    now = timezone.now()
    bad, behind, other, elsewhere = (
        made.letter(source, key=key, headers=headers, died_at=now)
        for key, headers in ((b"order-1", [["body", "unfit"]]), (b"order-1", ()), (b"order-2", ()), (b"order-1", ()))
    )
    first, second = gathered(begun(bad, behind, other)), begun(elsewhere)
    sending.advance(second.pk)
    second.refresh_from_db()
    assert (second.trouble, stream.ids()) == ("Waits for older letters of the same keys.", [])
    assert (driven(first).state, driven(second).state) == ("finished", "finished")
    assert (stream.ids(), states(source)) == ([other.wire_id], ["open", "open", "presumed_resolved", "open"])
    notes = RedriveItem.objects.order_by("letter").values_list("letter", "state")
    assert list(notes) == [
        *((bad.pk, "refused"), (behind.pk, "skipped"), (other.pk, "sent"), (elsewhere.pk, "skipped")),
    ]


def test_an_earlier_redrive_waits_for_an_older_letter_of_a_later_one(
    source: DeadLetterSource, stream: Stream, begun: Begin, django_assert_num_queries: Any
) -> None:
    old, young = (made.letter(source, key=b"order-1") for _ in range(2))
    first, second = gathered(begun(young)), gathered(begun(old))
    with django_assert_num_queries(1):
        # Between two of them the older one could go from where the second looks to where the first looked.
        found = sending._others(first, {"order-1"})
    assert list(found.waiting.values()) == [(old.died_at, old.pk)]
    assert driven(first).trouble == "Waits for older letters of the same keys."
    assert driven(second).state == driven(first).state == "finished"
    assert stream.ids() == [old.wire_id, young.wire_id]


def test_what_the_design_says_not_to_retry_is_left_out(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    bad = made.letter(source, message="HTTP 400 Bad Request")
    good = made.letter(source, message="HTTP 503 Service Unavailable")
    job = driven(begun())
    assert stream.ids() == [good.wire_id]
    item = RedriveItem.objects.get(letter=bad)
    assert (item.state, item.note) == ("skipped", "payments-api: 400 VALIDATION_ERROR, fix the request")
    assert (job.total, job.state, states(source)) == (1, "finished", ["open", "presumed_resolved"])
    driven(begun(bad, override_reason="The provider had it wrong"))
    assert stream.ids() == [good.wire_id, bad.wire_id]


def test_what_is_sent_is_the_newest_edit_and_two_people_agree_to_it(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, zoe: Person
) -> None:
    letter = made.letter(source, headers=[["tenant", "blue"]])
    seen = edits.ORIGINAL
    for tenant in ("green", "red"):
        given = [("tenant", tenant)]
        seen = edits.edit(letter, body=None, headers=given, reason="Wrong tenant", seen=seen, by=oncall).pk
    job = driven(begun(letter))
    assert (job.state, job.second_because) == ("awaiting_approval", "an edited letter is among them")
    redrives.approve(job, by=zoe)
    driven(job)
    [message] = stream.messages()
    assert (message["tenant"], message["message-id"]) == ("red", letter.wire_id)


def test_a_payload_that_is_gone_is_left_out(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    gone, there = made.letter(source), made.letter(source)
    job = begun()
    Payload.objects.filter(letter=gone).delete()
    assert driven(job).state == "finished"
    assert (stream.ids(), states(source)) == ([there.wire_id], ["open", "presumed_resolved"])


def test_the_rate_is_kept(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    for _ in range(5):
        made.letter(source)
    job = begun(rate_per_minute=2)
    sending.advance(job.pk, seconds=0.5)
    RedriveJob.objects.update(wave=2, state="running")
    assert sending.advance(job.pk, seconds=0.5) == 0, "half a minute is not over"
    RedriveJob.objects.update(next_send_at=timezone.now() - timedelta(minutes=9), rate_per_minute=60)
    assert sending.advance(job.pk, seconds=3) == 4, "what it is behind, it may send, five seconds of it"


def test_a_topic_the_design_no_longer_names_is_not_sent_to(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person
) -> None:
    made.letter(source)
    job = begun()
    DeadLetterSource.objects.update(topic="somewhere.else")
    job = driven(job)
    said = "The design in force in Production no longer names somewhere.else."
    assert (job.state, job.paused_because, stream.ids()) == ("paused", said, [])
    with pytest.raises(Conflict, match="no longer names"):
        redrives.resume(job, by=oncall)


def test_the_same_key_is_the_same_redrive(source: DeadLetterSource, oncall: Person) -> None:
    first, second = made.letter(source), made.letter(source)
    given: dict[str, Any] = {"reason": "Again", "idempotency_key": "once", "by": oncall}
    job = redrives.draft(source, {"letters": [first.pk]}, **given)
    assert redrives.draft(source, Selector(letters=(first.pk,)), **given) == job
    with pytest.raises(Conflict, match="used for another redrive"):
        redrives.draft(source, {"letters": [second.pk]}, **given)
    assert RedriveJob.objects.count() == 1


def test_a_redrive_is_refused_with_what_is_wrong(source: DeadLetterSource, oncall: Person, mallory: Person) -> None:
    letter = made.letter(source)
    given: dict[str, Any] = {"reason": "Again", "idempotency_key": "once"}
    with pytest.raises(NotAllowed):
        redrives.draft(source, {"letters": [letter.pk]}, **given, by=mallory)
    with pytest.raises(Invalid) as refused:
        redrives.draft(source, {}, reason="", idempotency_key="", rate_per_minute=601, stop_percent=0, by=oncall)
    assert [each.path for each in refused.value.problems] == [
        *("reason", "idempotency_key", "stop_percent", "rate_per_minute")
    ]
    for selector in ({"letters": ["1"]}, {"group": "x"}, {"since": "yesterday"}, {"sql": "1"}):
        with pytest.raises(Invalid):
            redrives.draft(source, selector, **given, by=oncall)
    letters.archive(source, [letter.pk], why="Old", by=oncall)
    with pytest.raises(Conflict, match="None of these letters is open"):
        redrives.draft(source, {"letters": [letter.pk]}, **given, by=oncall)


def test_only_who_drafted_it_begins_it(source: DeadLetterSource, oncall: Person, cora: Person) -> None:
    cora.groups.add(landscape.group_of("on-call"))
    letter = made.letter(source)
    job = redrives.draft(source, {"letters": [letter.pk]}, reason="Again", idempotency_key="once", by=oncall)
    with pytest.raises(NotAllowed, match="Whoever drafted"):
        redrives.start(job, by=cora)
    redrives.start(job, by=oncall)
    with pytest.raises(Conflict, match="is gathering letters by now"):
        redrives.start(job, by=oncall)


def test_one_bell_moves_every_redrive(source: DeadLetterSource, stream: Stream, begun: Begin) -> None:
    letters_ = [made.letter(source) for _ in range(2)]
    for each in letters_:
        begun(each)
    assert sending.drive() == 2
    assert sorted(stream.ids()) == sorted(each.wire_id for each in letters_)
    assert sending.drive() == 0


def test_what_does_not_come_back_is_presumed_done(source: DeadLetterSource, begun: Begin) -> None:
    letter = made.letter(source)
    sending.advance(begun(letter).pk)
    assert sending.presume() == 0
    assert sending.presume(at=timezone.now() + timedelta(seconds=source.returns_within_seconds + 1)) == 1
    assert states(source) == ["presumed_resolved"]
