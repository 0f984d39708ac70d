"""Reviews: signed by the people it needs, sent back, or withdrawn."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import permissions, signing
from registry.diff import compare, is_breaking
from registry.errors import Conflict, Invalid, NotAllowed, Stale
from registry.models import (
    MEANINGS,
    ROLE_SECTIONS,
    Delegation,
    Environment,
    Integration,
    Person,
    Release,
    Review,
    Revision,
    Role,
    SignOff,
    Thread,
    Visit,
)
from registry.permissions import RoleOffer
from registry.record import SECTIONS, DesignRecord
from registry.record.findings import Problem
from registry.services import indexing, locks, notices, passwords, releases, revisions, schedules, trail
from registry.services.revisions import subject
from registry.services.text import Reading

MOST_PATHS_SEEN = 500


def sign(review: Review, *, role: str, by: Person, password: str, seen_hash: str) -> SignOff:
    """Sign a role on what the person saw. The last one needed approves and releases it."""
    if role not in Role.values:
        raise Invalid([Problem("role", "is not a role of a review", f"Choose of {', '.join(Role.values)}.")])
    _confirm(by, password)
    return _sign(review.pk, Role(role), by=by, seen_hash=seen_hash)


def carry_over(review: Review, *, role: str, by: Person, seen_hash: str) -> SignOff:
    """Let one's signature of an earlier round stand for this one: all that the role answers for is as it was."""
    if role not in Role.values:
        raise Invalid([Problem("role", "is not a role of a review", f"Choose of {', '.join(Role.values)}.")])
    return _sign(review.pk, Role(role), by=by, seen_hash=seen_hash, carried=True)


@transaction.atomic
def request_changes(review: Review, *, by: Person, comment: str) -> Review:
    """Send the revision back to its author. Sign-offs given so far are void."""
    reading = Reading()
    comment = reading.prose("comment", comment)
    reading.done()
    integration, revision, held = locks.review(review.pk)
    _require_open(held)
    if not permissions.may_request_changes(by, held):
        raise NotAllowed("Only somebody who is asked to sign requests changes.", "Tell one of the reviewers.")
    _end(held, Review.State.CHANGES_REQUESTED, comment, by=by)
    _reopen(integration, revision, held, "review.changes_requested", by=by)
    notices.changes_requested(held)
    return held


@transaction.atomic
def withdraw(review: Review, *, by: Person, reason: str) -> Review:
    """Take the revision back to go on writing. Sign-offs given so far are void."""
    reading = Reading()
    reason = reading.prose("reason", reason)
    reading.done()
    integration, revision, held = locks.review(review.pk)
    _require_open(held)
    if not permissions.may_withdraw(by, held):
        raise NotAllowed("Only whoever submitted it, or an architect, withdraws a review.", "Request changes instead.")
    _end(held, Review.State.WITHDRAWN, reason, by=by)
    _reopen(integration, revision, held, "review.withdrawn", by=by)
    return held


@transaction.atomic
def revise(review: Review, record: DesignRecord, *, by: Person, reason: str) -> Review | None:
    """Change the text under review: this round ends, and a new one begins with what changed.

    None where the rules refuse the new text or want a justification that nobody gave: it is a draft then.
    """
    integration, revision, held = locks.review(review.pk)
    _require_open(held)
    if not permissions.may_withdraw(by, held):
        raise NotAllowed("Only whoever submitted it, or an architect, changes a text under review.", "Propose a value.")
    _end(held, Review.State.WITHDRAWN, reason, by=by)
    _reopen(integration, revision, held, "review.withdrawn", by=by)
    draft = revisions.replace(integration, revision, record, by=by)
    try:
        return revisions.submit(
            draft,
            by=by,
            if_match=draft.etag,
            change_note=f"{held.change_note}\n\n{reason}."[:2_000],
            justifications=held.justifications,
        )
    except Invalid:
        return None


