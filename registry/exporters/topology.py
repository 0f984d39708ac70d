"""The topology of an integration, drawn from its record: as SVG for the page, as Mermaid text for elsewhere."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..record import DesignRecord
from ..record.contracts import Contract
from .flow import (
    SIDES,
    Call,
    Channel,
    Flow,
    Link,
    Service,
    Side,
    breaker_lines,
    flow,
    in_sentences,
    retry_lines,
)
from .glyphs import Text, number
from .grid import LABEL, LINE, MARGIN, TITLE, TRACK, ZONE_PAD, Box, Column, Edge, Grid, Node, Point, Shape, picture
from .mermaid import flowchart

__all__ = ["topology_boxes", "topology_mermaid", "topology_svg"]

ZONES = {
    "consumer": ("consumer", "consumer breaker", "consumer retry"),
    "integration": ("middle",),
    "provider": ("provider retry", "provider breaker", "provider", "store"),
}
LIMITS = {"consumer": (116.0, 180.0), "provider": (116.0, 180.0), "middle": (120.0, 260.0), "store": (84.0, 140.0)}
GAP_LEAST, GAP_MOST = 38.0, 180.0
SHAPES: dict[str, Shape] = {"gateway": "box", "exchange": "queue", "files": "files"}
DEAD_LETTER_HEIGHT = 46.0
WIDTHS = ((1_300.0, " is-very-wide"), (1_120.0, " is-wide"), (864.0, ""), (0.0, " is-small"))
"""How far a picture may shrink with the page depends on its width; the stylesheet says how far."""
ALERT_HEIGHT, ALERT_GAP = 34.0, 34.0
TITLE_MOST = 260.0


def topology_svg(record: DesignRecord) -> str:
    """The picture, coloured by the classes of diagrams.css."""
    return _Drawing(flow(record)).svg()


def topology_boxes(record: DesignRecord) -> list[Box]:
    """The boxes of the picture in their places."""
    drawing = _Drawing(flow(record))
    return [*drawing.boxes.values(), *([drawing.alert] if drawing.alert else [])]


def topology_mermaid(record: DesignRecord) -> str:
    """The same as a Mermaid flowchart in the shape of the template."""
    return "\n".join(flowchart(flow(record))) + "\n"


@dataclass(frozen=True, slots=True)
class _Strand:
    """One row's chain of boxes, left to right, with the words in the gap between the zones."""

    row: int
    keys: tuple[str, ...]
    rightward: bool
    above: tuple[str, ...] = ()
    below: str = ""
    css: str = ""


