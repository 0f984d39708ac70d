"""Two people at once, on real connections: exactly one outcome, and never an approval of what somebody did not see."""

import html
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from console import saving
from registry.errors import Conflict, DomainError, NotAllowed
from registry.models import (
    Contribution,
    Event,
    IndexedParty,
    Integration,
    Membership,
    Person,
    Release,
    Review,
    Revision,
    Role,
    SignOff,
    Team,
)
from registry.services import catalog as catalogs
from registry.services import reviews, revisions, threads, trail
from tests import landscape
from tests.console.browsing import browse

ROUNDS = int(os.environ.get("RACES", "60"))
"""Of each kind; RACES=1000 tries longer."""
MOST_ROUNDS = int(os.environ.get("RACES", "200"))
"""Of what may never go wrong first: two who approve at once, and a text that changes while it is signed."""
THREADS = 3
Act = Callable[[], object]


@dataclass
class Race:
    """Runs two acts at the same moment, again and again, on two connections that stay open."""

    pool: ThreadPoolExecutor
    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=30))

    def __call__(self, one: Act, other: Act, *, late_seconds: float = 0) -> tuple[object, object]:
        """What each returned, or the DomainError that refused it. Anything else that is raised fails the test.

        `late_seconds` is how much later the other begins; below zero, how much earlier.
        """
        first = self.pool.submit(self._run, one, max(0, -late_seconds))
        second = self.pool.submit(self._run, other, max(0, late_seconds))
        return first.result(timeout=60), second.result(timeout=60)

    def all_at_once(self, *acts: Act) -> list[object]:
        """The same with as many acts as the pool has threads for."""
        barrier = threading.Barrier(len(acts), timeout=30)
        return [each.result(timeout=60) for each in [self.pool.submit(self._start, act, barrier) for act in acts]]

    def _start(self, act: Act, barrier: threading.Barrier) -> object:
        barrier.wait()
        try:
            return act()
        except DomainError as refusal:
            return refusal

    def _run(self, act: Act, late_seconds: float) -> object:
        self.barrier.wait()
        time.sleep(late_seconds)
        try:
            return act()
        except DomainError as refusal:
            return refusal


@pytest.fixture
def race(transactional_db: None) -> Iterator[Race]:
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        yield Race(pool)
        everybody = threading.Barrier(THREADS, timeout=30)
        for closed in [pool.submit(_close, everybody) for _ in range(THREADS)]:
            closed.result()


def _close(everybody: threading.Barrier) -> None:
    everybody.wait()
    connection.close()


@pytest.fixture
def in_review(draft: Revision, ann: Person) -> Review:
    """The open review that every round gets a copy of."""
    return revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First version")


def test_two_who_sign_last_at_once_approve_once(
    race: Race, in_review: Review, sign: Callable[..., None], ivy: Person, zoe: Person
) -> None:
    sign(in_review, "author", "consumer_lead", "provider_lead")
    rounds = copies(in_review, MOST_ROUNDS)
    outcomes = Counter(told(race(signs(review, "platform", ivy), signs(review, "approver", zoe))) for review in rounds)
    assert outcomes == {("SignOff", "SignOff"): MOST_ROUNDS}
    assert violations(rounds) == []
    assert Integration.objects.filter(state="active", in_force__major=1, in_force__minor=0).count() == MOST_ROUNDS
    assert Event.objects.filter(kind="revision.approved").count() == MOST_ROUNDS
    assert_releases_are_numbered_without_gaps(MOST_ROUNDS)


def test_two_leads_who_sign_one_role_at_once_leave_one_signature(
    race: Race, in_review: Review, catalog: landscape.Catalog, cora: Person, mallory: Person
) -> None:
    Membership.objects.create(team=catalog.teams["checkout"], person=mallory, is_lead=True)
    rounds = copies(in_review, ROUNDS)
    outcomes = Counter(
        told(race(signs(review, "consumer_lead", cora), signs(review, "consumer_lead", mallory))) for review in rounds
    )
    assert sum(outcomes.values()) == ROUNDS
    assert set(outcomes) <= {("SignOff", "Conflict"), ("Conflict", "SignOff")}
    assert SignOff.objects.count() == ROUNDS
    assert violations(rounds) == []


