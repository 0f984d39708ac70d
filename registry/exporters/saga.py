"""A saga as a sequence: its steps in order, and how they are taken back in reverse when the last one fails."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..record import DesignRecord
from ..record.saga import Saga, SagaStep
from .glyphs import Text, number
from .grid import Edge, Point, picture
from .mermaid import Mermaid

__all__ = ["saga_mermaid", "saga_svg"]

MARGIN, HEAD, NOTE = 8.0, 38.0, 28.0
LEAST, MOST, LOOP = 160.0, 320.0, 34.0
NAME_MOST, LOOP_ROOM = 200.0, 200.0
NOTHING = ("", "none", "none needed", "nothing")


@dataclass(frozen=True, slots=True)
class Message:
    """An arrow between two participants, or a note over all of them."""

    sender: str
    receiver: str
    text: str
    detail: str = ""
    kind: Literal["step", "done", "failed", "undo", "note"] = "step"

    @property
    def height(self) -> float:
        """The room it takes, its words included."""
        return {"done": 28.0, "failed": 28.0, "note": 50.0}.get(self.kind, 54.0 if self.detail else 40.0)

    @property
    def wants(self) -> float:
        """The room its words would like along the arrow."""
        return max(Text(f"10. {self.text}", "", 12, bold=True).width, Text(self.detail, "", 11).width)


def saga_svg(record: DesignRecord) -> str:
    """The sequence as a picture; empty where the record has no saga."""
    return _svg(record.saga) if record.saga.steps else ""


def saga_mermaid(record: DesignRecord) -> str:
    """The sequence as Mermaid text in the shape of the template; empty where the record has no saga."""
    return "\n".join(_mermaid(record.saga)) + "\n" if record.saga.steps else ""


def _participants(saga: Saga) -> list[str]:
    return list(dict.fromkeys([_orchestrator(saga), *(_service(each, saga) for each in saga.steps)]))


def _orchestrator(saga: Saga) -> str:
    return saga.orchestrator or "orchestrator"


def _service(step: SagaStep, saga: Saga) -> str:
    return step.service or _orchestrator(saga)


def _needs_undoing(step: SagaStep) -> bool:
    return (step.compensation or "").strip().lower().rstrip(".") not in NOTHING


def _messages(saga: Saga) -> Iterator[Message]:
    leader = _orchestrator(saga)
    for step in saga.steps:
        service, last = _service(step, saga), step is saga.steps[-1]
        yield Message(leader, service, step.name or "step", step.action or "")
        if service != leader:
            yield Message(service, leader, "fails" if last else "done", kind="failed" if last else "done")
    undone = [each for each in reversed(saga.steps[:-1]) if _needs_undoing(each)]
    if undone:
        yield Message(leader, leader, "If it fails, what was done is undone in reverse order", kind="note")
    for step in undone:
        service = _service(step, saga)
        yield Message(leader, service, f"Undo: {step.name or 'step'}", step.compensation or "", kind="undo")
        if service != leader:
            yield Message(service, leader, "undone", kind="done")


def _svg(saga: Saga) -> str:
    names, messages = _participants(saga), list(_messages(saga))
    places = _places(names, messages)
    heads = [_head(each) for each in names]
    top = MARGIN + HEAD + 18
    height = top + sum(each.height for each in messages) + 14
    left, right = min(places.values()), max(places.values())
    widest = max(map(_half, heads)) * 2
    width = right + max(widest / 2, LOOP + LOOP_ROOM if _loops(messages, names[-1]) else 0.0) + MARGIN
    parts = [svg for name, text in zip(names, heads, strict=True) for svg in _lifeline(places[name], text, height)]
    y = top
    for count, message in _numbered(messages):
        parts += _drawn(message, count, y, places, (left, right))
        y += message.height
    return picture("saga", (width, height + MARGIN), f"Saga led by {names[0]}", _sentences(saga), "".join(parts))


def _head(name: str) -> Text:
    return Text(name, "topo-name", 13, bold=True)


def _half(head: Text) -> float:
    """Half the width of a participant's box."""
    return min(head.width, NAME_MOST) / 2 + 14


def _loops(messages: list[Message], name: str) -> bool:
    return any(each.sender == each.receiver == name and each.kind != "note" for each in messages)


def _places(names: list[str], messages: list[Message]) -> dict[str, float]:
    """Where each lifeline stands: the second far enough from the first for the words, which all begin there."""
    x = MARGIN + max(70.0, _half(_head(names[0])))
    places = {names[0]: x}
    for before, name in itertools.pairwise(names):
        heads = _half(_head(before)) + _half(_head(name)) + 16
        words = max(each.wants for each in messages) + 24 if before == names[0] else 0.0
        x += max(heads, LEAST, min(words, MOST))
        places[name] = x
    return places


