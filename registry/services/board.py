"""The board: approved, served and reported, side by side. Reads only, and never costs more for more instances."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When
from django.utils import timezone

from registry.live import uptake
from registry.live.uptake import Said, Served, State
from registry.models import (
    Environment,
    InstanceReport,
    Integration,
    Override,
    Release,
    ScheduledRelease,
    TrafficMinute,
)
from registry.models.instances import COUNTED, SILENT_AFTER

MINUTES = 60
Place = tuple[int, int]
"""An integration's and an environment's key."""


@dataclass(frozen=True, slots=True)
class Uptake:
    """How many instances stand where."""

    counts: Mapping[State, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def worst(self) -> State:
        """What somebody should look at first; unknown where nobody reported."""
        return next((each for each in uptake.ORDER if self.counts.get(each)), "unknown")

    @property
    def in_order(self) -> list[tuple[State, int]]:
        """The states there are, the worst first."""
        return [(each, self.counts[each]) for each in uptake.ORDER if self.counts.get(each)]


@dataclass(frozen=True, slots=True)
class Standing:
    """An environment: what is served there of an integration, what instances say of it, and what is to come."""

    environment: Environment
    release: Release | None
    uptake: Uptake
    override: Override | None
    scheduled: ScheduledRelease | None
    source: Release | None
    """Where it is served by promoting: what would be promoted."""

    @property
    def may_be_promoted(self) -> bool:
        """Whether the environment before it serves another revision."""
        return self.source is not None and (self.release is None or self.release.revision_id != self.source.revision_id)


@dataclass(frozen=True, slots=True)
class Line:
    """One instance, and where it stands."""

    report: InstanceReport
    state: State
    since: datetime | None
    """Of one that is behind: since when there is something newer."""
    is_late: bool


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breakers of one contract in all instances that are heard of: how many stand in a state, and since when."""

    state: str
    instances: int
    since: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one contract, minute by minute, the oldest first."""

    contract: str
    minutes: tuple[dict[str, int], ...]

    def total(self, key: str) -> int:
        """The sum of one count."""
        return sum(each[key] for each in self.minutes)

    @property
    def sums(self) -> list[tuple[int, str]]:
        """The sums of all counts, each with its name."""
        return [(self.total(key), key.capitalize()) for key in COUNTED]


def served(release: Release | None) -> Served | None:
    """A release as instances are held against it."""
    return Served(release.number, (release.content_hash, release.sha256)) if release else None


def of(releases: Iterable[Release], *, now: datetime | None = None) -> dict[Place, Uptake]:
    """How instances stand against these releases, which are those in force. One query, however many there are."""
    known = {(each.integration_id, each.environment_id): served(each) for each in releases}
    silent_before = (now or timezone.now()) - SILENT_AFTER
    found = InstanceReport.objects.filter(
        integration__in={integration for integration, _ in known}, environment__in={place for _, place in known}
    )
    said = ("integration_id", "environment_id", "release_number", "content_hash", "refused_number", "is_silent")
    counted: dict[Place, Counter[State]] = {}
    for *place, number, content_hash, refused, silent, count in (
        found.annotate(is_silent=_is_before(silent_before)).values_list(*said).annotate(count=Count("id")).order_by()
    ):
        key = (place[0], place[1])
        state = uptake.state(known.get(key), Said(number, content_hash, refused, silent))
        counted.setdefault(key, Counter())[state] += count
    return {key: Uptake(counts) for key, counts in counted.items()}


def everywhere(integration: Integration) -> list[Standing]:
    """How an integration stands in each environment."""
    issued = Release.objects.filter(integration=integration).defer("body", "revision__document").in_force()
    of_release = ("revision", "released_by", "override", "environment", "integration")
    newest = {each.environment_id: each for each in issued.select_related(*of_release)}
    running = Override.objects.running().filter(integration=integration)
    overrides = {each.environment_id: each for each in running.select_related("environment", "begun_by")}
    waiting = ScheduledRelease.objects.waiting().filter(integration=integration).defer("revision__document")
    scheduled = {each.environment_id: each for each in waiting.select_related("revision", "scheduled_by")}
    uptakes = of(newest.values())
    return [
        Standing(
            each,
            newest.get(each.pk),
            uptakes.get((integration.pk, each.pk), Uptake()),
            overrides.get(each.pk),
            scheduled.get(each.pk),
            newest.get(each.promoted_from_id or 0),
        )
        for each in Environment.objects.select_related("promoted_from")
    ]


def lines(integration: Integration, environment: Environment, release: Release | None, *, most: int = 50) -> list[Line]:
    """The instances of one integration in one environment, those to look at first."""
    now = timezone.now()
    held = served(release)
    found = InstanceReport.objects.filter(integration=integration, environment=environment)
    fine = Q(reported_at__gte=now - SILENT_AFTER, release_number=held.number if held else None)
    in_order = Case(When(fine, then=Value(1)), default=Value(0))
    rows = list(found.select_related("instance__system").order_by(in_order, "instance__name", "id")[:most])
    numbers = _numbers(integration, environment, rows)
    return [_line(each, held, numbers, now) for each in rows]


def _line(report: InstanceReport, held: Served | None, numbers: list[tuple[int, datetime]], now: datetime) -> Line:
    silent = report.reported_at < now - SILENT_AFTER
    state = uptake.state(held, Said(report.release_number, report.content_hash, report.refused_number, silent))
    since = None
    if report.release_number is not None and state in ("behind", "refused"):
        since = next((at for number, at in numbers if number > report.release_number), None)
    return Line(report, state, since, state == "behind" and since is not None and uptake.is_late(since, now))


def _numbers(
    integration: Integration, environment: Environment, rows: list[InstanceReport]
) -> list[tuple[int, datetime]]:
    """The releases that came after what the hindmost of these obeys."""
    obeyed = [each.release_number for each in rows if each.release_number is not None]
    if not obeyed:
        return []
    later = Release.objects.filter(integration=integration, environment=environment, number__gt=min(obeyed))
    return list(later.order_by("number").values_list("number", "released_at")[:200])


_BREAKERS = """
    SELECT breaker.key, breaker.value ->> 'state', count(*), min(breaker.value ->> 'since')
    FROM registry_instancereport report, jsonb_each(report.breakers) breaker
    WHERE report.integration_id = %s AND report.environment_id = %s AND report.reported_at >= %s
    GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