def test_one_who_signs_twice_at_once_signs_once(race: Race, in_review: Review, cora: Person) -> None:
    rounds = copies(in_review, ROUNDS)
    outcomes = Counter(
        told(race(signs(review, "consumer_lead", cora), signs(review, "consumer_lead", cora))) for review in rounds
    )
    assert set(outcomes) <= {("SignOff", "Conflict"), ("Conflict", "SignOff")}
    assert SignOff.objects.count() == ROUNDS


def test_two_integrations_approved_at_once_get_numbers_without_gaps(
    race: Race, in_review: Review, sign: Callable[..., None], zoe: Person, mallory: Person
) -> None:
    """By two approvers: what one person does at once waits for itself."""
    mallory.groups.add(landscape.group_of("approvers"))
    sign(in_review, "author", "consumer_lead", "provider_lead", "platform")
    rounds = copies(in_review, ROUNDS)
    pairs = zip(rounds[::2], rounds[1::2], strict=True)
    outcomes = Counter(
        told(race(signs(one, "approver", zoe), signs(other, "approver", mallory))) for one, other in pairs
    )
    assert outcomes == {("SignOff", "SignOff"): ROUNDS // 2}
    assert violations(rounds) == []
    assert_releases_are_numbered_without_gaps(ROUNDS)


@pytest.mark.parametrize("fifth", [False, True], ids=["a lead in between", "the fifth signer"])
def test_an_author_who_changes_the_text_while_somebody_signs_is_never_overtaken(
    race: Race, in_review: Review, sign: Callable[..., None], ann: Person, cora: Person, fifth: bool
) -> None:
    """The author withdraws, edits and submits again; the lead signs whatever is open, having read the first text."""
    if fifth:
        sign(in_review, "author", "provider_lead", "platform", "approver")
    rounds = copies(in_review, MOST_ROUNDS)
    lateness = (-0.2, -0.05, -0.02, -0.01, -0.005, 0, 0.02, 0.05, 0.1, 0.3)
    outcomes = Counter(
        told(
            race(
                rewrites(review, ann),
                signs_what_is_open(review, "consumer_lead", cora),
                late_seconds=lateness[turn % 10],
            )
        )
        for turn, review in enumerate(rounds)
    )
    signed_before = ("Conflict", "SignOff") if fifth else ("Review", "SignOff")
    assert sum(outcomes.values()) == MOST_ROUNDS
    assert set(outcomes) <= {signed_before, ("Review", "Conflict"), ("Review", "Stale")}
    assert len(outcomes) > 1, f"only one order was ever tried: {outcomes}"
    assert violations(rounds) == []
    approved = outcomes[signed_before] if fifth else 0
    assert Integration.objects.filter(in_force__isnull=False).count() == approved
    assert_releases_are_numbered_without_gaps(approved)


def test_one_who_leads_everything_signs_three_roles_at_once_for_one(
    race: Race, in_review: Review, catalog: landscape.Catalog, mallory: Person
) -> None:
    for team in catalog.teams.values():
        Membership.objects.create(team=team, person=mallory, is_lead=True)
    rounds = copies(in_review, ROUNDS)
    roles = ("consumer_lead", "provider_lead", "platform")
    for review in rounds:
        outcomes = race.all_at_once(*(signs(review, role, mallory) for role in roles))
        assert sorted(type(each).__name__ for each in outcomes) == ["NotAllowed", "NotAllowed", "SignOff"]
    assert SignOff.objects.filter(review__in=rounds).count() == ROUNDS
    assert violations(rounds) == []


def test_whoever_signs_while_the_role_is_taken_from_them_signed_before_or_not_at_all(
    race: Race, in_review: Review, sign: Callable[..., None], catalog: landscape.Catalog, cora: Person, ada: Person
) -> None:
    """The last signature, so that a wrong one would approve. The trail says which act came first."""
    sign(in_review, "author", "provider_lead", "platform", "approver")
    team = catalog.teams["checkout"]
    rounds, came_first = copies(in_review, ROUNDS), Counter[str]()
    for turn, review in enumerate(rounds):
        Membership.objects.update_or_create(team=team, person=cora, defaults={"is_lead": True})
        signed, revoked = race(
            signs(review, "consumer_lead", cora), takes_lead(team, ada), late_seconds=lateness(turn, came_first)
        )
        assert not isinstance(revoked, Exception), revoked
        assert isinstance(signed, SignOff | NotAllowed)
        came_first[type(signed).__name__] += 1
        if isinstance(signed, SignOff):
            assert signed_before_it_was_taken(review, team)
    assert len(came_first) == 2, f"only one order was ever tried: {came_first}"
    assert violations(rounds) == []
    assert Integration.objects.filter(in_force__isnull=False).count() == came_first["SignOff"]


def test_whoever_signs_while_they_write_in_the_record_does_not_approve_it(
    race: Race, in_review: Review, sign: Callable[..., None], ann: Person, zoe: Person
) -> None:
    """zoe approves what is under review while ann takes it back and zoe herself writes in it."""
    zoe.groups.add(landscape.group_of("architects"))
    sign(in_review, "author", "consumer_lead", "provider_lead", "platform")
    rounds = copies(in_review, ROUNDS)
    outcomes = Counter(
        told(
            race(
                writes_and_submits(review, ann, zoe),
                signs_what_is_open(review, "approver", zoe),
                late_seconds=LATENESS[turn % len(LATENESS)],
            )
        )
        for turn, review in enumerate(rounds)
    )
    assert set(outcomes) <= {
        ("Conflict", "SignOff"),
        ("Review", "Conflict"),
        ("Review", "Stale"),
        ("Review", "NotAllowed"),
    }
    assert len(outcomes) > 1, f"only one order was ever tried: {outcomes}"
    assert violations(rounds) == []


LATENESS = (-0.05, -0.02, -0.01, -0.005, 0, 0, 0.005, 0.01, 0.02, 0.05)


def lateness(turn: int, came: Mapping[Any, int]) -> float:
    """By turns; where a busy machine has let but one of them come first so far, more and more."""
    return LATENESS[turn % len(LATENESS)] * (1 if len(came) > 1 else 1 + turn // len(LATENESS) * 10)


def takes_lead(team: Team, by: Person) -> Act:
    return lambda: catalogs.save_team(slug=team.slug, name=team.name, leads=[], by=by)


def signed_before_it_was_taken(review: Review, team: Team) -> bool:
    """By the database's own clock, at which each event was chained."""
    approved = Event.objects.filter(chain=review.integration.slug, kind="revision.approved").get()
    taken = Event.objects.filter(kind="team.changed", subject=f"team/{team.slug}").latest("id")
    return approved.at < taken.at


def writes_and_submits(review: Review, by: Person, other: Person) -> Act:
    def act() -> Review:
        reviews.withdraw(review, by=by, reason="A better text")
        draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
        overview = draft.document["overview"] | {"impact_if_down": "Nobody can pay."}
        draft = revisions.save_section(draft, "overview", overview, by=other, if_match=draft.etag)
        return revisions.submit(draft, by=by, if_match=draft.etag, change_note="A better text")

    return act


def signs(review: Review, role: str, by: Person) -> Act:
    return lambda: reviews.sign(review, role=role, by=by, password=by.username, seen_hash=review.content_hash)


def signs_what_is_open(seen: Review, role: str, by: Person) -> Act:
    """As the page does: it knows the integration and what was read, and finds the open review itself."""

    def act() -> SignOff:
        review = Review.objects.open().filter(integration=seen.integration_id).first()
        if review is None:
            raise Conflict("No review is open.")
        return reviews.sign(review, role=role, by=by, password=by.username, seen_hash=seen.content_hash)

    return act


def rewrites(review: Review, by: Person) -> Act:
    def act() -> Review:
        reviews.withdraw(review, by=by, reason="A better text")
        draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
        overview = draft.document["overview"] | {"impact_if_down": "Nobody can pay."}
        draft = revisions.save_section(draft, "overview", overview, by=by, if_match=draft.etag)
        return revisions.submit(draft, by=by, if_match=draft.etag, change_note="A better text")

    return act


def told(outcomes: tuple[object, object]) -> tuple[str, str]:
    one, other = outcomes
    return type(one).__name__, type(other).__name__


def violations(rounds: list[Review]) -> list[str]:
    """Everything that must never be, in these integrations."""
    ours = {each.integration_id for each in rounds}
    found = []
    for sign_off in SignOff.objects.select_related("review").filter(review__integration__in=ours):
        if sign_off.content_hash != sign_off.review.content_hash:
            found.append(f"{sign_off} is on a text that was not under review")
        if sign_off.voided_at is None and sign_off.review.state in {"withdrawn", "changes_requested"}:
            found.append(f"{sign_off} stands although its review ended")
    for review in Review.objects.select_related("revision").filter(integration__in=ours, state="approved"):
        found += _wrongly_approved(review)
    for revision in Revision.objects.filter(integration__in=ours, state="approved"):
        if revision.reviews.filter(state="approved").count() != 1:
            found.append(f"{revision} was not approved by exactly one review")
    return found + [f"{fault.chain}: {fault.message}" for fault in trail.verify().faults]


def _wrongly_approved(review: Review) -> Iterator[str]:
    standing = review.sign_offs.filter(voided_at=None, content_hash=review.content_hash)
    if set(standing.values_list("role", flat=True)) != set(Role.values):
        yield f"{review} was approved without its five signatures"
    if len(set(standing.values_list("person", flat=True))) != len(Role):
        yield f"{review} was approved by fewer than five people"
    if review.revision.content_hash != review.content_hash or review.revision.state != "approved":
        yield f"{review} approved another text than its own"
    if set(review.revision.releases.values_list("content_hash", flat=True)) != {review.content_hash}:
        yield f"{review} released another text than its own"


def assert_releases_are_numbered_without_gaps(approvals: int) -> None:
    numbers = Release.objects.order_by("environment__slug", "number").values_list("environment__slug", "number")
    expected = [(slug, n) for slug in ("local", "production", "staging") for n in range(1, approvals + 1)]
    assert list(numbers) == expected


def copies(review: Review, count: int) -> list[Review]:
    """The integration under review, `count` times over, with all that belongs to it; quickly, in bulk."""
    template = Integration.objects.get(pk=review.integration_id)
    revision = Revision.objects.get(pk=review.revision_id)
    owners = Integration.objects.bulk_create(
        _copy(template, slug=f"copy-{place}", current=None, in_force=None) for place in range(count)
    )
    drafts = Revision.objects.bulk_create(_copy(revision, integration=owner) for owner in owners)
    for owner, draft in zip(owners, drafts, strict=True):
        owner.current = draft
    Integration.objects.bulk_update(owners, ["current"])
    for model in (IndexedParty, Contribution):
        rows = list(model._default_manager.filter(revision=revision))
        model._default_manager.bulk_create(_copy(row, revision=draft) for draft in drafts for row in rows)
    rounds = Review.objects.bulk_create(
        _copy(review, integration=owner, revision=draft) for owner, draft in zip(owners, drafts, strict=True)
    )
    signed = list(review.sign_offs.all())
    SignOff.objects.bulk_create(_copy(row, review=each) for each in rounds for row in signed)
    SignOff.objects.filter(review=review).update(voided_at=review.submitted_at, void_reason="only a template")
    return rounds


def _copy(row: Any, **fields: Any) -> Any:
    stated = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    for name in fields:
        stated.pop(f"{name}_id", None)
    return type(row)(**(stated | fields))


@pytest.mark.parametrize("together", [False, True], ids=["different fields", "one field"])
def test_two_who_save_at_once_lose_nothing_they_were_not_asked_about(
    race: Race, integration: Integration, ann: Person, zoe: Person, together: bool
) -> None:
    """Each types over what both opened. What one wrote is in the record, or the other was asked about it."""
    zoe.groups.add(landscape.group_of("architects"))
    fields = ("purpose", "purpose" if together else "impact_if_down")
    for turn in range(ROUNDS):
        draft = Revision.objects.select_related("integration").get(integration=integration)
        base = saving.Base.of(draft, "overview")
        one, other = (types(draft, base, name, f"{by} {turn}", by) for name, by in zip(fields, (ann, zoe), strict=True))
        outcomes = race(one, other, late_seconds=(turn % 5 - 2) / 500)
        overview = Revision.objects.get(pk=draft.pk).document["overview"]
        asked = [each for each in outcomes if isinstance(each, saving.Clash)]
        assert len(asked) == together, outcomes
        for by, name in zip((ann, zoe), fields, strict=True):
            words = f"{by} {turn}"
            assert overview[name] == words or [each.merged.conflicts[0].mine for each in asked] == [words]
    saves = Event.objects.filter(kind="revision.saved").count()
    assert saves == (ROUNDS if together else 2 * ROUNDS)
    assert trail.verify().is_whole


def types(draft: Revision, base: saving.Base, name: str, words: str, by: Person) -> Act:
    document = {"overview": base.document["overview"] | {name: words}}

    def act() -> object:
        try:
            return saving.save(saving.Work(draft, "overview", base, document, by))
        except saving.Clash as clash:
            return clash

    return act


# --- through the pages: whoever is late reads why ---------------------------------------------------------------------


def posts(client: Client, review: Review, role: str, by: Person) -> Act:
    """Signs on the page that shows this round."""
    typed = {"review": review.pk, "seen": review.content_hash, "password": by.username}
    return lambda: client.post(f"/integrations/{review.integration.slug}/review/sign/{role}/", typed)


def read(answer: Any) -> tuple[int, str]:
    """How a page answered, and its text; whoever was late is told, nothing is an error of ours."""
    assert answer.status_code in {302, 403, 409}, answer
    return answer.status_code, html.unescape(answer.content.decode())


def takes(client: Client, review: Review, by: Person) -> Act:
    path = "contracts[payments-api].policy.retry.max_retries"
    thread = threads.open_thread(review.revision, path=path, text="", proposal=1, by=by)
    address = f"/integrations/{review.integration.slug}/proposals/{thread.comments.get().pk}/"
    return lambda: client.post(address, {"take": "1"})


def test_a_page_that_is_signed_while_its_text_changes_says_what_changed(
    race: Race, in_review: Review, ann: Person, cora: Person
) -> None:
    writer, signer = browse(ann), browse(cora)
    rounds, came = copies(in_review, ROUNDS), Counter[int]()
    for turn, review in enumerate(rounds):
        taken, signed = race(
            takes(writer, review, cora),
            posts(signer, review, "consumer_lead", cora),
            late_seconds=lateness(turn, came),
        )
        assert read(taken)[0] == 302
        status, page = read(signed)
        came[status] += 1
        if status == 409:
            assert "Nothing was signed" in page
            assert "Max retries" in page
        assert SignOff.objects.filter(review=review).count() == (status == 302)
    assert set(came) == {302, 409}, f"only one order was ever tried: {came}"
    assert not SignOff.objects.filter(review__integration__in=[each.integration_id for each in rounds], voided_at=None)
    assert violations(rounds) == []


def test_of_two_who_sign_one_role_on_their_pages_one_reads_who_was_first(
    race: Race, in_review: Review, catalog: landscape.Catalog, cora: Person, mallory: Person
) -> None:
    Membership.objects.create(team=catalog.teams["checkout"], person=mallory, is_lead=True)
    pages = {person: browse(person) for person in (cora, mallory)}
    rounds = copies(in_review, ROUNDS)
    for review in rounds:
        answers = race(*(posts(page, review, "consumer_lead", by) for by, page in pages.items()))
        (_, _), (status, page) = sorted(map(read, answers))
        assert status in {403, 409}
        assert re.search(r"signed as consumer team lead already|Signed by (Cora Cole|Mallory Moss)", page)
    assert SignOff.objects.filter(voided_at=None).count() == ROUNDS
    assert violations(rounds) == []


def test_one_who_signs_three_roles_on_three_pages_signs_one_and_reads_why(
    race: Race, in_review: Review, catalog: landscape.Catalog, mallory: Person
) -> None:
    for team in catalog.teams.values():
        Membership.objects.create(team=team, person=mallory, is_lead=True)
    pages = {role: browse(mallory) for role in ("consumer_lead", "provider_lead", "platform")}
    rounds = copies(in_review, ROUNDS)
    for review in rounds:
        answers = race.all_at_once(*(posts(page, review, role, mallory) for role, page in pages.items()))
        first, *late = sorted(map(read, answers))
        assert (first[0], [status for status, _ in late]) == (302, [403, 403])
        assert all("nobody signs for two roles" in page for _, page in late)
    assert SignOff.objects.filter(review__in=rounds).count() == ROUNDS


def test_whoever_signs_on_a_page_while_the_role_is_taken_reads_who_may_sign(
    race: Race, in_review: Review, catalog: landscape.Catalog, cora: Person, ada: Person
) -> None:
    team, page = catalog.teams["checkout"], browse(cora)
    rounds, came = copies(in_review, ROUNDS), Counter[int]()
    for turn, review in enumerate(rounds):
        Membership.objects.update_or_create(team=team, person=cora, defaults={"is_lead": True})
        signed, _ = race(
            posts(page, review, "consumer_lead", cora),
            takes_lead(team, ada),
            late_seconds=WHILE_A_PAGE_IS_READ[turn % len(WHILE_A_PAGE_IS_READ)],
        )
        status, said = read(signed)
        came[status] += 1
        assert status == 302 or "Only a lead of the consumer's team signs this" in said
        assert SignOff.objects.filter(review=review).count() == (status == 302)
    assert set(came) == {302, 403}, f"only one order was ever tried: {came}"


def test_whoever_approves_on_a_page_while_they_write_reads_why_not(
    race: Race, in_review: Review, sign: Callable[..., None], ann: Person, zoe: Person
) -> None:
    zoe.groups.add(landscape.group_of("architects"))
    sign(in_review, "author", "consumer_lead", "provider_lead", "platform")
    page = browse(zoe)
    rounds, came = copies(in_review, ROUNDS), Counter[int]()
    for turn, review in enumerate(rounds):
        wrote, signed = race(
            writes_and_submits(review, ann, zoe),
            posts(page, review, "approver", zoe),
            late_seconds=lateness(turn, came),
        )
        status, said = read(signed)
        came[status] += 1
        assert isinstance(wrote, Conflict) == (status == 302), wrote
        assert status == 302 or "Nothing was signed" in said or "You wrote in this record" in said
    assert len(came) > 1, f"only one order was ever tried: {came}"
    assert violations(rounds) == []


WHILE_A_PAGE_IS_READ = (-0.05, -0.01, 0, 0.02, 0.05, 0.08, 0.12, 0.2)
