"""When to ask the registry again. Pure: a constant rate, whatever else goes on; slower in trouble, never for good."""

from random import Random

POLL_S = 30.0
POLL_SPREAD = 0.2
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0
UNAUTHORIZED_S = 300.0
# A hint reaches thousands at the same moment; they need not all ask in the same.
HINT_SPREAD_S = 0.1
CLOSEST_S = 0.5


class Cadence:
    """The next moment to ask. `failed` is followed by full jitter from 1 to 60 s, a refused token by 5 minutes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._slowed = False
        self._asked_at = float("-inf")
        self.due_at = float("-inf")

    def hint(self, now: float) -> None:
        """Something is said to be new: ask at once, but never in quick succession, and not with a refused token."""
        if not self._slowed:
            soon = max(now + self._random.uniform(0, HINT_SPREAD_S), self._asked_at + CLOSEST_S)
            self.due_at = min(self.due_at, soon)

    def answered(self, now: float) -> None:
        self._failures, self._slowed, self._asked_at = 0, False, now
        self.due_at = now + self._spread(POLL_S)

    def failed(self, now: float, retry_after_s: float | None = None) -> None:
        self._failures, self._slowed, self._asked_at = self._failures + 1, False, now
        ceiling = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(self._failures, 10))
        wait = max(self._random.uniform(0, ceiling), FIRST_BACKOFF_S)
        self.due_at = now + max(wait, min(retry_after_s or 0.0, UNAUTHORIZED_S))

    def unauthorized(self, now: float) -> None:
        self._failures, self._slowed, self._asked_at = self._failures + 1, True, now
        self.due_at = now + self._spread(UNAUTHORIZED_S)

    def _spread(self, seconds: float) -> float:
        return seconds * self._random.uniform(1 - POLL_SPREAD, 1 + POLL_SPREAD)
