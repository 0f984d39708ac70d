"""Boxes in rows and columns, and straight or elbowed edges between them: the layout of the topology diagram."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .glyphs import Text, number, xml

Shape = Literal["box", "store", "queue", "files", "pill"]
Point = tuple[float, float]

TITLE, DETAIL, LABEL = 13.0, 11.0, 11.0
LINE = 15.0
PAD, ROW_GAP, COLUMN_GAP, ZONE_PAD, HEADER, MARGIN = 11.0, 26.0, 24.0, 15.0, 40.0, 2.0
ROW_HEIGHT = 62.0
TRACK = 9.0


@dataclass(frozen=True, slots=True)
class Node:
    """A box before it has a place."""

    key: str
    css: str
    title: str
    details: tuple[str, ...] = ()
    shape: Shape = "box"

    @property
    def texts(self) -> list[Text]:
        """Its lines, the title first."""
        facts = (Text(each, "topo-fact", DETAIL) for each in self.details)
        return [Text(self.title, "topo-name", TITLE, bold=True), *facts]

    @property
    def wants(self) -> float:
        """The width it would like."""
        extra = 18.0 if self.shape in ("queue", "files") else 0.0
        return max(each.width for each in self.texts) + 2 * PAD + extra


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def center(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def svg(self) -> str:
        """The shape with its text in the middle."""
        texts = self.node.texts
        x, middle = self.center
        x -= 6 if self.node.shape == "queue" else 0
        shift = 6.0 if self.node.shape == "store" else 0.0
        first = middle - (len(texts) - 1) * LINE / 2 + 4.5 + shift
        room = self.width - (32 if self.node.shape in ("queue", "files") else 16)
        lines = "".join(each.at(x, first + index * LINE, room) for index, each in enumerate(texts))
        return f'<g class="topo-node {self.node.css}" data-node="{xml(self.node.key)}">{self._shape()}{lines}</g>'

    def _shape(self) -> str:
        x, y, w, h = self.x, self.y, self.width, self.height
        if self.node.shape == "store":
            curve = f"a{number(w / 2)} 7 0 0 0 {number(w)} 0"
            body = f"M{number(x)} {number(y + 7)}{curve}v{number(h - 14)}a{number(w / 2)} 7 0 0 1 {number(-w)} 0z"
            top = f"M{number(x)} {number(y + 7)}a{number(w / 2)} 7 0 0 1 {number(w)} 0"
            return path(body, "topo-shape") + path(top, "topo-shape")
        if self.node.shape == "queue":
            tall = f"{number(h / 2)}"
            over, back = (f"h{number(sign * (w - 14))}a7 {tall} 0 0 1 0 {number(sign * h)}" for sign in (1, -1))
            body = f"M{number(x + 7)} {number(y)}{over}{back}z"
            end = f"M{number(self.right - 7)} {number(y)}a7 {tall} 0 0 0 0 {number(h)}"
            return path(body, "topo-shape") + path(end, "topo-line")
        if self.node.shape == "files":
            body = f"M{number(x)} {number(y)}h{number(w - 14)}l14 14v{number(h - 14)}h{number(-w)}z"
            fold = f"M{number(self.right - 14)} {number(y)}v14h14"
            return path(body, "topo-shape") + path(fold, "topo-line")
        radius = number(h / 2 if self.node.shape == "pill" else 8)
        size = f'x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}" rx="{radius}"'
        return f'<rect class="topo-shape" {size} fill="none" stroke="currentColor"/>'


def picture(css: str, size: Point, title: str, words: str, body: str) -> str:
    """A whole SVG that names and describes itself."""
    width, height = number(size[0]), number(size[1])
    place = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" class="{css}" role="img" {place} fill="currentColor">'
    return f"{start}<title>{xml(title)}</title><desc>{xml(words)}</desc>{body}</svg>"


def path(data: str, css: str) -> str:
    """A path that is drawn in the text's colour where no stylesheet is at hand."""
    return f'<path class="{css}" d="{data}" fill="none" stroke="currentColor"/>'


@dataclass(frozen=True, slots=True)
class Edge:
    """A line with an arrow at its end and words above and below its widest gap."""

    points: tuple[Point, ...]
    css: str = ""

    def svg(self) -> str:
        """The line, shortened to make room for its arrow."""
        (x0, y0), (x1, y1) = self.points[-2], self.points[-1]
        dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        tip = f"{number(x1)},{number(y1)}"
        x, y = x1 - dx * 8, y1 - dy * 8
        wings = " ".join(f"{number(x + side * dy)},{number(y + side * dx)}" for side in (-4, 4))
        arrow = f'<polygon class="topo-arrow" points="{tip} {wings}" fill="currentColor"/>'
        line = path(rounded([*self.points[:-1], (x, y)]), "topo-line")
        return f'<g class="{f"topo-edge {self.css}".strip()}">{line}{arrow}</g>'


