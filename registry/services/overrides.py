"""Overrides: begun for a while, ended by hand or by time, looked at afterwards by somebody else."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, Invalid, NotAllowed
from registry.live.overrides import Overridden, overridden
from registry.models import Environment, Integration, Override, Person, Release
from registry.models.overrides import LONGEST_OVERRIDE
from registry.record.findings import InvalidRecord
from registry.services import locks, releases, trail
from registry.services.text import LONGEST_REMARK, Reading, remark

MINUTES = 60
"""How long one lasts unless somebody says otherwise."""
MOST_MINUTES = LONGEST_OVERRIDE // timedelta(minutes=1)


@transaction.atomic
def begin(
    integration: Integration,
    environment: Environment,
    *,
    patch: Mapping[str, Any],
    reason: str,
    minutes: int = MINUTES,
    by: Person,
    seen: int | None = None,
) -> Override:
    """Serve other values for a while: a release now, and another when the time is over.

    `seen` is the number of the release the person had before their eyes.
    """
    if not permissions.may_override(by):
        raise NotAllowed("Only somebody on call overrides live settings.", "Ask who is on call.")
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    if isinstance(minutes, bool) or not 1 <= minutes <= MOST_MINUTES:
        reading.refuse("minutes", "is no time an override may last", f"Write 1 to {MOST_MINUTES} minutes.")
    reading.done()
    held = locks.integration(integration.pk)
    releases.require_not_retired(held)
    before = _to_override(held, environment, seen)
    laid = _laid_over(before, environment, patch)
    now = timezone.now()
    override = Override.objects.create(
        integration=held,
        environment=environment,
        patch=laid.patch,
        reason=reason,
        begun_by=by,
        begun_at=now,
        expires_at=now + timedelta(minutes=minutes),
    )
    [release] = releases.issue(
        before.revision, [environment], kind=Release.Kind.OVERRIDDEN, by=by, at=now, reason=reason
    )
    told = {"override": override.pk, "patch": override.patch, "expires_at": override.expires_at.isoformat()}
    releases.tell("override.begun", release, before, by=by, **told)
    return override


@transaction.atomic
def end(override: Override, *, by: Person, note: str = "") -> Release:
    """Go back to the design before the time is over."""
    if not permissions.may_end_override(by):
        raise NotAllowed("Only somebody on call or an approver ends an override.", "Ask who is on call.")
    note = remark("note", note)
    release = _end(override.pk, by=by, note=note, at=timezone.now())
    if release is None:
        raise Conflict("This override is over already.", "The design is served again.")
    return release


def expire_due(*, at: datetime | None = None) -> int:
    """End those whose time is over. Several may run at once: each ends once. How many did."""
    now = at or timezone.now()
    due = list(Override.objects.due(now).order_by("expires_at", "id").values_list("pk", flat=True))
    return sum(_expire(key, now) for key in due)


@transaction.atomic
def _expire(key: int, now: datetime) -> bool:
    return _end(key, by=None, note="", at=now) is not None


def _end(key: int, *, by: Person | None, note: str, at: datetime) -> Release | None:
    """Serve the design again; None where somebody else ended it first, or its time is not over after all."""
    override = Override.objects.select_related("environment", "begun_by").get(pk=key)
    integration = locks.integration(override.integration_id)
    mine = Override.objects.running().filter(pk=key)
    if by is None:
        mine = mine.filter(expires_at__lte=at)
    if not mine.update(ended_at=at, ended_by=by, end_note=note):
        return None
    before = releases.in_force(integration, override.environment)
    assert before is not None
    kind = Release.Kind.OVERRIDE_ENDED
    reason = note or ("" if by else "Its time was over.")
    whose = by or override.begun_by
    [release] = releases.issue(before.revision, [override.environment], kind=kind, by=whose, at=at, reason=reason)
    releases.tell("override.ended", release, before, by=by, override=override.pk)
    return release


@transaction.atomic
def review(override: Override, *, by: Person, note: str = "") -> Override:
    """Say that one looked at it afterwards."""
    note = remark("note", note)
    integration = locks.integration(override.integration_id)
    held = Override.objects.select_for_update(of=("self",)).select_related("environment").get(pk=override.pk)
    if not permissions.may_review_override(by, held):
        raise NotAllowed("Somebody else on call, or an approver, looks at an override.", "Ask one of them.")
    if held.is_running:
        raise Conflict("This override is still served.", "Look at it when it is over, or end it.")
    if held.reviewed_at is not None:
        raise Conflict("Somebody looked at this override already.", "Nothing is left to do.")
    held.reviewed_at, held.reviewed_by, held.review_note = timezone.now(), by, note
    held.save(update_fields=("reviewed_at", "reviewed_by", "review_note"))
    subject = f"integration/{integration.slug}/{held.environment.slug}/override/{held.pk}"
    data = {"override": held.pk, "note": note}
    trail.record("override.reviewed", by=by, integration=integration, subject=subject, data=data)
    return held


def _to_override(integration: Integration, environment: Environment, seen: int | None) -> Release:
    running = Override.objects.running().filter(integration=integration, environment=environment)
    if other := running.select_related("begun_by").first():
        raise Conflict(
            f"{other.begun_by.name} overrides {environment.name} until {other.expires_at:%H:%M} UTC: {other.reason}",
            "End that one first; two at once would hide each other.",
        )
    before = releases.seen_in_force(integration, environment, seen)
    if before is None:
        raise Conflict(
            f"Nothing of {integration.name} is served in {environment.name}.", "There is nothing to override."
        )
    return before


def _laid_over(before: Release, environment: Environment, patch: Mapping[str, Any]) -> Overridden:
    try:
        return overridden(before.revision.record, environment.slug, patch)
    except InvalidRecord as unfit:
        raise Invalid(unfit.problems, "These values cannot be served.") from None
