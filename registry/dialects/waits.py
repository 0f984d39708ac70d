"""Waits between attempts as a curve: what libraries take that cannot be given a list."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ..record.findings import Severity
from .base import Contract


@dataclass(frozen=True, slots=True)
class Curve:
    """A first wait that grows by a factor up to a cap, all in ms."""

    first: int
    factor: float
    cap: int

    def waits(self, count: int) -> list[int]:
        waits, wait = [], float(self.first)
        for _ in range(count):
            waits.append(int(min(wait + 0.5, self.cap)))
            wait = min(wait * self.factor, self.cap)
        return waits

    def in_words(self, count: int) -> str:
        return f"{', '.join(f'{each:,}' for each in self.waits(count))} ms"

    @property
    def grows(self) -> bool:
        return self.factor > 1 and self.cap > self.first


def curve(contract: Contract, *, factor: float | None = None, whole: bool = False) -> Curve | None:
    """The waits as the nearest curve, of a given factor where the library has but one; None where none is stated.

    What differs is owned up to.
    """
    waits = contract.waits
    if not waits:
        return None
    first, cap = max(waits[0], 1), max(*waits, 1)
    grown = factor if factor is not None and max(waits) > waits[0] else _factor(contract, waits)
    found = Curve(first, max(1.0, float(round(grown)) if whole else grown), max(cap, first))
    contract.take("retry.delays_ms")
    made = found.waits(len(waits))
    if any(abs(one - other) > 1 for one, other in zip(made, waits, strict=True)):
        contract.lose("retry.delays_ms", f"Waits {found.in_words(len(waits))}.")
    return found


def jitter(contract: Contract, library: str, instead: str, *, exact: tuple[str, ...]) -> str:
    """How much of a wait is left to chance; what the library does instead, unless it is one of `exact`."""
    found = contract.take("retry.jitter")
    if found is not None and found not in exact and contract.waits:
        contract.lose("retry.jitter", f"{library} {instead}.", Severity.HINT)
    return found or "none"


def _factor(contract: Contract, waits: list[int]) -> float:
    if contract.look("retry.strategy") in (None, "exponential"):
        try:
            stated = Decimal(contract.look("retry.multiplier") or "2")
        except InvalidOperation:
            stated = Decimal(2)
        return min(float(stated), 1_000.0)
    if len(waits) < 2 or waits[0] < 1:
        return 1.0
    growth: float = (max(waits[-1], 1) / waits[0]) ** (1 / (len(waits) - 1))
    return round(growth, 3)
