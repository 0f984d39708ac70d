"""python -m bench.live: reads and followers beside nginx, a plain DRF view and a loop in C."""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.live import followers, reads
from bench.live.answers import ask
from bench.live.followers import Told
from bench.live.reads import ADDRESS, Place, ratio
from bench.pages.__main__ import servers
from server.places import PROJECT
from server.progress import step

REPORT = PROJECT / "docs" / "benchmarks-live.md"


def main() -> int:
    asked = read_arguments()
    lacking = sorted({*reads.missing(), *followers.missing()})
    if lacking:
        print(f"Not measured: {', '.join(lacking)} not found.", file=sys.stderr)
        return 1
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="registry-bench-live-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        told = list(follow(folder, asked.followers, asked.rounds))
        places = read(folder, asked.rounds, asked.seconds)
    text = "\n".join(report(places, told, asked, (load, os.getloadavg()[0])))
    print(text)
    if asked.write:
        REPORT.write_text(text + "\n", encoding="utf-8")
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    parser.add_argument("--seconds", type=int, default=3, help="how long each read is measured")
    parser.add_argument("--followers", type=int, nargs="+", default=[1_000, 5_000, 10_000])
    parser.add_argument("--write", action="store_true", help=f"write what was found to docs/{REPORT.name}")
    return parser.parse_args()


def follow(folder: Path, counts: list[int], rounds: int) -> Iterator[Told]:
    followers.build(folder)
    for count in counts:
        with step(f"Telling {count:,} followers"):
            yield followers.measure(folder, count, rounds)


def read(folder: Path, rounds: int, seconds: int) -> list[Place]:
    with ExitStack() as stack:
        stack.enter_context(servers())
        with step("Loading the demo landscape"):
            token = demo_token()
        front = stack.enter_context(reads.front(folder, token))
        body = ask(front.port, ADDRESS, {"Authorization": f"Bearer {token}"})[2]
        nginx = stack.enter_context(reads.nginx(folder, body))
        plain = stack.enter_context(reads.plain(folder, token))
        for turn in range(rounds):
            with step(f"Reading, round {turn + 1} of {rounds}"):
                for kind in reads.KINDS:
                    front.measure(kind, seconds)
                    nginx.measure(kind, seconds)
                plain.measure("200", seconds)
    return [front, nginx, plain]


def demo_token() -> str:
    told = subprocess.run(
        [sys.executable, "-m", "server.prepare"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"order-service\s+(reg_\S+)", told)
    assert found, told
    return found[1]


def report(
    places: list[Place], told: list[Told], asked: argparse.Namespace, load: tuple[float, float]
) -> Iterator[str]:
    yield "# Live settings, measured"
    yield f"\n`python -m bench.live`, {datetime.now(UTC):%Y-%m-%d}, on {machine.describe()}."
    yield f"The machine's load was {load[0]:.1f} before and {load[1]:.1f} after; the measurement makes up to 2."
    yield "One core for the server, one for the load; all in turns; medians of rounds, ratios within a round.\n"
    yield from of_reads(places, asked)
    yield from of_followers(told, asked)


def of_reads(places: list[Place], asked: argparse.Namespace) -> Iterator[str]:
    front, nginx, plain = places
    yield "## Reads"
    yield f"\nwrk, {reads.CONNECTIONS} connections, {asked.rounds} rounds of {asked.seconds} s; the demo's"
    yield "`orders-to-payments`, beside a static file of the same bytes, and a plain DRF view of the same row over"
    yield "PostgreSQL (granian, 8 threads). A request of the very bytes as the one before it on its connection, as"
    yield "clients that poll send it, is not parsed again; *varied* is what it costs when each differs.\n"
    yield "| answer | front, requests/s | beside | requests/s | ratio | target | processor time each, front | beside |"
    yield "|---|---|---|---|---|---|---|---|"
    beside = [(nginx, kind, 1.0) for kind in reads.KINDS] + [(plain, "200", 150.0)]
    for other, kind, target in beside:
        found = ratio(front, other, kind)
        rates = f"{front.median(kind):,.0f} | {other.name} | {other.median(kind):,.0f}"
        spent = f"{front.median_microseconds(kind):.1f} µs | {other.median_microseconds(kind):.1f} µs"
        yield f"| {kind} | {rates} | {found:.2f} | {verdict(found, target, 'at least')} | {spent} |"


def of_followers(told: list[Told], asked: argparse.Namespace) -> Iterator[str]:
    yield "\n## Followers"
    yield "\nFrom the moment a release is in memory to the last of N clients (one C process on the other core), beside"
    yield f"a C program that does nothing but `send()` the same bytes to each; {asked.rounds} rounds. Memory is what"
    yield "the process grew by, without the kernel's buffers.\n"
    yield "| followers | front, ms | C loop, ms | ratio | target | memory each, kB | target |"
    yield "|---|---|---|---|---|---|---|"
    for each in told:
        mine, theirs = statistics.median(each.front_ms), statistics.median(each.loop_ms)
        times = f"{mine:.1f} | {theirs:.1f} | {each.ratio:.2f} | {verdict(each.ratio, 1.3, 'at most')}"
        memory = f"{each.kilobytes_each:.1f} | {verdict(each.kilobytes_each, 8, 'at most')}"
        yield f"| {each.count:,} | {times} | {memory} |"


def verdict(found: float, target: float, sense: str) -> str:
    is_met = found >= target if sense == "at least" else found <= target
    missed = abs(found - target) / target
    return f"{sense} {target:g}: {'met' if is_met else f'missed by {missed:.0%}'}"


if __name__ == "__main__":
    sys.exit(main())
