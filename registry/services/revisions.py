"""Revisions: a draft is begun, saved, restored from an older version, and submitted for review."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import permissions
from registry.diff import compare, is_breaking
from registry.errors import Conflict, Invalid, NotAllowed, Stale
from registry.live.document import compile_settings
from registry.models import Contribution, Environment, Event, Integration, Person, Review, Revision, Version
from registry.models.releases import LARGEST_BODY
from registry.models.trail import IMPORTED, SAVED
from registry.record import SECTIONS, DesignRecord, documents
from registry.record.findings import Finding, InvalidRecord, Problem, Severity
from registry.rules import check, in_order
from registry.services import approvals, catalog, indexing, landscape, locks, notices, trail
from registry.services.text import Reading
from registry.services.uploads import Source

REVIEW_TIME = timedelta(days=7)
MOST_CHANGES_TOLD = 50
LONGEST_VALUE_TOLD = 200
MOST_SAVES_READ = 50
"""Of the newest, to name who wrote meanwhile."""


@transaction.atomic
def start_draft(integration: Integration, *, by: Person) -> Revision:
    """Begin the next revision as a copy of the one in force."""
    _require_architect(by, integration)
    held = locks.integration(integration.pk)
    _refuse_retired(held)
    if _open_revision(held) is not None:
        raise Conflict("A draft is open already.", "Go on with that draft.")
    draft = _next(held, by=by)
    base = draft.based_on
    assert base is not None
    write(held, draft, base.record, at=draft.created_at)
    held.current = draft
    held.save()
    trail.record("revision.started", by=by, integration=held, subject=subject(draft), data={"based_on": base.version})
    return draft


@transaction.atomic
def restore(
    integration: Integration, version: Version, *, by: Person, sections: Collection[str] = (), if_match: str = ""
) -> Revision:
    """Put what an older version said into the open draft, or into a new one: all of it, or these sections.

    `if_match` is the open draft's ETag. A draft that says all of it already stays as it is.
    """
    _require_architect(by, integration)
    reading = Reading()
    for each in set(sections) - set(SECTIONS):
        reading.refuse("sections", f"{each[:40]!r} is not a section", f"Choose of {', '.join(SECTIONS)}.")
    reading.done()
    held = locks.integration(integration.pk)
    _refuse_retired(held)
    told = {"restored": version.number, "sections": [each for each in SECTIONS if each in sections or not sections]}
    opened = _open_revision(held)
    if opened is None:
        return _restore_into_new(held, version, told, by=by)
    held, draft = locks.revision(opened.pk)
    _require_open(held, draft)
    _require_fresh(draft, if_match)
    record = _with_sections(draft.record, version.record, told["sections"])
    return replace(held, draft, record, by=by, kind="revision.restored", told=told)


def _restore_into_new(held: Integration, version: Version, told: dict[str, Any], *, by: Person) -> Revision:
    draft = _next(held, by=by)
    base = draft.based_on
    assert base is not None
    record = _with_sections(base.record, version.record, told["sections"])
    if documents.content_hash(record) == base.content_hash:
        raise Conflict(f"Version {base.version}, which is in force, says the same.", "Start a draft to write on.")
    write(held, draft, record, at=draft.created_at)
    note_contribution(draft, by=by, at=draft.created_at)
    held.current = draft
    held.save()
    data = {**told, "based_on": base.version, "changes": _changes(base.record, record)}
    trail.record("revision.restored", by=by, integration=held, subject=subject(draft), data=data)
    return draft


def _with_sections(record: DesignRecord, other: DesignRecord, sections: Collection[str]) -> DesignRecord:
    return parse(documents.dump(record.model_copy(update={each: getattr(other, each) for each in sections})))


def _open_revision(integration: Integration) -> Revision | None:
    """The draft, or what is in review; None where the newest revision is the one in force."""
    return integration.current if integration.current_id != integration.in_force_id else None


def _next(integration: Integration, *, by: Person) -> Revision:
    """The revision after the one in force; not saved yet."""
    base = integration.in_force
    if base is None:
        raise Conflict("Nothing was ever approved here.", "Go on with the first draft.")
    return Revision(
        integration=integration,
        number=base.number + 1,
        major=base.major,
        minor=base.minor + 1,
        based_on=base,
        created_by=by,
        created_at=timezone.now(),
    )


@transaction.atomic
def save(
    draft: Revision, document: Mapping[str, Any], *, by: Person, if_match: str, source: Source | None = None
) -> Revision:
    """Replace the whole document. Saving what is there already changes nothing. `source` is the file it came from."""
    _require_architect(by, draft.integration)
    record = parse(document)
    integration, held = locks.revision(draft.pk)
    _require_open(integration, held)
    _require_fresh(held, if_match)
    if source is None:
        return replace(integration, held, record, by=by)
    return replace(integration, held, record, by=by, kind=IMPORTED, told={"imported": source.told})


@transaction.atomic
def save_section(draft: Revision, section: str, value: Any, *, by: Person, if_match: str) -> Revision:
    """Replace one section and leave the others as they are."""
    _require_architect(by, draft.integration)
    if section not in SECTIONS:
        raise Invalid([Problem(section, "is not a section of a design record", f"Choose of {', '.join(SECTIONS)}.")])
    integration, held = locks.revision(draft.pk)
    _require_open(integration, held)
    _require_fresh(held, if_match)
    record = parse({**documents.dump(held.record), section: value})
    return replace(integration, held, record, by=by)


@transaction.atomic
def submit(
    draft: Revision,
    *,
    by: Person,
    if_match: str,
    change_note: str,
    justifications: Mapping[str, str] | None = None,
) -> Review:
    """Freeze the draft and ask for sign-offs. Errors stop it; each warning needs a justification, by its key."""
    _require_architect(by, draft.integration)
    reading = Reading()
    note = reading.prose("change_note", change_note, longest=2_000)
    reading.done()
    integration, held = locks.revision(draft.pk)
    _require_open(integration, held)
    _require_fresh(held, if_match)
    found = findings(held)
    _refuse_errors(found)
    _refuse_oversized(held.record)
    reasons = _justified(found, justifications or {})
    now = timezone.now()
    held.state, held.change_note, held.updated_at = Revision.State.IN_REVIEW, note, now
    held.save(update_fields=("state", "change_note", "updated_at"))
    _touch(integration, now)
    review = Review.objects.create(
        integration=integration,
        revision=held,
        round=held.reviews.count() + 1,
        version=held.version,
        document=held.document,
        format=held.format,
        content_hash=held.content_hash,
        section_hashes=held.section_hashes,
        change_note=note,
        findings=[_told(finding) for finding in found],
        justifications=reasons,
        **_size(integration.in_force, held),
        requirement=approvals.requirement(integration.in_force.record if integration.in_force else None, held.record),
        submitted_by=by,
        submitted_at=now,
        due_at=now + REVIEW_TIME,
    )
    data = {"round": review.round, "content_hash": review.content_hash, "change_note": note, "justifications": reasons}
    trail.record("revision.submitted", by=by, integration=integration, subject=subject(held), data=data)
    notices.review_opened(review)
    return review


def _size(base: Revision | None, revision: Revision) -> dict[str, Any]:
    """How much a review is about, as its history will tell."""
    changes = compare(base.record if base else None, revision.record)
    return {
        "changed_fields": sum(each.kind != "reformatted" for each in changes),
        "is_breaking": base is not None and is_breaking(changes),
    }


def findings(revision: Revision) -> list[Finding]:
    """What the rules say about a revision, among the catalog and other integrations."""
    return found_in(revision, revision.record)


def found_in(revision: Revision, record: DesignRecord) -> list[Finding]:
    """What the rules say of a record, were it this revision's."""
    return in_order(record, [*check(record, catalog.names_in(record)), *landscape.findings(revision, record)])


