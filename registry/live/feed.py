"""Follows PostgreSQL and hands over what changed, in order. A thread of its own, so that no reader waits for it."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psycopg

from . import kept, reading
from .reading import Database, Held, Marks
from .snapshot import Change, Key
from .wire import Prepared, Release, prepared

log = logging.getLogger(__name__)

ASK_EVERY_S = 0.4
"""What a revoked token may be used for longer, where no hint comes."""
PAUSE_S = 0.01
"""Hints that come closer together are answered by one look."""
ALL_AGAIN_S = 300.0
"""Finds what raises no number, such as a renamed integration."""
NOTE_EVERY_S = 60.0
CONFIRM_EVERY_S = 10.0
PATIENCE = {
    "connect_timeout": 3,
    "options": "-c statement_timeout=10000",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Feed(threading.Thread):
    """Reads what is in force, then what is newer, for as long as the process lives."""

    def __init__(
        self, url: str, deliver: Callable[[Change], None], *, file: Path, used: Callable[[], Iterable[int]] = tuple
    ) -> None:
        super().__init__(name="feed", daemon=True)
        self.url, self.deliver, self.file, self.used = url, deliver, file, used
        self.held = Held()
        self.turn = 0
        """The round that was begun last: what was committed before a later one began is in its change."""
        self.is_up = False
        self.bell = threading.Event()
        self.ended = threading.Event()
        self.all_due_at = self.note_due_at = self.keep_due_at = self.confirm_due_at = 0.0
        self.is_unkept = False

    # --- called by others ---------------------------------------------------------------------------------------

    def wake(self) -> None:
        self.bell.set()

    def stop(self) -> None:
        self.ended.set()
        self.bell.set()

    def recall(self) -> Change | None:
        """What the last process left on disk, to begin with."""
        found = kept.load(self.file)
        if found is None:
            return None
        self.held, verified_at = found
        everything = _ready(in_order(self.held.releases.values()))
        return Change(0, verified_at, numbers(self.held.marks), everything, (), self.held.tokens)

    # --- the thread ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, **PATIENCE) as database:  # type: ignore[arg-type]
                    self._follow(database)
            except (psycopg.Error, reading.Older, OSError) as problem:
                if self.is_up or self.turn <= 1:
                    log.error("settings are served as last read: %s", _said(problem))
                self.is_up = False
                self.ended.wait(random.uniform(0.3, 0.7))  # noqa: S311 - so that fronts do not ask in step
            finally:
                self._keep()

    def _follow(self, database: Database) -> None:
        reading.require_same_history(database, self.held, reading.marks(database))
        while not self.ended.is_set():
            self.bell.clear()
            self.turn += 1
            self.deliver(self._look(database))
            if not self.is_up:
                log.info("settings follow the database: %s releases in force", len(self.held.releases))
            self.is_up = True
            self._look_after(database)
            self.ended.wait(PAUSE_S)
            self.bell.wait(ASK_EVERY_S)

    def _look(self, database: Database) -> Change:
        """What is newer; everything at first, from time to time, and in another epoch."""
        now, turn = time.time(), self.turn
        reached = reading.marks(database)
        if time.monotonic() >= self.all_due_at or not self._goes_on(reached):
            return self._all(database, now, turn)
        put = tuple(self._newer(database, reached))
        tokens = reading.tokens(database) if reached.tokens != self.held.marks.tokens else None
        self.is_unkept |= reached != self.held.marks
        self.held.marks = reached
        self.held.releases |= {(each.environment, each.integration): each for each in put}
        if tokens is not None:
            self.held.tokens = tokens
        return Change(turn, now, numbers(reached), _ready(put), (), tokens)

    def _all(self, database: Database, now: float, turn: int) -> Change:
        before = self.held
        reading.require_same_history(database, before, reading.marks(database))
        found = reading.everything(database, before)
        changed = {(each.environment, each.number): each for each in _changed(before, found)}
        if self._goes_on(found.marks):
            # Followers are told of those too that another one came after meanwhile.
            changed |= {(each.environment, each.number): each for each in self._newer(database, found.marks)}
        gone: tuple[Key, ...] = tuple(key for key in before.releases if key not in found.releases)
        self.held, self.is_unkept = found, True
        self.all_due_at = time.monotonic() + ALL_AGAIN_S
        return Change(turn, now, numbers(found.marks), _ready(in_order(changed.values())), gone, found.tokens)

    def _goes_on(self, reached: Marks) -> bool:
        """Whether what is in the database goes on from what is held: no other epoch, no lower number."""
        now = reached.environments
        return all(
            name in now and now[name].epoch == mark.epoch and now[name].number >= mark.number
            for name, mark in self.held.marks.environments.items()
        )

    def _newer(self, database: Database, reached: Marks) -> Iterator[Release]:
        held = self.held.marks.environments
        for name, mark in reached.environments.items():
            above = held[name].number if name in held else 0
            if mark.number > above:
                yield from reading.newer(database, name, above, mark.number)

    def _look_after(self, database: Database) -> None:
        """What need not be done at once: the file, and when tokens were used."""
        now = time.monotonic()
        if self.is_unkept and now >= self.keep_due_at:
            self._keep()
        elif now >= self.confirm_due_at and not self.is_unkept:
            self.confirm_due_at = now + CONFIRM_EVERY_S
            kept.confirm(self.file)
        if now >= self.note_due_at:
            self.note_due_at = now + NOTE_EVERY_S
            if ids := list(self.used()):
                reading.note_use(database, ids)

    def _keep(self) -> None:
        """Write the file, and the bigger it is the less often."""
        if not self.is_unkept:
            return
        began = time.monotonic()
        try:
            kept.save(self.file, self.held)
            self.is_unkept = False
        except OSError as problem:
            log.error("the snapshot cannot be kept in %s: %s", self.file, problem.strerror)
        self.keep_due_at = time.monotonic() + 20 * (time.monotonic() - began)


def in_order(releases: Iterable[Release]) -> list[Release]:
    return sorted(releases, key=lambda each: (each.environment, each.number))


def numbers(reached: Marks) -> dict[str, int]:
    return {name: mark.number for name, mark in reached.environments.items()}


def _ready(releases: Iterable[Release]) -> tuple[tuple[Release, Prepared], ...]:
    return tuple((each, prepared(each)) for each in releases)


def _changed(before: Held, now: Held) -> Iterator[Release]:
    yield from (each for key, each in now.releases.items() if before.releases.get(key) != each)


def _said(problem: Exception) -> str:
    if isinstance(problem, reading.Older):
        return f"{problem}. If the database was restored, run manage.py raise_epoch"
    return type(problem).__name__
