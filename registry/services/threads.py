"""Threads on a field or section of a revision: opened, answered, settled; and values proposed and taken."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Comment, Integration, Person, Review, Revision, Thread
from registry.record import documents, pointers
from registry.record.findings import InvalidRecord, Problem
from registry.services import locks, notices, reviews, trail
from registry.services.revisions import parse, replace, subject
from registry.services.text import Reading

MISSING = object()
"""Stands for "no value is proposed", since None proposes to clear the field."""
LONGEST_PATH = 500


@transaction.atomic
def open_thread(revision: Revision, *, path: str, text: str, proposal: Any = MISSING, by: Person) -> Thread:
    """Begin a thread at a pointer ("" for the whole record), with a comment, a proposed value, or both."""
    integration, held = locks.revision(revision.pk)
    _require_say(held, by)
    _require_place(held, path)
    now = timezone.now()
    review = Review.objects.open().filter(revision=held).first()
    thread = Thread.objects.create(revision=held, review=review, path=path, opened_by=by, opened_at=now, updated_at=now)
    comment = _say(thread, text, proposal, by=by, at=now)
    _tell("thread.opened", integration, thread, comment, by=by)
    notices.thread_moved(thread, comment)
    return thread


@transaction.atomic
def reply(thread: Thread, *, text: str, proposal: Any = MISSING, by: Person) -> Comment:
    """Say something more. A thread that was settled is open again."""
    integration, held = _locked(thread)
    _require_say(held.revision, by)
    now = timezone.now()
    comment = _say(held, text, proposal, by=by, at=now)
    held.resolved_at = held.resolved_by = None
    held.updated_at = now
    held.save(update_fields=("resolved_at", "resolved_by", "updated_at"))
    _tell("thread.answered", integration, held, comment, by=by)
    notices.thread_moved(held, comment)
    return comment


@transaction.atomic
def resolve(thread: Thread, *, by: Person) -> Thread:
    """Call it settled."""
    integration, held = _locked(thread)
    if held.is_resolved:
        raise Conflict("This thread is settled already.", "Nothing is left to do.")
    if not permissions.may_resolve(by, held):
        raise NotAllowed(
            f"Only {held.opened_by.name}, who opened it, or an approver who did not write the text settles this.",
            "Answer in the thread instead.",
        )
    _settle(held, by=by, at=timezone.now())
    _tell("thread.resolved", integration, held, None, by=by)
    return held


@transaction.atomic
def decline(comment: Comment, *, by: Person) -> Comment:
    """Say no to a proposed value. The thread stays open until whoever opened it is content."""
    integration, thread, held = _locked_proposal(comment, by)
    _decide(held, Comment.Outcome.DECLINED, by=by)
    _tell("proposal.declined", integration, thread, held, by=by)
    return held


@transaction.atomic
def take(comment: Comment, *, by: Person) -> Review | None:
    """Put a proposed value into the record. Under review this begins a new round; None where the text is a draft now.

    A text that the rules refuse, or that needs a justification, stays a draft for its author to finish.
    """
    integration, thread, held = _locked_proposal(comment, by)
    revision = thread.revision
    try:
        record = documents.with_value(revision.record, thread.path, held.proposal)
    except KeyError:
        raise Conflict(
            "The record has no such field any more.", "Decline the proposal, or write it in by hand."
        ) from None
    except InvalidRecord as refused:
        raise Invalid(refused.problems) from None
    _decide(held, Comment.Outcome.TAKEN, by=by)
    _settle(thread, by=by, at=timezone.now())
    _tell("proposal.taken", integration, thread, held, by=by)
    why = f"Took the value {held.by.name} proposed for {thread.path}"
    open_round = Review.objects.open().filter(revision=revision).first()
    if open_round is None:
        replace(integration, revision, record, by=by)
        return None
    return reviews.revise(open_round, record, by=by, reason=why)


def _locked(thread: Thread) -> tuple[Integration, Thread]:
    integration, revision = locks.revision(thread.revision_id)
    held = Thread.objects.select_for_update(no_key=True, of=("self",)).select_related("opened_by").get(pk=thread.pk)
    held.revision = revision
    return integration, held


def _locked_proposal(comment: Comment, by: Person) -> tuple[Integration, Thread, Comment]:
    integration, thread = _locked(comment.thread)
    held = Comment.objects.select_for_update(no_key=True, of=("self",)).select_related("by").get(pk=comment.pk)
    if not permissions.may_edit(by, integration):
        raise NotAllowed("Only an architect takes or declines a proposed value.", "Ask the author.")
    if not held.proposes or held.outcome:
        raise Conflict("Nothing is proposed here that is not decided yet.", "Read the thread again.")
    if thread.revision.state not in (Revision.State.DRAFT, Revision.State.IN_REVIEW):
        raise Conflict(f"Version {thread.revision.version} is approved and never changes.", "Start a new draft.")
    held.thread = thread
    return integration, thread, held


def _require_say(revision: Revision, by: Person) -> None:
    if not permissions.may_comment(by):
        raise NotAllowed("Only people of a team, architects and approvers have a say here.", "Ask one of them.")
    if revision.state not in (Revision.State.DRAFT, Revision.State.IN_REVIEW):
        raise Conflict(f"Version {revision.version} is approved and never changes.", "Start a new draft.")


def _require_place(revision: Revision, path: str) -> None:
    problem = Problem("path", "is no place in this record", "Choose a section or a field of it.")
    if not path:
        return
    try:
        if len(path) > LONGEST_PATH:
            raise ValueError(path)
        pointers.resolve(revision.record, path)
    except (KeyError, ValueError):
        raise Invalid([problem]) from None


def _say(thread: Thread, text: str, proposal: Any, *, by: Person, at: datetime) -> Comment:
    reading = Reading()
    proposes = proposal is not MISSING
    text = reading.prose("text", text, longest=5_000, required=not proposes)
    reading.done()
    if proposes:
        _require_fitting(thread, proposal)
    return Comment.objects.create(
        thread=thread, by=by, at=at, text=text, proposes=proposes, proposal=proposal if proposes else None
    )


def _require_fitting(thread: Thread, proposal: Any) -> None:
    """A proposed value must be one the field can hold, and another than it holds."""
    if not thread.path:
        raise Invalid([Problem("proposal", "needs a field", "Propose a value on a field, not on the whole record.")])
    record = thread.revision.record
    try:
        proposed = documents.with_value(record, thread.path, proposal)
    except InvalidRecord as refused:
        first = refused.problems[0]
        raise Invalid([Problem("proposal", first.message, first.mend)]) from None
    if parse(documents.dump(proposed)) == record:
        raise Invalid([Problem("proposal", "is what the field says already", "Propose another value.")])


def _settle(thread: Thread, *, by: Person, at: datetime) -> None:
    thread.resolved_at, thread.resolved_by, thread.updated_at = at, by, at
    thread.save(update_fields=("resolved_at", "resolved_by", "updated_at"))


def _decide(comment: Comment, outcome: Comment.Outcome, *, by: Person) -> None:
    comment.outcome, comment.decided_by, comment.decided_at = outcome, by, timezone.now()
    comment.save(update_fields=("outcome", "decided_by", "decided_at"))


def _tell(kind: str, integration: Integration, thread: Thread, comment: Comment | None, *, by: Person) -> None:
    data: dict[str, Any] = {"thread": thread.pk, "path": thread.path}
    if comment is not None:
        data |= {"comment": comment.pk, "text": comment.text[:500]}
        if comment.proposes:
            data["proposal"] = documents.canonical_bytes(comment.proposal).decode()[:500]
    trail.record(kind, by=by, integration=integration, subject=subject(thread.revision), data=data)