@transaction.atomic
def _sign(key: int, role: Role, *, by: Person, seen_hash: str, carried: bool = False) -> SignOff:
    integration, revision, review = locks.review(key)
    _require_open(review)
    if seen_hash != review.content_hash:
        raise Stale(review.content_hash, review.document, *_what_changed(review, seen_hash))
    by = locks.signer(by)
    offer = _require_role(review, role, by)
    if carried and offer.carries is None:
        raise Conflict("What you signed for has changed since, so it cannot be carried over.", "Read it and sign anew.")
    now = timezone.now()
    sign_off = _signed(integration, review, offer, by=by, at=now, carried=carried)
    lacking = review.lacking()
    missing = sum(lacking.values()) - 1
    if not missing:
        _require_settled(review)
    sign_off.save()
    Visit.objects.get_or_create(person=by, revision=revision, defaults={"review": review, "at": now})
    told: dict[str, Any] = {
        "role": role.value,
        "printed_name": sign_off.printed_name,
        "content_hash": review.content_hash,
    }
    told |= {"on_behalf_of": sign_off.on_behalf_of} if sign_off.on_behalf_of else {}
    told |= {"carried_from_round": offer.carries.review.round} if carried and offer.carries else {}
    if missing:
        trail.record("review.signed", by=by, integration=integration, subject=subject(revision), data=told)
        return sign_off
    told |= _approve(integration, revision, review, by=by, at=now)
    trail.record("revision.approved", by=by, integration=integration, subject=subject(revision), data=told)
    notices.approved(review)
    return sign_off


def _require_settled(review: Review) -> None:
    """The last signature waits for open threads, where the review's rule says so."""
    if not review.requirement.get("threads_block"):
        return
    count = Thread.objects.filter(revision=review.revision_id, resolved_at__isnull=True).count()
    if count:
        threads = "1 thread is" if count == 1 else f"{count} threads are"
        raise Conflict(
            f"{threads} still open, and yours is the last signature: it would approve.",
            "Settle what is open on the review page, then sign.",
        )


def _approve(
    integration: Integration, revision: Revision, review: Review, *, by: Person, at: datetime
) -> dict[str, Any]:
    """Put the revision in force and serve it where approval is enough; what that was, for the trail."""
    previous = integration.in_force
    before = {"state": integration.state, "version": previous and previous.version}
    revision.major, revision.minor = approved_version(previous, revision)
    if previous is not None:
        previous.state = Revision.State.SUPERSEDED
        previous.save(update_fields=("state",))
    revision.state, revision.approved_at, revision.updated_at = Revision.State.APPROVED, at, at
    revision.save(update_fields=("state", "major", "minor", "approved_at", "updated_at"))
    _end(review, Review.State.APPROVED, "", by=by)
    integration.in_force, integration.updated_at = revision, at
    if integration.state == Integration.State.PROPOSED:
        # What is deprecated stays so: its record may still be mended, and nobody decided to take it up again.
        integration.state = Integration.State.ACTIVE
    integration.save(update_fields=("in_force", "state", "updated_at"))
    indexing.mark_compared(integration)
    at_once = list(Environment.objects.filter(release_policy=Environment.ReleasePolicy.AT_ONCE))
    issued = releases.issue(revision, at_once, kind=Release.Kind.APPROVAL, by=by, at=at)
    schedules.overtake(revision, at_once, by=by, at=at)
    return {
        "before": before,
        "after": {"state": str(integration.state), "version": revision.version, "reviewed_as": review.version},
        "releases": {release.environment.slug: release.number for release in issued},
    }


def approved_version(previous: Revision | None, revision: Revision) -> tuple[int, int]:
    """1.0 first; then the next major if somebody who relies on it may fail, else the minor the draft has already."""
    if previous is None:
        return 1, 0
    if is_breaking(compare(previous.record, revision.record)):
        return previous.major + 1, 0
    return revision.major, revision.minor


def _signed(
    integration: Integration, review: Review, offer: RoleOffer, *, by: Person, at: datetime, carried: bool
) -> SignOff:
    role, earlier = offer.role, offer.carries if carried else None
    sign_off = SignOff(
        review=review,
        role=role,
        person=by,
        authority=offer.authority or by,
        on_behalf_of=_on_behalf(offer.delegation),
        carried_from=earlier,
        carried_signature=earlier.signature if earlier else "",
        username=by.username,
        printed_name=by.name,
        meaning=MEANINGS[role],
        content_hash=review.content_hash,
        section_hashes={section: review.section_hashes[section] for section in ROLE_SECTIONS[role]},
        saw=_saw(integration, review),
        signed_at=at,
    )
    signature = signing.sign(sign_off.signed_bytes)
    sign_off.key_id, sign_off.signature = signature.key_id, signature.signature
    return sign_off