def breakers(integration: Integration, environment: Environment) -> dict[str, list[Breaker]]:
    """How the breakers of each contract stand in the instances that were heard of lately."""
    found: dict[str, list[Breaker]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_BREAKERS, [integration.pk, environment.pk, timezone.now() - SILENT_AFTER])
        for contract, state, count, since in cursor.fetchall():
            found.setdefault(contract, []).append(Breaker(state, count, since))
    return found


def traffic(integration: Integration, environment: Environment) -> list[Traffic]:
    """The last hour of each contract, the minute that has just begun included."""
    last = timezone.now().replace(second=0, microsecond=0)
    begin = last - timedelta(minutes=MINUTES - 1)
    rows = TrafficMinute.objects.filter(integration=integration, environment=environment, minute__gte=begin)
    by_contract: dict[str, dict[datetime, dict[str, int]]] = {}
    for contract, minute, *counts in rows.order_by("contract").values_list("contract", "minute", *COUNTED):
        by_contract.setdefault(contract, {})[minute] = dict(zip(COUNTED, counts, strict=True))
    nothing = dict.fromkeys(COUNTED, 0)
    return [
        Traffic(contract, tuple(there.get(begin + timedelta(minutes=step), nothing) for step in range(MINUTES)))
        for contract, there in by_contract.items()
    ]


def wanting_a_look() -> Q:
    """Integrations that are overridden, or of which an instance refused, is behind or is silent."""
    reports = InstanceReport.objects.filter(integration=OuterRef("pk"))
    newest = Release.objects.filter(integration=OuterRef("integration"), environment=OuterRef("environment"))
    behind = reports.annotate(newest=Subquery(newest.order_by("-number").values("number")[:1]))
    return (
        Q(Exists(Override.objects.running().filter(integration=OuterRef("pk"))))
        | Q(Exists(reports.filter(reported_at__lt=timezone.now() - SILENT_AFTER)))
        | Q(Exists(behind.exclude(release_number=F("newest"))))
    )


def _is_before(moment: datetime) -> Any:
    return Case(When(reported_at__lt=moment, then=Value(True)), default=Value(False), output_field=BooleanField())
