"""What is asked of dead letters, as pages and services ask it; each with its queries and its time."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from bench.pages.measure import counted
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, Person
from registry.models.letters import DeadLetterQuerySet
from registry.services import ledger, plans, trends
from registry.services.plans import Selector

PAGE = 50
SLOW_MS = 2_000


@dataclass
class Cost:
    times_ms: list[float] = field(default_factory=list)
    queries: set[int] = field(default_factory=set)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)


def questions(source: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """By name."""
    letters = DeadLetter.objects.filter(source=source)
    group = DeadLetterGroup.objects.filter(source=source).order_by("id")[0].pk
    deep = letters.order_by("-died_at", "-id").values_list("died_at", "id")[letters.count() * 9 // 10]
    held = DeadLetterSource.objects.select_related("integration", "broker__environment").get(pk=source)
    ops = Person.objects.get(username="ops")

    def page(found: DeadLetterQuerySet) -> Callable[[], object]:
        return lambda: list(found.select_related("group", "assignee")[:PAGE])

    yield "first page", page(letters)
    yield "of one state", page(letters.of_state("open"))
    yield "of a rare state", page(letters.of_state("uncertain"))
    yield "of one group", page(letters.filter(group=group))
    yield "of one group and state", page(letters.filter(group=group, state="open"))
    yield "by a fact", lambda: Selector(facts={"customer": "c-7"}).page(held)
    yield "by an id", page(letters.filter(wire_id="evt-77"))
    yield "by an error", lambda: Selector(error_class="Error7").page(held)
    yield "by an error nothing died of", lambda: Selector(error_class="Error").page(held)
    yield "by a word of the error", lambda: Selector(q="503").page(held)
    yield "by a word of few letters", lambda: Selector(q="after 899 ms").page(held)
    yield "by a word nobody wrote", lambda: Selector(q="zzqqxx").page(held)
    yield "by an order", page(letters.filter(ordering_key="order-7"))
    yield "nine tenths down, by keyset", page(letters.filter(died_at__lte=deep[0]).exclude(pk=deep[1]))
    yield "groups", lambda: list(DeadLetterGroup.objects.filter(source=source).order_by("-last_at", "-id")[:PAGE])
    yield "trends of 25 groups", lambda: trends.of_groups(range(group, group + 25))
    yield "how many of each state", lambda: dict(letters.order_by().values_list("state").annotate(Count("pk")))
    yield "the ledger", ledger.balances
    yield "plan of one group", lambda: plans.plan(held, Selector(group=group), by=ops)
    yield (
        "plan of a hundred",
        lambda: plans.plan(
            held, Selector(letters=tuple(letters.of_state("open").values_list("pk", flat=True)[:100])), by=ops
        ),
    )


def pages(source: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What somebody on call opens, from the request to the last byte of the answer."""
    letters = DeadLetter.objects.filter(source=source)
    group = DeadLetterGroup.objects.filter(source=source).order_by("id")[0].pk
    newest = letters.order_by("-died_at", "-id").values_list("pk", flat=True)[0]
    client = Client()
    client.force_login(Person.objects.get(username="ops"))

    def opened(name: str, *key: object, **query: object) -> Callable[[], object]:
        address = reverse(name, args=key or [source], query=query)

        def open_page() -> object:
            answer = client.get(address)
            if answer.status_code != HTTPStatus.OK:
                raise RuntimeError(f"{address} answered {answer.status_code}")
            if not answer.streaming:
                return answer.content
            # A file is made while it is sent, and is not wanted to its end.
            made: Any = answer
            begun = next(iter(made.streaming_content))
            made._iterator.close()
            return begun

        return open_page

    yield "page: list", opened("letters")
    yield "page: list, by a word", opened("letters", q="503")
    yield "page: list, by an error", opened("letters", error_class="Error7")
    yield "page: list of one group", opened("letters", group=group)
    yield "page: source", opened("source")
    yield "page: letter", opened("letter", newest)
    yield "page: plan of one group", opened("redrive-new", group=group)
    yield "page: CSV, its first bytes", opened("letters-export", source, "csv")


def measure(source: int, rounds: int) -> dict[str, Cost]:
    """Each question in so many rounds; the first is left out. What takes long is asked less often."""
    found: dict[str, Cost] = {}
    for name, ask in itertools.chain(questions(source), pages(source)):
        cost = found[name] = Cost()
        for turn in range(rounds + 1):
            with counted(connection) as count:
                begun = time.perf_counter()
                ask()
                milliseconds = (time.perf_counter() - begun) * 1_000
            if turn or milliseconds > SLOW_MS:
                cost.times_ms.append(milliseconds)
                cost.queries.add(count())
            if milliseconds > SLOW_MS:
                break
    return found