class _Drawing:
    """One picture in the making: rows first, then places, then lines."""

    def __init__(self, whole: Flow) -> None:
        self.flow = whole
        names = [name for zone in ZONES.values() for name in zone]
        columns = {name: Column(*LIMITS.get(name, (104.0, 150.0)), spans=name in SIDES) for name in names}
        self.grid = Grid(columns, ZONES)
        self.strands: list[_Strand] = []
        self.failing: dict[str, list[str]] = {}
        self.alerting: list[tuple[str, Contract]] = []
        self.neighbours: list[Call] = []
        self.drawn: list[str] = []
        self.bent: Counter[float] = Counter()
        self._place_calls()
        self._place_channels()
        self._place_idle()
        if whole.store and whole.store_of:
            columns["store"].place(Node("store", "is-store", whole.store, shape="store"), 0)
        titles = {zone: min(self._zone_title(zone).width, TITLE_MOST) for zone in ZONES}
        self.grid.settle(self._gap_widths(), titles)
        self.boxes = self.grid.boxes
        self._stretch_store()
        self.alert = self._alert_box()

    # Which box stands in which row

    def _place_calls(self) -> None:
        above: tuple[object, str] = (None, "")
        for call in self.flow.calls:
            row = self.grid.add_row()
            if call.caller.side == call.callee.side:
                self._place_neighbours(call, row)
                continue
            policies = self._place_policy(call.contract, call.caller.side, row)
            middle: tuple[str, ...] = ()
            if call.through:
                key = above[1] if above[0] == call.through else f"{call.through.kind} {row}"
                shape = SHAPES[call.through.kind]
                node = Node(key, f"is-{call.through.kind}", call.through.title, call.through.details, shape)
                self._place("middle", node, row)
                middle, above = (key,), (call.through, key)
            self._place_service(call.caller, row)
            self._place_service(call.callee, row)
            self._strand_call(call, row, policies, middle)

    def _place_neighbours(self, call: Call, row: int) -> None:
        """Two systems of one side that call each other stand below each other."""
        self._place_service(call.caller, row)
        if call.caller != call.callee:
            self._place_service(call.callee, self.grid.add_row())
            self.neighbours.append(call)

    def _strand_call(self, call: Call, row: int, policies: tuple[str, ...], middle: tuple[str, ...]) -> None:
        forward = call.caller.side == "consumer"
        near, far = (call.caller.key, *policies), call.callee.key
        keys = (*near, *middle, far) if forward else (far, *middle, *reversed(near))
        if call.contract.protocol == "file" and middle:
            here, there = (*near, *middle), (*middle, far)
            if not forward:
                here, there = here[::-1], there[::-1]
            self.strands.append(_Strand(row, here, forward, (call.name,), "fetch", "is-call"))
            self.strands.append(_Strand(row, there, not forward, (), "write", "is-message"))
            return
        message = call.contract.protocol == "amqp"
        css = "is-message" if message else "is-call"
        self.strands.append(_Strand(row, keys, forward != message, (call.name,), call.protocol, css))

    def _place(self, column: str, node: Node, row: int) -> str:
        self.grid.columns[column].place(node, row)
        return node.key

    def _place_service(self, service: Service, row: int) -> None:
        facts = (service.detail,) if service.detail else ()
        self._place(service.side, Node(service.key, f"is-{service.kind}", service.title, facts), row)

    def _place_policy(self, contract: Contract, side: Side, row: int) -> tuple[str, ...]:
        """The breaker and the retry handler of a contract, on the side that calls."""
        keys = []
        if facts := breaker_lines(contract.policy.circuit_breaker):
            node = Node(f"breaker {row}", "is-breaker", "Circuit breaker", tuple(facts))
            keys.append(self._place(f"{side} breaker", node, row))
            self.alerting.append((node.key, contract))
        if facts := retry_lines(contract.policy.retry):
            node = Node(f"retry {row}", "is-retry", "Retry handler", tuple(facts))
            keys.append(self._place(f"{side} retry", node, row))
        return tuple(keys)

    def _place_channels(self) -> None:
        for index, channel in enumerate(self.flow.channels):
            sides = {side: channel.on(side) for side in SIDES}
            rows = [self.grid.add_row() for _ in range(max(1, *(len(links) for links in sides.values())))]
            key = f"channel {rows[0]}"
            node = Node(key, f"is-{channel.kind}", channel.name, channel.details, "queue")
            for row in rows:
                self._place("middle", node, row)
            for side, links in sides.items():
                start = (len(rows) - len(links)) // 2
                for row, link in zip(rows[start:], links, strict=False):
                    self._strand_link(link, side, row, key)
            if channel.dead_letter:
                self._place_dead_letter(channel.dead_letter, key, self.flow.channels[index + 1 :])

    def _strand_link(self, link: Link, side: Side, row: int, key: str) -> None:
        self._place_service(link.service, row)
        policies = self._place_policy(link.contract, side, row) if link.contract else ()
        chain = (link.service.key, *policies, key)
        left = side == "consumer"
        word = "publish" if link.publishes else "consume"
        above = link.lines if len(link.lines) < 3 else (link.lines[0], f"and {len(link.lines) - 1} more")
        keys = chain if left else tuple(reversed(chain))
        self.strands.append(_Strand(row, keys, left == link.publishes, above, word, "is-message"))

    def _place_dead_letter(self, name: str, key: str, later: tuple[Channel, ...]) -> None:
        failing = self.failing.setdefault(name, [])
        failing.append(key)
        if not any(each.dead_letter == name for each in later):
            row = self.grid.add_row(DEAD_LETTER_HEIGHT)
            self._place("middle", Node(f"dead {name}", "is-dead-letter", name, ("dead letters",), "queue"), row)

    def _place_idle(self) -> None:
        """A party no contract and no topic speaks of stands where there is room."""
        for service in self.flow.services:
            column = self.grid.columns[service.side]
            if service.key not in column.nodes:
                free = [row for row in range(len(self.grid.heights)) if not column.taken(row)]
                self._place_service(service, free[0] if free else self.grid.add_row())

    # Places

    def _gap_widths(self) -> list[float]:
        used = self._used_zones()
        wants = [GAP_LEAST] * len(used)
        for strand in self.strands:
            gap = self._gap_of(strand)
            if gap is not None:
                widest = max((each.width for each in self._words(strand)), default=0.0)
                wants[gap] = min(max(wants[gap], widest + 16), GAP_MOST)
        return wants

    def _used_zones(self) -> list[str]:
        return [zone for zone, names in ZONES.items() if any(self.grid.columns[name].nodes for name in names)]

    def _zone_of(self, key: str) -> str:
        return next(
            zone for zone, names in ZONES.items() if any(key in self.grid.columns[name].nodes for name in names)
        )

    def _gap_of(self, strand: _Strand) -> int | None:
        """The place of the gap between zones that a strand's words stand in."""
        zones = [self._zone_of(key) for key in strand.keys]
        crossed = [(a, b) for a, b in itertools.pairwise(zones) if a != b]
        if not crossed:
            return None
        calls_back = not strand.rightward and strand.css == "is-call"
        used = self._used_zones()
        return used.index(crossed[-1][1]) - 1 if calls_back else used.index(crossed[0][0])

    def _words(self, strand: _Strand) -> list[Text]:
        """Above the line what travels, below it how, and to or from whom where the line's end is out of sight."""
        lines = [Text(each, "topo-label", LABEL, bold=strand.css == "is-call") for each in strand.above]
        below = " · ".join(filter(None, (strand.below, *self._far_ends(strand))))
        return [*lines, *([Text(below, "topo-label is-quiet", LABEL)] if below else [])]

    def _far_ends(self, strand: _Strand) -> Iterator[str]:
        """Services at an end of the strand whose boxes do not reach its row: lines to them join others on their way."""
        for side, key in itertools.product(SIDES, (strand.keys[0], strand.keys[-1])):
            column = self.grid.columns[side]
            if key in column.nodes:
                first, last = column.run(key)
                if not first <= strand.row <= last:
                    yield column.nodes[key].title

    def _zone_title(self, zone: str) -> Text:
        if zone == "integration":
            return Text("Integration layer", "topo-zone-name", TITLE - 1, bold=True)
        systems = [each for each in self.flow.services if each.side == zone and each.kind == "service"]
        rest = f" · {systems[0].key}" if len(systems) == 1 else "s"
        return Text(zone.capitalize() + rest, "topo-zone-name", TITLE - 1, bold=True)

    def _stretch_store(self) -> None:
        """The store is as tall as it must be for straight lines from everyone who writes it."""
        store = self.boxes.get("store")
        if store:
            heights = [self.boxes[each.key].center[1] for each in self.flow.store_of]
            top, bottom = min(heights) - 31, max(heights) + 31
            self.boxes["store"] = Box(store.node, store.x, top, store.width, bottom - top)

    def _alert_box(self) -> Box | None:
        zones = self.grid.zone_at
        if not self.flow.alert or not zones:
            return None
        left, right = zones.get("integration") or next(iter(zones.values()))
        node = Node("alert", "is-alert", self.flow.alert, shape="pill")
        width = max(min(node.wants, 220.0), 150.0, right - left - 2 * TRACK if "integration" in zones else 0.0)
        x = max(MARGIN, (left + right - width) / 2)
        return Box(node, x, self.grid.bottom + ALERT_GAP, width, ALERT_HEIGHT)

    # Lines

    def svg(self) -> str:
        buses = [*self._neighbour_edges(), *self._failed_edges(), *self._alert_edges(), *self._store_edges()]
        lines = [svg for strand in self.strands for svg in self._strand_svg(strand)]
        boxes = [each.svg() for each in self.boxes.values()] + ([self.alert.svg()] if self.alert else [])
        right = max([self.grid.right, *([self.alert.right] if self.alert else [])])
        width = right + MARGIN
        height = (self.alert.bottom if self.alert else self.grid.bottom) + MARGIN
        body = "".join([*self._zones_svg(), *buses, *lines, *boxes, *self.drawn])
        css = next(f"topo{name}" for least, name in WIDTHS if width > least)
        return picture(css, (width, height), "Topology of the integration", in_sentences(self.flow), body)

    def _zones_svg(self) -> Iterator[str]:
        for zone, (left, right) in self.grid.zone_at.items():
            width, height = right - left, self.grid.bottom - MARGIN
            place = f'x="{number(left)}" y="{number(MARGIN)}" width="{number(width)}" height="{number(height)}" rx="12"'
            title = self._zone_title(zone).at(left + 14, MARGIN + 22, width - 28, "start")
            frame = f'<rect class="topo-frame" {place} fill="none" stroke="currentColor"/>'
            yield f'<g class="topo-zone is-{zone}">{frame}{title}</g>'

    def _strand_svg(self, strand: _Strand) -> Iterator[str]:
        y = self.grid.middle(strand.row)
        for left, right in zip(strand.keys, strand.keys[1:], strict=False):
            points = self._between(self.boxes[left], self.boxes[right], y)
            yield Edge(tuple(points if strand.rightward else reversed(points)), strand.css).svg()
        gap = self._gap_of(strand)
        if gap is not None:
            self._label(strand, gap, y)

    def _between(self, left: Box, right: Box, y: float) -> list[Point]:
        """From one box to the next at height `y`; a box that does not reach so far is met by an elbow."""
        start, end = [(left.right, y)], [(right.x, y)]
        if not left.y < y < left.bottom:
            port, x = self._port(left, y), left.right + self._track(left.right)
            start = [(left.right, port), (x, port), (x, y)]
        if not right.y < y < right.bottom:
            port, x = self._port(right, y), right.x - self._track(right.x)
            end = [(x, y), (x, port), (right.x, port)]
        return [*start, *end]

    def _track(self, x: float) -> float:
        """How far from the boxes an elbow turns: each one in a channel a little farther."""
        self.bent[x] += 1
        return min(2 + TRACK * self.bent[x], 20.0)

    def _port(self, box: Box, y: float) -> float:
        return box.bottom - 12 if y > box.bottom else box.y + 12

    def _label(self, strand: _Strand, gap: int, y: float) -> None:
        zones = list(self.grid.zone_at.values())
        left, right = zones[gap][1], zones[gap + 1][0]
        x, room = (left + right) / 2, right - left - 8
        words = self._words(strand)
        above = words[: len(strand.above)]
        self.drawn += [each.at(x, y - 7 - (len(above) - 1 - i) * (LINE - 1), room) for i, each in enumerate(above)]
        self.drawn += [each.at(x, y + 15, room) for each in words[len(above) :]]

    def _failed_edges(self) -> Iterator[str]:
        for name, channels in self.failing.items():
            dead = self.boxes[f"dead {name}"]
            *others, last = (self.boxes[key] for key in channels)
            x = dead.center[0]
            yield Edge(((x, last.bottom), (x, dead.y)), "is-failed").svg()
            words = Text("failed", "topo-label is-quiet", LABEL)
            self.drawn.append(words.at(x + 8, (last.bottom + dead.y) / 2 + 3, anchor="start"))
            for each in others:
                side = each.x - ZONE_PAD / 2
                corners = ((each.x, each.bottom - 10), (side, each.bottom - 10), (side, dead.center[1]))
                yield Edge((*corners, (dead.x, dead.center[1])), "is-failed").svg()

    def _alert_edges(self) -> Iterator[str]:
        if not self.alert:
            return
        dead = [self.boxes[f"dead {name}"] for name in self.failing]
        loud = [(self.boxes[key], contract) for key, contract in self.alerting]
        timed = [each for each in loud if each[1].policy.circuit_breaker.alert_after_seconds]
        for each in dead:
            yield self._dead_letter_alert(each).svg()
        if timed or not dead:
            for box, _ in timed or loud:
                yield self._breaker_alert(box).svg()
            self._breaker_words(timed)
        if not dead and not loud:
            x = self.alert.center[0]
            yield Edge(((x, self.grid.bottom), (x, self.alert.y)), "is-alert").svg()

    def _dead_letter_alert(self, dead: Box) -> Edge:
        assert self.alert
        x, y = dead.center
        if all(each.y <= dead.y for key, each in self.boxes.items() if key in self.grid.columns["middle"].nodes):
            return Edge(((x, dead.bottom), (x, self.alert.y)), "is-alert")
        side = dead.right + ZONE_PAD / 2 - 2
        return Edge(((dead.right, y), (side, y), (side, self.alert.y)), "is-alert")

    def _breaker_alert(self, breaker: Box) -> Edge:
        """Out of the bottom into the channel beside the breaker, then down to the alert system."""
        assert self.alert
        left_side = self._zone_of(breaker.node.key) == "consumer"
        x, turn = breaker.center[0], breaker.bottom + 12
        bus = breaker.right + 12 if left_side else breaker.x - 12
        down = ((x, breaker.bottom), (x, turn), (bus, turn))
        if self.alert.x + 8 < bus < self.alert.right - 8:
            return Edge((*down, (bus, self.alert.y)), "is-alert")
        end = self.alert.x if bus < self.alert.x else self.alert.right
        y = self.alert.center[1]
        return Edge((*down, (bus, y), (end, y)), "is-alert")

    def _breaker_words(self, timed: list[tuple[Box, Contract]]) -> None:
        assert self.alert
        waits = {contract.policy.circuit_breaker.alert_after_seconds for _, contract in timed}
        left = [box for box, _ in timed if box.right < self.alert.x - 20]
        if left:
            words = f"open for {waits.pop()} s" if len(waits) == 1 else "open too long"
            text = Text(words, "topo-label is-quiet", LABEL)
            self.drawn.append(text.at(self.alert.x - 14, self.alert.center[1] - 6, anchor="end"))

    def _neighbour_edges(self) -> Iterator[str]:
        for call in self.neighbours:
            start, end = self.boxes[call.caller.key], self.boxes[call.callee.key]
            port, arrival = self._port(start, end.center[1]), self._port(end, start.center[1])
            x = max(start.right, end.right) + self._track(start.right)
            yield Edge(((start.right, port), (x, port), (x, arrival), (end.right, arrival)), "is-call").svg()
            words = Text(" · ".join(filter(None, (call.name, call.protocol))), "topo-label", LABEL)
            self.drawn.append(words.at(start.center[0], start.bottom + 17, start.width))

    def _store_edges(self) -> Iterator[str]:
        store = self.boxes.get("store")
        for service in self.flow.store_of if store else ():
            box = self.boxes[service.key]
            y = box.center[1]
            assert store
            yield Edge(((box.right, y), (store.x, y)), "is-store").svg()
