"""The database refuses what must never be, whoever asks."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from registry.models import (
    ApprovalRule,
    ChainHead,
    Comment,
    Contribution,
    Delegation,
    Environment,
    Event,
    IndexedFinding,
    Integration,
    ListPreference,
    Membership,
    Person,
    ReleaseCounter,
    Review,
    Revision,
    SavedView,
    SignOff,
    System,
    Tag,
    Tagging,
    Team,
    Thread,
    Token,
)

HASH = "0" * 64
NOW = timezone.now()


def refused(rule: str, act: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError) as refusal:
        _to_the_end(act)
    cause = refusal.value.__cause__
    assert cause is not None
    assert cause.diag.constraint_name == rule  # type: ignore[attr-defined]


def _to_the_end(act: Callable[[], Any]) -> None:
    """Deferred constraints speak only when a transaction ends."""
    with transaction.atomic():
        act()
        connection.check_constraints()


def sql(statement: str) -> Callable[[], None]:
    def run() -> None:
        # A table with constraints still to be checked cannot be truncated, for another reason than ours.
        connection.check_constraints()
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


def another_revision(integration: Integration, **fields: Any) -> Callable[[], Revision]:
    stated = {"number": 2, "major": 0, "minor": 2, "content_hash": HASH, "created_at": NOW, "updated_at": NOW}
    return lambda: Revision.objects.create(
        **({"integration": integration, "created_by": integration.created_by} | stated | fields)
    )


def another_review(review: Review, **fields: Any) -> Callable[[], Review]:
    stated = {
        name: getattr(review, name)
        for name in ("integration", "revision", "document", "content_hash", "section_hashes", "submitted_by")
    }
    stated |= {"round": 2, "version": "0.1", "change_note": "", "submitted_at": NOW, "due_at": NOW}
    return lambda: Review.objects.create(**(stated | fields))


def a_sign_off(review: Review, person: Person, **fields: Any) -> Callable[[], SignOff]:
    stated = {
        "authority": person,
        "role": "author",
        "content_hash": HASH,
        "section_hashes": {},
        "saw": {},
        "signed_at": NOW,
    }
    return lambda: SignOff.objects.create(**({"review": review, "person": person} | stated | fields))


# --- names and members -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["", "Orders", "a b", "-a", "a-", "ä", "a/b", "a\nb"])
def test_slugs_are_plain(slug: str, ann: Person) -> None:
    refused("team_slug_is_plain", lambda: Team.objects.create(slug=slug, name="x"))
    refused("system_slug_is_plain", lambda: System.objects.create(slug=slug, name="x"))
    refused("environment_slug_is_plain", lambda: Environment.objects.create(slug=slug, name="x"))
    refused("tag_slug_is_plain", lambda: Tag.objects.create(slug=slug))
    refused(
        "integration_slug_is_plain",
        lambda: Integration.objects.create(slug=slug, name="x", created_by=ann, created_at=NOW, updated_at=NOW),
    )


def test_a_person_is_in_a_team_once(cora: Person) -> None:
    team = Team.objects.create(slug="checkout", name="Checkout")
    Membership.objects.create(team=team, person=cora)
    refused("membership_once_per_team", lambda: Membership.objects.create(team=team, person=cora, is_lead=True))


# --- lists -------------------------------------------------------------------------------------------------------


def test_an_integration_bears_a_tag_once(integration: Integration) -> None:
    tag = Tag.objects.create(slug="pci")
    Tagging.objects.create(integration=integration, tag=tag)
    refused("tag_once_per_integration", lambda: Tagging.objects.create(integration=integration, tag=tag))


def test_a_finding_is_counted_once_and_has_a_known_severity(draft: Revision) -> None:
    said = {"revision": draft, "code": "no-such-rule", "count": 1}
    IndexedFinding.objects.create(**said, severity="hint")
    refused("indexed_finding_once", lambda: IndexedFinding.objects.create(**said, severity="hint"))
    refused("indexed_finding_severity_known", lambda: IndexedFinding.objects.create(**said, severity="bad"))


def test_views_and_preferences_are_of_lists_that_are_there_and_one_each(ann: Person) -> None:
    view = {"owner": ann, "name": "Mine", "query": ""}
    SavedView.objects.create(**view, page="topics")
    refused("saved_view_name_once", lambda: SavedView.objects.create(**view, page="topics"))
    refused("saved_view_page_known", lambda: SavedView.objects.create(**view, page="nothing"))
    ListPreference.objects.create(person=ann, page="topics")
    refused("list_preference_once", lambda: ListPreference.objects.create(person=ann, page="topics"))
    refused("list_preference_page_known", lambda: ListPreference.objects.create(person=ann, page="nothing"))


# --- integrations ------------------------------------------------------------------------------------------------


def test_an_integration_has_a_known_state(approved: Integration) -> None:
    refused("integration_state_known", lambda: Integration.objects.update(state="paused"))


def test_an_active_integration_has_a_revision_in_force(integration: Integration) -> None:
    refused("integration_active_has_revision_in_force", lambda: Integration.objects.update(state="active"))


def test_an_integration_points_at_its_own_revisions_only(integration: Integration, ann: Person) -> None:
    other = Integration.objects.create(slug="other", name="Other", created_by=ann, created_at=NOW, updated_at=NOW)
    refused("integration_current_is_its_own", lambda: _update(other, current=integration.current))
    refused("integration_in_force_is_its_own", lambda: _update(other, in_force=integration.current))


# --- revisions ---------------------------------------------------------------------------------------------------


def test_one_draft_or_revision_in_review_at_a_time(review: Review) -> None:
    refused("revision_one_open", another_revision(review.integration))


def test_one_approved_revision_at_a_time(approved: Integration) -> None:
    again = another_revision(approved, minor=9, state="approved", approved_at=NOW)
    refused("revision_one_approved", again)


def test_revision_numbers_and_versions_are_used_once(approved: Integration) -> None:
    refused("revision_number_once", another_revision(approved, number=1, major=7))
    refused("revision_version_once", another_revision(approved, major=1, minor=0))


def test_a_revision_has_a_known_state(integration: Integration) -> None:
    refused("revision_state_known", another_revision(integration, state="lost"))


@pytest.mark.parametrize("value", ["", "0" * 63, "G" * 64, "A" * 64])
def test_a_content_hash_looks_like_one(integration: Integration, value: str) -> None:
    refused("revision_content_hash_is_sha256", lambda: Revision.objects.update(content_hash=value))


def test_approval_and_its_moment_come_together(draft: Revision) -> None:
    refused("revision_approved_at_paired", lambda: _update(draft, approved_at=NOW))
    _update(draft, state="in_review")
    refused("revision_approved_at_paired", lambda: _update(draft, state="approved"))


@pytest.mark.parametrize("state", ["approved", "superseded"])
def test_a_draft_becomes_nothing_but_in_review(draft: Revision, state: str) -> None:
    refused("revision_state_moves_on", lambda: _update(draft, state=state, approved_at=NOW))


def test_an_approved_revision_becomes_nothing_but_superseded(approved: Integration) -> None:
    for state in ("draft", "in_review"):
        refused("revision_state_moves_on", partial(_update, approved.in_force, state=state))
    _update(approved.in_force, state="superseded")
    refused("revision_state_moves_on", lambda: _update(approved.in_force, state="approved"))


@pytest.mark.parametrize(
    "change",
    [
        {"document": {}},
        {"content_hash": HASH},
        {"change_note": "x"},
        {"minor": 7},
        {"approved_at": NOW},
        {"lock_version": 9},
        {"updated_at": NOW - timedelta(days=1)},
    ],
)
def test_an_approved_revision_never_changes(approved: Integration, change: dict[str, Any]) -> None:
    refused("revision_approved_never_changes", lambda: _update(approved.in_force, **change))
    with_it = {"state": "superseded", **change}
    refused("revision_approved_never_changes", lambda: _update(approved.in_force, **with_it))
    _update(approved.in_force, state="superseded")
    refused("revision_approved_never_changes", lambda: _update(approved.in_force, **change))


def test_an_approved_revision_is_never_deleted(approved: Integration) -> None:
    refused("revision_approved_stays", sql("DELETE FROM registry_revision"))
    refused("revision_approved_stays", sql("TRUNCATE registry_revision CASCADE"))


def test_the_text_of_a_revision_in_review_is_frozen(review: Review) -> None:
    changes: list[dict[str, Any]] = [{"document": {}}, {"content_hash": HASH}, {"section_hashes": {}}, {"format": 9}]
    for change in changes:
        refused("revision_in_review_is_frozen", partial(_update, review.revision, **change))
        both = {"state": "draft", **change}
        refused("revision_in_review_is_frozen", partial(_update, review.revision, **both))


def test_a_revision_keeps_its_integration_and_number(draft: Revision) -> None:
    refused("revision_identity_is_fixed", lambda: _update(draft, number=2))


def test_a_contribution_is_noted_once(draft: Revision, ann: Person) -> None:
    refused("contribution_once", lambda: Contribution.objects.create(revision=draft, person=ann, first_at=NOW))


# --- reviews and sign-offs ---------------------------------------------------------------------------------------


def test_one_review_is_open_at_a_time(review: Review) -> None:
    refused("review_one_open_per_revision", another_review(review))


def test_rounds_are_counted_once(review: Review, ann: Person) -> None:
    refused("review_round_once", another_review(review, round=1, state="withdrawn", ended_at=NOW, ended_by=ann))


def test_a_review_is_of_a_revision_of_its_integration(review: Review, ann: Person) -> None:
    other = Integration.objects.create(slug="other", name="Other", created_by=ann, created_at=NOW, updated_at=NOW)
    ended = {"state": "withdrawn", "ended_at": NOW, "ended_by": ann}
    refused("review_revision_is_of_integration", another_review(review, integration=other, **ended))


def test_a_review_has_a_known_state_and_hash(review: Review) -> None:
    refused("review_state_known", another_review(review, state="lost", ended_at=NOW, ended_by=review.submitted_by))
    refused("review_content_hash_is_sha256", another_review(review, content_hash="x"))


def test_a_review_ends_at_a_moment_by_somebody(review: Review, ann: Person) -> None:
    refused("review_ended_paired", lambda: _update(review, state="withdrawn", ended_at=NOW))
    refused("review_ended_exactly_when_not_open", lambda: _update(review, ended_at=NOW, ended_by=ann))
    refused("review_ended_exactly_when_not_open", lambda: _update(review, state="withdrawn"))


def test_what_is_under_review_never_changes(review: Review) -> None:
    changes: list[dict[str, Any]] = [
        {"document": {}},
        {"content_hash": HASH},
        {"justifications": {"a": "b"}},
        {"round": 4},
    ]
    for change in changes:
        refused("review_is_frozen", partial(_update, review, **change))
    refused("review_stays", sql("DELETE FROM registry_review"))
    refused("review_stays", sql("TRUNCATE registry_review CASCADE"))


def test_a_review_that_ended_never_changes(review: Review, ann: Person) -> None:
    _update(review, state="withdrawn", ended_at=NOW, ended_by=ann)
    refused("review_is_frozen", lambda: _update(review, state="open", ended_at=None, ended_by=None))
    refused("review_is_frozen", lambda: _update(review, outcome_note="x"))


def test_a_person_and_their_authority_sign_once(review: Review, ann: Person, cora: Person) -> None:
    first = a_sign_off(review, ann)()
    refused("sign_off_authority_once", a_sign_off(review, cora, authority=ann))
    refused("sign_off_person_once", a_sign_off(review, ann, authority=cora, role="platform"))
    _update(first, voided_at=NOW, void_reason="withdrawn")
    a_sign_off(review, ann, role="platform")()


def test_a_sign_off_has_a_known_role_and_hash(review: Review, ann: Person) -> None:
    refused("sign_off_role_known", a_sign_off(review, ann, role="king"))
    refused("sign_off_content_hash_is_sha256", a_sign_off(review, ann, content_hash="x"))


def test_a_sign_off_is_voided_once_with_a_reason_and_never_changes(review: Review, ann: Person, cora: Person) -> None:
    sign_off = a_sign_off(review, ann)()
    for change in (
        {"person": cora},
        {"meaning": "x"},
        {"signature": "x"},
        {"saw": {"a": 1}},
        {"signed_at": NOW + timedelta(days=1)},
    ):
        refused("sign_off_never_changes", partial(_update, sign_off, **change))
    refused("sign_off_voided_paired", lambda: _update(sign_off, voided_at=NOW))
    _update(sign_off, voided_at=NOW, void_reason="withdrawn")
    refused("sign_off_never_changes", lambda: _update(sign_off, voided_at=None, void_reason=None))
    refused("sign_off_stays", sql("DELETE FROM registry_signoff"))
    refused("sign_off_stays", sql("TRUNCATE registry_signoff"))


# --- releases ----------------------------------------------------------------------------------------------------


def test_a_release_never_changes(approved: Integration) -> None:
    refused("release_never_changes", sql("UPDATE registry_release SET body = ''"))
    refused("release_never_changes", sql("DELETE FROM registry_release"))
    refused("release_never_changes", sql("TRUNCATE registry_release CASCADE"))


def test_release_numbers_are_used_once_and_its_hash_is_of_its_body(approved: Integration) -> None:
    release = approved.releases.select_related("environment").first()
    assert release is not None
    release.pk = None
    refused("release_number_once", lambda: release.save(force_insert=True))
    release.number, release.body = 2, b"other"
    refused("release_sha256_is_of_body", lambda: release.save(force_insert=True))


def test_release_counters_only_grow(approved: Integration) -> None:
    refused("release_counter_only_grows", lambda: ReleaseCounter.objects.update(number=0))
    refused("release_counter_only_grows", lambda: ReleaseCounter.objects.update(epoch=0))


def test_release_numbers_and_epochs_are_positive_and_hashes_hashes(approved: Integration) -> None:
    release = approved.releases.first()
    assert release is not None
    release.pk, release.number = None, 0
    refused("release_number_and_epoch_positive", lambda: release.save(force_insert=True))
    release.number, release.content_hash = 2, "x"
    refused("release_content_hash_is_sha256", lambda: release.save(force_insert=True))


# --- tokens ------------------------------------------------------------------------------------------------------


def test_a_token_speaks_for_a_system_in_an_environment_or_for_a_person(catalog: Any, ann: Person) -> None:
    system, environment = catalog.systems["order-service"], catalog.environments["local"]
    whole = {"name": "x", "prefix": "x", "digest": HASH, "created_by": ann, "created_at": NOW}
    for fields in (
        {"kind": "service"},
        {"kind": "service", "system": system},
        {"kind": "service", "system": system, "environment": environment, "person": ann},
        {"kind": "personal"},
        {"kind": "personal", "person": ann, "system": system},
        {"kind": "other", "person": ann},
    ):
        refused("token_kind_has_its_fields", partial(Token.objects.create, **whole, **fields))
    bad = {**whole, "digest": "secret", "kind": "personal", "person": ann}
    refused("token_digest_is_sha256", lambda: Token.objects.create(**bad))


# --- the trail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_event SET actor_name = 'nobody'",
        "UPDATE registry_event SET sequence = sequence + 100",
        "DELETE FROM registry_event",
        "TRUNCATE registry_event",
        "TRUNCATE registry_event CASCADE",
    ],
)
def test_events_are_only_ever_added(integration: Integration, statement: str) -> None:
    before = list(Event.objects.values())
    refused("event_never_changes", sql(statement))
    assert list(Event.objects.values()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_chainhead SET sequence = sequence - 1",
        "INSERT INTO registry_chainhead (chain, sequence, hash) VALUES ('x', 0, '')",
        "DELETE FROM registry_chainhead",
        "TRUNCATE registry_chainhead",
    ],
)
def test_the_head_of_a_chain_only_follows_its_events(integration: Integration, statement: str) -> None:
    before = list(ChainHead.objects.values())
    refused("chain_head_follows_events", sql(statement))
    assert list(ChainHead.objects.values()) == before


def test_the_chain_is_not_what_the_writer_says(integration: Integration) -> None:
    event = Event.objects.create(
        chain="orders-to-payments", sequence=77, hash="made up", previous_hash="made up", actor_name="x", kind="x"
    )
    assert event.sequence == 2
    assert event.previous_hash == Event.objects.get(chain="orders-to-payments", sequence=1).hash


def _update(row: Any, **fields: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**fields)


# --- approval rules, delegations, threads ---------------------------------------------------------------------------


def a_rule(**fields: Any) -> Callable[[], ApprovalRule]:
    stated = {"name": "A rule", "weight": 1, "minimums": {"author": 1, "approver": 1}}
    return lambda: ApprovalRule.objects.create(**(stated | fields))


def test_an_approval_rule_always_asks_the_author_and_an_approver(db: None) -> None:
    for minimums in ({}, {"author": 1}, {"approver": 1}, {"author": 0, "approver": 1}, {"author": 1, "approver": 0}):
        refused("approval_rule_has_author_and_approver", a_rule(minimums=minimums))
    a_rule()()
    refused("approval_rule_weight_once", a_rule(name="Another"))


def test_a_delegation_is_to_another_and_ends_later(ann: Person, cora: Person) -> None:
    def given(**fields: Any) -> Callable[[], Delegation]:
        stated = {"holder": ann, "delegate": cora, "starts_at": NOW, "ends_at": NOW + timedelta(days=1)}
        return lambda: Delegation.objects.create(**(stated | {"reason": "x", "created_at": NOW} | fields))

    refused("delegation_is_to_another", given(delegate=ann))
    refused("delegation_ends_after_it_starts", given(ends_at=NOW))
    refused("delegation_revoked_paired", given(revoked_at=NOW))


def test_what_was_said_is_never_changed(review: Review, ann: Person) -> None:
    thread = Thread.objects.create(revision=review.revision, opened_by=ann, opened_at=NOW, updated_at=NOW)
    said = {"thread": thread, "by": ann, "at": NOW}
    refused("comment_says_something", lambda: Comment.objects.create(**said))
    comment = Comment.objects.create(**said, text="Why?", proposes=True, proposal=3)
    refused("comment_outcome_exactly_when_decided", lambda: _update(comment, outcome="taken"))
    refused("comment_never_changes", lambda: _update(comment, text="Because."))
    _update(comment, outcome="taken", decided_at=NOW, decided_by=ann)
    refused("comment_never_changes", lambda: _update(comment, outcome="declined"))
    refused("comment_never_changes", sql("DELETE FROM registry_comment"))
    refused("thread_stays", sql("DELETE FROM registry_thread"))
