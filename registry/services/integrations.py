"""Integrations as such: begun, deprecated, retired."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Integration, Person, Revision
from registry.record.findings import Problem
from registry.services import indexing, locks, revisions, trail
from registry.services.text import Reading
from registry.services.uploads import Source

RESERVED = frozenset({"new", "stream", trail.REGISTRY})
"""Slugs that are an address or a chain of the trail."""


@transaction.atomic
def create(
    *,
    name: str,
    slug: str,
    project: str = "",
    document: Mapping[str, Any] | None = None,
    by: Person,
    source: Source | None = None,
) -> Integration:
    """Begin an integration with the draft 0.1, empty or with a document. `project` goes into its overview.

    `source` is the file the document came from.
    """
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect begins an integration.", "Ask an architect, or to become one.")
    reading = Reading()
    name = reading.line("name", name)
    slug = reading.slug("slug", slug, reserved=RESERVED)
    project = reading.line("project", project, longest=300, required=False)
    reading.done()
    record = revisions.parse(_with_project(document or {}, project))
    now = timezone.now()
    integration = Integration(slug=slug, name=name, created_by=by, created_at=now, updated_at=now)
    _insert(integration)
    draft = Revision(integration=integration, number=1, major=0, minor=1, created_by=by, created_at=now)
    revisions.write(integration, draft, record, at=now)
    if draft.document:
        revisions.note_contribution(draft, by=by, at=now)
    integration.current = draft
    integration.save()
    data: dict[str, Any] = {"name": name, "version": draft.version, "content_hash": draft.content_hash}
    data |= {"imported": source.told} if source else {}
    trail.record("integration.created", by=by, integration=integration, subject=f"integration/{slug}", data=data)
    return integration


def deprecate(integration: Integration, *, by: Person, reason: str = "") -> Integration:
    """Say that nobody should begin to use it; it is still served."""
    return _move(integration, Integration.State.DEPRECATED, frozenset({Integration.State.ACTIVE}), reason, by=by)


def retire(integration: Integration, *, by: Person, reason: str = "") -> Integration:
    """Say that it is over. Its record stays, and nothing of it changes any more."""
    return _move(integration, Integration.State.RETIRED, frozenset(Integration.State) - {"retired"}, reason, by=by)


@transaction.atomic
def _move(
    integration: Integration, to: Integration.State, allowed_from: frozenset[str], reason: str, *, by: Person
) -> Integration:
    if not permissions.may_edit(by, integration):
        raise NotAllowed("Only an architect changes the state of an integration.", "Ask an architect.")
    reading = Reading()
    reason = reading.prose("reason", reason, longest=2_000, required=False)
    reading.done()
    held = locks.integration(integration.pk)
    if held.state not in allowed_from:
        raise Conflict(f"{held.name} is {held.get_state_display().lower()}; it cannot become {to.label.lower()}.")
    if held.reviews.open().exists():
        raise Conflict(f"{held.name} has an open review.", "Withdraw the review first.")
    before, held.state, held.updated_at = held.state, to, timezone.now()
    held.save(update_fields=("state", "updated_at"))
    indexing.mark_compared(held)
    data = {"before": {"state": str(before)}, "after": {"state": str(to)}, "reason": reason}
    trail.record(f"integration.{to}", by=by, integration=held, subject=f"integration/{held.slug}", data=data)
    return held


def _insert(integration: Integration) -> None:
    try:
        with transaction.atomic():
            integration.save(force_insert=True)
    except IntegrityError:
        taken = Problem("slug", f"{integration.slug} is taken", "Choose another name, or open that integration.")
        raise Invalid([taken]) from None


def _with_project(document: Mapping[str, Any], project: str) -> Mapping[str, Any]:
    overview = document.get("overview", {})
    if not project or not isinstance(overview, Mapping):
        return document
    return {**document, "overview": {**overview, "project": project}}
