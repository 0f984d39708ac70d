"""Releases: the settings of an approved revision, numbered and signed, for one environment."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import permissions, signing
from registry.errors import Conflict, NotAllowed
from registry.live.document import compile_settings
from registry.live.overrides import Overridden, overridden
from registry.models import Environment, Integration, Override, Person, Release, ReleaseCounter, Revision
from registry.record.documents import canonical_bytes
from registry.record.findings import InvalidRecord
from registry.services import locks, outbox, trail
from registry.services.text import LONGEST_REMARK, Reading, remark


@transaction.atomic
def publish(
    revision: Revision, environment: Environment, *, by: Person, reason: str = "", seen: int | None = None
) -> Release:
    """Serve an approved revision's settings in an environment from now on.

    `seen` is the number the person saw in force, 0 for none: with another one in force by now, nothing is released.
    """
    require_releaser(by)
    reason = remark("reason", reason)
    integration, held = locks.revision(revision.pk)
    require_releasable(integration, held)
    require_served_before(held, environment)
    before = seen_in_force(integration, environment, seen)
    return _released(held, environment, Release.Kind.PUBLISHED, before, by=by, reason=reason)


@transaction.atomic
def promote(
    integration: Integration, environment: Environment, *, by: Person, reason: str = "", seen: int | None = None
) -> Release:
    """Serve in an environment what the one before it serves. An override there stays there."""
    require_releaser(by)
    reason = remark("reason", reason)
    held = locks.integration(integration.pk)
    source = environment.promoted_from
    if source is None:
        raise Conflict(f"{environment.name} is not served by promoting.", "Publish a revision there instead.")
    first = in_force(held, source)
    if first is None:
        raise Conflict(f"Nothing of {held.name} is served in {source.name} yet.", "Release it there first.")
    before = seen_in_force(held, environment, seen)
    if before is not None and before.revision_id == first.revision_id:
        raise Conflict(f"{environment.name} serves {first.revision.version} already.", "There is nothing to promote.")
    require_releasable(held, first.revision)
    return _released(first.revision, environment, Release.Kind.PROMOTED, before, by=by, reason=reason)


@transaction.atomic
def roll_back(release: Release, *, by: Person, reason: str, seen: int | None = None) -> Release:
    """Serve the settings of an older release's revision again, under a new number."""
    require_releaser(by)
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    reading.done()
    integration, held = locks.revision(release.revision_id)
    require_not_retired(integration)
    before = seen_in_force(integration, release.environment, seen)
    assert before is not None
    if before.revision_id == held.pk:
        raise Conflict(f"{release.environment.name} serves {held.version} already.", "Choose an older release.")
    return _released(held, release.environment, Release.Kind.ROLLED_BACK, before, by=by, reason=reason)


@transaction.atomic
def raise_epoch(*, by: Person, at: datetime) -> list[Release]:
    """After a restore from backup: release all that is in force again, in an epoch of its own.

    Services hold numbers that the restored database never gave; only a higher epoch lets them take lower ones. It is
    the minutes since 1970, so that it is above any that was served, also by what a second restore undid.
    """
    require_releaser(by)
    served = Release.objects.in_force().values_list("integration_id", "environment_id", "pk")
    held = {key: locks.integration(key) for key in sorted({integration for integration, _, _ in served})}
    epoch = int(at.timestamp()) // 60
    for counter in ReleaseCounter.objects.select_for_update().order_by("environment"):
        counter.epoch = max(counter.epoch + 1, epoch)
        counter.save(update_fields=("epoch",))
    made = []
    for before in Release.objects.in_force().filter(integration__in=held).select_related("revision", "environment"):
        before.revision.integration = held[before.integration_id]
        [release] = issue(before.revision, [before.environment], kind=Release.Kind.RESTORED, by=by, at=at)
        tell("release.restored", release, before, by=by)
        made.append(release)
    return made


def in_force(integration: Integration, environment: Environment) -> Release | None:
    """What is served now."""
    found = Release.objects.filter(integration=integration, environment=environment).defer("body")
    return found.select_related("revision__integration", "environment", "override").order_by("-number").first()


def issue(
    revision: Revision,
    environments: Iterable[Environment],
    *,
    kind: Release.Kind,
    by: Person,
    at: datetime,
    reason: str = "",
) -> list[Release]:
    """The next release in each environment. For services that hold the integration's lock and leave the event."""
    # Always in the same order, so that two releasing transactions never wait for each other's counters.
    in_order = sorted(environments, key=lambda each: each.pk)
    running = {
        each.environment_id: each for each in Override.objects.running().filter(integration=revision.integration)
    }
    releases = []
    for environment in in_order:
        override = running.get(environment.pk)
        laid = _laid_over(revision, environment, override, at=at) if override else None
        made = _issue(revision, environment, override if laid else None, laid, kind=kind, by=by, at=at, reason=reason)
        releases.append(made)
    outbox.put("release.published", *map(_hint, releases))
    return releases


