"""What a review needs, who signs for somebody away, and signatures carried over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from registry import signing
from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import (
    ApprovalRule,
    Delegation,
    Event,
    Integration,
    Membership,
    Person,
    Review,
    Revision,
    SignOff,
)
from registry.services import approvals, reviews, revisions
from tests import landscape

Sign = Callable[..., None]
LIGHT = {"author": 1, "platform": 1, "approver": 1}


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()


def rule(by: Person, **fields: Any) -> ApprovalRule:
    stated: dict[str, Any] = {"name": "Light", "weight": 10, "minimums": LIGHT}
    return approvals.save_rule(by=by, **(stated | fields))


def away(holder: Person, to: Person, **fields: Any) -> Delegation:
    now = timezone.now()
    stated: dict[str, Any] = {"to": to, "starts_at": now, "ends_at": now + timedelta(days=7), "reason": "On leave"}
    return approvals.delegate(by=holder, **(stated | fields))


def submitted(draft: Revision, by: Person, **justifications: str) -> Review:
    return revisions.submit(draft, by=by, if_match=draft.etag, change_note="x", justifications=justifications)


def roles_waiting_for(person: Person) -> list[str]:
    return [vars(each)["role"] for each in Review.objects.waiting_for(person)]


def signs(review: Review, role: str, by: Person) -> SignOff:
    return reviews.sign(review, role=role, by=by, password=by.username, seen_hash=review.content_hash)


# --- rules ----------------------------------------------------------------------------------------------------------


def test_without_a_rule_all_five_sign(review: Review) -> None:
    assert review.requirement == {
        "rule": "",
        "minimums": {"author": 1, "consumer_lead": 1, "provider_lead": 1, "platform": 1, "approver": 1},
        "threads_block": True,
    }


def test_the_heaviest_rule_that_applies_says_what_a_review_needs(draft: Revision, ann: Person, ada: Person) -> None:
    rule(ada, name="Low", criticalities=["low"])
    rule(ada, name="Two approvers", weight=20, types=["synchronous"], minimums=LIGHT | {"approver": 2})
    rule(ada, name="Critical", weight=30, criticalities=["critical"], minimums=LIGHT | {"approver": 3})
    rule(ada, name="Off", weight=40, is_active=False)
    review = submitted(draft, ann)
    assert (review.requirement["rule"], review.minimums) == (
        "Two approvers",
        {"author": 1, "platform": 1, "approver": 2},
    )


def test_conditions_on_what_a_change_touches(ada: Person) -> None:
    touching, only = (
        rule(ada, name="Touches", touches=["contracts", "topics"]),
        rule(ada, name="Only", weight=11, within=["monitoring", "testing"]),
    )
    about = {"criticality": "low", "type": "synchronous"}
    assert [touching.applies(**about, sections=each) for each in (["contracts", "sla"], ["sla"])] == [True, False]
    assert [only.applies(**about, sections=each) for each in (["testing"], ["testing", "sla"])] == [True, False]


def test_a_light_rule_approves_with_fewer_and_a_changed_rule_does_not_touch_open_reviews(
    draft: Revision, ann: Person, ivy: Person, zoe: Person, ada: Person, cora: Person
) -> None:
    light = rule(ada)
    review = submitted(draft, ann)
    approvals.save_rule(rule=light, name="Light", weight=10, minimums=LIGHT | {"approver": 2}, by=ada)
    with pytest.raises(NotAllowed, match="asks for no signature of a consumer team lead"):
        signs(review, "consumer_lead", cora)
    signs(review, "author", ann)
    signs(review, "platform", ivy)
    assert list(Review.objects.waiting_for(zoe)) == [review]
    signs(review, "approver", zoe)
    assert Integration.objects.get().in_force is not None


def test_two_approvers_are_two_people(
    draft: Revision, ann: Person, ivy: Person, zoe: Person, ada: Person, mallory: Person
) -> None:
    rule(ada, minimums=LIGHT | {"approver": 2})
    mallory.groups.add(landscape.group_of("approvers"))
    review = submitted(draft, ann)
    signs(review, "author", ann)
    signs(review, "platform", ivy)
    signs(review, "approver", zoe)
    assert list(Review.objects.waiting_for(zoe)) == []
    assert roles_waiting_for(mallory) == ["approver"]
    with pytest.raises(NotAllowed, match="nobody signs for two roles"):
        signs(review, "approver", zoe)
    signs(review, "approver", mallory)
    assert Integration.objects.get().in_force is not None


def test_a_rule_says_what_is_wrong_with_it(ada: Person, ann: Person) -> None:
    rule(ada)
    with pytest.raises(Invalid) as refused:
        rule(ada, minimums={"author": 0, "approver": 0, "platform": 9}, criticalities=["huge"], within=["nothing"])
    assert [each.path for each in refused.value.problems] == [
        "criticalities",
        "within",
        "minimums.author",
        "minimums.platform",
        "minimums.approver",
        "name",
        "weight",
    ]
    with pytest.raises(NotAllowed):
        rule(ann, name="Mine", weight=11)
    assert Event.objects.filter(kind="approval_rule.added").count() == 1


# --- delegation -----------------------------------------------------------------------------------------------------


def test_a_delegate_signs_in_the_holders_name_and_both_are_printed(
    review: Review, cora: Person, mallory: Person, sign: Sign
) -> None:
    assert list(Review.objects.waiting_for(mallory)) == []
    away(cora, mallory)
    assert roles_waiting_for(mallory) == ["consumer_lead"]
    signed = signs(review, "consumer_lead", mallory)
    assert (signed.person, signed.authority, signed.printed_name) == (mallory, cora, "Mallory Moss")
    assert signed.on_behalf_of.startswith("Cora Cole (cora), who is away until ")
    assert signed.statement["on_behalf_of"] == signed.on_behalf_of
    assert signing.verify(signed.signed_bytes, key_id=signed.key_id, signature=signed.signature)
    assert list(Review.objects.waiting_for(cora)) == []
    assert Event.objects.get(kind="review.signed").details["on_behalf_of"] == signed.on_behalf_of


def test_a_delegation_gives_no_second_role(
    review: Review, catalog: landscape.Catalog, cora: Person, paul: Person, mallory: Person
) -> None:
    """cora leads both sides and lets mallory sign; paul lets mallory sign too."""
    Membership.objects.create(team=catalog.teams["payments"], person=cora, is_lead=True)
    away(cora, mallory)
    away(paul, mallory)
    signs(review, "consumer_lead", mallory)
    with pytest.raises(NotAllowed, match="nobody signs for two roles"):
        signs(review, "provider_lead", mallory)
    with pytest.raises(NotAllowed, match="Mallory Moss signed as consumer team lead in your name"):
        signs(review, "provider_lead", cora)
    assert list(Review.objects.waiting_for(mallory)) == []
    signs(review, "provider_lead", paul)


def test_a_delegate_cannot_approve_what_either_wrote(
    draft: Revision, ann: Person, zoe: Person, mallory: Person
) -> None:
    for each in (zoe, mallory):
        each.groups.add(landscape.group_of("architects"))
    away(zoe, mallory)
    draft = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=zoe, if_match=draft.etag)
    review = submitted(draft, ann)
    with pytest.raises(NotAllowed):
        signs(review, "approver", mallory)
    assert list(Review.objects.waiting_for(mallory)) == []


def test_a_submitters_own_roles_cannot_be_handed_on(
    draft: Revision, ann: Person, catalog: landscape.Catalog, mallory: Person
) -> None:
    Membership.objects.create(team=catalog.teams["checkout"], person=ann, is_lead=True)
    away(ann, mallory)
    review = submitted(draft, ann)
    for role in ("author", "consumer_lead"):
        with pytest.raises(NotAllowed):
            signs(review, role, mallory)
    assert list(Review.objects.waiting_for(mallory)) == []


@pytest.mark.parametrize("days", [(-9, -2), (2, 9)], ids=["over", "not yet"])
def test_a_delegation_counts_from_its_start_to_its_end(
    review: Review, cora: Person, mallory: Person, days: tuple[int, int]
) -> None:
    start, end = (timezone.now() + timedelta(days=each) for each in days)
    Delegation.objects.create(
        holder=cora, delegate=mallory, starts_at=start, ends_at=end, reason="x", created_at=timezone.now()
    )
    with pytest.raises(NotAllowed):
        signs(review, "consumer_lead", mallory)
    assert list(Review.objects.waiting_for(mallory)) == []


def test_a_delegation_that_was_ended_counts_no_more(review: Review, cora: Person, mallory: Person, ann: Person) -> None:
    given = away(cora, mallory)
    with pytest.raises(NotAllowed):
        approvals.end_delegation(given, by=ann)
    approvals.end_delegation(given, by=mallory)
    with pytest.raises(Conflict):
        approvals.end_delegation(given, by=cora)
    with pytest.raises(NotAllowed):
        signs(review, "consumer_lead", mallory)


def test_a_delegation_says_what_is_wrong_with_it(cora: Person, mallory: Person) -> None:
    now = timezone.now()

    def paths(**fields: Any) -> list[str]:
        with pytest.raises(Invalid) as refused:
            away(cora, **({"to": mallory} | fields))
        return [each.path for each in refused.value.problems]

    assert paths(to=cora, reason=" ") == ["reason", "delegate"]
    assert paths(ends_at=now - timedelta(days=1)) == ["ends_at"]
    assert paths(ends_at=now + timedelta(days=200)) == ["ends_at"]
    away(cora, mallory)
    assert paths(starts_at=now + timedelta(days=6), ends_at=now + timedelta(days=8)) == ["starts_at"]


# --- carrying over --------------------------------------------------------------------------------------------------


def again(review: Review, by: Person, section: str, value: Any) -> Review:
    """The next round, in which only this section is another."""
    reviews.withdraw(review, by=by, reason="A better text")
    draft = Revision.objects.select_related("integration").get(pk=review.revision_id)
    return submitted(revisions.save_section(draft, section, value, by=by, if_match=draft.etag), by)


def test_a_signature_is_carried_over_where_its_sections_are_as_they_were(
    review: Review, ann: Person, cora: Person, paul: Person, sign: Sign
) -> None:
    sign(review, "consumer_lead", "provider_lead")
    first = SignOff.objects.get(role="consumer_lead")
    second = again(review, ann, "consistency", {"model": "strong", "notes": "One ledger."})
    carried = reviews.carry_over(second, role="consumer_lead", by=cora, seen_hash=second.content_hash)
    assert (carried.carried_from, carried.carried_signature) == (first, first.signature)
    assert (carried.content_hash, carried.section_hashes) == (second.content_hash, first.section_hashes)
    assert carried.statement["carried_from"] == first.signature
    assert signing.verify(carried.signed_bytes, key_id=carried.key_id, signature=carried.signature)
    assert Event.objects.filter(kind="review.signed").latest("id").details["carried_from_round"] == 1
    with pytest.raises(Conflict, match="changed since"):
        reviews.carry_over(second, role="provider_lead", by=paul, seen_hash=second.content_hash)


def test_only_ones_own_signature_is_carried_over(
    review: Review, ann: Person, cora: Person, catalog: landscape.Catalog, mallory: Person, sign: Sign
) -> None:
    Membership.objects.create(team=catalog.teams["checkout"], person=mallory, is_lead=True)
    sign(review, "consumer_lead")
    second = again(review, ann, "consistency", {"model": "strong"})
    with pytest.raises(Conflict):
        reviews.carry_over(second, role="consumer_lead", by=mallory, seen_hash=second.content_hash)


def test_a_lead_no_more_carries_nothing_over(review: Review, ann: Person, cora: Person, sign: Sign) -> None:
    sign(review, "consumer_lead")
    second = again(review, ann, "consistency", {"model": "strong"})
    Membership.objects.filter(person=cora).delete()
    with pytest.raises(NotAllowed):
        reviews.carry_over(second, role="consumer_lead", by=cora, seen_hash=second.content_hash)


def test_moments_are_read_once(cora: Person, mallory: Person) -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone.get_default_timezone())
    given = away(cora, mallory, starts_at=at, ends_at=at + timedelta(days=3), now=at)
    assert given.created_at == at
    assert not Delegation.objects.in_force(at + timedelta(days=3)).exists()
    assert Delegation.objects.in_force(at).get() == given
