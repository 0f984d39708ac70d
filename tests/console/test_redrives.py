"""Redrives from the page: a plan seen first, one job whatever is clicked twice, two people where it takes two."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry.models import (
    DeadLetter,
    DeadLetterSource,
    Environment,
    Event,
    Integration,
    Person,
    RedriveAttempt,
    RedriveJob,
)
from registry.services import edits, integrations, ledger, redrives, sending
from tests import landscape, letters
from tests.console.browsing import form, text
from tests.registry.services.redrives import redriving

TOPIC = "orders.events"
UNPROCESSABLE = "HTTP 400 VALIDATION_ERROR"
Browse = Callable[[Person], Client]
Count = Callable[..., Any]


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=redriving.document(TOPIC), by=ann
    )


@pytest.fixture
def oncall(ops: Person) -> Person:
    ops.groups.add(landscape.group_of("on-call"))
    return ops


@pytest.fixture
def source(approved: Integration, oncall: Person) -> DeadLetterSource:
    return letters.source(approved, letters.broker(Environment.objects.get(slug="production")), by=oncall, topic=TOPIC)


@pytest.fixture
def critical(source: DeadLetterSource) -> DeadLetterSource:
    Integration.objects.update(criticality="critical")
    return DeadLetterSource.objects.get(pk=source.pk)


@pytest.fixture
def browse(client: Client) -> Browse:
    def browsing(person: Person) -> Client:
        client.force_login(person)
        return client

    return browsing


def gathered(job: RedriveJob) -> RedriveJob:
    """The redrive once its letters are in it; nothing is sent, as nobody answers at its broker."""
    sending.advance(job.pk)
    job.refresh_from_db()
    return job


def plan_of(source: DeadLetterSource, **chosen: Any) -> str:
    return reverse("redrive-new", args=[source.pk], query=chosen or {"q": ""})


def test_the_plan_says_what_would_happen_before_anything_does(
    source: DeadLetterSource, browse: Browse, oncall: Person, django_assert_num_queries: Count
) -> None:
    for _ in range(2):
        letters.letter(source)
    letters.letter(source, schema_problem="", key=b"order-1")
    letters.letter(source, message=UNPROCESSABLE)
    letters.letter(source, state="parked")
    client = browse(oncall)
    with django_assert_num_queries(17):
        page = client.get(plan_of(source))
    said = text(page)
    for words in (
        "Redrive 3 letters",
        "Will be sent 3 Left out 2",
        "The design says: Log, do not retry: fix the request payments-api 400 VALIDATION_ERROR 1",
        "They are not open: sent, parked or closed by now 1",
        "50 % of the 600 requests per minute payments-api allows. At most 600.",
        "All are within the deduplication window of 14 days",
        "Once within window.",
        "1 was checked and fits the schema of its event. By the design as it was when it was taken in or mended.",
        "2 were held to no schema: not checked is not passed.",
        "Stops by itself beyond % Share of the last 50 sent that came back or were refused.",
        "No later letter of their keys was sent again and processed. Messages that never died are not known here",
    ):
        assert words in said.replace("\xa0", " "), words
    assert "second person" not in said
    assert RedriveJob.objects.count() == 0
    assert {each.state for each in DeadLetter.objects.all()} == {"open", "parked"}


def test_a_plan_says_in_words_what_was_chosen(source: DeadLetterSource, browse: Browse, oncall: Person) -> None:
    held = letters.letter(source)
    said = text(browse(oncall).get(plan_of(source, group=held.group_id)))
    assert f"Group: {held.group}" in said


def test_it_is_begun_once_however_often_the_button_is_pressed(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    chosen = [letters.letter(source).pk for _ in range(2)]
    letters.letter(source)
    client, address = browse(oncall), plan_of(source, letters=",".join(map(str, chosen)))
    sent = form(client.get(address)) | {"act": "send", "reason": "The provider is back"}
    first, second = client.post(address, sent), client.post(address, sent)
    job = RedriveJob.objects.get()
    assert first["Location"] == second["Location"] == f"/dead-letters/redrives/{job.pk}/"
    assert (job.state, job.selector, job.reason) == ("selecting", {"letters": chosen}, "The provider is back")
    another = sent | {"idempotency_key": "another", "reason": "The provider\r\nis back"}
    assert client.post(address, another).status_code == 302
    assert RedriveJob.objects.get(idempotency_key="another").reason == "The provider is back"
    gathered(job)
    late = client.post(address, sent | {"idempotency_key": "late"})
    assert "By now it would be 0 letters, and you saw 2." in text(late)


def test_what_was_typed_stays_and_each_refusal_stands_at_its_field(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    letters.letter(source)
    client = browse(oncall)
    sent = form(client.get(plan_of(source))) | {"act": "send", "rate_per_minute": "601", "reason": "Back"}
    fast = client.post(plan_of(source), sent)
    assert (fast.status_code, "Is out of range. Write 1 to 600 letters per minute." in text(fast)) == (422, True)
    assert (form(fast)["rate_per_minute"], form(fast)["reason"]) == ("601", "Back")
    lines = client.post(plan_of(source), sent | {"rate_per_minute": "x", "reason": "Back\nby hand"})
    assert form(lines)["reason"] == "Back\nby hand"
    silent = client.post(plan_of(source), sent | {"rate_per_minute": "6", "reason": " ", "stop_percent": "x"})
    assert silent.status_code == 400
    assert "Is no share. Write 1 to 100 per cent." in text(silent)
    assert "Is missing. Write a few words." in text(silent)
    assert (form(silent)["stop_percent"], form(silent)["idempotency_key"]) == ("x", sent["idempotency_key"])
    assert RedriveJob.objects.count() == 0


def test_another_rate_takes_another_time(source: DeadLetterSource, browse: Browse, oncall: Person) -> None:
    letters.letter(source)
    slow = browse(oncall).post(plan_of(source), {"act": "look", "rate_per_minute": "1"})
    assert "Takes about 1 minute Per minute, at most 1" in text(slow).replace("\xa0", " ")


def test_do_not_retry_is_overridden_with_a_reason_that_is_seen_in_a_new_plan_first(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    letters.letter(source, message=UNPROCESSABLE)
    client = browse(oncall)
    page = client.get(plan_of(source))
    assert "The design says to retry none of these." in text(page)
    sent = form(page) | {"act": "send", "reason": "Mended", "override_reason": "The rule was wrong"}
    seen = client.post(plan_of(source), sent)
    assert "By now it would be 1 letter, and you saw 0." in text(seen)
    assert "Redrive 1 letter" in text(seen)
    client.post(plan_of(source), form(seen) | {"act": "send"})
    assert RedriveJob.objects.get().override_reason == "The rule was wrong"


def test_who_is_not_on_call_sees_redrives_and_begins_none(
    source: DeadLetterSource, browse: Browse, oncall: Person, mallory: Person
) -> None:
    letter = letters.letter(source)
    job = gathered(redriving.begun(source, letter, by=oncall, rate_per_minute=1))
    client = browse(mallory)
    assert client.get(plan_of(source)).status_code == 403
    assert client.post(plan_of(source), {"act": "send", "reason": "x"}).status_code == 403
    page = client.get(reverse("redrive", args=[job.pk]))
    assert page.status_code == 200
    assert 'name="act"' not in page.content.decode()
    for act in ("approve", "pause", "resume", "cancel", "start"):
        assert client.post(reverse("redrive", args=[job.pk]), {"act": act, "note": "x"}).status_code == 403, act
    assert client.post(reverse("redrive", args=[job.pk]), {"act": "destroy"}).status_code == 400
    assert client.get(reverse("redrives")).status_code == 200


def test_a_critical_one_waits_for_the_second_who_is_told_where_they_look(
    critical: DeadLetterSource, browse: Browse, oncall: Person, zoe: Person
) -> None:
    letters.letter(critical)
    client = browse(oncall)
    page = client.get(plan_of(critical))
    assert "A second person agrees first: Orders to payments is critical. Zoe Zimmer may." in text(page)
    client.post(plan_of(critical), form(page) | {"act": "send", "reason": "Back"})
    job = gathered(RedriveJob.objects.get())
    address = reverse("redrive", args=[job.pk])
    own = client.get(address)
    assert "Zoe Zimmer may, for example." in text(own)
    assert 'value="approve"' not in own.content.decode()
    refused = client.post(address, {"act": "approve"})
    assert (refused.status_code, "Otto Ops asked for it" in text(refused)) == (403, True)
    client = browse(zoe)
    assert "Waiting for you to agree 1" in text(client.get(reverse("redrives")))
    assert "1 letter of Orders to payments Production Back Otto Ops" in text(client.get("/"))
    done = client.post(address, {"act": "approve", "note": "Fine"}, follow=True)
    assert "You agreed. The first letter of 1 is sent." in text(done)
    job.refresh_from_db()
    assert (job.state, job.approved_by) == ("canary", zoe)


def test_the_second_sees_which_letters_were_edited_by_whom_why_and_what_that_changes(
    source: DeadLetterSource, browse: Browse, oncall: Person, zoe: Person, django_assert_num_queries: Count
) -> None:
    letter, plain = letters.letter(source, headers=[("tenant", "blue")]), letters.letter(source)
    edit = edits.edit(letter, body='{"order": 2}', headers=[("tenant", "\u202ered")], reason="Wrong tenant", by=oncall)
    client = browse(oncall)
    planned = client.get(plan_of(source))
    told = f"Letter {letter.pk} , Otto Ops: Wrong tenant (body; header tenant)"
    assert told in text(planned)
    assert f'href="/dead-letters/letters/{letter.pk}/#edit-{edit.pk}"' in planned.content.decode()
    client.post(plan_of(source), form(planned) | {"act": "send", "reason": "Back"})
    job = gathered(RedriveJob.objects.get())
    client, address = browse(zoe), reverse("redrive", args=[job.pk])
    page = client.get(address)
    assert "an edited letter is among them. Look at what was edited" in text(page)
    assert f'href="/dead-letters/letters/{letter.pk}/#edit-{edit.pk}"' in page.content.decode()
    with django_assert_num_queries(9):
        page = client.get(address, {"show": "edited"})
    assert [each.letter_id for each in page.context["page"].rows] == [letter.pk]
    assert "Otto Ops: Wrong tenant (body; header tenant)" in text(page)
    assert plain.pk in [each.letter_id for each in client.get(address).context["page"].rows]
    assert "Mended 1 Otto Ops just now" in text(client.get(reverse("letter", args=[letter.pk])))


def test_it_is_paused_resumed_and_cancelled_each_with_what_it_comes_to(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    many = [letters.letter(source) for _ in range(2)]
    job = gathered(redriving.begun(source, *many, by=oncall, rate_per_minute=1))
    client, address = browse(oncall), reverse("redrive", args=[job.pk])
    paused = client.post(address, {"act": "pause", "note": "The bank\r\ncalled"}, follow=True)
    assert "Paused. The bank called" in text(paused)
    assert "It goes on." in text(client.post(address, {"act": "resume", "note": ""}, follow=True))
    silent = client.post(address, {"act": "pause", "note": " "}, follow=True)
    assert "Paused. By Otto Ops, without a reason." in text(silent)
    client.post(address, {"act": "resume"})
    stale = client.post(address, {"act": "resume", "note": "mine"})
    assert stale.status_code == 409
    assert "mine" in stale.content.decode()
    done = client.post(address, {"act": "cancel", "note": "Another way"}, follow=True)
    assert "are open again." in text(done)
    assert "every 3s" not in done.content.decode()
    assert ledger.imbalance() == 0


def test_a_refusal_and_what_was_typed_stay_until_somebody_goes_on(
    source: DeadLetterSource, browse: Browse, oncall: Person, mallory: Person
) -> None:
    job = gathered(redriving.begun(source, letters.letter(source), by=oncall, rate_per_minute=1))
    client, address = browse(oncall), reverse("redrive", args=[job.pk])
    assert "data-refreshes" in client.get(address).content.decode()
    silent = client.post(address, {"act": "cancel", "note": ""})
    assert silent.status_code == 400
    assert "“Reason” is missing. Write a few words. Nothing was changed." in text(silent)
    long = client.post(address, {"act": "cancel", "note": f"one\r\n{'x' * 500}"})
    assert "“Reason” is longer than 500 characters. Shorten it." in text(long)
    assert form(long)["note"].split() == ["one", "x" * 500]
    for page in (silent, long):
        body = page.content.decode()
        assert ("every 3s" in body, "data-refreshes" in body, 'aria-invalid="true"' in body) == (False, False, True)
    theirs = browse(mallory).post(address, {"act": "pause", "note": "Stop it"})
    assert "You wrote: Stop it" in text(theirs)
    assert "data-refreshes" in browse(oncall).get(address).content.decode()


def test_the_page_asks_itself_again_until_it_ends_and_costs_the_same_with_many(
    source: DeadLetterSource, browse: Browse, oncall: Person, django_assert_num_queries: Count
) -> None:
    first = gathered(redriving.begun(source, letters.letter(source), by=oncall, rate_per_minute=1))
    many = [letters.letter(source) for _ in range(30)]
    second = gathered(redriving.begun(source, *many, by=oncall, rate_per_minute=1))
    client = browse(oncall)
    for job in (first, second):
        with django_assert_num_queries(6):
            page = client.get(reverse("redrive", args=[job.pk]))
    assert 'hx-trigger="every 3s"' in page.content.decode()
    part = client.get(
        reverse("redrive", args=[second.pk]), headers={"HX-Request": "true", "HX-Target": "redrive"}
    ).content.decode()
    assert part.lstrip().startswith('<div id="redrive"')
    assert "<main" not in part
    assert 'aria-label="' in part
    assert "style=" not in part


def test_a_finished_one_tells_until_when_letters_may_come_back_and_refreshes_until_then(
    source: DeadLetterSource, browse: Browse, oncall: Person, django_assert_num_queries: Count
) -> None:
    client = browse(oncall)
    for size in (3, 30):
        job = gathered(redriving.begun(source, *[letters.letter(source) for _ in range(size)], by=oncall))
        arrived(job)
        address = reverse("redrive", args=[job.pk])
        with django_assert_num_queries(7):
            page = client.get(address)
    until = max(each.letter.moved_at for each in job.items.all()) + timedelta(seconds=600)
    assert f"Letters may still come back until {until:%H:%M} UTC" in text(page).replace(f"{until:%-d %b}, ", "")
    assert 'hx-trigger="every 15s"' in page.content.decode()
    for seconds, refreshes in ((630, True), (700, False)):
        DeadLetter.objects.update(moved_at=timezone.now() - timedelta(seconds=seconds))
        page = client.get(address)
        assert ("may still come back" in text(page), "data-refreshes" in page.content.decode()) == (False, refreshes)


def test_processed_presumed_and_come_back_are_counted_apart_and_each_shows_its_letters(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    made = [letters.letter(source) for _ in range(4)]
    job = gathered(redriving.begun(source, *made, by=oncall))
    arrived(job)
    done, back, *quiet = (item.letter for item in job.items.select_related("letter"))
    ledger.move(done, DeadLetter.State.RESOLVED)
    ledger.move(back, DeadLetter.State.RETURNED)
    job.items.filter(letter=back).update(came_back=True)
    sending.presume(at=redriving.over())
    client, address = browse(oncall), reverse("redrive", args=[job.pk])
    page = client.get(address)
    assert "4 sent 0 waiting 1 processed 2 presumed done 1 came back" in text(page)
    assert ("may still" in text(page), "data-refreshes" in page.content.decode()) == (False, False)
    for show, words, found in (
        ("resolved", "processed", [done]),
        ("presumed_resolved", "presumed done", quiet),
        ("came_back", "came back", [back]),
        ("waiting", "waiting", []),
    ):
        assert f'href="?show={show}"' in page.content.decode()
        shown = client.get(address, {"show": show})
        assert [each.letter_id for each in shown.context["page"].rows] == [each.pk for each in found]
        assert f"Letters: {words} All {'Letter' if found else 'There are none.'}" in text(shown)
    assert len(client.get(address, {"show": "total"}).context["page"].rows) == 4


def test_a_letter_says_once_that_it_came_back(source: DeadLetterSource, browse: Browse, oncall: Person) -> None:
    letter = letters.letter(source)
    job = gathered(redriving.begun(source, letter, by=oncall))
    lost(job, letter)
    RedriveAttempt.objects.update(state="returned", why="It came back.")
    assert "Sent: It came back." in text(browse(oncall).get(reverse("letter", args=[letter.pk])))


def unknown(source: DeadLetterSource, *, by: Person) -> tuple[RedriveJob, list[DeadLetter]]:
    """A redrive of two letters of which nobody knows whether they arrived."""
    DeadLetterSource.objects.update(unknown_policy="hold")
    both = [letters.letter(source) for _ in range(2)]
    job = gathered(redriving.begun(source, *both, by=by, rate_per_minute=1))
    for letter in both:
        lost(job, letter)
    return job, both


def test_what_nobody_knows_of_is_settled_by_hand_with_how_one_knows(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    job, both = unknown(source, by=oncall)
    client, address = browse(oncall), reverse("redrive", args=[job.pk]) + "?show=uncertain"
    assert "Of 2 letters nobody knows whether they arrived." in text(client.get(reverse("redrive", args=[job.pk])))
    assert text(client.get(address)).count("It arrived") == 2
    came = client.post(address, {"act": "arrived", "letter": both[0].pk, "note": "It is in their log"}, follow=True)
    assert f"Letter {both[0].pk} counts as sent." in text(came)
    lost_one = client.post(address, {"act": "lost", "letter": both[1].pk, "note": "It is not"}, follow=True)
    assert f"Letter {both[1].pk} waits to be sent again." in text(lost_one)
    assert [each.state for each in DeadLetter.objects.order_by("pk")] == ["published", "queued"]
    again = client.post(address, {"act": "lost", "letter": both[1].pk, "note": "x"})
    assert again.status_code == 409
    assert client.post(address, {"act": "lost", "letter": "٣", "note": "x"}).status_code == 404
    assert Event.objects.filter(kind="letter.settled").count() == 2


def test_how_one_knows_stays_in_its_own_form_when_it_is_refused(
    source: DeadLetterSource, browse: Browse, oncall: Person
) -> None:
    job, both = unknown(source, by=oncall)
    client, address = browse(oncall), reverse("redrive", args=[job.pk])
    asked = {"act": "arrived", "letter": both[1].pk, "note": "x" * 501}
    refused = client.post(address, asked)
    assert "“How do you know?” is longer than 500 characters. Shorten it." in text(refused)
    typed = dict(re.findall(r'<textarea id="([^"]+)"[^>]*>([^<]*)</textarea>', refused.content.decode()))
    items = {each.letter_id: f"why-{each.pk}" for each in job.items.all()}
    assert typed == {"note": "", items[both[0].pk]: "", items[both[1].pk]: "x" * 501}
    client.post(address, asked | {"note": "It is\nin their log"})
    late = client.post(address, asked | {"note": "It is there"})
    assert (late.status_code, "You wrote: It is there" in text(late)) == (409, True)
    assert job.items.get(letter=both[1]).note == "Otto Ops: It is in their log"


def test_the_list_costs_the_same_with_three_and_with_thirty(
    source: DeadLetterSource, browse: Browse, oncall: Person, django_assert_num_queries: Count
) -> None:
    client = browse(oncall)
    assert "Nothing was redriven yet" in text(client.get(reverse("redrives")))
    for size in (3, 30):
        for number in range(RedriveJob.objects.count(), size):
            letters.letter(source)
            redrives.cancel(redriving.begun(source, by=oncall), why=f"Test {number}", by=oncall)
        redriving.begun(source, letters.letter(source), by=oncall)
        with django_assert_num_queries(5):
            page = client.get(reverse("redrives"))
    assert text(page).index("Under way") < text(page).index("Ended")


@pytest.mark.parametrize("query", ["letters=x", "letters=0", "group=-1", "since=yesterday", "letters=%00"])
def test_an_address_that_chooses_nothing_readable_is_refused_in_words(
    source: DeadLetterSource, browse: Browse, oncall: Person, query: str
) -> None:
    page = browse(oncall).get(f"{reverse('redrive-new', args=[source.pk])}?{query}")
    assert page.status_code == 400
    assert "This request cannot be read" in text(page)


def arrived(job: RedriveJob) -> None:
    """All its letters were sent, and it is finished."""
    for item in job.items.select_related("letter"):
        ledger.move(item.letter, DeadLetter.State.PUBLISHING)
        ledger.move(item.letter, DeadLetter.State.PUBLISHED)
    job.items.update(state="sent", settled_at=timezone.now())
    RedriveJob.objects.filter(pk=job.pk).update(state="finished", ended_at=timezone.now())


def lost(job: RedriveJob, letter: DeadLetter) -> None:
    """Its worker died between the first byte and the broker's word."""
    item, now = job.items.get(letter=letter), timezone.now()
    RedriveAttempt.objects.create(
        item=item, letter=letter, number=9, fence=1, wire_id=letter.wire_id, claimed_at=now, lease_until=now
    )
    job.items.filter(pk=item.pk).update(state="sending")
    letter.refresh_from_db()
    if letter.state == "queued":
        ledger.move(letter, DeadLetter.State.PUBLISHING)
    sending.sweep()
