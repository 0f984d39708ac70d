"""What stands around an integration in the index, and what the rules across integrations say of it."""

import json
from typing import Any

from django.db import connection

from registry.models import IndexedContract, IndexedEvent, IndexedTopic, Revision
from registry.record import DesignRecord, pointers
from registry.record.base import seconds
from registry.record.findings import Finding
from registry.rules import Call, Event, Facts, Impact, Landscape, Numbers, Owner, Topic, check_across, facts, impact
from registry.rules.chains import LONGEST_CHAIN
from registry.rules.completeness import CALLS

MOST_REACHED = 1_500
"""Systems looked at upwards and downwards each, the nearest first. Only a hub of hubs has more."""
MOST_CALLS = 3_000
"""Calls among them that are looked at, the nearest first."""
MOST_SHARING = 1_500
"""Contracts of one's providers looked at, those that declare a limit and the largest first."""
MOST_NAMESAKES = 500
"""Topics of one's names, and events of one's types."""

# `hops` counts calls, one's own being the first. UNION forgets what was reached as soon before; LIMIT stops the walk.
_NEAR = """
WITH RECURSIVE down(system, hops) AS (
    SELECT unnest(%(providers)s::text[]), 1
    UNION
    SELECT call.provider_slug, down.hops + 1 FROM down
    JOIN registry_indexedcontract call ON call.consumer_slug = down.system AND IS_CALL
    WHERE down.hops < %(longest)s
), up(system, hops) AS (
    SELECT unnest(%(consumers)s::text[]), 1
    UNION
    SELECT call.consumer_slug, up.hops + 1 FROM up
    JOIN registry_indexedcontract call ON call.provider_slug = up.system AND IS_CALL
    WHERE up.hops < %(longest)s
), below AS MATERIALIZED (SELECT system, hops FROM down LIMIT %(reached)s
), above AS MATERIALIZED (SELECT system, hops FROM up LIMIT %(reached)s
), consumers AS (SELECT system, min(hops) AS hops FROM below WHERE hops < %(longest)s GROUP BY system
), providers AS (SELECT system, min(hops) AS hops FROM above WHERE hops < %(longest)s GROUP BY system
), sharing AS MATERIALIZED (
    SELECT call.id FROM registry_indexedcontract call
    WHERE call.provider_slug = ANY(%(providers)s) AND IS_CALL
    ORDER BY call.provider_requests_per_minute, call.requests_per_minute DESC NULLS LAST, call.id
    LIMIT %(sharing)s
), near(id, hops) AS (
    SELECT call.id, hops FROM consumers JOIN registry_indexedcontract call ON call.consumer_slug = system AND IS_CALL
    UNION ALL
    SELECT call.id, hops FROM providers JOIN registry_indexedcontract call ON call.provider_slug = system AND IS_CALL
    UNION ALL
    SELECT id, 0 FROM sharing
), nearest(id) AS MATERIALIZED (SELECT id FROM near GROUP BY id ORDER BY min(hops), id LIMIT %(most)s
)
SELECT integration.slug, revision.major, revision.minor, revision.state, call.criticality,
    call.name, call.consumer_slug, call.provider_slug, call.protocol,
    call.attempts, call.longest_ms, call.total_ms, call.requests_per_minute, call.provider_requests_per_minute,
    call.provider_limit_is_shared, nullif(call.environments, '{}')::text,
    (SELECT count(*) FROM below) < %(reached)s AND (SELECT count(*) FROM above) < %(reached)s
        AND (SELECT count(*) FROM sharing) < %(sharing)s AND (SELECT count(*) FROM nearest) < %(most)s
FROM nearest
JOIN registry_indexedcontract call ON call.id = nearest.id
JOIN registry_revision revision ON revision.id = call.revision_id
JOIN registry_integration integration ON integration.id = revision.integration_id
WHERE integration.slug <> %(own)s
ORDER BY call.id
""".replace("IS_CALL", f"call.is_compared AND call.protocol IN {CALLS} AND '' NOT IN (consumer_slug, provider_slug)")
# As the condition of the two indexes has it, so that they are used; a side that is not stated yet leads nowhere.


def findings(revision: Revision, record: DesignRecord) -> list[Finding]:
    """What the rules across integrations say of a record, as this revision's, among what others say now."""
    own = facts(record, Owner(revision.integration.slug, revision.version, revision.state))
    return check_across(around(own), own, record)


def impact_of(revision: Revision, before: DesignRecord | None, after: DesignRecord) -> list[Impact]:
    """What others will notice once a record is in force in the place of another: three statements at most."""
    owner = Owner(revision.integration.slug, revision.version, revision.state)
    old, new = facts(before, owner) if before is not None else Facts(owner), facts(after, owner)
    both = Facts(owner, old.calls + new.calls, old.topics + new.topics, old.events + new.events)
    calls, is_whole = calls_near(both)
    topics, events = _namesakes(both)
    return impact(old, new, Facts(Owner(""), tuple(calls), tuple(topics), tuple(events)), is_whole=is_whole)


