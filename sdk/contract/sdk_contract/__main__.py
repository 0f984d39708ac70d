"""Runs the suite: `python -m sdk_contract [--only calls] [--option face=async] -- COMMAND …` starts the harness so."""

import argparse
import queue
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cases import CASES, Bench, Case
from .harness import Harness, HarnessFailed
from .provider import Provider
from .registry import Registry


@dataclass(frozen=True)
class Result:
    """How a case went: passed, failed with a reason, or skipped for what the SDK cannot do."""

    case: Case
    problem: str = ""
    skipped: str = ""


def run(command: list[str], cases: list[Case], options: dict[str, Any], *, jobs: int = 4) -> Iterator[Result]:
    """Every case on servers of its own, several at once: most of their time is waiting."""
    free: queue.SimpleQueue[Harness] = queue.SimpleQueue()
    for _ in range(jobs):
        free.put(Harness(command))

    def one(case: Case) -> Result:
        harness = free.get()
        result = run_one(case, harness, options)
        if "the harness" in result.problem:  # it may be in any state now
            harness.close()
            harness = Harness(command)
        free.put(harness)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, cases)
    while not free.empty():
        free.get().close()


def run_one(case: Case, harness: Harness, options: dict[str, Any]) -> Result:
    if missing := case.needs - harness.can:
        return Result(case, skipped=f"it cannot: {', '.join(sorted(missing))}")
    with Registry() as registry, Provider() as provider, tempfile.TemporaryDirectory() as folder:
        try:
            case.run(Bench(registry, provider, harness, Path(folder), options))
        except (AssertionError, LookupError, ValueError) as problem:
            return Result(case, problem=_where(problem))
        except HarnessFailed as problem:
            return Result(case, problem=f"the harness: {problem}")
    return Result(case)


def _where(problem: Exception) -> str:
    trace = problem.__traceback__
    while trace and trace.tb_next and trace.tb_next.tb_frame.f_code.co_filename.endswith("cases.py"):
        trace = trace.tb_next
    line = trace.tb_lineno if trace else 0
    return f"cases.py, line {line}: {type(problem).__name__} {problem}".strip()


def tell(result: Result) -> None:
    mark = "skipped" if result.skipped else "FAILED" if result.problem else "ok"
    print(f"{mark:<8} {result.case.about:<9} {result.case.name}", flush=True)
    if result.skipped or result.problem:
        print(f"         {result.skipped or result.problem}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sdk_contract", description=__doc__)
    parser.add_argument("--only", help="settings, reports, calls, events, or a piece of a case's name")
    parser.add_argument("--option", action="append", default=[], help="name=value, handed to the harness at each start")
    parser.add_argument("--jobs", type=int, default=4, help="how many cases at once")
    parser.add_argument("command", nargs="+", help="how the harness is started")
    given = parser.parse_args()
    options = dict(each.split("=", 1) for each in given.option)
    cases = [each for each in CASES if not given.only or given.only == each.about or given.only in each.name]
    began = time.monotonic()
    results = []
    for each in run(given.command, cases, options, jobs=given.jobs):
        tell(each)
        results.append(each)
    failed = sum(bool(each.problem) for each in results)
    skipped = sum(bool(each.skipped) for each in results)
    passed = len(results) - failed - skipped
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - began:.0f} s")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
