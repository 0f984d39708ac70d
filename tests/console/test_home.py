"""The inbox on the first page: what each person is to sign, to answer, to look at again, and to finish."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from registry.models import DeadLetter, Environment, Integration, Person, Review, Revision, Thread
from registry.services import (
    approvals,
    harvests,
    integrations,
    ledger,
    reviews,
    revisions,
    threads,
)
from registry.services import burning as services
from tests import landscape, letters
from tests.console.browsing import text

RETRIES = "contracts[payments-api].policy.retry.max_retries"
State = DeadLetter.State
WHERE = "/integrations/orders-to-payments/review/"


def home(person: Person) -> Any:
    client = Client()
    client.force_login(person)
    return client.get("/")


def waits(person: Person) -> dict[str, int]:
    shown = home(person).context
    return {name: len(shown[name].rows) for name in ("to_sign", "to_answer", "changed", "drafts")}


def looks(person: Person) -> None:
    client = Client()
    client.force_login(person)
    assert client.get(WHERE).status_code == 200


def rewrite(review: Review, by: Person) -> Revision:
    reviews.withdraw(review, by=by, reason="A better text")
    draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
    return revisions.save_section(draft, "sla", {"rto": "PT2H"}, by=by, if_match=draft.etag)


def test_a_question_waits_for_the_author_and_the_answer_for_whoever_asked(
    review: Review, ann: Person, cora: Person, paul: Person
) -> None:
    thread = threads.open_thread(review.revision, path=RETRIES, text="Why so few?", by=cora)
    assert [waits(each)["to_answer"] for each in (ann, cora, paul)] == [1, 0, 0]
    page = home(ann)
    assert f'href="{WHERE}#thread-{thread.pk}"' in page.content.decode()
    assert "Contracts › payments-api › Policy › Retry › Max retries Cora Cole: Why so few?" in text(page)
    threads.reply(thread, text="It is a pilot.", by=ann)
    assert [waits(each)["to_answer"] for each in (ann, cora, paul)] == [0, 1, 0]
    threads.reply(thread, text="What of the provider?", by=paul)
    assert [waits(each)["to_answer"] for each in (ann, cora, paul)] == [1, 1, 0]
    threads.resolve(thread, by=cora)
    assert [waits(each)["to_answer"] for each in (ann, cora, paul)] == [0, 0, 0]


def test_among_several_who_write_a_word_of_one_does_not_wait_for_the_others(
    draft: Revision, ann: Person, zoe: Person, cora: Person
) -> None:
    zoe.groups.add(landscape.group_of("architects"))
    draft = revisions.save_section(draft, "sla", {"rto": "PT2H"}, by=zoe, if_match=draft.etag)
    thread = threads.open_thread(draft, path="sla", text="Is this so?", by=cora)
    assert [waits(each)["to_answer"] for each in (ann, zoe)] == [1, 1]
    threads.reply(thread, text="It is.", by=zoe)
    assert [waits(each)["to_answer"] for each in (ann, zoe, cora)] == [0, 0, 1]


def test_a_proposed_value_waits_with_what_it_is(review: Review, ann: Person, cora: Person) -> None:
    threads.open_thread(review.revision, path=RETRIES, text="", proposal=1, by=cora)
    assert "Cora Cole: proposes 1 a value is proposed" in text(home(ann))


def test_what_was_approved_waits_for_no_answer(
    review: Review, ann: Person, ada: Person, cora: Person, sign: Callable[..., None]
) -> None:
    approvals.save_rule(name="Open", weight=1, minimums={"author": 1, "approver": 1}, threads_block=False, by=ada)
    fresh = rewrite(review, ann)
    second = revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Second")
    threads.open_thread(second.revision, path="", text="Why?", by=cora)
    sign(second, "author", "approver")
    assert not Thread.objects.get().is_resolved
    assert waits(ann)["to_answer"] == 0


def test_what_one_looked_at_or_signed_comes_back_when_others_change_it(
    review: Review, ann: Person, cora: Person, paul: Person, ivy: Person, sign: Callable[..., None]
) -> None:
    looks(cora)
    sign(review, "provider_lead")
    assert [waits(each)["changed"] for each in (cora, paul, ivy)] == [0, 0, 0]
    fresh = rewrite(review, ann)
    assert [waits(each)["changed"] for each in (ann, cora, paul, ivy)] == [0, 1, 1, 0]
    assert "Withdrawn by Ann Archer" in text(home(cora))
    second = revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Second")
    threads.open_thread(second.revision, path="sla", text="See?", by=ann)
    page = home(cora)
    assert "Orders to payments 0.2 A new round after 0.1, which you saw; 1 comment" in text(page)
    assert f'href="{WHERE}?since=seen"' in page.content.decode()
    looks(cora)
    assert [waits(each)["changed"] for each in (cora, paul)] == [0, 1]


def test_ones_own_acts_are_no_news(review: Review, cora: Person) -> None:
    looks(cora)
    threads.open_thread(review.revision, path="sla", text="Why?", by=cora)
    reviews.request_changes(review, by=cora, comment="Say why.")
    assert waits(cora)["changed"] == 0


def test_signatures_are_counted_as_the_reviews_rule_wants_them(
    draft: Revision, ann: Person, ada: Person, sign: Callable[..., None]
) -> None:
    approvals.save_rule(name="Small", weight=1, minimums={"author": 1, "platform": 1, "approver": 1}, by=ada)
    review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    sign(review, "author")
    assert "1 of 3 signed" in text(home(ann))


def test_the_inbox_counts_what_it_does_not_show_and_costs_the_same(
    review: Review, ann: Person, cora: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client()
    client.force_login(ann)
    for size in (1, 21):
        while Thread.objects.count() < size:
            threads.open_thread(review.revision, path="sla", text="Why?", by=cora)
        with django_assert_num_queries(17):
            page = client.get("/")
    assert "20+ to answer" in text(page)
    assert len(page.context["to_answer"].rows) == 20


def test_an_empty_inbox_says_what_comes_there(review: Review, mallory: Person) -> None:
    page = text(home(mallory))
    assert "0 to sign 0 to answer 0 changed since you looked" in page
    assert "Nobody waits for an answer of yours." in page


def burning(person: Person) -> list[tuple[str, int, bool]]:
    return [(each.place, each.opened, each.is_mine) for each in home(person).context["burning"]]


def test_sources_burn_by_their_oldest_open_letter_ones_own_teams_first(
    approved: Integration, ann: Person, ops: Person, cora: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    other = integrations.create(name="Other", slug="other", by=ann)
    broker, now = letters.broker(Environment.objects.get(slug="production")), timezone.now()
    for integration, place, days in (
        (approved, "own", 1),
        (other, "old", 9),
        (other, "older", 11),
        (other, "calm", 20),
    ):
        source = letters.source(integration, broker, place=place)
        letter = letters.letter(source, died_at=now - timedelta(days=days))
        letters.letter(source, died_at=now)
        if place == "calm":
            ledger.move_all(source.letters.values_list("pk", flat=True), State.OPEN, State.PARKED)
        if place == "old":
            assert ledger.move(letter, State.ARCHIVED)
    assert burning(ops) == []
    harvests.count_depths()
    assert burning(ops) == [("older", 2, False), ("own", 2, False), ("old", 1, False)]
    assert burning(cora) == [("own", 2, True), ("older", 2, False), ("old", 1, False)]
    assert "Orders to payments Production 2 open in own , of your team the oldest 1 day ago" in text(home(cora))
    DeadLetter.objects.filter(source__place="older").update(state="parked", version=F("version") + 1)
    assert burning(ops) == [("own", 2, False), ("old", 1, False)]
    with django_assert_num_queries(2):
        assert len(services.longest(ops, most=1)) == 1


def test_nothing_is_said_of_dead_letters_where_none_lies_open(approved: Integration, ops: Person) -> None:
    letters.source(approved, letters.broker(Environment.objects.get(slug="production")))
    harvests.count_depths()
    assert 'aria-labelledby="dead"' not in home(ops).content.decode()