def around(own: Facts) -> Landscape:
    """One record's facts and all that are near enough to matter: three statements at most, however many there are."""
    calls, is_whole = calls_near(own)
    topics, events = _namesakes(own)
    return Landscape([*own.calls, *calls], [*own.topics, *topics], [*own.events, *events], is_whole=is_whole)


def calls_near(own: Facts) -> tuple[list[Call], bool]:
    """The calls that can be on a chain with one's own, and those to one's providers; and whether these are all."""
    mine = [each for each in own.calls if each.is_call]
    if not mine:
        return [], True
    asked: dict[str, Any] = {
        "own": own.owner.slug,
        "providers": list({each.provider for each in mine}),
        "consumers": list({each.consumer for each in mine}),
        "longest": LONGEST_CHAIN,
        "reached": MOST_REACHED,
        "sharing": MOST_SHARING,
        "most": MOST_CALLS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, asked)
        rows = cursor.fetchall()
    return [call(row) for row in rows], not rows or rows[0][-1]


def call(row: tuple[Any, ...]) -> Call:
    """A contract of the index as a fact: its owner, itself, its numbers, and those that differ."""
    slug, major, minor, state, criticality, name, consumer, provider, protocol, *told, environments = row[:16]
    owner = Owner(slug, f"{major}.{minor}", state, criticality)
    differing = json.loads(environments) if environments else {}
    return Call(owner, _path("contracts", name), consumer, provider, protocol, Numbers(*told), differing)


def _namesakes(own: Facts) -> tuple[list[Topic], list[Event]]:
    """What others say of one's topics and events."""
    names = {each.name for each in own.topics if each.name}
    types = {each.type for each in own.events if each.type}
    topics = IndexedTopic.objects.compared().filter(name__in=names) if names else IndexedTopic.objects.none()
    events = IndexedEvent.objects.compared().filter(type__in=types) if types else IndexedEvent.objects.none()
    return (
        [topic(row) for row in _rows(topics, own, *TOPIC)],
        [event(row) for row in _rows(events, own, *EVENT)],
    )


OWNER = [f"revision__{each}" for each in ("integration__slug", "major", "minor", "state")]
CALL = (
    *OWNER,
    *("criticality", "name", "consumer_slug", "provider_slug", "protocol"),
    *("attempts", "longest_ms", "total_ms", "requests_per_minute", "provider_requests_per_minute"),
    *("provider_limit_is_shared", "environments"),
)
TOPIC = ("name", "broker", "kind", "partitions", "key", "retention")
EVENT = ("name", "type", "schema_hash")


def _rows(found: Any, own: Facts, *columns: str) -> Any:
    elsewhere = found.exclude(revision__integration__slug=own.owner.slug).order_by("id")
    return elsewhere.values_list(*OWNER, *columns)[:MOST_NAMESAKES]


def topic(row: tuple[Any, ...]) -> Topic:
    """A topic of the index as a fact."""
    slug, major, minor, state, name, broker, kind, partitions, key, retention = row
    kept = seconds(retention) if retention else None
    owner = Owner(slug, f"{major}.{minor}", state)
    return Topic(owner, _path("topics", name), name, broker, kind, partitions, key, kept)


def event(row: tuple[Any, ...]) -> Event:
    """An event of the index as a fact."""
    slug, major, minor, state, name, kind, hashed = row
    return Event(Owner(slug, f"{major}.{minor}", state), _path("events", name), kind, hashed)


def _path(section: str, name: str) -> str:
    """The pointer of an item by its name; of the section where it has none."""
    return section + pointers.item(name) if name else section


def everything() -> list[Facts]:
    """What every integration tells that others are compared with; of topics and events those that several describe."""
    told: dict[str, tuple[Owner, list[Call], list[Topic], list[Event]]] = {}

    def of(owner: Owner) -> tuple[Owner, list[Call], list[Topic], list[Event]]:
        return told.setdefault(owner.slug, (owner, [], [], []))

    for row in IndexedContract.objects.filter(is_compared=True, protocol__in=CALLS).order_by("id").values_list(*CALL):
        one = call((*row[:-1], json.dumps(row[-1])))
        of(one.owner)[1].append(one)
    for row in IndexedTopic.objects.described_by_several("name").values_list(*OWNER, *TOPIC):
        two = topic(row)
        of(two.owner)[2].append(two)
    for row in IndexedEvent.objects.described_by_several("type").values_list(*OWNER, *EVENT):
        three = event(row)
        of(three.owner)[3].append(three)
    return [Facts(owner, tuple(c), tuple(t), tuple(e)) for owner, c, t, e in told.values()]
