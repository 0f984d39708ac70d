"""python -m bench.letters: letters taken in and sent again at each broker, and read where there are a million."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine
from bench.pages.__main__ import servers
from server.places import PROJECT
from server.progress import step
from tests.registry.brokers.servers import RABBITMQ

if TYPE_CHECKING:
    from bench.letters.questions import Cost
    from bench.letters.rates import Rate

REPORT = PROJECT / "docs" / "benchmarks-letters.md"
Measured = dict[int, dict[str, "Cost"]]


def main() -> int:
    asked = read_arguments()
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        stack.enter_context(servers())
        prepare()
        rates = rate_all(stack, asked) if asked.rounds else []
        found = question_all(asked)
    text = "\n".join(report(rates, found, asked, load))
    print(text)
    if asked.write:
        REPORT.write_text(text + "\n", encoding="utf-8")
    more = [name for name, counts in queries(found).items() if len(set(counts)) > 1]
    for name in more:
        print(f"More queries where there is more: {name}")
    return 1 if more else 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.letters", description=__doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 1_000_000], help="letters, in growing order, from 10,000 on"
    )
    parser.add_argument("--letters", type=int, default=2_000, help="how many are taken in and sent in each round")
    parser.add_argument("--rounds", type=int, default=3, help="how often at each broker, in turns; 0 leaves them out")
    parser.add_argument("--brokers", nargs="+", help="only these, such as Kafka")
    parser.add_argument("--write", action="store_true", help=f"write what was found to docs/{REPORT.name}")
    return parser.parse_args()


def prepare() -> None:
    """An empty registry with a design in force whose topics are those of every round."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests.faults.redrive import stand

    with step("Making tables"):
        call_command("migrate", interactive=False, verbosity=0)
    stand.furnish([f"orders{mark}dead-{number}" for mark in ".-" for number in range(99)])


def rate_all(stack: ExitStack, asked: argparse.Namespace) -> "list[Rate]":
    from bench.letters import rates

    found = []
    for name, (_, server, _) in rates.WORLDS.items():
        if name not in chosen(asked) or name in absent(asked):
            continue
        with step(f"Taking in and sending: {name}"), ExitStack() as held:
            home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="registry-bench-broker-")))
            url = held.enter_context(server(home)) if server else os.environ["REDIS_URL"]
            few = asked.letters // 10 if name == "SQS" else asked.letters
            found.append(rates.measure(name, url, few, asked.rounds))
    return found


def chosen(asked: argparse.Namespace) -> list[str]:
    from bench.letters import rates

    return [each for each in rates.WORLDS if not asked.brokers or each in asked.brokers]


def absent(asked: argparse.Namespace) -> list[str]:
    """Brokers that cannot be measured here."""
    return [each for each in chosen(asked) if "RabbitMQ" in each and not RABBITMQ.exists()]


def question_all(asked: argparse.Namespace) -> Measured:
    from bench.letters import fill, questions, rates
    from registry.brokers import Place
    from registry.models import Integration
    from tests.registry.brokers.worlds import RedisStreamsWorld

    world = RedisStreamsWorld(os.environ["REDIS_URL"])
    source = rates.define(world, Place(world.url, "many.dead"), Place(world.url, "orders.dead-0")).pk
    # A second person has to agree, however few letters it is: the page of a plan asks who could.
    Integration.objects.update(criticality="critical")
    found: Measured = {}
    had = 0
    for size in sorted(asked.sizes):
        with step(f"Making {size:,} letters"):
            fill.fill(source, had + 1, size)
        with step(f"Asking of {size:,}"):
            found[size] = questions.measure(source, 7)
        had = size
    return found


def queries(found: Measured) -> dict[str, list[int]]:
    names = next(iter(found.values()))
    return {name: [max(costs[name].queries) for costs in found.values()] for name in names}


def report(rates: "list[Rate]", found: Measured, asked: argparse.Namespace, load: float) -> Iterator[str]:
    yield "# Dead letters, measured"
    yield f"\n`python -m bench.letters`, {datetime.now(UTC):%Y-%m-%d}, on {machine.describe()}."
    yield f"The machine's load was {load:.1f} before and {os.getloadavg()[0]:.1f} after; the measurement makes 1."
    if asked.rounds:
        yield from of_rates(rates, asked)
    yield "\n## Read"
    yield "\nOne source, asked as pages and services ask: medians in milliseconds, with the queries of each. What"
    yield "begins with *page* is the whole answer to a request, with its menus and template, and of a file the first"
    yield "bytes. The last column is the ratio of the largest to the smallest.\n"
    sizes = list(found)
    yield f"| question | queries | {' | '.join(f'{size:,}' for size in sizes)} | ratio |"
    yield f"|---|---|{'---|' * len(sizes)}---|"
    for name, counts in queries(found).items():
        times = [found[size][name].median_ms for size in sizes]
        told = " → ".join(dict.fromkeys(map(str, counts)))
        yield f"| {name} | {told} | {' | '.join(f'{each:,.1f}' for each in times)} | {times[-1] / times[0]:.1f} |"


def of_rates(rates: "list[Rate]", asked: argparse.Namespace) -> Iterator[str]:
    yield "\n## Taken in and sent again"
    yield f"\nLetters per second, one worker, {asked.letters:,} letters (SQS a tenth) in each of {asked.rounds} rounds;"
    yield "beside it, in the same round, a loop that reads or sends as many messages through the broker's own client"
    yield "(redis-py, nats-py, pika, confluent-kafka, boto3), used straight on one connection, and keeps nothing. It"
    yield "sends one by one, each confirmed before the next; to RabbitMQ mandatory, on one channel. A redrive commits"
    yield "an attempt before it sends each letter, and waits until the broker has it.\n"
    yield "| broker | harvest | bare | ratio | redrive | bare | ratio |"
    yield "|---|---|---|---|---|---|---|"
    yield from (each.line() for each in rates)
    if absent(asked):
        yield f"\nNot measured, as RabbitMQ is not installed here: {'; '.join(absent(asked))}."


if __name__ == "__main__":
    sys.exit(main())
