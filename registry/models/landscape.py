"""What the landscape map is drawn from: rows of the index, read by a fixed number of statements however many there are.

Of each integration it looks at the revision in force, else the newest.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, Func, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from registry.exporters.landscape import Agreement, Contract, Event, Party, System, Topic

from . import catalog
from .index import IndexedContract, IndexedEvent, IndexedParty, IndexedTopic
from .integrations import Integration
from .people import Team
from .releases import Release

__all__ = ["MOST_COUNTED", "MOST_NEAR", "Wanted", "agreements", "agreements_near", "catalogued", "uses_between_teams"]

MOST_NEAR = 400
"""Integrations looked at around one system, the nearest first."""
LONGEST_WALK = 12
MOST_COUNTED = 20_000
"""Contracts, and events, of which the uses between teams are counted."""
MOST_USES = 60
"""Lines between teams, those with the most uses."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which integrations are on the map; "" asks for nothing. Retired ones only when they are asked for."""

    team: str = ""
    criticality: str = ""
    type: str = ""
    state: str = ""
    environment: str = ""

    def integrations(self) -> QuerySet[Any]:
        """Those wanted, each with the id of the revision that is `shown`."""
        found = Integration.objects.annotate(shown=Coalesce("in_force", "current"))
        found = found.filter(state=self.state) if self.state else found.exclude(state=Integration.State.RETIRED)
        asked = {"criticality": self.criticality, "type": self.type}
        found = found.filter(**{field: value for field, value in asked.items() if value})
        if self.team:
            party = IndexedParty.objects.filter(revision=OuterRef("shown"), team_slug=self.team)
            found = found.filter(Exists(party))
        if self.environment:
            served = Release.objects.filter(integration=OuterRef("pk"), environment__slug=self.environment)
            found = found.filter(Exists(served))
        return found


def agreements(wanted: Wanted, most: int) -> list[Agreement]:
    """The integrations wanted with what they name, the most critical first; none where there are more than `most`."""
    found = wanted.integrations().order_by("-criticality_rank", "id")
    return _filled(found.values_list(*COLUMNS)[: most + 1], most)


def agreements_near(system: str, wanted: Wanted) -> tuple[list[Agreement], bool]:
    """The integrations that tell who needs a system, and whom it needs; and whether these are all.

    Walks from the system to those that need it, and on to those that need them: a statement for each step.
    """
    own = IndexedParty.objects.compared().filter(system_slug=system).order_by("id").values_list("revision", flat=True)
    revisions = dict.fromkeys(own[:MOST_NEAR])
    known, edge = {system}, {system}
    for _ in range(LONGEST_WALK):
        found = _needing(edge)
        edge = {needy for needy, _ in found} - known
        known |= edge
        revisions |= dict.fromkeys(revision for _, revision in found)
        if not edge or len(revisions) > MOST_NEAR:
            break
    near = list(revisions)[:MOST_NEAR]
    rows = wanted.integrations().filter(shown__in=near).order_by("id").values_list(*COLUMNS)
    return _filled(rows, MOST_NEAR), not edge and len(revisions) <= MOST_NEAR


def _needing(systems: set[str]) -> list[tuple[str, int]]:
    """Those that need one of these systems, by calls, by events, or by topics of which no events are told.

    Each comes with a revision that says so.
    """
    calls = IndexedContract.objects.compared().filter(provider_slug__in=systems).exclude(consumer_slug="")
    events = IndexedEvent.objects.compared().filter(publisher_slug__in=systems)
    told = Exists(IndexedEvent.objects.filter(revision=OuterRef("revision")))
    topics = IndexedTopic.objects.compared().filter(~told, producer__in=systems)
    readers = topics.filter(revision__indexed_parties__role="consumer").exclude(
        revision__indexed_parties__system_slug=""
    )
    found = calls.values_list("consumer_slug", "revision").union(
        events.values_list(Func("consumer_slugs", function="unnest"), "revision"),
        readers.values_list("revision__indexed_parties__system_slug", "revision"),
    )
    return list(found.order_by("revision", "consumer_slug")[: 2 * MOST_NEAR])


