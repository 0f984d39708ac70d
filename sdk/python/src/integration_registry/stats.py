"""Counts of calls, kept whether or not anybody reads them; metrics.py shows them to Prometheus."""

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

BUCKETS_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
RATE_WINDOW_S = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """The counts of one contract at one moment."""

    by_outcome: dict[str, int]
    buckets: tuple[int, ...]
    """Calls per bucket of BUCKETS_MS, and in the last place those beyond."""
    sum_ms: float
    error_percent: float
    """Share of the last five minutes' calls that failed or were not let through."""


class Stats:
    """Of one contract."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._buckets = [0] * (len(BUCKETS_MS) + 1)
        self._sum_ms = 0.0
        self._seconds: deque[list[int]] = deque()

    def note(self, outcome: str, *, failed: bool, seconds: float) -> None:
        """One call ended: its status, or the word for why there is none."""
        now = int(self._clock())
        with self._lock:
            self._outcomes[outcome] += 1
            self._buckets[bisect_left(BUCKETS_MS, seconds * 1_000)] += 1
            self._sum_ms += seconds * 1_000
            if self._seconds and self._seconds[-1][0] == now:
                self._seconds[-1][1] += 1
                self._seconds[-1][2] += failed
            else:
                self._seconds.append([now, 1, int(failed)])
            self._forget(now)

    def shown(self) -> Shown:
        with self._lock:
            self._forget(int(self._clock()))
            calls = sum(each[1] for each in self._seconds)
            failed = sum(each[2] for each in self._seconds)
            percent = 100 * failed / calls if calls else 0.0
            return Shown(dict(self._outcomes), tuple(self._buckets), self._sum_ms, percent)

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0][0] <= now - RATE_WINDOW_S:
            self._seconds.popleft()
