"""Reads what is in force from PostgreSQL: all of it, or what is newer than what is held. Knows tables by name.

Release numbers commit in order (their counter row is locked by whoever releases), and so does the number that each
change of a token raises: whoever has read up to a number has missed nothing below it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from .snapshot import Key, TokenRow
from .wire import Release

Database = psycopg.Connection[tuple[Any, ...]]

MARKS = """
    SELECT '', number, 0 FROM registry_tokenchanges
    UNION ALL SELECT environment.slug, counter.number, counter.epoch FROM registry_releasecounter counter
    JOIN registry_environment environment ON environment.id = counter.environment_id
"""
TOKENS = """
    SELECT token.id, token.digest, coalesce(system.slug, ''), coalesce(environment.slug, ''), CASE
            WHEN token.revoked_at IS NULL THEN coalesce(extract(epoch FROM token.expires_at), 'infinity') ELSE 0 END
    FROM registry_token token
    LEFT JOIN registry_system system ON system.id = token.system_id
    LEFT JOIN registry_environment environment ON environment.id = token.environment_id
"""
_PARTIES = """ARRAY(
    SELECT DISTINCT party.system_slug FROM registry_indexedparty party WHERE party.revision_id = release.revision_id)"""
_COLUMNS = f"""environment.slug, integration.slug, release.number, release.epoch, release.sha256, release.key_id,
    release.signature, {_PARTIES}"""
IN_FORCE = f"""
    SELECT {_COLUMNS}, release.id FROM registry_integration integration CROSS JOIN registry_environment environment
    CROSS JOIN LATERAL (
        SELECT newest.* FROM registry_release newest
        WHERE newest.integration_id = integration.id AND newest.environment_id = environment.id
        ORDER BY newest.number DESC LIMIT 1
    ) release
"""  # noqa: S608 - our own text
BODIES = "SELECT id, body FROM registry_release WHERE id = ANY(%s)"
NEWER = f"""
    SELECT {_COLUMNS}, release.body FROM registry_release release
    JOIN registry_environment environment ON environment.id = release.environment_id
    JOIN registry_integration integration ON integration.id = release.integration_id
    WHERE environment.slug = %s AND release.number > %s AND release.number <= %s ORDER BY release.number
"""  # noqa: S608 - our own text
SEEN = """
    SELECT release.sha256 FROM registry_release release
    JOIN registry_environment environment ON environment.id = release.environment_id
    WHERE environment.slug = %s AND release.number = %s
"""
USED = """
    UPDATE registry_token SET last_used_at = now()
    WHERE id = ANY(%s) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""


class Older(Exception):
    """The database is behind what was served from it, and nobody said so by raising the epoch."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an environment has come."""

    number: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Marks:
    """How far everything has come: what tells whether there is anything to read."""

    tokens: int = -1
    environments: dict[str, Mark] = field(default_factory=dict)


@dataclass(slots=True)
class Held:
    """What was read so far; belongs to the thread that reads."""

    marks: Marks = field(default_factory=Marks)
    releases: dict[Key, Release] = field(default_factory=dict)
    tokens: tuple[TokenRow, ...] = ()

    def newest_of(self, environment: str) -> Release | None:
        ours = (each for each in self.releases.values() if each.environment == environment)
        return max(ours, key=lambda each: each.number, default=None)


def marks(database: Database) -> Marks:
    """One small statement over two small tables."""
    rows = database.execute(MARKS).fetchall()
    tokens = next((number for slug, number, _ in rows if not slug), 0)
    return Marks(tokens, {slug: Mark(number, epoch) for slug, number, epoch in rows if slug})


def tokens(database: Database) -> tuple[TokenRow, ...]:
    rows = database.execute(TOKENS).fetchall()
    return tuple(TokenRow(row[0], row[1], row[2], row[3], float(row[4])) for row in rows)


def newer(database: Database, environment: str, above: int, up_to: int) -> list[Release]:
    """Every release of an environment with a number greater than one and not above another."""
    return [_release(row, bytes(row[-1])) for row in database.execute(NEWER, [environment, above, up_to])]


def everything(database: Database, known: Held) -> Held:
    """All that is in force at one moment. Bodies that are known already are not read again."""
    database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        reached = marks(database)
        rows = database.execute(IN_FORCE).fetchall()
        unknown = [row[-1] for row in rows if _body_of(row, known) is None]
        bodies = {key: bytes(body) for key, body in database.execute(BODIES, [unknown])} if unknown else {}
        releases = (_release(row, _body_of(row, known) or bodies[row[-1]]) for row in rows)
        return Held(reached, {(each.environment, each.integration): each for each in releases}, tokens(database))
    finally:
        database.execute("COMMIT")


def require_same_history(database: Database, held: Held, reached: Marks) -> None:
    """Refuse a database that does not hold what was read from it, unless the epoch says that it was restored."""
    for environment, before in held.marks.environments.items():
        now = reached.environments.get(environment)
        if now is not None and now.epoch > before.epoch:
            continue
        if before.number and (now is None or (now.epoch, now.number) < (before.epoch, before.number)):
            raise Older(f"{environment} is at {now and now.number}, and was at {before.number}")
        newest = held.newest_of(environment)
        if newest and database.execute(SEEN, [environment, newest.number]).fetchone() != (newest.sha256,):
            raise Older(f"release {newest.number} of {environment} is another one than was served")


def note_use(database: Database, ids: Iterable[int]) -> None:
    """Write down which tokens were used, to the minute."""
    database.execute(USED, [list(ids)])


def _release(row: tuple[Any, ...], body: bytes) -> Release:
    environment, integration, number, epoch, sha256, key_id, signature, parties = row[:8]
    return Release(environment, integration, number, epoch, sha256, body, key_id, signature, frozenset(parties))


def _body_of(row: tuple[Any, ...], known: Held) -> bytes | None:
    held = known.releases.get((row[0], row[1]))
    return held.body if held and held.sha256 == row[4] else None
