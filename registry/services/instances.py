"""Instances: what running processes say they obey. Reports are taken as they are, checked, and soon forgotten."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from registry.models import (
    Environment,
    IndexedParty,
    Instance,
    InstanceReport,
    Integration,
    Release,
    System,
    TrafficMinute,
)
from registry.models.instances import COUNTED, REPORT_EVERY_SECONDS, TRAFFIC_KEPT
from registry.services.text import Reading

BreakerState = Literal["closed", "open", "half_open", "forced_open", "forced_closed"]
MOST_INSTANCES = 5_000
"""Of one system in one environment; a process that takes a new name for each report is told so."""
MOST_INTEGRATIONS = 200
MOST_CONTRACTS = 50
"""Per integration."""
MOST_COUNTED = 2**53
FRESH = timedelta(seconds=3 * REPORT_EVERY_SECONDS)
"""Of an instance that is new to us, calls are counted since its start, if that was so recently."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A release an instance would not apply."""

    release: int
    reason: str


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker as it stands."""

    state: BreakerState
    since: datetime


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the instance started."""

    calls: int = 0
    failures: int = 0
    retries: int = 0
    rejected: int = 0
    timeouts: int = 0


@dataclass(frozen=True, slots=True)
class Reported:
    """What an instance says of one integration."""

    release: int | None = None
    content_hash: str = ""
    applied_at: datetime | None = None
    refused: Refused | None = None
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    counters: Mapping[str, Counters] = field(default_factory=dict)


@transaction.atomic
def report(
    *,
    system: System,
    environment: Environment,
    instance: str,
    sdk: str,
    started_at: datetime,
    integrations: Mapping[str, Reported],
    now: datetime | None = None,
) -> Instance:
    """Keep what an instance of a system says. What it does not mention stays as it said last.

    No event is left in the trail: nobody decided anything, each instance says the same again every 30 seconds, and
    ten thousand of them would bury within a day every act the trail is read for.
    """
    now = now or timezone.now()
    reading = Reading()
    instance = reading.line("instance", instance)
    sdk = reading.line("sdk", sdk)
    refusals = {slug: _read(reading, slug, each) for slug, each in integrations.items()}
    _require_bounds(reading, integrations)
    known = _known(integrations, system, environment)
    for slug in integrations:
        if slug not in known:
            _refuse_foreign(reading, slug)
    reading.done()
    held, started_before = _held(system, environment, instance, sdk, started_at, now)
    before = {each.integration_id: each for each in held.reports.filter(integration__in=known.values())}
    _keep(held, known, integrations, refusals, now)
    grown: dict[tuple[int, str], list[int]] = {}
    for slug, each in integrations.items():
        earlier = before.get(known[slug])
        base = earlier.counters if earlier and started_before == started_at else None
        for contract, delta in _grown(base, each.counters, is_fresh=started_at > now - FRESH):
            grown[known[slug], contract] = delta
    _count(environment, grown, now)
    return held


def prune(*, at: datetime | None = None, limit: int = 5_000) -> int:
    """Forget instances that are long gone, and minutes that no chart shows any more. How many instances went."""
    now = at or timezone.now()
    TrafficMinute.objects.filter(minute__lt=now - TRAFFIC_KEPT).delete()
    gone = list(Instance.objects.gone(now).order_by("seen_at").values_list("pk", flat=True)[:limit])
    Instance.objects.filter(pk__in=gone).delete()
    return len(gone)


def _read(reading: Reading, slug: str, reported: Reported) -> str:
    """The reason of a refusal, in the one line that is kept."""
    if reported.refused is None:
        return ""
    words = " ".join(reported.refused.reason.split())[:500]
    return reading.line(f"integrations.{slug}.refused.reason", words, longest=500)


def _require_bounds(reading: Reading, integrations: Mapping[str, Reported]) -> None:
    if len(integrations) > MOST_INTEGRATIONS:
        reading.refuse("integrations", f"are more than {MOST_INTEGRATIONS}", "Report the others by themselves.")
    for slug, each in integrations.items():
        names = {*each.breakers, *each.counters}
        if len(names) > MOST_CONTRACTS:
            reading.refuse(f"integrations.{slug}", f"has more than {MOST_CONTRACTS} contracts", "Report those it has.")
        for name in names:
            reading.line(f"integrations.{slug}.contracts", name, longest=100)


def _refuse_foreign(reading: Reading, slug: str) -> None:
    path = f"integrations.{slug[:100]}"
    reading.refuse(path, "is none that this system is served here", "Report the integrations you read settings of.")


