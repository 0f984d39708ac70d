"""The landscape map as SVG, in the places Graphviz gave, and as Mermaid text."""

import json
from collections.abc import Callable, Iterator

from ..glyphs import Text, number, xml
from ..grid import LINE, Box, Node, Point, Shape
from ..mermaid import Mermaid
from .graph import LEVELS, Graph, Link, Place
from .graphviz import Layout

__all__ = ["landscape_mermaid", "landscape_svg", "question"]

HEIGHTS = {"system": 46.0, "topic": 40.0, "team": 46.0}
LEAST, MOST = 104.0, 220.0
LABEL_MOST = 150.0
MARGIN = 4.0
TRIES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)
"""How far along its line a label may stand, the best first."""
SHAPES: dict[str, Shape] = {"system": "box", "topic": "queue", "team": "box"}
Room = tuple[float, float, float, float]
Address = Callable[[Place | Link], str]
"""Where a click on a box or a line leads; "" for nowhere."""


def question(graph: Graph) -> str:
    """What Graphviz is asked: sizes and numbers, in a form that is the same for the same map."""
    nodes = [
        {"id": f"n{at}", "width": _width(place), "height": HEIGHTS[place.kind], "group": _group(graph, place)}
        for at, place in enumerate(graph.places.values())
    ]
    ids = {key: f"n{at}" for at, key in enumerate(graph.places)}
    lines = [{"id": f"e{at}", "start": ids[link.start], "end": ids[link.end]} for at, link in enumerate(graph.links)]
    groups = {f"g{at}": round(min(_title_of(graph, team).width, MOST)) + 26 for at, team in enumerate(_teams(graph))}
    return json.dumps({"nodes": nodes, "lines": lines, "groups": groups}, sort_keys=True)


def landscape_svg(
    graph: Graph, layout: Layout, *, address: Address, focus: str = "", affected: frozenset[str] = frozenset()
) -> str:
    """The map. With a `focus`, it and what it affects stand out, and the rest steps back."""
    width, height = layout.size[0] + 2 * MARGIN, layout.size[1] + 2 * MARGIN
    stands_out = affected | {focus} if focus else frozenset(graph.places)
    body = [*_frames(graph, layout)]
    labels = _label_places(graph, layout)
    for at, link in enumerate(graph.links):
        needy, needed = link.needs
        loud = not focus or (needy in affected and needed in stands_out)
        body.append(_line(link, layout.lines[f"e{at}"], labels.get(f"e{at}"), address(link), loud=loud))
    for at, place in enumerate(graph.places.values()):
        role = "is-focus" if place.key == focus else "" if place.key in stands_out else "is-dim"
        body.append(_box(place, layout.nodes[f"n{at}"], address(place), role))
    size = f'viewBox="{number(-MARGIN)} {number(-MARGIN)} {number(width)} {number(height)}"'
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" role="group" aria-labelledby="map-title" {size} '
        f'width="{number(width)}" height="{number(height)}" fill="currentColor">'
    )
    return f'{start}<title id="map-title">{xml(_title(graph))}</title>{"".join(body)}</svg>'


def _title(graph: Graph) -> str:
    kinds = [each.kind for each in graph.places.values()]
    counted = ((kinds.count("system"), "system"), (kinds.count("topic"), "topic"), (kinds.count("team"), "team"))
    named = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counted if count]
    return f"Map of {' and '.join(named)}" if named else "An empty map"


def _node(place: Place) -> Node:
    level = f" is-{place.criticality}" if place.criticality and place.kind == "system" else ""
    unknown = "" if place.is_known else " is-unknown"
    facts = {
        "system": (place.criticality or "criticality not stated") + ("" if place.is_known else ", not in the catalog"),
        "topic": "topic",
        "team": "team",
    }
    return Node(place.key, f"is-{place.kind}{level}{unknown}", place.title, (facts[place.kind],), SHAPES[place.kind])


def _width(place: Place) -> float:
    return round(min(max(_node(place).wants, LEAST), MOST))


def _label(link: Link) -> Text:
    state = link.state if link.state != "active" else ""
    return Text(": ".join(filter(None, (state, link.words))), "map-label", 10.5)


def _label_places(graph: Graph, layout: Layout) -> dict[str, Point]:
    """Where labels stand: near the middle of their line, clear of boxes and of each other where that can be."""
    taken = []
    for at, place in enumerate(graph.places.values()):
        (x, y), width, height = layout.nodes[f"n{at}"], _width(place), HEIGHTS[place.kind]
        taken.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    taken += [(left, top, left + 120, top + 26) for left, top, _, _ in layout.groups.values()]
    found = {}
    for at, link in enumerate(graph.links):
        words = _label(link)
        if words.text:
            half = min(words.width, LABEL_MOST) / 2 + 2
            points = [_along(layout.lines[f"e{at}"], share) for share in TRIES]
            rooms = [(x - half, y - 8, x + half, y + 8) for x, y in points]
            free = (index for index, room in enumerate(rooms) if not any(_overlap(room, other) for other in taken))
            best = next(free, 0)
            taken.append(rooms[best])
            found[f"e{at}"] = points[best]
    return found


def _overlap(one: Room, other: Room) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _along(curve: list[Point], share: float) -> Point:
    """The point of a chain of Bézier curves after this share of them."""
    count = (len(curve) - 2) // 3
    index = min(int(share * count), count - 1)
    t = share * count - index
    a, b, c, d = curve[index * 3 : index * 3 + 4]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
    return x, y


