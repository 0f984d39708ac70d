"""Redrives: drafted from a plan, begun, agreed to by a second person, paused, resumed, cancelled, and counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.utils import timezone

from registry import permissions
from registry.errors import Conflict, NotAllowed
from registry.models import DeadLetter, DeadLetterSource, Person, RedriveItem, RedriveJob, granted
from registry.services import ledger, letters, locks, outbox, plans, routes, trail
from registry.services.plans import Selector
from registry.services.text import LONGEST_REMARK, Reading, remark

TASK = "registry.tasks.drive_redrives"
HIGHEST_RATE = 60_000
"""Per minute, where the design states no limit."""
LONGEST_KEY = 100
State = RedriveJob.State
Item = RedriveItem.State
ENDED = (State.FINISHED, State.CANCELLED)
MOVING = (State.SELECTING, State.CANARY, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a redrive stands, counted anew."""

    total: int
    """All that are sent, or were or will be; those left out are not."""
    waiting: int
    sending: int
    sent: int
    refused: int
    uncertain: int
    skipped: int
    cancelled: int
    came_back: int
    resolved: int
    """Their consumer reported them done."""
    presumed_resolved: int
    """They did not come back in time, and nobody reported them."""

    @property
    def settled(self) -> int:
        return self.sent + self.refused

    @property
    def percent(self) -> int:
        return 100 * (self.settled + self.cancelled) // self.total if self.total else 0


@transaction.atomic
def draft(
    source: DeadLetterSource,
    selector: Selector | Mapping[str, Any],
    *,
    reason: str,
    idempotency_key: str,
    rate_per_minute: int | None = None,
    override_reason: str = "",
    stop_percent: int = 10,
    by: Person,
) -> RedriveJob:
    """Write down what shall be sent again, with the plan as it is now. The same key twice is the same redrive."""
    if not permissions.may_redrive(by):
        raise NotAllowed("Only somebody on call sends dead letters again.", "Ask who is on call.")
    selector = selector if isinstance(selector, Selector) else Selector.read(selector, by=by)
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    key = reading.line("idempotency_key", idempotency_key, longest=LONGEST_KEY)
    override_reason = reading.line("override_reason", override_reason, longest=LONGEST_REMARK, required=False)
    if isinstance(stop_percent, bool) or not 1 <= stop_percent <= 100:
        reading.refuse("stop_percent", "is no share", "Write 1 to 100 per cent.")
    _check_rate(reading, source, rate_per_minute)
    reading.done()
    source.integration = locks.integration(source.integration_id)
    if made := RedriveJob.objects.filter(idempotency_key=key).first():
        return _same(made, source, selector)
    plan = plans.plan(source, selector, by=by, rate_per_minute=rate_per_minute, sends_forbidden=bool(override_reason))
    if plan.refusals:
        raise Conflict(plan.refusals[0], "Choose other letters, or look at the design.")
    return RedriveJob.objects.create(
        source=source,
        idempotency_key=key,
        selector=selector.kept(),
        plan=plan.kept(),
        reason=reason,
        override_reason=override_reason,
        rate_per_minute=plan.rate_per_minute,
        stop_percent=stop_percent,
        needs_second=plan.needs_second,
        second_because=plan.second_because[:500],
        requested_by=by,
        requested_at=timezone.now(),
    )


@transaction.atomic
def begin(source: DeadLetterSource, selector: Selector, *, by: Person, **given: Any) -> RedriveJob:
    """Draft it and start it at once. The same key twice begins it once."""
    made = draft(source, selector, by=by, **given)
    return start(made, by=by) if made.state == State.DRAFT else made


def seconds(job: RedriveJob) -> QuerySet[Person]:
    """Who may agree to it: see `permissions.may_second`."""
    may = granted("redrive_letters") | granted("approve_revision")
    return Person.objects.filter(may, is_active=True).exclude(pk=job.requested_by_id).distinct().order_by("username")