def catalogued(slugs: Iterable[str]) -> list[System]:
    """What the catalog knows of these systems."""
    rows = catalog.System.objects.filter(slug__in=list(slugs)).order_by("slug")
    named = rows.values_list("slug", "name", "team__slug", "team__name")
    return [System(slug, name, team or "", team_name or "") for slug, name, team, team_name in named]


def uses_between_teams(wanted: Wanted) -> tuple[list[tuple[str, str, int]], dict[str, str]]:
    """How many contracts and events of one team's systems are used by another's; and the names of the teams."""
    sql, asked = wanted.integrations().order_by().values("shown").query.sql_with_params()
    counted, uses = MOST_COUNTED, MOST_USES
    with connection.cursor() as cursor:
        cursor.execute(_USES.format(wanted=sql), [*asked, counted, *asked, counted, uses])
        rows = [(str(one), str(other), int(count)) for one, other, count in cursor.fetchall()]
    slugs = {slug for row in rows for slug in row[:2]}
    return rows, dict(Team.objects.filter(slug__in=slugs).values_list("slug", "name"))


COLUMNS = ("slug", "name", "state", "criticality", "shown")


def _filled(found: Iterable[Any], most: int) -> list[Agreement]:
    rows = list(found)
    if len(rows) > most:
        return []
    named = _named([revision for *_, revision in rows])
    return [
        Agreement(slug, name, state, criticality, **{field: tuple(named[field][revision]) for field in named})
        for slug, name, state, criticality, revision in rows
    ]


def _named(revisions: list[int]) -> dict[str, dict[int, list[Any]]]:
    """The parties, contracts, topics and events of revisions, by revision."""
    asked: tuple[tuple[str, Any, Any, tuple[str, ...]], ...] = (
        ("parties", IndexedParty, Party, ("role", "system_slug", "team_slug")),
        ("contracts", IndexedContract, Contract, ("protocol", "consumer_slug", "provider_slug")),
        ("topics", IndexedTopic, Topic, ("name", "broker", "producer", "dead_letter")),
        ("events", IndexedEvent, Event, ("name", "publisher_slug", "consumer_slugs")),
    )
    found: dict[str, dict[int, list[Any]]] = {}
    for field, model, made, columns in asked:
        found[field] = defaultdict(list)
        rows = model.objects.filter(revision__in=revisions).order_by("id").values_list("revision", *columns)
        for revision, *values in rows:
            found[field][revision].append(made(*(tuple(each) if isinstance(each, list) else each for each in values)))
    return found


_USES = """
WITH used(revision_id, user_slug, used_slug) AS (
    (SELECT revision_id, consumer_slug, provider_slug FROM registry_indexedcontract
        WHERE revision_id IN ({wanted}) AND consumer_slug <> '' AND provider_slug <> '' ORDER BY id LIMIT %s)
    UNION ALL
    (SELECT revision_id, unnest(consumer_slugs), publisher_slug FROM registry_indexedevent
        WHERE revision_id IN ({wanted}) AND publisher_slug <> '' ORDER BY id LIMIT %s)
), teams AS (
    SELECT revision_id, system_slug, min(team_slug) AS team_slug FROM registry_indexedparty
    WHERE revision_id IN (SELECT revision_id FROM used) GROUP BY 1, 2
), known AS (
    SELECT system.slug, team.slug AS team_slug FROM registry_system system
    JOIN registry_team team ON team.id = system.team_id
), counted AS (
    SELECT coalesce(user_known.team_slug, user_named.team_slug, '') AS user_team,
        coalesce(used_known.team_slug, used_named.team_slug, '') AS used_team, count(*) AS uses
    FROM used
    LEFT JOIN known user_known ON user_known.slug = user_slug
    LEFT JOIN known used_known ON used_known.slug = used_slug
    LEFT JOIN teams user_named ON user_named.revision_id = used.revision_id AND user_named.system_slug = user_slug
    LEFT JOIN teams used_named ON used_named.revision_id = used.revision_id AND used_named.system_slug = used_slug
    GROUP BY 1, 2
)
SELECT user_team, used_team, uses FROM counted
WHERE user_team <> used_team ORDER BY uses DESC, user_team, used_team LIMIT %s
"""