def rounded(points: list[Point], radius: float = 6.0) -> str:
    """A line through right-angled `points` with its corners rounded."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
        r_in = min(radius, (abs(x - before[0]) + abs(y - before[1])) / 2)
        r_out = min(radius, (abs(after[0] - x) + abs(after[1] - y)) / 2)
        r = min(r_in, r_out)
        near, far = _towards((x, y), before, r), _towards((x, y), after, r)
        parts.append(f"L{number(near[0])} {number(near[1])}Q{number(x)} {number(y)} {number(far[0])} {number(far[1])}")
    parts.append(f"L{number(points[-1][0])} {number(points[-1][1])}")
    return "".join(parts)


def _towards(start: Point, end: Point, length: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    whole = abs(dx) + abs(dy) or 1
    return start[0] + dx / whole * length, start[1] + dy / whole * length


@dataclass
class Column:
    """One column of boxes. `spans` says whether a box may reach over rows it has no edge in."""

    least: float
    most: float
    spans: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)

    def place(self, node: Node, row: int) -> None:
        """Puts `node` into `row`; a node in several rows becomes one tall box."""
        self.nodes.setdefault(node.key, node)
        rows = self.rows.setdefault(node.key, [])
        if row not in rows:
            rows.append(row)

    def taken(self, row: int) -> bool:
        """Whether a box covers `row`."""
        return any(first <= row <= last for first, last in (self.run(key) for key in self.nodes))

    def run(self, key: str) -> tuple[int, int]:
        """The first and last row of a node's box: its first run of rows that no other node interrupts."""
        rows = sorted(self.rows[key])
        others = {row for other, used in self.rows.items() if other != key for row in used}
        last = rows[0]
        for row in rows[1:]:
            if any(between in others for between in range(last + 1, row)) or (row != last + 1 and not self.spans):
                break
            last = row
        return rows[0], last

    @property
    def width(self) -> float:
        """As wide as its widest node, within limits; nothing where it is empty."""
        return max((min(max(each.wants, self.least), self.most) for each in self.nodes.values()), default=0.0)


class Grid:
    """Columns in three zones, and the heights of the rows."""

    def __init__(self, columns: dict[str, Column], zones: dict[str, tuple[str, ...]]) -> None:
        self.columns, self.zones = columns, zones
        self.heights: list[float] = []
        self.gaps: dict[str, float] = {}
        self.boxes: dict[str, Box] = {}
        self.zone_at: dict[str, tuple[float, float]] = {}

    def add_row(self, height: float = ROW_HEIGHT) -> int:
        """A new row at the bottom."""
        self.heights.append(height)
        return len(self.heights) - 1

    def top(self, row: int) -> float:
        """Where `row` begins."""
        return MARGIN + HEADER + sum(self.heights[:row]) + ROW_GAP * row

    def middle(self, row: int) -> float:
        """The height of the edges in `row`."""
        return self.top(row) + self.heights[row] / 2

    @property
    def bottom(self) -> float:
        """Where the zones end."""
        return self.top(len(self.heights) - 1) + self.heights[-1] + ZONE_PAD if self.heights else MARGIN + HEADER

    @property
    def right(self) -> float:
        """Where the last zone ends."""
        return max((right for _, right in self.zone_at.values()), default=MARGIN)

    def settle(self, gaps: Iterable[float], titles: dict[str, float]) -> None:
        """Gives every box its place. `gaps` are the widths between zones; a zone is at least as wide as its title."""
        x, room = MARGIN, iter(gaps)
        for zone, names in self.zones.items():
            used = [name for name in names if self.columns[name].nodes]
            if not used:
                continue
            if self.zone_at:
                x += next(room)
            inner = sum(self.columns[name].width for name in used) + COLUMN_GAP * (len(used) - 1)
            slack = max(0.0, titles.get(zone, 0.0) - inner) / 2
            left, x = x, x + ZONE_PAD + slack
            for name in used:
                self._settle_column(name, x)
                x += self.columns[name].width + COLUMN_GAP
            x += ZONE_PAD + slack - COLUMN_GAP
            self.zone_at[zone] = (left, x)

    def _settle_column(self, name: str, x: float) -> None:
        column = self.columns[name]
        for key, node in column.nodes.items():
            first, last = column.run(key)
            y = self.top(first)
            height = self.top(last) + self.heights[last] - y
            self.boxes[key] = Box(node, x, y, column.width, height)