@transaction.atomic
def start(job: RedriveJob, *, by: Person) -> RedriveJob:
    """Gather the letters, and send them; where it takes two, once the second agreed."""
    held = _held(job)
    if not permissions.may_redrive(by) or by.pk != held.requested_by_id:
        raise NotAllowed("Whoever drafted a redrive begins it.", f"Ask {held.requested_by.name}, or draft your own.")
    _require(held, State.DRAFT)
    if why := routes.of(held.source).refusal:
        raise Conflict(why, "Nothing is sent before that is mended.")
    _become(held, State.SELECTING, started_at=timezone.now())
    told = {"selector": held.selector, "reason": held.reason, "rate_per_minute": held.rate_per_minute}
    told |= {"override_reason": held.override_reason} if held.override_reason else {}
    tell("redrive.requested", held, by=by, needs_second=held.second_because, **told)
    return held


@transaction.atomic
def approve(job: RedriveJob, *, by: Person, note: str = "") -> RedriveJob:
    """Agree, as the second person."""
    note = remark("note", note)
    held = _held(job)
    if not permissions.may_second(by, held):
        raise NotAllowed(
            "Somebody else on call, or an approver, agrees to a redrive.", f"{held.requested_by.name} asked for it."
        )
    _require(held, State.AWAITING_APPROVAL)
    _become(held, State.CANARY, approved_by=by, approved_at=timezone.now())
    tell("redrive.approved", held, by=by, note=note, letters=held.total)
    return held


@transaction.atomic
def pause(job: RedriveJob, *, why: str = "", by: Person) -> RedriveJob:
    """Send nothing more for now. What is on its way arrives. It is the safe act: it needs no reason."""
    held = _acted_on(job, by)
    why = remark("why", why) or f"By {by.name}, without a reason."
    _require(held, *MOVING)
    halt(held, why, by=by)
    return held


@transaction.atomic
def resume(job: RedriveJob, *, by: Person, note: str = "") -> RedriveJob:
    """Go on. What came back so far was looked at, and no longer stops it."""
    note = remark("note", note)
    held = _acted_on(job, by)
    _require(held, State.PAUSED)
    if why := routes.of(held.source).refusal:
        raise Conflict(why, "Nothing is sent before that is mended.")
    _become(held, _goes_on_in(held), paused_because="", resumed_at=timezone.now(), setbacks=0, next_send_at=None)
    tell("redrive.resumed", held, by=by, note=note)
    return held


@transaction.atomic
def cancel(job: RedriveJob, *, why: str, by: Person) -> RedriveJob:
    """Send nothing more. Letters that wait are open again; what is on its way is settled as it arrives."""
    held = _held(job)
    if not (permissions.may_redrive(by) or permissions.may_second(by, held)):
        raise NotAllowed("Only somebody on call, or who may agree to it, cancels a redrive.", "Ask who is on call.")
    why = _reason(why)
    if held.state in ENDED:
        raise Conflict(f"It is {held.get_state_display().lower()} already.", "Nothing is left to cancel.")
    now = timezone.now()
    waiting = RedriveItem.objects.filter(job=held, state=Item.WAITING)
    ledger.move_all(
        waiting.values_list("letter_id", flat=True),
        DeadLetter.State.QUEUED,
        DeadLetter.State.OPEN,
        by=by,
        why=f"Redrive {held.pk} was cancelled.",
        at=now,
    )
    count = waiting.update(state=Item.CANCELLED, settled_at=now)
    _become(held, State.CANCELLED, ended_at=now, trouble="", paused_because="")
    tell("redrive.cancelled", held, by=by, why=why, given_back=count)
    return held


def progress(job: RedriveJob) -> Progress:
    """Exact counts. One statement."""
    return progress_of([job])[job.pk]


def progress_of(jobs: Iterable[RedriveJob]) -> dict[int, Progress]:
    """Those of each, by its key. One statement."""
    keys = [each.pk for each in jobs]
    counts = {f"counted_{name}": Count("pk", filter=which) for name, which in COUNTED.items()}
    found: Any = RedriveItem.objects.filter(job__in=keys).order_by().values("job").annotate(**counts)
    told = {row["job"]: {name: row[f"counted_{name}"] for name in COUNTED} for row in found}
    return {key: Progress(**told.get(key, dict.fromkeys(COUNTED, 0))) for key in keys}


def may_return_until(job: RedriveJob) -> datetime | None:
    """When the last letter it sent is presumed done; none is awaited where that is None. `job.source` is read."""
    awaited = RedriveItem.objects.filter(job=job, state=Item.SENT, letter__state=DeadLetter.State.PUBLISHED)
    last: datetime | None = awaited.aggregate(at=Max("letter__moved_at"))["at"]
    return last + timedelta(seconds=job.source.returns_within_seconds) if last else None


