"""What a person sees while things are made ready: one line a step, with the time it took. Standard library only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

WIDTH = 44


@contextmanager
def step(what: str, *, out: TextIO | None = None) -> Iterator[Callable[[str], None]]:
    """Print `what`, then its time. Call what is given to say how far it is, on a terminal."""
    out = out or sys.stdout
    start = time.monotonic()
    out.write(f"  {what:.<{WIDTH}} ")
    out.flush()

    def say(how_far: str) -> None:
        if out.isatty():
            out.write(f"\r\033[K  {what:.<{WIDTH}} {how_far}")
            out.flush()

    try:
        yield say
    except BaseException:
        say("")
        out.write("failed\n")
        raise
    say("")
    out.write(f"{time.monotonic() - start:5.1f} s\n")
    out.flush()