def _on_behalf(delegation: Delegation | None) -> str:
    if delegation is None:
        return ""
    holder = delegation.holder
    return f"{holder.name} ({holder.username}), who is away until {delegation.ends_at:%d %B %Y}: {delegation.reason}"[
        :400
    ]


def _saw(integration: Integration, review: Review) -> dict[str, Any]:
    """What was on the page: the round, its findings, and what differs from the revision in force."""
    before = integration.in_force
    changes = compare(before.record if before else None, review.record)
    return {
        # A copy of a record has the same content hash: the signature says which agreement it is of.
        "integration": integration.slug,
        "version": review.version,
        "round": review.round,
        "compared_with": before.version if before else "",
        "changed_fields": len(changes),
        "changed_paths": [each.path for each in changes[:MOST_PATHS_SEEN]],
        "findings": [each["key"] for each in review.findings],
    }


def _end(review: Review, state: Review.State, note: str, *, by: Person) -> None:
    review.state, review.ended_at, review.ended_by, review.outcome_note = state, timezone.now(), by, note
    review.save(update_fields=("state", "ended_at", "ended_by", "outcome_note"))


def _reopen(integration: Integration, revision: Revision, review: Review, kind: str, *, by: Person) -> None:
    """Make the revision a draft again, under the next number: each reviewed text keeps its own."""
    now = timezone.now()
    voided = _standing(review).update(
        voided_at=now, void_reason=f"{review.get_state_display()} by {by.name}: {review.outcome_note}"
    )
    told = {
        "round": review.round,
        "note": review.outcome_note,
        "voided_sign_offs": voided,
        "before": {"version": review.version},
    }
    about = subject(revision)
    revision.state, revision.minor, revision.updated_at = Revision.State.DRAFT, revision.minor + 1, now
    revision.save(update_fields=("state", "minor", "updated_at"))
    integration.updated_at = now
    integration.save(update_fields=("updated_at",))
    told["after"] = {"version": revision.version}
    trail.record(kind, by=by, integration=integration, subject=about, data=told)


def note_visit(review: Review, *, by: Person) -> None:
    """Remember which text this person looked at last, so that what changes afterwards can be shown to them."""
    Visit.objects.update_or_create(
        person=by, revision_id=review.revision_id, defaults={"review": review, "at": timezone.now()}
    )


def _require_open(review: Review) -> None:
    if review.is_open:
        return
    assert review.ended_by is not None
    assert review.ended_at is not None
    raise Conflict(
        f"This review has ended: {review.get_state_display().lower()} by {review.ended_by.name} "
        f"on {review.ended_at:%d %B %Y at %H:%M} UTC.",
        "Open the review page again to see where it stands.",
    )


def _require_role(review: Review, role: Role, by: Person) -> RoleOffer:
    offer = next((each for each in permissions.roles_for(by, review) if each.role == role), None)
    if offer is None:
        raise NotAllowed(f"This review asks for no signature of a {role.label.lower()}.", "See the review page.")
    signed = [each.printed_name for each in _standing(review).filter(role=role)]
    if len(signed) >= review.minimums[role]:
        raise Conflict(f"{', '.join(signed)} signed as {role.label.lower()} already.", "Nothing is left to sign here.")
    if not offer.allowed:
        raise NotAllowed(offer.reason, "See the review page for who may sign.")
    return offer


def _what_changed(review: Review, seen_hash: str) -> tuple[str, str]:
    mend = "Read the review page again, then sign what it says now."
    seen = review.integration.reviews.filter(content_hash=seen_hash).first()
    if seen is None:
        return "The page you signed does not show the text that is under review.", mend
    changed = [name for name in SECTIONS if seen.section_hashes.get(name) != review.section_hashes.get(name)]
    return f"Since the page you signed (version {seen.version}), this changed: {', '.join(changed)}.", mend


def _standing(review: Review) -> Any:
    return SignOff.objects.filter(review=review, voided_at__isnull=True)


def _confirm(by: Person, password: str) -> None:
    """Ask who is there once more. Five wrong passwords close this door for a quarter of an hour."""
    door = f"sign:{by.pk}"
    if not passwords.may_try(door):
        raise NotAllowed("Too many wrong passwords.", "Wait a quarter of an hour, then try again.")
    known = Person.objects.filter(pk=by.pk, is_active=True).first()
    if known is None or not known.check_password(password):
        raise NotAllowed("That password is not yours.", "Type the password you sign in with.")
    passwords.came_in(door)
