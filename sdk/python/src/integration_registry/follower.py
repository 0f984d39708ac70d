"""Holds the settings of one integration and keeps them new. Never by itself: somebody calls `turn`."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

from .acceptance import Answer, Held, KeyUnknown, Refused, Source, judge
from .cadence import Cadence
from .remote import Away, Remote, Unauthorized
from .store import Kept, Store

log = logging.getLogger("integration_registry")


class Keys:
    """The public keys that are believed: pinned ones, or those the registry names, asked anew for an unknown id."""

    def __init__(self, pinned: Mapping[str, str] | None, remote: Remote) -> None:
        self._pinned = pinned
        self._remote = remote
        self.known: dict[str, str] = dict(pinned or {})

    def remember(self, keys: Mapping[str, str]) -> None:
        """Take over those kept on disk, so that settings can be checked while the registry is away."""
        if self._pinned is None:
            self.known = {**keys, **self.known}

    def ask(self) -> bool:
        """Whether keys were fetched; pinned ones are all there are."""
        if self._pinned is not None:
            return False
        self.known |= self._remote.keys()
        return True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A release that is not obeyed."""

    release: int
    reason: str


class Follower:
    """Default < bootstrap file < last known good < server; a later one is taken only if it passes `judge`."""

    def __init__(
        self,
        integration: str,
        *,
        remote: Remote,
        keys: Keys,
        store: Store | None,
        held: Held | None,
        random: Random,
        changed: Callable[[], None],
    ) -> None:
        self.integration = integration
        self.held = held
        self.refusal: Refusal | None = None
        self.applied_at: datetime | None = None
        self.last_answer_at: float | None = None
        self.answered = threading.Event()
        """Set once the registry has answered, or failed to, for the first time."""
        self._remote, self._keys, self._store = remote, keys, store
        self._cadence = Cadence(random)
        self._changed = changed
        self._lock = threading.Lock()

    def take_kept(self, kept: Kept, source: Source) -> None:
        """Take over what is on disk, checked like anything else."""
        self._keys.remember(kept.keys)
        try:
            self._hold(self._judged(kept.answer, source, kept.origin))
        except Refused as refused:
            log.warning("%s: the %s settings are not used: %s", self.integration, source, refused.reason)

    def begin_anew(self) -> None:
        """In a forked process: a lock may have been held by a thread that is not here."""
        self._lock = threading.Lock()

    def hint(self, etag: str, now: float) -> None:
        """Somebody says there is something new; looked at only if it is not what is held. No etag: look anyway."""
        if not etag or self.held is None or self.held.etag != etag:
            with self._lock:
                self._cadence.hint(now)

    def turn(self, now: float) -> float:
        """Ask if it is time; the seconds until the next turn."""
        if now >= self._cadence.due_at:
            self._ask(now)
        return max(0.0, self._cadence.due_at - now)

    def _ask(self, now: float) -> None:
        held = self.held
        etag = held.etag if held else None
        with self._lock:
            self._cadence.answered(now)
        try:
            answer = self._remote.settings(self.integration, etag)
            self.last_answer_at = now
            if answer is None:
                self._confirm()
            else:
                self._take(answer)
        except Refused as refused:
            self._refuse(refused)
            self._slow(lambda: self._cadence.failed(now))
        except Unauthorized as problem:
            log.warning("%s: the registry refuses the token (%s); asked again in 5 minutes", self.integration, problem)
            self._slow(lambda: self._cadence.unauthorized(now))
        except Away as problem:
            log.info("%s: the registry is away (%s); going on with what is held", self.integration, problem)
            retry_after_s = problem.retry_after_s
            self._slow(lambda: self._cadence.failed(now, retry_after_s))
        finally:
            self.answered.set()

    def _slow(self, step: Callable[[], None]) -> None:
        with self._lock:
            step()

    def _take(self, answer: Answer) -> None:
        try:
            held = self._judged(answer, "server", self._remote.origin)
        except KeyUnknown:
            if not self._keys.ask():
                raise
            held = self._judged(answer, "server", self._remote.origin)
        self.refusal = None
        self._hold(held)
        self._keep(answer)
        self._changed()

    def _judged(self, answer: Answer, source: Source, origin: str) -> Held:
        keys = self._keys.known
        return judge(answer, integration=self.integration, keys=keys, held=self.held, source=source, origin=origin)

    def _hold(self, held: Held) -> None:
        self.held, self.applied_at = held, datetime.now(UTC)
        log.info("%s: obeying release %d (%s)", self.integration, held.settings.release, held.source)

    def _confirm(self) -> None:
        """What is held is what the registry serves."""
        if self.held and self.held.source != "server":
            self.held = replace(self.held, source="server")
        self._refuse(None)

    def _keep(self, answer: Answer) -> None:
        if self._store is None:
            return
        keys = {answer.key_id: self._keys.known[answer.key_id]}
        try:
            self._store.save(self.integration, Kept(answer, keys, self._remote.origin))
        except OSError as problem:
            log.warning("%s: the settings could not be kept on disk: %s", self.integration, problem)

    def _refuse(self, refused: Refused | None) -> None:
        before = self.refusal
        if refused is None:
            self.refusal = None
        else:
            log.warning("%s: refused: %s", self.integration, refused.reason)
            self.refusal = Refusal(refused.release, refused.reason[:500]) if refused.release else before
        if self.refusal != before:
            self._changed()
