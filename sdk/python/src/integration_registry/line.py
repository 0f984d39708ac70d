"""What one contract remembers between calls: its breaker, its limits, its counts. Shared by all threads and loops."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from .breaker import Breaker, Permit, State
from .calls import Answered, Failed, Wait, counts_as_failure
from .errors import CircuitOpen, LimitReached
from .limits import Limiter
from .settings import Contract


@dataclass(slots=True)
class Counters:
    """Totals since the process began."""

    calls: int = 0
    failures: int = 0
    retries: int = 0
    rejected: int = 0
    timeouts: int = 0


class Line:
    """The gate before each attempt of one contract."""

    def __init__(self, name: str, clock: Callable[[], float], changed: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self._clock, self._changed = clock, changed
        self._lock = threading.Lock()
        self._breaker = Breaker(clock())
        self._limiter = Limiter()
        self._counters = Counters()

    def enter(self, contract: Contract, *, is_first: bool) -> Permit | Wait | Exception:
        """Leave for one attempt, a wait, or why there is none."""
        now = self._clock()
        with self._lock:
            before, _ = self._breaker.state(contract.breaker, now)
            permit = self._breaker.admit(contract.breaker, now)
            if permit is None:
                self._counters.rejected += is_first
                return CircuitOpen(self.name, self._breaker.opens_again_in(contract.breaker, now))
            full = self._limiter.take(contract.limits, now)
            if full is None:
                self._counters.calls += 1
                self._counters.retries += not is_first
                after, _ = self._breaker.state(contract.breaker, now)
            else:
                self._breaker.record(permit, None, contract.breaker, now)
        if full is None:
            if before != after:
                self._changed()
            return permit
        if full.limit.action == "wait":
            return Wait(full.room_in_s, full.limit.name)
        with self._lock:
            self._counters.rejected += is_first
        return LimitReached(self.name, full.limit.name, full.limit.action, full.room_in_s)

    def leave(self, permit: Permit, contract: Contract, result: Answered | Failed | None) -> None:
        """Hand the leave back with what came of it; None where the caller gave up."""
        now = self._clock()
        failed = None if result is None else counts_as_failure(contract, result)
        with self._lock:
            before, _ = self._breaker.state(contract.breaker, now)
            self._breaker.record(permit, failed, contract.breaker, now)
            after, _ = self._breaker.state(contract.breaker, now)
            self._counters.failures += bool(failed)
            self._counters.timeouts += isinstance(result, Failed) and result.problem == "timeout"
        if before != after:
            self._changed()

    def breaker(self, contract: Contract) -> tuple[State, float]:
        """The breaker's state under these settings, and for how many seconds."""
        now = self._clock()
        with self._lock:
            state, since = self._breaker.state(contract.breaker, now)
        return state, now - since

    def counters(self) -> dict[str, int]:
        with self._lock:
            return asdict(self._counters)