def others_since(revision: Revision, etag: str, *, than: Person, section: str = "") -> list[str]:
    """Who else saved the revision (or one section of it) after it was as `etag` names it, the newest first."""
    saved = Event.objects.filter(
        chain=revision.integration.slug, kind__in=(SAVED, IMPORTED), subject=subject(revision)
    ).order_by("-sequence")[:MOST_SAVES_READ]
    names = []
    for event in saved:
        details = event.details
        is_here = not section or any(_is_of(section, each["path"]) for each in details["changes"])
        if is_here and event.actor_id != than.pk:
            names.append(event.actor_name)
        if details["before"]["etag"] == etag:
            break
    return list(dict.fromkeys(names))


def _is_of(section: str, path: str) -> bool:
    """Whether a change told in the trail is of this section; the rest of a long list, without a path, may be."""
    return path.split(".")[0].split("[")[0] in (section, "")


def parse(document: Mapping[str, Any]) -> DesignRecord:
    """The record a document holds. Raises Invalid with a problem for each value that cannot be kept."""
    try:
        return documents.parse(document)
    except InvalidRecord as refused:
        raise Invalid(refused.problems) from None


def write(integration: Integration, revision: Revision, record: DesignRecord, *, at: datetime) -> None:
    """Put a record into a revision, and what it says into the index. The caller saves the integration."""
    revision.document = documents.dump(record)
    revision.format = documents.FORMAT
    revision.content_hash = documents.content_hash(record)
    revision.section_hashes = documents.section_hashes(record)
    revision.updated_at = integration.updated_at = at
    revision.__dict__.pop("record", None)
    revision.save()
    indexing.rewrite(integration, revision, record, found_in(revision, record), at=at)


