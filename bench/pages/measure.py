"""Opens each page at each size in turns, and notes queries and time."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from bench.pages.visits import Visit
from registry.models import Person

Databases = dict[int, BaseDatabaseWrapper]
"""A connection by the number of integrations behind it."""
SLOW_MS = 1_000
FEWEST = 3


@dataclass(slots=True)
class Cost:
    """What one page took at one size."""

    times_ms: list[float] = field(default_factory=list)
    queries: set[int] = field(default_factory=set)
    size: int = 0

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)


Costs = dict[str, dict[int, Cost]]


def measure(visits: list[Visit], databases: Databases, *, rounds: int, say: Callable[[str], None]) -> Costs:
    """Each page in so many rounds; in each round once at every size, so that what else the machine does hits all."""
    costs: Costs = {}
    for number, visit in enumerate(visits, start=1):
        say(f"{number} of {len(visits)}: {visit.name}")
        costs[visit.name] = _measure(visit, databases, rounds)
    return costs


def _measure(visit: Visit, databases: Databases, rounds: int) -> dict[int, Cost]:
    costs = {size: Cost() for size in databases}
    opened = {size: _opener(visit, database) for size, database in databases.items()}
    for turn in range(rounds):
        for size, open_page in opened.items():
            cost = costs[size]
            if len(cost.times_ms) < FEWEST or cost.median_ms < SLOW_MS:
                milliseconds, queries, length = open_page()
                # The first time templates are read and plans are made.
                if turn:
                    cost.times_ms.append(milliseconds)
                    cost.queries.add(queries)
                    cost.size = length
    return costs


def _opener(visit: Visit, database: BaseDatabaseWrapper) -> Callable[[], tuple[float, int, int]]:
    with connected(database):
        client = Client()
        client.force_login(Person.objects.get(username=visit.user))
        address = visit.address()
    headers = {"HX-Request": "true", "HX-Target": visit.part} if visit.part else {}

    def open_page() -> tuple[float, int, int]:
        with connected(database), counted(database) as count:
            begun = time.perf_counter()
            answer = client.get(address, headers=headers)
            milliseconds = (time.perf_counter() - begun) * 1_000
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        return milliseconds, count(), len(answer.content)

    return open_page


@contextmanager
def connected(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Let everything talk to this database."""
    before = connections["default"]
    connections["default"] = database
    try:
        yield
    finally:
        connections["default"] = before


@contextmanager
def counted(database: BaseDatabaseWrapper) -> Iterator[Callable[[], int]]:
    """Count the queries meanwhile."""
    number = 0

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal number
        number += 1
        return execute(sql, params, many, context)

    with database.execute_wrapper(count):
        yield lambda: number
