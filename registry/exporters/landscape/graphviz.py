"""Asks Graphviz, in a child, where boxes and lines go; it is given sizes and numbers only, never a name."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Layout", "NotArranged", "arrange"]

SECONDS = 10.0
CHILD = Path(__file__).with_name("dot.py")
Point = tuple[float, float]


class NotArranged(Exception):
    """Graphviz found no arrangement within the time it has, or failed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: middles of boxes, corners of groups, lines as Bézier curves with their tip at the end."""

    size: Point
    nodes: dict[str, Point]
    groups: dict[str, tuple[float, float, float, float]]
    lines: dict[str, list[Point]]

    @classmethod
    def read(cls, answer: dict[str, Any]) -> "Layout":
        """What `arrange` answered, or was kept of it."""
        lines = {key: [(x, y) for x, y in curve] for key, curve in answer["lines"].items()}
        nodes = {key: (x, y) for key, (x, y) in answer["nodes"].items()}
        groups = {key: (a, b, c, d) for key, (a, b, c, d) in answer["groups"].items()}
        width, height = answer["size"]
        return cls((width, height), nodes, groups, lines)


def arrange(question: str, *, seconds: float = SECONDS) -> dict[str, Any]:
    """The answer to a question: JSON with `nodes` (id, width, height, group), `lines` (id, start, end), `groups`."""
    command = [sys.executable, "-I", str(CHILD)]
    try:
        done = subprocess.run(command, input=question, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotArranged(f"took more than {seconds} s") from error
    if done.returncode:
        raise NotArranged(f"ended with {done.returncode}: {done.stderr[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