def _laid_over(revision: Revision, environment: Environment, override: Override, *, at: datetime) -> Overridden | None:
    """The override over another revision than it was made for; where it does not fit there, it ends."""
    try:
        return overridden(revision.record, environment.slug, override.patch)
    except InvalidRecord as unfit:
        first = unfit.problems[0]
        override.ended_at = at
        override.end_note = f"It does not fit {revision.version}: {first.path} {first.message}."[:500]
        override.save(update_fields=("ended_at", "end_note"))
        data = {"override": override.pk, "note": override.end_note}
        subject = f"integration/{revision.integration.slug}/{environment.slug}/override/{override.pk}"
        trail.record("override.ended", by=None, integration=revision.integration, subject=subject, data=data)
        return None


def _issue(
    revision: Revision,
    environment: Environment,
    override: Override | None,
    laid: Overridden | None,
    *,
    kind: Release.Kind,
    by: Person,
    at: datetime,
    reason: str,
) -> Release:
    counter = _next(environment)
    record, forced = (laid.record, laid.forced) if laid else (revision.record, {})
    body = canonical_bytes(
        {
            **compile_settings(record, environment.slug, forced=forced),
            **({"override": override.served} if override else {}),
            "integration": revision.integration.slug,
            "environment": environment.slug,
            "release": counter.number,
            "revision": revision.version,
            "content_hash": revision.content_hash,
            "epoch": counter.epoch,
            "published_at": at.isoformat(timespec="microseconds"),
        }
    )
    signature = signing.sign(body)
    return Release.objects.create(
        integration=revision.integration,
        environment=environment,
        number=counter.number,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        revision=revision,
        content_hash=revision.content_hash,
        epoch=counter.epoch,
        released_by=by,
        released_at=at,
        signature=signature.signature,
        key_id=signature.key_id,
        kind=kind,
        reason=reason,
        override=override,
    )


def _next(environment: Environment) -> ReleaseCounter:
    counter, _ = ReleaseCounter.objects.select_for_update().get_or_create(environment=environment)
    counter.number += 1
    counter.save(update_fields=("number",))
    return counter


def _hint(release: Release) -> dict[str, str | int]:
    return {
        "environment": release.environment.slug,
        "integration": release.integration.slug,
        "number": release.number,
    }


def require_releaser(by: Person) -> None:
    if not permissions.may_release(by):
        raise NotAllowed("Only an approver publishes a release.", "Ask an approver.")


def require_not_retired(integration: Integration) -> None:
    if integration.state == Integration.State.RETIRED:
        raise Conflict(f"{integration.name} is retired; nothing of it is released any more.")


def require_releasable(integration: Integration, revision: Revision) -> None:
    """Refuses what was not approved, and what is over."""
    if revision.approved_at is None:
        raise Conflict(f"Version {revision.version} is not approved.", "Have it reviewed and approved first.")
    require_not_retired(integration)


def require_served_before(revision: Revision, environment: Environment) -> None:
    """Refuses what the environment's policy wants to see served elsewhere first."""
    source = environment.promoted_from
    if source is not None and not Release.objects.filter(revision=revision, environment=source).exists():
        raise Conflict(
            f"{environment.name} serves only what was served in {source.name}, and {revision.version} never was.",
            f"Release it in {source.name} first.",
        )


def seen_in_force(integration: Integration, environment: Environment, seen: int | None) -> Release | None:
    """What is served now. Refuses whoever saw something else there."""
    found = in_force(integration, environment)
    number = found.number if found else 0
    if seen is not None and seen != number:
        raise Conflict(
            f"{environment.name} serves release {number} by now; you saw {seen or 'none'}.",
            "Look at what is served now, then decide again.",
        )
    return found


_EVENTS = {
    Release.Kind.PUBLISHED: "release.published",
    Release.Kind.PROMOTED: "release.promoted",
    Release.Kind.ROLLED_BACK: "release.rolled_back",
    Release.Kind.SCHEDULED: "release.published",
}


def _released(
    revision: Revision, environment: Environment, kind: Release.Kind, before: Release | None, *, by: Person, reason: str
) -> Release:
    [release] = issue(revision, [environment], kind=kind, by=by, at=timezone.now(), reason=reason)
    tell(_EVENTS[kind], release, before, by=by)
    return release


def tell(kind: str, release: Release, before: Release | None, *, by: Person | None, **more: Any) -> None:
    """Leave the event of a release."""
    integration = release.integration
    data = {
        "before": before and {"number": before.number, "content_hash": before.content_hash},
        "after": {
            "number": release.number,
            "content_hash": release.content_hash,
            "version": release.revision.version,
        },
        **({"reason": release.reason} if release.reason else {}),
        **more,
    }
    subject = f"integration/{integration.slug}/{release.environment.slug}/{release.number}"
    trail.record(kind, by=by, integration=integration, subject=subject, data=data)