def note_contribution(revision: Revision, *, by: Person, at: datetime) -> None:
    """Remember that this person wrote in the revision, and so may not approve it."""
    Contribution.objects.get_or_create(revision=revision, person=by, defaults={"first_at": at})


def subject(revision: Revision) -> str:
    """How the trail names a revision."""
    return f"integration/{revision.integration.slug}/{revision.version}"


def replace(
    integration: Integration,
    held: Revision,
    record: DesignRecord,
    *,
    by: Person,
    kind: str = SAVED,
    told: Mapping[str, Any] | None = None,
) -> Revision:
    """Put another record into a draft whose rows the caller holds locked. One that is the same changes nothing."""
    before, old_hash, old_etag = held.record, held.content_hash, held.etag
    if documents.content_hash(record) == old_hash:
        return held
    now = timezone.now()
    held.lock_version += 1
    write(integration, held, record, at=now)
    integration.save()
    note_contribution(held, by=by, at=now)
    data = {
        **(told or {}),
        "before": {"etag": old_etag, "content_hash": old_hash},
        "after": {"etag": held.etag, "content_hash": held.content_hash},
        "changes": _changes(before, record),
    }
    trail.record(kind, by=by, integration=integration, subject=subject(held), data=data)
    return held


def _changes(before: DesignRecord, after: DesignRecord) -> list[dict[str, str]]:
    """What a save changed, short enough for the trail; the hashes beside it stand for the whole."""
    changes = compare(before, after)
    told = [
        {"path": each.path, "kind": each.kind, "before": _short(each.before), "after": _short(each.after)}
        for each in changes[:MOST_CHANGES_TOLD]
    ]
    if len(changes) > MOST_CHANGES_TOLD:
        told.append({"path": "", "kind": f"{len(changes) - MOST_CHANGES_TOLD} more", "before": "", "after": ""})
    return told


def _short(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else documents.canonical_bytes(value).decode()
    return text if len(text) <= LONGEST_VALUE_TOLD else f"{text[: LONGEST_VALUE_TOLD - 1]}…"


def _require_architect(by: Person, integration: Integration) -> None:
    if not permissions.may_edit(by, integration):
        raise NotAllowed("Only an architect writes design records.", "Ask an architect, or to become one.")


def _refuse_retired(integration: Integration) -> None:
    if integration.state == Integration.State.RETIRED:
        raise Conflict(f"{integration.name} is retired; nothing of it changes any more.", "Begin a new integration.")


def _require_open(integration: Integration, revision: Revision) -> None:
    _refuse_retired(integration)
    if revision.state == Revision.State.IN_REVIEW:
        raise Conflict(
            f"Version {revision.version} is in review, so its text is frozen.",
            "Withdraw the review to change it; the sign-offs given so far are then void.",
        )
    if revision.state != Revision.State.DRAFT:
        raise Conflict(f"Version {revision.version} is approved and never changes.", "Start a new draft.")


def _require_fresh(revision: Revision, if_match: str) -> None:
    if if_match.strip() != revision.etag:
        raise Stale(revision.etag, revision.document)


def _refuse_errors(found: list[Finding]) -> None:
    errors = [Problem(each.path, each.message, each.mend) for each in found if each.severity == Severity.ERROR]
    if errors:
        raise Invalid(errors, f"{len(errors)} errors must be mended before this can be reviewed.")


def _refuse_oversized(record: DesignRecord) -> None:
    for environment in Environment.objects.all():
        size = len(documents.canonical_bytes(compile_settings(record, environment.slug)))
        if size > LARGEST_BODY - 1_000:
            message = f"gives {size:,} bytes of settings in {environment.name}; the limit is {LARGEST_BODY:,}"
            raise Invalid([Problem("contracts", message, "Split the integration in two.")])


def _justified(found: list[Finding], given: Mapping[str, str]) -> dict[str, str]:
    """The justification of each warning. One that is missing is named by the finding's key."""
    reading = Reading()
    reasons = {}
    for each in found:
        if each.severity == Severity.WARNING:
            reasons[each.key] = reading.prose(each.key, given.get(each.key, ""), longest=2_000, required=False)
            if not reasons[each.key]:
                reading.refuse(
                    each.key, f"needs a justification: {each.message}", f"Say why it is right, or: {each.mend}"
                )
    reading.done()
    return reasons


def _told(finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "code": finding.code,
        "severity": str(finding.severity),
        "path": finding.path,
        "message": finding.message,
        "mend": finding.mend,
        "others": [asdict(each) for each in finding.others],
    }


def _touch(integration: Integration, at: datetime) -> None:
    integration.updated_at = at
    integration.save(update_fields=("updated_at",))