def _known(integrations: Mapping[str, Reported], system: System, environment: Environment) -> dict[str, int]:
    """Those that were ever served to the system here: who left an agreement may still run what it said."""
    plain = [slug for slug in integrations if "\x00" not in slug][: MOST_INTEGRATIONS + 1]
    party = IndexedParty.objects.filter(revision=OuterRef("revision"), system_slug=system.slug)
    served = Release.objects.filter(Exists(party), integration=OuterRef("pk"), environment=environment)
    return dict(Integration.objects.filter(Exists(served), slug__in=plain).values_list("slug", "pk"))


def _held(
    system: System, environment: Environment, name: str, sdk: str, started_at: datetime, now: datetime
) -> tuple[Instance, datetime | None]:
    """The instance, held, and when it had started as it said before."""
    place = {"system": system, "environment": environment, "name": name}
    found = Instance.objects.select_for_update(no_key=True).filter(**place).first()
    if found is None:
        _require_room(system, environment)
        fresh = Instance(**place, sdk=sdk, started_at=started_at, seen_at=now)
        Instance.objects.bulk_create([fresh], ignore_conflicts=True)
        return Instance.objects.select_for_update(no_key=True).get(**place), None
    started_before = found.started_at
    found.sdk, found.started_at, found.seen_at = sdk, started_at, now
    found.save(update_fields=("sdk", "started_at", "seen_at"))
    return found, started_before


def _require_room(system: System, environment: Environment) -> None:
    there = Instance.objects.filter(system=system, environment=environment)
    if there[:MOST_INSTANCES].count() == MOST_INSTANCES:
        reading = Reading()
        mend = "Give a process one name that it keeps while it runs."
        reading.refuse("instance", f"is one too many: {MOST_INSTANCES:,} are known", mend)
        reading.done()


def _keep(
    held: Instance, known: dict[str, int], integrations: Mapping[str, Reported], refusals: dict[str, str], now: datetime
) -> None:
    rows = [
        InstanceReport(
            instance=held,
            integration_id=known[slug],
            environment_id=held.environment_id,
            reported_at=now,
            release_number=each.release,
            content_hash=each.content_hash,
            applied_at=each.applied_at,
            refused_number=each.refused.release if each.refused else None,
            refused_reason=refusals[slug],
            breakers={name: {"state": b.state, "since": _utc(b.since)} for name, b in each.breakers.items()},
            counters={name: {key: getattr(c, key) for key in COUNTED} for name, c in each.counters.items()},
        )
        for slug, each in sorted(integrations.items())
    ]
    told = [field.name for field in InstanceReport._meta.fields if field.name not in ("id", "instance", "integration")]
    InstanceReport.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=("instance", "integration"), update_fields=told
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _grown(
    before: Mapping[str, Any] | None, now: Mapping[str, Counters], *, is_fresh: bool
) -> Iterator[tuple[str, list[int]]]:
    """By how much each total grew. A total that shrank, or whose beginning we missed, counts from here on."""
    for contract, counters in now.items():
        totals = [getattr(counters, key) for key in COUNTED]
        if before is not None and contract in before:
            was = [before[contract].get(key, 0) for key in COUNTED]
        elif is_fresh or before is not None:
            was = [0] * len(COUNTED)
        else:
            continue
        delta = [max(0, total - earlier) for total, earlier in zip(totals, was, strict=True)]
        if any(delta):
            yield contract, delta


_ADD = """
    INSERT INTO registry_trafficminute
        (integration_id, environment_id, contract, minute, calls, failures, retries, rejected, timeouts)
    SELECT integration, %(environment)s, contract, date_trunc('minute', %(now)s::timestamptz), c, f, r, x, t
    FROM jsonb_to_recordset(%(rows)s::jsonb)
        AS grown (integration bigint, contract text, c bigint, f bigint, r bigint, x bigint, t bigint)
    ON CONFLICT (integration_id, environment_id, contract, minute) DO UPDATE SET
        calls = registry_trafficminute.calls + EXCLUDED.calls,
        failures = registry_trafficminute.failures + EXCLUDED.failures,
        retries = registry_trafficminute.retries + EXCLUDED.retries,
        rejected = registry_trafficminute.rejected + EXCLUDED.rejected,
        timeouts = registry_trafficminute.timeouts + EXCLUDED.timeouts
"""


def _count(environment: Environment, grown: dict[tuple[int, str], list[int]], now: datetime) -> None:
    """Add to the minute. Always in the same order, so that two instances never wait for each other's rows."""
    if not grown:
        return
    rows = [
        {"integration": integration, "contract": contract, **dict(zip("cfrxt", delta, strict=True))}
        for (integration, contract), delta in sorted(grown.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, {"environment": environment.pk, "now": now, "rows": json.dumps(rows)})
