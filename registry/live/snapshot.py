"""What is served from memory: which token reads what, and each answer as the bytes that are sent.

Belongs to one thread, that of the event loop. What changes it comes from the feed, in the order it was committed.
"""

import time
from asyncio import WriteTransport
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .wire import Prepared, Release, prepared_document

STALE_AFTER_S = 3.0
"""How old the last word of the database may be before answers say how old it is."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token, as far as reading settings goes."""

    id: int
    digest: str
    system: str
    """Empty for a person's own token."""
    environment: str
    ends_at: float
    """In seconds since 1970; 0 once revoked, infinity if it never ends."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the feed read in one round."""

    turn: int
    """The how-manieth round it was."""
    verified_at: float
    """When the database was asked, in seconds since 1970."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """The counter of each environment."""
    put: tuple[tuple[Release, Prepared], ...] = ()
    """By number within an environment."""
    gone: tuple[Key, ...] = ()
    tokens: tuple[TokenRow, ...] | None = None
    """All of them, if any changed."""


@dataclass(slots=True, eq=False)
class Scope:
    """What one system may read in one environment."""

    system: str
    environment: str
    releases: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """By integration: number and body."""
    answers: dict[bytes, Prepared] = field(default_factory=dict)
    """By the path that is asked."""
    grants: list["Grant"] = field(default_factory=list)
    waiting: dict[bytes, set[Callable[[], None]]] = field(default_factory=dict)
    """Who waits for the next release of a path."""

    def answer(self, path: bytes) -> Prepared | None:
        found = self.answers.get(path)
        if found is None and path == b"/api/v1/settings":
            held = ((name, number, body) for name, (number, body) in self.releases.items())
            found = self.answers[path] = prepared_document(self.system, self.environment, held)
        return found

    def put(self, release: Release, ready: Prepared) -> None:
        self.releases[release.integration] = (release.number, release.body)
        self.answers[ready.path] = ready
        self.answers.pop(b"/api/v1/settings", None)

    def drop(self, integration: str) -> None:
        if self.releases.pop(integration, None):
            self.answers.pop(f"/api/v1/settings/{integration}".encode(), None)
            self.answers.pop(b"/api/v1/settings", None)

    def newer_than(self, number: int) -> list[Prepared]:
        """The newest release of each integration if it is newer, in the order they were released."""
        newer = (each for path, each in self.answers.items() if each.event and each.number > number)
        return sorted(newer, key=lambda each: each.number)


@dataclass(slots=True, eq=False)
class Grant:
    """What the holder of one token may read."""

    id: int
    scope: Scope | None
    """None for a person's own token, which names no environment."""
    ends_at: float
    was_used: bool = False
    followers: set[WriteTransport] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Snapshot:
    """Everything in force, by token and by path."""

    grants: dict[bytes, Grant] = field(default_factory=dict)
    """By the SHA-256 of the token."""
    scopes: dict[Key, Scope] = field(default_factory=dict)
    """By system and environment."""
    parties: dict[Key, frozenset[str]] = field(default_factory=dict)
    """By environment and integration: who reads its release in force."""
    numbers: dict[str, int] = field(default_factory=dict)
    turn: int = 0
    verified_at: float = 0.0

    @property
    def is_loaded(self) -> bool:
        return bool(self.verified_at)

    def stale_seconds(self, now: float) -> int:
        """How old what is served may be; 0 while the feed is up."""
        age = now - self.verified_at
        return int(age) if age > STALE_AFTER_S else 0

    def apply(self, change: Change) -> list[tuple[Scope, Prepared]]:
        """Take over what changed at once; who is to be told of what, in the order it was released."""
        if change.tokens is not None:
            self._take_tokens(change.tokens)
        for environment, integration in change.gone:
            self._put(environment, integration, frozenset())
        told = []
        for release, ready in change.put:
            self._put(release.environment, release.integration, release.parties)
            for system in release.parties:
                scope = self.scope(system, release.environment)
                scope.put(release, ready)
                told.append((scope, ready))
        self.numbers = dict(change.numbers)
        self.turn = max(self.turn, change.turn)
        self.verified_at = max(self.verified_at, change.verified_at)
        return told

    def scope(self, system: str, environment: str) -> Scope:
        key = (system, environment)
        if key not in self.scopes:
            self.scopes[key] = Scope(system, environment)
        return self.scopes[key]

    def ended(self, now: float | None = None) -> list[Grant]:
        """Grants with followers that may follow no longer."""
        at = time.time() if now is None else now
        return [each for each in self.grants.values() if each.followers and each.ends_at <= at]

    def _put(self, environment: str, integration: str, parties: frozenset[str]) -> None:
        key = (environment, integration)
        for system in self.parties.pop(key, frozenset()) - parties:
            self.scope(system, environment).drop(integration)
        if parties:
            self.parties[key] = parties

    def _take_tokens(self, rows: tuple[TokenRow, ...]) -> None:
        before, self.grants = self.grants, {}
        ended: list[Grant] = []
        for scope in self.scopes.values():
            scope.grants = []
        for row in rows:
            digest = bytes.fromhex(row.digest)
            scope_of_row = self.scope(row.system, row.environment) if row.system else None
            grant = before.pop(digest, None)
            if grant is not None and grant.scope is not scope_of_row:
                ended.append(grant)
                grant = None
            grant = grant or Grant(row.id, scope_of_row, row.ends_at)
            grant.ends_at = row.ends_at
            self.grants[digest] = grant
            if scope_of_row:
                scope_of_row.grants.append(grant)
        # Connections hold on to their grant; who still follows by one that is gone is found once more, and ended.
        for grant in (*ended, *before.values()):
            grant.ends_at = 0.0
        self.grants |= {digest: grant for digest, grant in before.items() if grant.followers}
