"""The circuit breaker: a state machine over a rolling window. Pure; whoever calls it says what time it is."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from .settings import Breaker as Rules

State = Literal["closed", "open", "half_open", "forced_open", "forced_closed"]
STEPS = 100


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one attempt; handed back with how it went."""

    generation: int
    is_trial: bool


class Breaker:
    """Closed, open, half open. Counts go on under whatever rules are in force at the moment."""

    def __init__(self, now: float) -> None:
        self._state: Literal["closed", "open", "half_open"] = "closed"
        self._changed_at = now
        self._shown: State = "closed"
        self._shown_since = now
        self._generation = 0
        self._trials = self._passed = 0
        self._trial_at = now
        self._counts: deque[tuple[float, int, int]] = deque()

    def admit(self, rules: Rules | None, now: float) -> Permit | None:
        """A permit, or None: the call must fail at once."""
        self._look(rules, now)
        if rules is None or rules.forced == "closed" or (self._state == "closed" and rules.forced is None):
            return Permit(self._generation, is_trial=False)
        if rules.forced == "open" or self._state == "open" or self._trials >= rules.half_open_calls:
            return None
        self._trials += 1
        self._trial_at = now
        return Permit(self._generation, is_trial=True)

    def record(self, permit: Permit, failed: bool | None, rules: Rules | None, now: float) -> None:
        """Hand a permit back. `failed` is None where nothing was learnt, as when the caller gave up."""
        if rules is None:
            return
        self._look(rules, now)
        if permit.is_trial:
            self._record_trial(permit, failed, rules, now)
        elif failed is not None and permit.generation == self._generation:
            self._count(failed, rules, now)
            if self._state == "closed" and rules.forced is None and self._is_too_much(rules, now):
                self._become("open", now)
        self._look(rules, now)

    def state(self, rules: Rules | None, now: float) -> tuple[State, float]:
        """What it is now, and since when."""
        self._look(rules, now)
        return self._shown, self._shown_since

    def opens_again_in(self, rules: Rules | None, now: float) -> float | None:
        """Seconds until a trial may be made; None while it is held open by hand."""
        if rules is None or rules.forced == "open":
            return None
        return max(0.0, self._changed_at + rules.open_seconds - now) if self._state == "open" else 0.0

    def _look(self, rules: Rules | None, now: float) -> None:
        """Take into account that time went by or the rules changed."""
        if rules is None:
            if self._state != "closed":
                self._become("closed", now)
        elif self._state == "open" and now - self._changed_at >= rules.open_seconds:
            self._become("half_open", now)
        elif self._state == "half_open" and self._trials and now - self._trial_at >= rules.open_seconds:
            self._become("half_open", now)  # trials that never came back must not hold it for ever
        shown = self._state if rules is None or rules.forced is None else _FORCED[rules.forced]
        if shown != self._shown:
            self._shown, self._shown_since = shown, now

    def _record_trial(self, permit: Permit, failed: bool | None, rules: Rules, now: float) -> None:
        if self._state != "half_open" or permit.generation != self._generation:
            return
        if failed is None:
            self._trials -= 1
        elif failed:
            self._become("open", now)
        else:
            self._passed += 1
            if self._passed >= rules.half_open_calls:
                self._become("closed", now)

    def _become(self, state: Literal["closed", "open", "half_open"], now: float) -> None:
        self._state, self._changed_at = state, now
        self._generation += 1
        self._trials = self._passed = 0
        self._counts.clear()

    def _count(self, failed: bool, rules: Rules, now: float) -> None:
        step = rules.window_seconds / STEPS
        if self._counts and now - self._counts[-1][0] < step:
            at, calls, failures = self._counts.pop()
            self._counts.append((at, calls + 1, failures + failed))
        else:
            self._counts.append((now, 1, int(failed)))

    def _is_too_much(self, rules: Rules, now: float) -> bool:
        while self._counts and now - self._counts[0][0] >= rules.window_seconds:
            self._counts.popleft()
        calls = sum(each[1] for each in self._counts)
        failures = sum(each[2] for each in self._counts)
        return calls >= rules.minimum_calls and failures * 100 >= rules.failure_percent * calls


_FORCED: dict[str, State] = {"open": "forced_open", "closed": "forced_closed"}
