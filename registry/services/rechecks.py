"""Keeps the index true when nobody saves: a new system or team, or a new rule, changes what is found in old records."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from registry.models import Event, Integration
from registry.services import indexing, locks, revisions

LONGEST_UNCHECKED = timedelta(days=1)
ADDED = ("system.added", "team.added", "environment.added")


def recheck(*, at_most: int = 100) -> int:
    """Look again at those that were checked longest ago, if that was too long ago; how many there were."""
    late = Integration.objects.filter(checked_at__lt=_stale_since(), current__isnull=False)
    due = list(late.order_by("checked_at", "id").values_list("pk", flat=True)[:at_most])
    for key in due:
        _recheck(key)
    return len(due)


def _stale_since() -> datetime:
    """What was checked before this moment may no longer hold."""
    added = Event.objects.filter(kind__in=ADDED).aggregate(at=Max("at"))["at"]
    daily = timezone.now() - LONGEST_UNCHECKED
    return max(added, daily) if added else daily


@transaction.atomic
def _recheck(key: int) -> None:
    """Write the index of one integration anew. Nothing of it was changed, so nothing is told in the trail."""
    integration, now = locks.integration(key), timezone.now()
    newest, in_force = integration.current, integration.in_force
    assert newest is not None
    newest.integration = integration
    if in_force is not None and in_force.pk != newest.pk:
        in_force.integration = integration
        indexing.rewrite_rows(in_force, in_force.record, revisions.findings(in_force))
    indexing.rewrite(integration, newest, newest.record, revisions.findings(newest), at=now)
    integration.save()