def _lifeline(x: float, name: Text, height: float) -> Iterator[str]:
    half = _half(name)
    box = f'x="{number(x - half)}" y="{number(MARGIN)}" width="{number(half * 2)}" height="{number(HEAD)}" rx="8"'
    line = f'x1="{number(x)}" y1="{number(MARGIN + HEAD)}" x2="{number(x)}" y2="{number(height)}"'
    yield f'<line class="saga-life" {line} stroke="currentColor"/>'
    yield f'<g class="topo-node is-service"><rect class="topo-shape" {box} fill="none" stroke="currentColor"/>'
    yield name.at(x, MARGIN + HEAD / 2 + 4.5, NAME_MOST) + "</g>"


def _numbered(messages: list[Message]) -> Iterator[tuple[int, Message]]:
    count = 0
    for message in messages:
        count += message.kind in ("step", "undo")
        yield count, message


def _drawn(message: Message, count: int, y: float, places: dict[str, float], ends: Point) -> Iterator[str]:
    line_y = y + message.height - 12
    start, end = places[message.sender], places[message.receiver]
    if message.kind == "note":
        yield from _note(message, y, ends)
    elif message.sender == message.receiver:
        yield from _loop(message, count, line_y, start, ends[1])
    else:
        yield Edge(((start, line_y), (end, line_y)), f"is-{message.kind}").svg()
        yield from _words(message, count, line_y, start, end)


def _loop(message: Message, count: int, y: float, x: float, right: float) -> Iterator[str]:
    """A step the leader carries out itself."""
    far, top, bottom = x + LOOP, y - 20, y - 2
    yield Edge(((x, top), (far, top), (far, bottom), (x, bottom)), f"is-{message.kind}").svg()
    room = max(right - far - 16, LOOP_ROOM - 8)
    words = Text(f"{count}. {message.text}", "topo-label", 12, bold=True)
    yield words.at(far + 8, y - (14 if message.detail else 7), room, "start")
    if message.detail:
        yield Text(message.detail, "topo-label is-quiet", 11).at(far + 8, y, room, "start")


def _words(message: Message, count: int, y: float, start: float, end: float) -> Iterator[str]:
    """The words stand at the beginning of the arrow, clear of the lifelines it crosses."""
    rightward = end > start
    x, anchor = (start + 10, "start") if rightward else (start - 10, "end")
    room = abs(end - start) - 20
    if message.kind in ("done", "failed"):
        yield Text(message.text, f"topo-label is-quiet is-{message.kind}", 11).at(x, y - 5, room, anchor)
        return
    lift = 20 if message.detail else 6
    yield Text(f"{count}. {message.text}", "topo-label", 12, bold=True).at(x, y - lift, room, anchor)
    if message.detail:
        yield Text(message.detail, "topo-label is-quiet", 11).at(x, y - 6, room, anchor)


def _note(message: Message, y: float, ends: Point) -> Iterator[str]:
    text = Text(message.text, "topo-label", 12, bold=True)
    left = ends[0] - 30
    width = max(ends[1] - ends[0] + 60, text.width + 24)
    box = f'x="{number(left)}" y="{number(y + 12)}" width="{number(width)}" height="{number(NOTE)}" rx="6"'
    yield f'<rect class="saga-note" {box} fill="none" stroke="currentColor"/>'
    yield text.at(left + width / 2, y + 12 + NOTE / 2 + 4)


def _sentences(saga: Saga) -> str:
    named = (f"{each.name or 'step'} by {_service(each, saga)}" for each in saga.steps)
    steps = "; ".join(f"{index}. {each}" for index, each in enumerate(named, 1))
    undone = [each for each in reversed(saga.steps[:-1]) if _needs_undoing(each)]
    back = "; ".join(f"{each.name or 'step'} by {each.compensation}" for each in undone)
    return f"Steps: {steps}." + (f" Undone in reverse: {back}." if back else "")


def _mermaid(saga: Saga) -> Iterator[str]:
    chart = Mermaid()
    yield "sequenceDiagram"
    yield "    autonumber"
    for number_, name in enumerate(_participants(saga)):
        yield f"    participant {_id(number_)} as {chart.text(name)}"
    ids = {name: _id(index) for index, name in enumerate(_participants(saga))}
    yield ""
    for message in _messages(saga):
        if message.kind == "note":
            yield f"    Note over {ids[message.sender]}: Compensating transactions (reverse order)"
            continue
        arrow = "-->>" if message.kind in ("done", "failed") else "->>"
        words = ": ".join(chart.text(each) for each in (message.text, message.detail) if each)
        yield f"    {ids[message.sender]}{arrow}{ids[message.receiver]}: {words}"


def _id(index: int) -> str:
    return f"S{index}" if index else "O"
