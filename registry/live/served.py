"""What one token may read of the settings in force, in one statement. Knows tables by name, and no models."""

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection

USED_PRECISION_SECONDS = 60

_HOLDER = """
    SELECT token.id, token.kind = 'service',
        token.revoked_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > now()),
        token.last_used_at IS NULL OR token.last_used_at < now() - make_interval(secs => %(precision)s),
        system.slug, environment.slug, release.integration, release.number, release.sha256, release.body,
        release.key_id, release.signature,
        (SELECT number FROM registry_releasecounter counter WHERE counter.environment_id = token.environment_id)
    FROM registry_token token
    LEFT JOIN registry_system system ON system.id = token.system_id
    LEFT JOIN registry_environment environment ON environment.id = token.environment_id
"""
# The newest release first, then whether the system is a party of it: who left it must not be served an older one.
_RELEASE = """
    LEFT JOIN LATERAL (
        SELECT integration.slug AS integration, newest.number, newest.sha256, newest.body,
            newest.key_id, newest.signature
        FROM registry_integration integration
        CROSS JOIN LATERAL (
            SELECT release.number, release.sha256, release.body, release.revision_id,
                release.key_id, release.signature
            FROM registry_release release
            WHERE release.integration_id = integration.id AND release.environment_id = token.environment_id
            ORDER BY release.number DESC LIMIT 1
        ) newest
        WHERE {which} AND EXISTS (
            SELECT FROM registry_indexedparty party
            WHERE party.revision_id = newest.revision_id AND party.system_slug = system.slug
        )
    ) release ON true
    WHERE token.digest = %(digest)s
"""
_ONE = _HOLDER + _RELEASE.format(which="integration.slug = %(integration)s")
# Only integrations whose record ever named the system are looked at.
_NAMING = """integration.id IN (
            SELECT revision.integration_id FROM registry_indexedparty named
            JOIN registry_revision revision ON revision.id = named.revision_id
            WHERE named.system_slug = system.slug
        )"""
_ALL = _HOLDER + _RELEASE.format(which=_NAMING) + " ORDER BY release.integration"


@dataclass(frozen=True, slots=True)
class Served:
    """One release, as it is sent."""

    integration: str
    number: int
    sha256: str
    body: bytes
    key_id: str
    signature: str

    @property
    def etag(self) -> str:
        return f'"{self.number}-{self.sha256}"'


@dataclass(frozen=True, slots=True)
class Grant:
    """What the holder of a token may read: nothing, one release, or all of its system's."""

    token_id: int
    is_service: bool
    is_valid: bool
    use_is_due: bool
    """Whether its last use was noted more than a minute ago."""
    system: str
    environment: str
    releases: tuple[Served, ...]
    counter: int
    """The last number given in the environment."""


def one(digest: str, integration: str) -> Grant | None:
    """The grant of a token, with the release in force of one integration if it may be seen. None: no such token."""
    return _grant(_ONE, digest=digest, integration=integration)


def every(digest: str) -> Grant | None:
    """The grant of a token, with every release in force that its system may see, by integration."""
    return _grant(_ALL, digest=digest)


def note_use(grant: Grant) -> None:
    """Write down that the token was used. Whoever reads settings never waits for this or fails by it."""
    due = "last_used_at IS NULL OR last_used_at < now() - make_interval(secs => %s)"
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE registry_token SET last_used_at = now() WHERE id = %s AND ({due})",  # noqa: S608 - our own text
                [grant.token_id, USED_PRECISION_SECONDS],
            )
    except DatabaseError:
        connection.close()


def _grant(statement: str, **asked: str) -> Grant | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**asked, "precision": USED_PRECISION_SECONDS})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    if not rows:
        return None
    token_id, is_service, is_valid, use_is_due, system, environment = rows[0][:6]
    releases = tuple(
        Served(row[6], row[7], row[8], bytes(row[9]), row[10], row[11]) for row in rows if row[6] is not None
    )
    counter = rows[0][12] or 0
    return Grant(token_id, is_service, is_valid, use_is_due, system or "", environment or "", releases, counter)
