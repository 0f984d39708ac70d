"""Releases at a set time. The appointment is a row; beat only rings, and two who hear it release once."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, DomainError, NotAllowed
from registry.models import Environment, Integration, Person, Release, Revision, ScheduledRelease
from registry.services import locks, releases, trail
from registry.services.text import LONGEST_REMARK, Reading, remark

FARTHEST = timedelta(days=92)


@transaction.atomic
def schedule(
    revision: Revision, environment: Environment, *, due_at: datetime, by: Person, reason: str = ""
) -> ScheduledRelease:
    """Serve an approved revision in an environment from a moment to come."""
    releases.require_releaser(by)
    now = timezone.now()
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK, required=False)
    if not now < due_at <= now + FARTHEST:
        reading.refuse("due_at", "is not in the next three months", "Choose a moment to come, in UTC.")
    reading.done()
    integration, held = locks.revision(revision.pk)
    _require_to_come(integration, held, environment, due_at)
    if other := _waiting(integration).filter(environment=environment).first():
        raise Conflict(
            f"{other.revision.version} is scheduled for {environment.name} at {other.due_at:%d %B %Y, %H:%M} UTC.",
            "Cancel that first.",
        )
    made = ScheduledRelease.objects.create(
        integration=integration,
        environment=environment,
        revision=held,
        due_at=due_at,
        reason=reason,
        scheduled_by=by,
        scheduled_at=now,
    )
    _tell("release.scheduled", made, by=by)
    return made


@transaction.atomic
def cancel(scheduled: ScheduledRelease, *, by: Person, note: str = "") -> ScheduledRelease:
    """Call an appointment off."""
    if not permissions.may_release(by):
        raise NotAllowed("Only an approver cancels a scheduled release.", "Ask an approver.")
    note = remark("note", note)
    locks.integration(scheduled.integration_id)
    held = _held(scheduled.pk)
    if held.state != ScheduledRelease.State.WAITING:
        raise Conflict(f"It is {held.get_state_display().lower()} already.", "Nothing is left to cancel.")
    _finish(held, ScheduledRelease.State.CANCELLED, note, by=by, at=timezone.now())
    _tell("release.schedule_cancelled", held, by=by)
    return held


def release_due(*, at: datetime | None = None) -> int:
    """Release what is due. Several may run at once: of each appointment comes one release. How many there were."""
    now = at or timezone.now()
    due = list(ScheduledRelease.objects.due(now).order_by("due_at", "id").values_list("pk", flat=True))
    return sum(_keep(key, now) for key in due)


def overtake(revision: Revision, environments: list[Environment], *, by: Person, at: datetime) -> None:
    """Call off what would go back behind an approval. For the service that approves and holds the integration."""
    older = _waiting(revision.integration).filter(environment__in=environments, revision__number__lt=revision.number)
    for each in older.select_related("integration", "environment", "revision"):
        _finish(each, ScheduledRelease.State.CANCELLED, f"{revision.version} was approved meanwhile.", by=by, at=at)
        _tell("release.schedule_cancelled", each, by=by)


@transaction.atomic
def _keep(key: int, now: datetime) -> bool:
    """Whether this one became a release, by us."""
    integration = locks.integration(ScheduledRelease.objects.values_list("integration_id", flat=True).get(pk=key))
    # Whoever comes second finds the row no longer waiting, however it was read before.
    held = ScheduledRelease.objects.due(now).select_for_update(of=("self",)).filter(pk=key)
    scheduled = held.select_related("environment__promoted_from", "revision", "scheduled_by").first()
    if scheduled is None:
        return False
    scheduled.integration = scheduled.revision.integration = integration
    before = releases.in_force(integration, scheduled.environment)
    try:
        _require_now(scheduled, before)
    except DomainError as refusal:
        _finish(scheduled, ScheduledRelease.State.REFUSED, refusal.message[:500], by=None, at=now)
        _tell("release.schedule_refused", scheduled, by=None)
        return False
    whose, kind = scheduled.scheduled_by, Release.Kind.SCHEDULED
    [release] = releases.issue(
        scheduled.revision, [scheduled.environment], kind=kind, by=whose, at=now, reason=scheduled.reason
    )
    scheduled.release = release
    _finish(scheduled, ScheduledRelease.State.RELEASED, "", by=None, at=now)
    releases.tell("release.published", release, before, by=None, scheduled_by=whose.username)
    return True


def _require_now(scheduled: ScheduledRelease, before: Release | None) -> None:
    """Refuses what was right when it was scheduled and is no longer."""
    releases.require_releaser(scheduled.scheduled_by)
    releases.require_releasable(scheduled.integration, scheduled.revision)
    releases.require_served_before(scheduled.revision, scheduled.environment)
    if before is not None and before.revision.number > scheduled.revision.number:
        raise Conflict(f"{before.revision.version} is served there since, which is newer.")
    if before is not None and before.revision_id == scheduled.revision_id:
        raise Conflict("It is served there already.")


def _require_to_come(integration: Integration, revision: Revision, environment: Environment, due_at: datetime) -> None:
    """Refuses what cannot be served at that moment as far as one can see now."""
    releases.require_releasable(integration, revision)
    earlier = _waiting(integration).filter(environment=environment.promoted_from, revision=revision, due_at__lt=due_at)
    if not earlier.exists():
        releases.require_served_before(revision, environment)
    before = releases.in_force(integration, environment)
    if before is not None and before.revision_id == revision.pk:
        raise Conflict(f"{environment.name} serves {revision.version} already.", "There is nothing to schedule.")


def _waiting(integration: Integration) -> QuerySet[ScheduledRelease]:
    return ScheduledRelease.objects.waiting().filter(integration=integration)


def _held(key: int) -> ScheduledRelease:
    found = ScheduledRelease.objects.select_for_update(of=("self",))
    return found.select_related("integration", "environment", "revision").get(pk=key)


def _finish(
    scheduled: ScheduledRelease, state: ScheduledRelease.State, note: str, *, by: Person | None, at: datetime
) -> None:
    scheduled.state, scheduled.outcome_note = state, note
    scheduled.ended_at, scheduled.ended_by = at, by
    scheduled.save(update_fields=("state", "outcome_note", "ended_at", "ended_by", "release"))


def _tell(kind: str, scheduled: ScheduledRelease, *, by: Person | None) -> None:
    integration, place = scheduled.integration, scheduled.environment.slug
    data = {
        "version": scheduled.revision.version,
        "due_at": scheduled.due_at.isoformat(),
        **({"reason": scheduled.reason} if scheduled.reason else {}),
        **({"note": scheduled.outcome_note} if scheduled.outcome_note else {}),
    }
    subject = f"integration/{integration.slug}/{place}/scheduled/{scheduled.pk}"
    trail.record(kind, by=by, integration=integration, subject=subject, data=data)
