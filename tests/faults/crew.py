"""Processes that are killed at any moment and replaced at once, as an orchestrator would."""

import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any


def prepare(module: str, *, log: Path | None = None) -> None:
    """Have members forked from a process that has read this module already: one is there within milliseconds.

    What they print goes to `log`, or where this process prints.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(each or os.getcwd() for each in sys.path)
    try:
        with _printing_to(log):
            forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        os.environ |= {"PYTHONPATH": before} if before else {}


@contextmanager
def _printing_to(log: Path | None) -> Iterator[None]:
    """Children that begin meanwhile print there."""
    if log is None:
        yield
        return
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with log.open("ab") as output:
        for number, _ in kept:
            os.dup2(output.fileno(), number)
    try:
        yield
    finally:
        for number, before in kept:
            os.dup2(before, number)
            os.close(before)


@dataclass
class Crew:
    """So many processes at one task, each told its own number."""

    work: Callable[..., None]
    members: int
    told: tuple[Any, ...] = ()
    """What each is told besides."""
    killed: int = 0
    numbers: int = 0
    alive: list[BaseProcess] = field(default_factory=list)

    def start(self) -> None:
        """Fill up what is missing."""
        for gone in [each for each in self.alive if not each.is_alive()]:
            gone.join()
            self.alive.remove(gone)
        while len(self.alive) < self.members:
            self.numbers += 1
            context = multiprocessing.get_context("forkserver")
            member = context.Process(target=self.work, args=(self.numbers, *self.told), daemon=True)
            member.start()
            self.alive.append(member)

    def kill(self, chance: random.Random) -> None:
        """SIGKILL for one of them."""
        victim = chance.choice(self.alive)
        victim.kill()
        victim.join()
        self.killed += 1
        self.start()

    def kill_all(self) -> None:
        """As when their machine dies."""
        self.killed += len(self.alive)
        self.end()
        self.start()

    def end(self) -> None:
        for each in self.alive:
            with suppress(ProcessLookupError):
                each.kill()
            each.join()
        self.alive.clear()
