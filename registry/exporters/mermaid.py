"""The topology as a Mermaid flowchart in the shape of the template, and Mermaid's own rules for names and texts."""

import itertools
import re
from collections.abc import Iterator

from ..record.contracts import Contract
from .flow import SIDES, Call, Channel, Flow, Side, breaker_lines, retry_lines


class Mermaid:
    """Gives each node a short id that Mermaid accepts, whatever the node is called."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def id(self, key: str) -> str:
        """The id of the node known as `key`: P1, P2 and so on by the first letter of its kind."""
        return self.ids.setdefault(key, f"{key[0].upper()}{len(self.ids) + 1}")

    def knows(self, key: str) -> bool:
        """Whether this node has been drawn."""
        return key in self.ids

    def node(self, key: str, *lines: str, shape: tuple[str, str] = ("[", "]")) -> str:
        """A node with its lines of text."""
        text = "<br/>".join(self.text(each) for each in lines)
        return f'{self.id(key)}{shape[0]}"{text}"{shape[1]}'

    @staticmethod
    def text(text: str) -> str:
        """Text that cannot end a label or start markup, a comment or a directive, in Mermaid's own signs."""
        return _MEANT.sub(lambda found: f"#{ord(found[0])};", _BREAKS.sub(" ", text))


_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# A colon before a # on a line that holds the word style is taken for a colour; % twice is a comment.
_MEANT = re.compile(
    r"""[#;"<>|`\[\]\\&*~ﬂ]|(?<![^\W_])_|_(?![^\W_])|:(?! )|%(?=[%{])|(?<=%)[%{]|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]"""
)


def flowchart(whole: Flow) -> Iterator[str]:
    """The lines of the flowchart."""
    chart = Mermaid()
    yield "flowchart LR"
    for side in SIDES:
        systems = [each for each in whole.services if each.side == side]
        names = ", ".join(each.key for each in systems if each.kind == "service")
        inside = list(_side(whole, side, chart))
        if inside:
            yield f'    subgraph {side.capitalize()}Side["{chart.text(side.capitalize() + " — " + names)}"]'
            yield from inside
            yield "    end"
            yield ""
        if side == "consumer":
            yield from _middle(whole, chart)
    yield from _edges(whole, chart)


def _side(whole: Flow, side: Side, chart: Mermaid) -> Iterator[str]:
    for service in whole.side(side):
        yield f"        {chart.node('service ' + service.key, service.title)}"
    for call in _guarded(whole):
        if call[1] == side:
            name, contract = call[0], call[2]
            if facts := breaker_lines(contract.policy.circuit_breaker):
                yield f"        {chart.node('breaker ' + name, 'Circuit Breaker', *facts)}"
            if facts := retry_lines(contract.policy.retry):
                yield f"        {chart.node('retry ' + name, 'Retry Handler', *facts)}"
    if side == "provider" and whole.store:
        yield f"        {chart.node('store', whole.store, shape=('[(', ')]'))}"


def _guarded(whole: Flow) -> Iterator[tuple[str, Side, Contract]]:
    """Every contract with the side its breaker and retry handler stand on."""
    yield from ((each.name, each.caller.side, each.contract) for each in whole.calls)
    for channel in whole.channels:
        for link in channel.links:
            if link.contract:
                yield link.contract.name or "unnamed", link.service.side, link.contract


def _middle(whole: Flow, chart: Mermaid) -> Iterator[str]:
    passed = [each.through for each in whole.calls if each.through]
    nodes = [chart.node(f"middle {each}", each.title, *each.details) for each in passed]
    nodes += [chart.node("channel " + each.name, each.name, shape=("[[", "]]")) for each in whole.channels]
    dead = [each.dead_letter for each in whole.channels if each.dead_letter]
    nodes += [chart.node("dead " + each, "Dead Letter Queue", each) for each in dead]
    if nodes:
        yield '    subgraph Integration["Integration Layer"]'
        yield from (f"        {each}" for each in dict.fromkeys(nodes))
        yield "    end"
        yield ""


def _edges(whole: Flow, chart: Mermaid) -> Iterator[str]:
    lines: list[str] = []
    for call in whole.calls:
        lines += _call(call, chart)
    for channel in whole.channels:
        lines += _channel(channel, chart, whole.alert)
    if whole.store:
        lines += [f"    {chart.id('service ' + each.key)} --> {chart.id('store')}" for each in whole.store_of]
    yield from dict.fromkeys(lines)


def _call(call: Call, chart: Mermaid) -> Iterator[str]:
    label = f'|"{chart.text(call.name + " " + call.protocol)}"|'
    chain = ["service " + call.caller.key, *_policies(call.name, call.contract, chart)]
    ids = [chart.id(each) for each in chain]
    yield from (f"    {a} --> {b}" for a, b in itertools.pairwise(ids))
    callee = chart.id("service " + call.callee.key)
    if not call.through:
        yield f"    {ids[-1]} -->{label} {callee}"
        return
    middle = chart.id(f"middle {call.through}")
    first, second = (middle, ids[-1]) if call.contract.protocol == "amqp" else (ids[-1], middle)
    yield f"    {first} -->{label} {second}"
    yield f"    {callee} -->|Write| {middle}" if call.is_handed_over else f"    {middle} --> {callee}"


def _policies(name: str, contract: Contract, chart: Mermaid) -> list[str]:
    return [each for each in (f"breaker {name}", f"retry {name}") if chart.knows(each)]


def _channel(channel: Channel, chart: Mermaid, alert: str | None) -> Iterator[str]:
    queue = chart.id("channel " + channel.name)
    for link in sorted(channel.links, key=lambda each: not each.publishes):
        service = chart.id("service " + link.service.key)
        yield f"    {service} -->|Publish| {queue}" if link.publishes else f"    {queue} -->|Consume| {service}"
    if channel.dead_letter:
        dead = chart.id("dead " + channel.dead_letter)
        yield f"    {queue} -->|Failed| {dead}"
        if alert:
            yield f"    {dead} -->|Alert| {chart.node('alert', alert)}"
