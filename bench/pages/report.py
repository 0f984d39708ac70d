"""What was measured, as a table for the terminal and for docs/benchmarks.md."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.pages.measure import Costs

BEGIN, END = "<!-- bench.pages -->", "<!-- end of bench.pages -->"
GROWN_MS = 5.0
"""A difference smaller than this is noise, whatever its ratio."""


@dataclass(frozen=True, slots=True)
class Line:
    """One page: its queries and medians by size, and how much of the growth is real."""

    name: str
    queries: dict[int, list[int]]
    medians_ms: dict[int, float]

    @property
    def grew(self) -> float:
        """The largest size's time over the smallest's; 1 where the difference is noise."""
        first, *_, last = self.medians_ms.values()
        return last / first if last - first > GROWN_MS else min(last / first, 1.0)

    @property
    def asks_more(self) -> bool:
        """Whether a larger registry costs more queries."""
        first, *others = (max(each) for each in self.queries.values())
        return any(each > first for each in others)


def lines(costs: Costs) -> list[Line]:
    return [
        Line(
            name,
            {size: sorted(cost.queries) for size, cost in by_size.items()},
            {size: cost.median_ms for size, cost in by_size.items()},
        )
        for name, by_size in costs.items()
    ]


def table(found: list[Line]) -> Iterator[str]:
    """A Markdown table, readable in a terminal as well."""
    sizes = list(found[0].medians_ms)
    steps = list(itertools.pairwise(sizes))
    heads = ["page", "queries", *(f"{size:,}" for size in sizes), *(f"×{later // earlier}" for earlier, later in steps)]
    width = max(len(each.name) for each in found)
    yield f"| {heads[0]:{width}} | {heads[1]:>9} | {' | '.join(f'{each:>8}' for each in heads[2:])} |"
    yield f"|{'-' * (width + 2)}|{'-' * 10}:|{'|'.join('-' * 9 + ':' for _ in heads[2:])}|"
    for each in found:
        queries = " → ".join(dict.fromkeys("/".join(map(str, counts)) for counts in each.queries.values()))
        times = [f"{each.medians_ms[size]:8.1f}" for size in sizes]
        ratios = [f"{each.medians_ms[later] / each.medians_ms[earlier]:8.2f}" for earlier, later in steps]
        yield f"| {each.name:{width}} | {queries:>9} | {' | '.join(times + ratios)} |"


def write(place: Path, text: str) -> None:
    """Put the text between our marks in the file, and leave the rest as it is."""
    held = place.read_text(encoding="utf-8") if place.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    if BEGIN not in held:
        held = f"{held.rstrip()}\n\n{BEGIN}\n{END}\n"
    marked = f"{BEGIN}\n{text.rstrip()}\n{END}"
    place.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: marked, held, flags=re.S), encoding="utf-8")
