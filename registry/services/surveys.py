"""Looks at all integrations together, whenever one of them changed, and keeps what the rules across them found."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from registry.models import Integration, Survey, SurveyFinding
from registry.rules import Seen, survey
from registry.services import landscape

LONGEST_UNSURVEYED = timedelta(minutes=15)
"""A change that was committed late is not missed for longer."""
MOST_KEPT = 10_000
"""Nobody reads more; the worst come first."""
_LOCK = 7_316_402


def take() -> Survey | None:
    """Look at everything once more; None where nothing changed since, or somebody else is looking."""
    with transaction.atomic():
        return _take() if _is_alone() else None


def _take() -> Survey | None:
    now, newest = timezone.now(), Integration.objects.aggregate(at=Max("updated_at"))["at"]
    last = Survey.objects.first()
    if last is not None and last.covers == newest and last.taken_at > now - LONGEST_UNSURVEYED:
        return None
    known = landscape.everything()
    seen = survey(known)
    SurveyFinding.objects.all().delete()
    Survey.objects.all().delete()
    looked_at = Integration.objects.exclude(state=Integration.State.RETIRED).count()
    taken = Survey.objects.create(taken_at=now, covers=newest, integrations=looked_at, found=len(seen))
    SurveyFinding.objects.bulk_create(_rows(taken, seen[:MOST_KEPT]), batch_size=1_000)
    return taken


def _rows(taken: Survey, seen: Iterable[Seen]) -> Iterator[SurveyFinding]:
    seen = list(seen)
    known = dict(Integration.objects.filter(slug__in={each.slug for each in seen}).values_list("slug", "pk"))
    for each in seen:
        found = each.finding
        yield SurveyFinding(
            survey=taken,
            integration_id=known[each.slug],
            version=each.version,
            state=each.state,
            code=found.code,
            severity=found.severity,
            path=found.path,
            message=found.message,
            mend=found.mend,
            elsewhere=[asdict(other) for other in found.others],
        )


def _is_alone() -> bool:
    """Whether no other worker is looking; until the end of the transaction none begins."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])