COUNTED = {
    **{str(each): Q(state=each) for each in Item.values},
    "total": ~Q(state=Item.SKIPPED),
    "came_back": Q(came_back=True),
    "resolved": Q(state=Item.SENT, letter__state=DeadLetter.State.RESOLVED),
    "presumed_resolved": Q(state=Item.SENT, letter__state=DeadLetter.State.PRESUMED_RESOLVED),
}
"""Which items each count of a redrive's progress is of."""


def halt(held: RedriveJob, why: str, *, by: Person | None) -> None:
    """Pause a redrive whose row is held: by a person, or by itself."""
    _become(held, State.PAUSED, paused_because=why[:500], trouble="")
    tell("redrive.paused", held, by=by, why=why)


def halt_all(why: str, *, by: Person | None) -> int:
    """Pause all that were begun, whoever works at them, and say why anew of those that are paused. How many."""
    jobs = RedriveJob.objects.under_way().exclude(state=State.DRAFT)
    jobs = jobs.select_related("source__integration", "source__broker__environment").order_by("pk")
    held = list(jobs.select_for_update(no_key=True, of=("self",)))
    for each in held:
        RedriveJob.objects.filter(pk=each.pk).update(fence=F("fence") + 1, lease_until=None)
        halt(each, why, by=by)
    return len(held)


def tell(kind: str, held: RedriveJob, *, by: Person | None, **more: Any) -> None:
    """Leave the event of a redrive."""
    source = held.source
    subject = f"{letters.subject(source)}/redrive/{held.pk}"
    data = {"redrive": held.pk, "source": source.place, "topic": source.topic, **more}
    trail.record(kind, by=by, integration=source.integration, subject=subject, data=data)
    transaction.on_commit(ring)


def ring() -> None:
    """Wake a worker; beat does so anyway."""
    outbox.ring(TASK)


def _same(made: RedriveJob, source: DeadLetterSource, selector: Selector) -> RedriveJob:
    if made.source_id != source.pk or _asked(made.selector) != _asked(selector.kept()):
        raise Conflict("This idempotency key was used for another redrive.", "Use a new key for other letters.")
    return made


def _asked(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Without the moments an age came to: whoever asks again a minute later asks the same."""
    moments = ("since", "until") if "age" in kept else ()
    return {name: value for name, value in kept.items() if name not in moments}


def _check_rate(reading: Reading, source: DeadLetterSource, rate: int | None) -> None:
    limit = routes.of(source).limit
    most = limit[0] if limit else HIGHEST_RATE
    if rate is not None and (isinstance(rate, bool) or not 1 <= rate <= most):
        whose = f", as {limit[1]} allows" if limit else ""
        reading.refuse("rate_per_minute", "is out of range", f"Write 1 to {most:,} letters per minute{whose}.")


def _held(job: RedriveJob) -> RedriveJob:
    """The redrive as it is now, its integration locked before it."""
    integration = locks.integration(job.source.integration_id)
    found = RedriveJob.objects.select_for_update(no_key=True, of=("self",))
    held = found.select_related("source__broker__environment", "requested_by").get(pk=job.pk)
    held.source.integration = integration
    return held


def _acted_on(job: RedriveJob, by: Person) -> RedriveJob:
    if not permissions.may_redrive(by):
        raise NotAllowed("Only somebody on call pauses and resumes redrives.", "Ask who is on call.")
    return _held(job)


def _require(held: RedriveJob, *states: str) -> None:
    if held.state not in states:
        raise Conflict(f"This redrive is {held.get_state_display().lower()} by now.", "Look at it again.")


def _reason(why: str) -> str:
    reading = Reading()
    why = reading.line("why", why, longest=LONGEST_REMARK)
    reading.done()
    return why


def _goes_on_in(held: RedriveJob) -> str:
    if not held.total:
        return State.SELECTING
    if held.needs_second and held.approved_by_id is None:
        return State.AWAITING_APPROVAL
    return State.RUNNING if held.wave == 2 else State.CANARY


def _become(held: RedriveJob, state: str, **changes: Any) -> None:
    for name, value in {"state": state, "version": held.version + 1, **changes}.items():
        setattr(held, name, value)
    held.save(update_fields=["state", "version", *changes])
