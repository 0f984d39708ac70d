"""Rate limits over sliding windows. Pure; never more than the limit in any window, at most a little less."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from .settings import Limit

STEPS = 100


class Window:
    """Calls of the last so many seconds, counted in steps of a hundredth of that."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._step = seconds / STEPS
        self._counts: deque[list[int]] = deque()
        self._total = 0

    def taken(self, now: float) -> int:
        """How many were made in the window that ends now."""
        oldest = math.floor(now / self._step) - STEPS
        while self._counts and self._counts[0][0] < oldest:
            self._total -= self._counts.popleft()[1]
        return self._total

    def take(self, now: float) -> None:
        step = math.floor(now / self._step)
        if self._counts and self._counts[-1][0] >= step:
            self._counts[-1][1] += 1
        else:
            self._counts.append([step, 1])
        self._total += 1

    def room_in(self, calls: int, now: float) -> float:
        """Seconds until there is room for one more under a limit of `calls`."""
        too_many = self.taken(now) - calls + 1
        for step, count in self._counts:
            if too_many <= 0:
                break
            too_many -= count
            if too_many <= 0:
                return max(0.0, (step + STEPS + 1) * self._step - now)
        return 0.0


@dataclass(frozen=True, slots=True)
class Full:
    """The limit that has no room now, and when it will."""

    limit: Limit
    room_in_s: float


class Limiter:
    """All limits of one contract; counts go on when the numbers change."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def take(self, limits: Iterable[Limit], now: float) -> Full | None:
        """Count a call under every limit, or say which one is full; then nothing is counted."""
        limits = tuple(limits)
        for limit in limits:
            window = self._windows.setdefault(limit.name, Window(limit.seconds))
            if window.taken(now) >= limit.calls:
                return Full(limit, window.room_in(limit.calls, now))
        for limit in limits:
            self._windows[limit.name].take(now)
        return None
