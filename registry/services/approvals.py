"""What a review needs: rules picked by conditions, and people who sign for others."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from django.db import transaction
from django.utils import timezone

from registry import permissions
from registry.diff import compare
from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import ApprovalRule, Delegation, Person, Role
from registry.models.reviews import all_five
from registry.record import SECTIONS, DesignRecord
from registry.record.findings import Problem
from registry.record.overview import Criticality, IntegrationType
from registry.services import locks, trail
from registry.services.text import Reading

MOST_SIGNATURES = 5
LONGEST_DELEGATION = timedelta(days=92)


def requirement(before: DesignRecord | None, after: DesignRecord) -> dict[str, Any]:
    """What a review of this change needs: the heaviest rule whose conditions hold, else all five roles once."""
    sections = touched(before, after)
    overview = after.overview
    for rule in ApprovalRule.objects.filter(is_active=True).order_by("-weight"):
        if rule.applies(criticality=overview.criticality or "", type=overview.type or "", sections=sections):
            return {"rule": rule.name, "minimums": rule.minimums, "threads_block": rule.threads_block}
    return all_five()


def touched(before: DesignRecord | None, after: DesignRecord) -> list[str]:
    """The sections a change touches; of a first version, those that say anything."""
    changed = {each.section for each in compare(before, after)}
    return [section for section in SECTIONS if section in changed]


@transaction.atomic
def save_rule(
    *,
    name: str,
    weight: int,
    minimums: Mapping[str, int],
    criticalities: Iterable[str] = (),
    types: Iterable[str] = (),
    touches: Iterable[str] = (),
    within: Iterable[str] = (),
    threads_block: bool = True,
    is_active: bool = True,
    by: Person,
    rule: ApprovalRule | None = None,
) -> ApprovalRule:
    """Make or change a rule. Reviews that are open keep what they were opened with."""
    if not permissions.may_manage_approval_rules(by):
        raise NotAllowed("Only an administrator changes approval rules.", "Ask an administrator.")
    reading = Reading()
    fields = {
        "name": reading.line("name", name),
        "weight": weight,
        "criticalities": _chosen(reading, "criticalities", criticalities, get_args(Criticality)),
        "types": _chosen(reading, "types", types, get_args(IntegrationType)),
        "touches": _chosen(reading, "touches", touches, SECTIONS),
        "within": _chosen(reading, "within", within, SECTIONS),
        "minimums": _minimums(reading, minimums),
        "threads_block": threads_block,
        "is_active": is_active,
    }
    if not 1 <= weight <= 10_000:
        reading.refuse("weight", "is not a weight", "Write a whole number from 1 to 10,000; the heaviest rule counts.")
    others = ApprovalRule.objects.exclude(pk=rule.pk) if rule else ApprovalRule.objects.all()
    if others.filter(name=fields["name"]).exists():
        reading.refuse("name", "is the name of another rule", "Choose another name.")
    if is_active and others.filter(weight=weight, is_active=True).exists():
        reading.refuse("weight", "is the weight of another rule", "Choose another, so that one of them is heavier.")
    reading.done()
    held = ApprovalRule.objects.select_for_update().get(pk=rule.pk) if rule else ApprovalRule()
    before = {} if held.pk is None else {field: getattr(held, field) for field in fields}
    for field, value in fields.items():
        setattr(held, field, value)
    if before != fields:
        held.save()
        kind = "approval_rule.changed" if before else "approval_rule.added"
        data = {"before": before, "after": fields}
        trail.record(kind, by=by, subject=f"approval-rule/{held.name}", data=data)
    return held


def _chosen(reading: Reading, path: str, values: Iterable[str], known: Sequence[str]) -> list[str]:
    given = set(values)
    if unknown := sorted(given - set(known)):
        reading.refuse(path, f"holds what is no choice: {', '.join(unknown)[:200]}", f"Choose of {', '.join(known)}.")
    return [each for each in known if each in given]


def _minimums(reading: Reading, given: Mapping[str, int]) -> dict[str, int]:
    minimums = {role: given.get(role, 0) for role in Role.values}
    for role, count in minimums.items():
        label = Role(role).label
        if role == Role.AUTHOR and count != 1:
            reading.refuse(f"minimums.{role}", "must be one", "A review has one author, who signs.")
        elif role == Role.APPROVER and not 1 <= count <= MOST_SIGNATURES:
            reading.refuse(f"minimums.{role}", "must be one or more", "Somebody who did not write it approves it.")
        elif not 0 <= count <= MOST_SIGNATURES:
            reading.refuse(f"minimums.{role}", f"is no number of signatures of a {label.lower()}", "Write 0 to 5.")
    return {role: count for role, count in minimums.items() if count}


@transaction.atomic
def delegate(
    *, to: Person, starts_at: datetime, ends_at: datetime, reason: str, by: Person, now: datetime | None = None
) -> Delegation:
    """Let somebody sign in one's place from one moment to another. Only the holder does so, for themselves."""
    now = now or timezone.now()
    reading = Reading()
    reason = reading.line("reason", reason)
    if to.pk == by.pk:
        reading.refuse("delegate", "is yourself", "Choose somebody else.")
    if not to.is_active:
        reading.refuse("delegate", "has a closed account", "Choose somebody who can sign in.")
    if ends_at <= max(starts_at, now):
        reading.refuse("ends_at", "is not after the start", "Choose a later moment.")
    elif ends_at - max(starts_at, now) > LONGEST_DELEGATION:
        reading.refuse("ends_at", "is more than three months away", "Choose a nearer day, and extend it then.")
    reading.done()
    locks.people([by.pk])
    overlapping = Delegation.objects.filter(
        holder=by, revoked_at__isnull=True, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    if other := overlapping.select_related("delegate").first():
        taken = f"overlaps with the time {other.delegate.name} signs for you"
        raise Invalid([Problem("starts_at", taken, "End that first, or choose other days.")])
    made = Delegation.objects.create(
        holder=by, delegate=to, starts_at=starts_at, ends_at=ends_at, reason=reason, created_at=now
    )
    trail.record("delegation.given", by=by, subject=f"person/{by.username}", data=_told(made))
    return made


@transaction.atomic
def end_delegation(delegation: Delegation, *, by: Person) -> Delegation:
    """Take it back, or give it back: from this moment nobody signs by it. What was signed stands."""
    held = Delegation.objects.select_for_update(of=("self",)).select_related("holder", "delegate").get(pk=delegation.pk)
    if by.pk not in (held.holder_id, held.delegate_id):
        raise NotAllowed("Only the two it is between end a delegation.", "Ask one of them.")
    if held.revoked_at is not None or held.ends_at <= timezone.now():
        raise Conflict("This delegation has ended already.", "Nothing is left to do.")
    locks.people([held.holder_id])
    held.revoked_at, held.revoked_by = timezone.now(), by
    held.save(update_fields=("revoked_at", "revoked_by"))
    trail.record("delegation.ended", by=by, subject=f"person/{held.holder.username}", data=_told(held))
    return held


def _told(delegation: Delegation) -> dict[str, str]:
    return {
        "holder": delegation.holder.username,
        "delegate": delegation.delegate.username,
        "starts_at": delegation.starts_at.isoformat(),
        "ends_at": delegation.ends_at.isoformat(),
        "reason": delegation.reason,
    }
