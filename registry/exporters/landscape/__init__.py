"""The landscape: systems and what runs between them, as a layered map. Pure but for Graphviz, which is a child."""

from .graph import Agreement, Contract, Event, Graph, Link, Party, Place, System, Topic, graph_of
from .graphviz import Layout, NotArranged, arrange
from .parts import around_team, nearest, teams_graph
from .picture import landscape_mermaid, landscape_svg, question
from .reach import Reach, blast_radius, systems_of

__all__ = [
    "Agreement",
    "Contract",
    "Event",
    "Graph",
    "Layout",
    "Link",
    "NotArranged",
    "Party",
    "Place",
    "Reach",
    "System",
    "Topic",
    "around_team",
    "arrange",
    "blast_radius",
    "graph_of",
    "landscape_mermaid",
    "landscape_svg",
    "nearest",
    "question",
    "systems_of",
    "teams_graph",
]