def _group(graph: Graph, place: Place) -> str:
    """Teams are numbered in the order in which they come, for Graphviz is told no names."""
    teams = _teams(graph)
    return f"g{teams.index(place.team)}" if place.team and place.kind != "team" else ""


def _teams(graph: Graph) -> list[str]:
    return list(dict.fromkeys(each.team for each in graph.places.values() if each.team))


def _title_of(graph: Graph, team: str) -> Text:
    return Text(graph.teams.get(team, team), "topo-zone-name", 11, bold=True)


def _frames(graph: Graph, layout: Layout) -> Iterator[str]:
    for name, (left, top, right, bottom) in layout.groups.items():
        team = _teams(graph)[int(name[1:])]
        title = _title_of(graph, team)
        place = f'x="{number(left)}" y="{number(top)}" width="{number(right - left)}" height="{number(bottom - top)}"'
        frame = f'<rect class="topo-frame" {place} rx="10" fill="none" stroke="currentColor"/>'
        yield f'<g class="topo-zone">{frame}{title.at(left + 12, top + 19, right - left - 24, "start")}</g>'


def _box(place: Place, middle: Point, address: str, role: str) -> str:
    width, height = _width(place), HEIGHTS[place.kind]
    box = Box(_node(place), middle[0] - width / 2, middle[1] - height / 2, width, height)
    drawn = box.svg() + (_bars(place.criticality, box) if place.kind == "system" else "")
    return _linked(drawn, address, f"map-place {role}".strip(), f'data-place="{xml(place.key)}"')


def _bars(level: str, box: Box) -> str:
    """Four bars before the word that says the same, as many full as the level is high."""
    if level not in LEVELS:
        return ""
    left, bottom = box.center[0] - box.node.texts[1].width / 2 - 20, box.center[1] + LINE / 2 + 4.5
    bars = (
        f'<rect x="{number(left + at * 4)}" y="{number(bottom - height)}" width="3" height="{number(height)}" '
        f'fill="currentColor" opacity="{1 if at <= LEVELS.index(level) else 0.25}"/>'
        for at, height in enumerate((2.5, 4.5, 6.5, 8.5))
    )
    return f'<g class="map-bars is-{level}">{"".join(bars)}</g>'


def _line(link: Link, curve: list[Point], label: Point | None, address: str, *, loud: bool) -> str:
    *points, tip = curve
    first, *rest = (f"{number(x)} {number(y)}" for x, y in points)
    words = _label(link)
    named = ", ".join(each.name for each in link.agreements)
    drawn = f"<title>{xml(': '.join(filter(None, (words.text, named))))}</title>"
    drawn += f'<path class="topo-line" d="M{first}C{" ".join(rest)}" fill="none" stroke="currentColor"/>'
    drawn += _arrow(points[-1], tip)
    if label:
        drawn += words.at(label[0], label[1] + 3.5, max(LABEL_MOST, words.width))
    css = f"map-line topo-edge is-{link.kind} is-{link.state}{'' if loud else ' is-dim'}"
    return _linked(drawn, address, css, f'data-from="{xml(link.start)}" data-to="{xml(link.end)}"')


def _linked(drawn: str, address: str, css: str, data: str) -> str:
    inside = f'<a href="{xml(address)}">{drawn}</a>' if address else drawn
    return f'<g class="{css}" {data}>{inside}</g>'


def _arrow(base: Point, tip: Point) -> str:
    """A triangle from where the curve ends to the box."""
    dx, dy = tip[0] - base[0], tip[1] - base[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    across = (-dy / length * 4, dx / length * 4)
    corners = (tip, (base[0] + across[0], base[1] + across[1]), (base[0] - across[0], base[1] - across[1]))
    points = " ".join(f"{number(x)},{number(y)}" for x, y in corners)
    return f'<polygon class="topo-arrow" points="{points}" fill="currentColor"/>'


def landscape_mermaid(graph: Graph) -> str:
    """The same map as a Mermaid flowchart."""
    chart = Mermaid()
    lines = ["flowchart LR"]
    for team in [*_teams(graph), ""]:
        own = [each for each in graph.places.values() if (each.team if each.kind != "team" else "") == team]
        drawn = [_mermaid_node(chart, each) for each in own]
        if team and drawn:
            inside = [f"        {each}" for each in drawn]
            lines += [
                f'    subgraph {chart.id("Team " + team)}["{chart.text(graph.teams.get(team, team))}"]',
                *inside,
                "    end",
            ]
        else:
            lines += [f"    {each}" for each in drawn]
    for link in graph.links:
        words = chart.text(_label(link).text)
        label = f'|"{words}"|' if words else ""
        arrow = "-->" if link.kind == "call" else "-.->"
        lines.append(f"    {chart.id('place ' + link.start)} {arrow}{label} {chart.id('place ' + link.end)}")
    return "\n".join(lines) + "\n"


def _mermaid_node(chart: Mermaid, place: Place) -> str:
    shape = ("[[", "]]") if place.kind == "topic" else ("[", "]")
    words = [place.title, *([place.criticality] if place.criticality and place.kind == "system" else [])]
    return chart.node(f"place {place.key}", *words, shape=shape)
