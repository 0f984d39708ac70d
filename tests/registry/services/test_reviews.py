"""Signed by five people, sent back, or withdrawn."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from registry import permissions, signing
from registry.errors import Conflict, DomainError, Invalid, NotAllowed, Stale
from registry.models import (
    ROLE_SECTIONS,
    Event,
    Integration,
    Membership,
    OutboxMessage,
    Person,
    Release,
    Review,
    Revision,
    SignOff,
    find_version,
)
from registry.services import integrations, passwords, reviews, revisions, threads
from tests import landscape

Sign = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()


def events_of(review: Review) -> list[str]:
    return list(Event.objects.filter(chain=review.integration.slug).order_by("id").values_list("kind", flat=True))


def test_the_fifth_signature_approves_and_releases_everywhere(review: Review, sign: Sign) -> None:
    sign(review, "author", "consumer_lead", "provider_lead", "platform")
    assert not Release.objects.exists()
    sign(review, "approver")
    integration = Integration.objects.select_related("in_force", "current").get()
    assert integration.in_force is not None
    assert integration.in_force == integration.current
    assert (integration.state, integration.in_force.version, integration.in_force.state) == (
        "active",
        "1.0",
        "approved",
    )
    assert sorted(Release.objects.values_list("environment__slug", "number")) == [
        ("local", 1),
        ("production", 1),
        ("staging", 1),
    ]
    review.refresh_from_db()
    assert (review.state, review.ended_by and review.ended_by.username) == ("approved", "zoe")
    assert events_of(review) == [
        "integration.created",
        "revision.submitted",
        *["review.signed"] * 4,
        "revision.approved",
    ]
    last = Event.objects.filter(kind="revision.approved").get()
    assert last.details == {
        "role": "approver",
        "printed_name": "Zoe Zimmer",
        "content_hash": review.content_hash,
        "before": {"state": "proposed", "version": None},
        "after": {"state": "active", "version": "1.0", "reviewed_as": "0.1"},
        "releases": {"local": 1, "staging": 1, "production": 1},
    }
    assert OutboxMessage.objects.filter(kind="release.published").count() == 3


def test_a_signature_says_what_was_signed_and_can_be_checked_with_the_public_key(review: Review, sign: Sign) -> None:
    sign(review, "consumer_lead")
    signed = SignOff.objects.get()
    assert (signed.printed_name, signed.username, signed.content_hash) == ("Cora Cole", "cora", review.content_hash)
    assert signed.section_hashes == {name: review.section_hashes[name] for name in ROLE_SECTIONS["consumer_lead"]}
    assert signed.saw["version"] == "0.1"
    assert signed.saw["integration"] == "orders-to-payments"
    assert signed.key_id in signing.public_keys()
    assert signing.verify(signed.signed_bytes, key_id=signed.key_id, signature=signed.signature)
    signed.printed_name = "Somebody Else"
    assert not signing.verify(signed.signed_bytes, key_id=signed.key_id, signature=signed.signature)


def test_each_signs_only_the_role_that_is_theirs(
    review: Review, ann: Person, cora: Person, paul: Person, ivy: Person, zoe: Person, mallory: Person, ada: Person
) -> None:
    allowed = {
        person.username: [str(offer.role) for offer in permissions.roles_for(person, review) if offer.allowed]
        for person in (ann, cora, paul, ivy, zoe, mallory, ada)
    }
    assert allowed == {
        "ann": ["author"],
        "cora": ["consumer_lead"],
        "paul": ["provider_lead"],
        "ivy": ["platform"],
        "zoe": ["approver"],
        "mallory": [],
        "ada": [],
    }


def test_a_superuser_has_no_back_door(review: Review, mallory: Person) -> None:
    mallory.is_superuser = mallory.is_staff = True
    mallory.save()
    for role in ("author", "consumer_lead", "provider_lead", "platform", "approver"):
        with pytest.raises(NotAllowed):
            reviews.sign(review, role=role, by=mallory, password="mallory", seen_hash=review.content_hash)
    assert not SignOff.objects.exists()


def test_neither_superusers_nor_administrators_have_another_way_in(
    review: Review, cora: Person, mallory: Person, ada: Person, sign: Sign
) -> None:
    """Nor do they carry over, send back, withdraw, settle a thread, take a value or release."""
    thread = threads.open_thread(review.revision, path="sla.rto", text="Longer.", proposal="PT2H", by=cora)
    sign(review, "consumer_lead")
    for each in (mallory, ada):
        each.is_superuser = each.is_staff = True
        each.save()
        for act in (
            lambda by=each: reviews.carry_over(review, role="consumer_lead", by=by, seen_hash=review.content_hash),
            lambda by=each: reviews.request_changes(review, by=by, comment="No"),
            lambda by=each: reviews.withdraw(review, by=by, reason="No"),
            lambda by=each: threads.resolve(thread, by=by),
            lambda by=each: threads.take(thread.comments.get(), by=by),
        ):
            with pytest.raises(DomainError):
                act()
        assert not permissions.may_release(each)
    assert Review.objects.get(pk=review.pk).is_open
    assert SignOff.objects.filter(voided_at=None).count() == 1


def test_a_member_who_does_not_lead_signs_nothing_for_the_team(
    review: Review, catalog: landscape.Catalog, mallory: Person
) -> None:
    Membership.objects.create(team=catalog.teams["checkout"], person=mallory)
    with pytest.raises(NotAllowed, match="Only a lead of the consumer's team signs this"):
        reviews.sign(review, role="consumer_lead", by=mallory, password="mallory", seen_hash=review.content_hash)


def test_nobody_signs_for_two_roles(review: Review, catalog: landscape.Catalog, cora: Person) -> None:
    Membership.objects.create(team=catalog.teams["payments"], person=cora, is_lead=True)
    reviews.sign(review, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash)
    with pytest.raises(NotAllowed, match="nobody signs for two roles"):
        reviews.sign(review, role="provider_lead", by=cora, password="cora", seen_hash=review.content_hash)


def test_whoever_wrote_since_the_last_approval_does_not_approve(
    draft: Revision, ann: Person, zoe: Person, ada: Person
) -> None:
    """ann writes, zoe edits, ann submits: zoe is an approver, yet not of her own words."""
    zoe.groups.add(landscape.group_of("architects"))
    ada.groups.add(landscape.group_of("approvers"))
    draft = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=zoe, if_match=draft.etag)
    draft = revisions.save_section(draft, "sla", {"rto": "PT2H"}, by=ann, if_match=draft.etag)
    review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    with pytest.raises(NotAllowed, match="You wrote in this record since it was last approved"):
        reviews.sign(review, role="approver", by=zoe, password="zoe", seen_hash=review.content_hash)
    assert list(Review.objects.waiting_for(zoe)) == []
    assert list(Review.objects.waiting_for(ada)) == [review]


def restore_the_first(draft: Revision, by: Person) -> object:
    first = find_version(draft.integration, "0.1")
    assert first is not None
    return revisions.restore(draft.integration, first, by=by, if_match=draft.etag)


WAYS_TO_WRITE: dict[str, Callable[[Revision, Person], object]] = {
    "a section": lambda draft, by: revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=by, if_match=draft.etag),
    "the whole document": lambda draft, by: revisions.save(
        draft, landscape.document(sla={"rto": "PT4H"}), by=by, if_match=draft.etag
    ),
    "an older version": restore_the_first,
}


@pytest.mark.parametrize("write", WAYS_TO_WRITE.values(), ids=WAYS_TO_WRITE)
def test_whoever_wrote_in_any_round_by_any_way_does_not_approve_a_later_one(
    review: Review, ann: Person, zoe: Person, write: Callable[[Revision, Person], object]
) -> None:
    """Even where nothing of their words is left, and another wrote and submitted after them."""
    zoe.groups.add(landscape.group_of("architects"))
    for rto in ("PT8H", "PT9H"):
        reviews.withdraw(review, by=ann, reason="Better")
        draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
        draft = revisions.save_section(draft, "sla", {"rto": rto}, by=ann, if_match=draft.etag)
        if rto == "PT8H":
            write(draft, zoe)
            draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
            draft = revisions.save_section(draft, "sla", {"rto": "PT1H"}, by=ann, if_match=draft.etag)
        review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    with pytest.raises(NotAllowed, match="You wrote in this record since it was last approved"):
        reviews.sign(review, role="approver", by=zoe, password="zoe", seen_hash=review.content_hash)


def test_whoever_takes_a_proposed_value_wrote_it(review: Review, cora: Person, zoe: Person) -> None:
    zoe.groups.add(landscape.group_of("architects"))
    thread = threads.open_thread(review.revision, path="sla.rto", text="", proposal="PT2H", by=cora)
    threads.take(thread.comments.get(), by=zoe)
    after = Review.objects.open().get(revision=review.revision)
    with pytest.raises(NotAllowed, match="You submitted this review"):
        reviews.sign(after, role="approver", by=zoe, password="zoe", seen_hash=after.content_hash)
    assert permissions.contributions_since_approval(review.integration).filter(person=zoe).exists()


def test_whoever_wrote_before_the_last_approval_may_approve_again(
    approved: Integration, sign: Sign, ann: Person, zoe: Person, ada: Person
) -> None:
    zoe.groups.add(landscape.group_of("architects"))
    ada.groups.add(landscape.group_of("approvers"))
    first = _next_review(approved, zoe, submit=ann)
    sign(first, "author", "consumer_lead", "provider_lead", "platform")
    reviews.sign(first, role="approver", by=ada, password="ada", seen_hash=first.content_hash)
    approved.refresh_from_db()
    second = _next_review(approved, ann, submit=ann, rto="PT1H")
    assert [offer.allowed for offer in permissions.roles_for(zoe, second)][-1]
    assert list(Review.objects.waiting_for(zoe)) == [second]


def test_signing_asks_for_the_password_and_forgets_nothing(review: Review, cora: Person) -> None:
    for _ in range(passwords.MOST_TRIES):
        with pytest.raises(NotAllowed, match="That password is not yours"):
            reviews.sign(review, role="consumer_lead", by=cora, password="wrong", seen_hash=review.content_hash)
    with pytest.raises(NotAllowed, match="Too many wrong passwords"):
        reviews.sign(review, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash)
    assert not SignOff.objects.exists()


def test_signing_works_while_the_cache_is_away(review: Review, cora: Person, settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere.sock"}}
    with pytest.raises(NotAllowed, match="That password is not yours"):
        reviews.sign(review, role="consumer_lead", by=cora, password="wrong", seen_hash=review.content_hash)
    assert reviews.sign(review, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash).pk


def test_a_closed_account_signs_nothing(review: Review, cora: Person) -> None:
    Person.objects.filter(pk=cora.pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        reviews.sign(review, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash)


def test_a_signature_is_bound_to_the_text_that_was_seen(review: Review, ann: Person, cora: Person) -> None:
    reviews.withdraw(review, by=ann, reason="Better")
    draft = Revision.objects.get()
    draft = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ann, if_match=draft.etag)
    second = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Better")
    with pytest.raises(Stale) as refusal:
        reviews.sign(second, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash)
    assert refusal.value.message == "Since the page you signed (version 0.1), this changed: sla."
    with pytest.raises(Stale, match="does not show the text"):
        reviews.sign(second, role="consumer_lead", by=cora, password="cora", seen_hash="made up")
    with pytest.raises(Conflict, match="withdrawn by Ann Archer"):
        reviews.sign(review, role="consumer_lead", by=cora, password="cora", seen_hash=review.content_hash)
    assert not SignOff.objects.exists()


def test_a_role_that_does_not_exist_is_refused(review: Review, ann: Person) -> None:
    with pytest.raises(Invalid):
        reviews.sign(review, role="king", by=ann, password="ann", seen_hash=review.content_hash)


def test_a_role_is_signed_once(review: Review, sign: Sign) -> None:
    sign(review, "author")
    with pytest.raises(Conflict, match="Ann Archer signed as author already"):
        sign(review, "author")


def test_requested_changes_void_the_signatures_and_reopen_the_draft(
    review: Review, sign: Sign, paul: Person, ann: Person
) -> None:
    sign(review, "author", "consumer_lead")
    ended = reviews.request_changes(review, by=paul, comment="The timeout is too long.")
    assert (ended.state, ended.outcome_note) == ("changes_requested", "The timeout is too long.")
    assert set(SignOff.objects.values_list("void_reason", flat=True)) == {
        "Changes requested by Paul Pratt: The timeout is too long."
    }
    draft = Revision.objects.get()
    assert (draft.state, draft.version) == ("draft", "0.2")
    event = Event.objects.filter(kind="review.changes_requested").get()
    assert event.subject == "integration/orders-to-payments/0.1"
    assert event.details["voided_sign_offs"] == 2
    assert OutboxMessage.objects.filter(payload__to="ann@example.com").count() == 1
    with pytest.raises(Conflict):
        reviews.withdraw(review, by=ann, reason="x")


def test_only_those_who_are_asked_request_changes(review: Review, mallory: Person, ann: Person) -> None:
    for person in (mallory, ann):
        with pytest.raises(NotAllowed):
            reviews.request_changes(review, by=person, comment="No")


def test_somebody_who_signed_may_still_request_changes(review: Review, sign: Sign, cora: Person) -> None:
    sign(review, "consumer_lead")
    assert reviews.request_changes(review, by=cora, comment="On second thoughts").state == "changes_requested"


def test_only_an_architect_withdraws(review: Review, cora: Person, ann: Person) -> None:
    with pytest.raises(NotAllowed):
        reviews.withdraw(review, by=cora, reason="x")
    with pytest.raises(Invalid):
        reviews.withdraw(review, by=ann, reason="")
    assert reviews.withdraw(review, by=ann, reason="x").state == "withdrawn"


@pytest.mark.parametrize(
    ("contract", "version"),
    [({"expected_requests_per_minute": 130}, "1.1"), ({"name": "payments-api-v2"}, "2.0")],
)
def test_approval_raises_the_version_by_what_changed(
    approved: Integration, sign: Sign, ann: Person, contract: dict[str, object], version: str
) -> None:
    draft = revisions.start_draft(approved, by=ann)
    contracts = [landscape.DOCUMENT["contracts"][0] | contract]
    draft = revisions.save_section(draft, "contracts", contracts, by=ann, if_match=draft.etag)
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x"))
    approved.refresh_from_db()
    assert approved.in_force is not None
    assert approved.in_force.version == version
    states = Revision.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == ["superseded", "approved"]
    assert sorted(Release.objects.filter(environment__slug="production").values_list("number", flat=True)) == [1, 2]


def test_what_waits_for_whom_takes_one_query(
    review: Review,
    sign: Sign,
    ann: Person,
    cora: Person,
    zoe: Person,
    mallory: Person,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        waiting = list(Review.objects.waiting_for(cora).values_list("integration__name", "role"))  # type: ignore[misc]
    assert waiting == [("Orders to payments", "consumer_lead")]
    sign(review, "consumer_lead", "approver")
    for person, roles in ((cora, []), (zoe, []), (mallory, []), (ann, ["author"])):
        assert list(Review.objects.waiting_for(person).values_list("role", flat=True)) == roles  # type: ignore[misc]


def _next_review(integration: Integration, by: Person, *, submit: Person, rto: str = "PT4H") -> Review:
    draft = revisions.start_draft(integration, by=by)
    draft = revisions.save_section(draft, "sla", {"rto": rto}, by=by, if_match=draft.etag)
    return revisions.submit(draft, by=submit, if_match=draft.etag, change_note="Again")


def test_tries_made_at_the_same_moment_count_before_any_is_looked_at() -> None:
    assert [passwords.may_try("sign:1") for _ in range(7)] == [True] * 5 + [False] * 2
    passwords.came_in("sign:1")
    assert passwords.may_try("sign:1")


def test_what_is_deprecated_stays_so_when_its_record_is_mended(approved: Integration, ann: Person, sign: Sign) -> None:
    integrations.deprecate(approved, by=ann)
    sign(_next_review(approved, ann, submit=ann))
    approved.refresh_from_db()
    assert (approved.state, approved.in_force and approved.in_force.version) == ("deprecated", "1.1")
