"""What all connections of this process share: the snapshot, its feed, who waits, and what was counted."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from registry.live.feed import Feed
from registry.live.hints import Hints
from registry.live.snapshot import Change, Scope, Snapshot
from registry.live.wire import NOT_MODIFIED, OK, Prepared, chunk

log = logging.getLogger(__name__)

HEARTBEAT_EVERY_S = 15
SWEEP_EVERY_S = 5
RECHECK_WITHIN_S = 1.0
AT_ONCE = 500
"""How many followers get a heartbeat before others have their turn."""
HEARTBEAT = chunk(b":\n\n")


class Desk:
    """One for each process; used by the thread of its event loop alone."""

    def __init__(self, *, database_url: str, redis_url: str, folder: Path) -> None:
        self.snapshot = Snapshot()
        self.feed = Feed(database_url, self._deliver, file=folder / "settings-snapshot", used=self._used)
        self.hints = Hints(redis_url, self.feed.wake)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.now = time.time()
        self.stale_seconds = 0
        self.lead = self.ok = self.not_modified = b""
        self.counts: Counter[str] = Counter()
        self.rechecks: list[tuple[int, float, Callable[[], None]]] = []
        self.bookmarked: dict[str, int] = {}
        self.renew()

    async def run(self, connections: Callable[[], Iterable[Any]]) -> None:
        """Keep time: dates, heartbeats, idle connections."""
        ticks = 0
        while True:
            self.renew()
            self._recheck()
            self._end_followers()
            ticks += 1
            if ticks % SWEEP_EVERY_S == 0:
                for each in list(connections()):
                    each.sweep()
            if ticks % HEARTBEAT_EVERY_S == 0:
                await self._beat()
            await asyncio.sleep(1)

    async def start(self) -> None:
        """Begin with what the last process left, and follow the database, if it answers, from there."""
        if found := self.feed.recall():
            self.snapshot.apply(found)
        self.loop = asyncio.get_running_loop()
        self.feed.start()
        self.hints.start()
        deadline = self.loop.time() + RECHECK_WITHIN_S
        while not self.snapshot.turn and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        self.renew()

    def stop(self) -> None:
        self.loop = None
        self.hints.stop()
        self.feed.stop()

    def renew(self) -> None:
        """What changes by the second: the date, and how old what is served is while the feed is down."""
        self.now = time.time()
        self.stale_seconds = self.snapshot.stale_seconds(self.now)
        age = f"Age: {self.stale_seconds}\r\nX-Settings-Stale: {self.stale_seconds}\r\n" if self.stale_seconds else ""
        self.lead = f"Date: {formatdate(self.now, usegmt=True)}\r\n{age}".encode()
        self.ok, self.not_modified = OK + self.lead, NOT_MODIFIED + self.lead

    def recheck(self, act: Callable[[], None]) -> int:
        """Act once the database was asked anew, or could not be; the round in which it is."""
        turn = self.feed.turn + 1
        self.rechecks.append((turn, self.now + RECHECK_WITHIN_S, act))
        self.feed.wake()
        return turn

    @property
    def followers(self) -> int:
        return sum(len(each.followers) for each in self.snapshot.grants.values())

    @property
    def waiting(self) -> int:
        return sum(len(each) for scope in self.snapshot.scopes.values() for each in scope.waiting.values())

    # --- changes ------------------------------------------------------------------------------------------------

    def _deliver(self, change: Change) -> None:
        """Called by the feed's thread."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.apply, change)

    def apply(self, change: Change) -> None:
        """Take over what changed, then tell it: whoever asks because of what they are told finds it."""
        for scope, ready in self.snapshot.apply(change):
            tell(scope, ready.event)
            self._wake(scope, ready)
        if change.tokens is not None:
            self._end_followers()
        if self.stale_seconds:
            self.renew()
        self._recheck()

    def _wake(self, scope: Scope, ready: Prepared) -> None:
        for path in (ready.path, b"/api/v1/settings"):
            for answer in scope.waiting.pop(path, ()):
                answer()

    def _recheck(self) -> None:
        asked, self.rechecks = self.rechecks, []
        for turn, at, act in asked:
            if turn <= self.snapshot.turn or at <= self.now:
                act()
            else:
                self.rechecks.append((turn, at, act))

    def _end_followers(self) -> None:
        for grant in self.snapshot.ended(self.now):
            for follower in list(grant.followers):
                follower.close()

    async def _beat(self) -> None:
        """A sign of life to every follower, or how far their environment has come if they were not told."""
        numbers = self.snapshot.numbers
        moved = {name for name, number in numbers.items() if self.bookmarked.get(name) != number}
        for scope in list(self.snapshot.scopes.values()):
            for grant in list(scope.grants):
                waiting = list(grant.followers)
                for start in range(0, len(waiting), AT_ONCE):
                    # Asked anew for each piece: what was told meanwhile has a greater number.
                    number = self.snapshot.numbers.get(scope.environment, 0)
                    said = bookmark(number) if scope.environment in moved else HEARTBEAT
                    for follower in waiting[start : start + AT_ONCE]:
                        follower.write(said)
                    await asyncio.sleep(0)
        self.bookmarked = dict(numbers)

    def _used(self) -> list[int]:
        """Tokens used since this was asked last. Called by the feed's thread."""
        used = [each for each in list(self.snapshot.grants.values()) if each.was_used]
        for each in used:
            each.was_used = False
        return [each.id for each in used]


def tell(scope: Scope, event: bytes) -> None:
    for grant in scope.grants:
        for follower in list(grant.followers):
            follower.write(event)


def bookmark(number: int) -> bytes:
    return chunk(b"event: bookmark\nid: %d\ndata: {}\n\n" % number)
