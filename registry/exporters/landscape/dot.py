"""The child that runs Graphviz: a question on its input, the answer on its output, and nothing else imported.

Graphviz keeps its state in globals, cannot be interrupted, and may take long for a tangle: a child can be ended.
It is not asked where labels go: with labels and groups together it sometimes never came to an end.
"""

import json
import sys
from typing import Any

import pygraphviz

INCH = 72.0
Point = tuple[float, float]


def _main() -> None:
    json.dump(_arranged(json.load(sys.stdin)), sys.stdout)


def _arranged(question: dict[str, Any]) -> dict[str, Any]:
    graph = pygraphviz.AGraph(directed=True, strict=False, rankdir="LR", nodesep="0.3", ranksep="1.1", splines="spline")
    groups: dict[str, list[str]] = {}
    for node in question["nodes"]:
        size = {"width": node["width"] / INCH, "height": node["height"] / INCH}
        graph.add_node(node["id"], shape="box", fixedsize="true", label="", **size)
        if node["group"]:
            groups.setdefault(node["group"], []).append(node["id"])
    for name, members in groups.items():
        graph.add_subgraph(
            members, name=f"cluster_{name}", label=_room(question["groups"][name], 18), labelloc="t", margin="12"
        )
    for line in question["lines"]:
        graph.add_edge(line["start"], line["end"], key=line["id"])
    graph.layout(prog="dot")
    return _read(graph, groups)


def _room(width: int, height: int) -> str:
    """A label that takes up so much room and says nothing."""
    return f'<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"><TR><TD></TD></TR></TABLE>>'


def _read(graph: Any, groups: dict[str, list[str]]) -> dict[str, Any]:
    _, _, width, height = _numbers(graph.graph_attr["bb"])

    def point(text: str) -> Point:
        x, y = _numbers(text)
        return round(x, 1), round(height - y, 1)

    lines = {}
    for start, end, key in graph.edges(keys=True):
        tip, *curve = graph.get_edge(start, end, key).attr["pos"].removeprefix("e,").split()
        lines[key] = [*map(point, curve), point(tip)]
    corners = {}
    for name in groups:
        left, bottom, right, top = _numbers(graph.get_subgraph(f"cluster_{name}").graph_attr["bb"])
        corners[name] = (left, height - top, right, height - bottom)
    nodes = {str(node): point(node.attr["pos"]) for node in graph.nodes()}
    return {"size": (width, height), "nodes": nodes, "groups": corners, "lines": lines}


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


if __name__ == "__main__":
    _main()
