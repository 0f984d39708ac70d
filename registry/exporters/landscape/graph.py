"""Systems and what runs between them, read out of what records name: the source of the landscape map."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...record import labels

__all__ = ["LEVELS", "Agreement", "Contract", "Event", "Graph", "Link", "Party", "Place", "System", "Topic", "graph_of"]

LEVELS = ("low", "medium", "high", "critical")
HANDED_OVER = ("amqp", "file")
"""Protocols by which the provider puts something down that the consumer takes up."""


@dataclass(frozen=True, slots=True)
class Party:
    role: str
    system: str
    team: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    protocol: str
    consumer: str
    provider: str


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    broker: str
    producer: str
    dead_letter: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    publisher: str
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """An integration, and what its record names."""

    slug: str
    name: str
    state: str = "active"
    criticality: str = ""
    parties: tuple[Party, ...] = ()
    contracts: tuple[Contract, ...] = ()
    topics: tuple[Topic, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """A system as the catalog knows it."""

    slug: str
    name: str
    team: str = ""
    team_name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A box on the map. Its criticality is the highest of the integrations it takes part in."""

    key: str
    kind: Literal["system", "topic", "team"]
    title: str
    team: str = ""
    criticality: str = ""
    is_known: bool = True
    """Whether the catalog knows it."""
    slug: str = ""
    """Of its system or team."""


@dataclass(frozen=True, slots=True)
class Link:
    """A line on the map: calls from `start` to `end`, or messages that travel that way."""

    start: str
    end: str
    kind: Literal["call", "message"]
    protocols: tuple[str, ...]
    agreements: tuple[Agreement, ...]

    @property
    def needs(self) -> tuple[str, str]:
        """Who depends on whom: a caller on what it calls, a reader on what it reads."""
        return (self.start, self.end) if self.kind == "call" else (self.end, self.start)

    @property
    def state(self) -> str:
        """That of the integration that is furthest: one active integration makes the line real."""
        states = {each.state for each in self.agreements}
        return next((each for each in ("active", "deprecated", "proposed", "retired") if each in states), "active")

    @property
    def criticality(self) -> str:
        """The highest of its integrations'."""
        return highest(each.criticality for each in self.agreements)

    @property
    def words(self) -> str:
        """How the line is labelled."""
        return ", ".join(self.protocols)


@dataclass(frozen=True, slots=True)
class Graph:
    """The whole map, before it has coordinates."""

    places: Mapping[str, Place]
    links: tuple[Link, ...]
    teams: Mapping[str, str] = field(default_factory=dict)
    """Names of teams by their slug."""

    def only(self, keys: set[str]) -> "Graph":
        """The part of the map with these places."""
        kept = {key: place for key, place in self.places.items() if key in keys}
        links = tuple(each for each in self.links if each.start in kept and each.end in kept)
        return Graph(kept, links, self.teams)


def highest(levels: Iterable[str]) -> str:
    """The highest of some criticalities."""
    return max(levels, key=lambda each: LEVELS.index(each) if each in LEVELS else -1, default="")


def graph_of(agreements: Iterable[Agreement], systems: Iterable[System] = ()) -> Graph:
    """The map of these integrations; each system is drawn once, however many name it."""
    found = list(agreements)
    known = {each.slug: each for each in systems}
    lines: dict[tuple[str, str, Literal["call", "message"]], dict[str, dict[str, Agreement]]] = {}
    for agreement in found:
        for start, end, kind, protocol in _lines(agreement):
            if start != end:
                lines.setdefault((start, end, kind), {}).setdefault(protocol, {})[agreement.slug] = agreement
    links = tuple(_link(*key, by_protocol) for key, by_protocol in sorted(lines.items()))
    teams = {each.team: each.team_name for each in known.values() if each.team}
    return Graph(_places(found, links, known), links, teams)


def _link(
    start: str, end: str, kind: Literal["call", "message"], by_protocol: Mapping[str, Mapping[str, Agreement]]
) -> Link:
    agreements = {slug: each for found in by_protocol.values() for slug, each in found.items()}
    ordered = tuple(sorted(agreements.values(), key=lambda each: each.name))
    return Link(start, end, kind, tuple(sorted(filter(None, by_protocol))), ordered)


def _lines(agreement: Agreement) -> Iterator[tuple[str, str, Literal["call", "message"], str]]:
    """Every line an integration draws: its calls, and its messages by way of their topics."""
    producers = {each.producer for each in agreement.topics}
    for contract in agreement.contracts:
        consumer, provider = contract.consumer, contract.provider
        if not consumer or not provider or (contract.protocol == "amqp" and provider in producers):
            continue  # a message contract travels on its provider's topic
        words = labels.choice(contract.protocol) if contract.protocol else ""
        if contract.protocol in HANDED_OVER:
            yield provider, consumer, "message", words
        else:
            yield consumer, provider, "call", words
    for topic in living_topics(agreement):
        if topic.producer:
            yield topic.producer, topic_key(topic), "message", ""
        for reader in readers(topic, agreement):
            yield topic_key(topic), reader, "message", ""
    for event in agreement.events if not agreement.topics else ():
        for reader in event.consumers if event.publisher else ():
            yield event.publisher, reader, "message", "events"


def living_topics(agreement: Agreement) -> list[Topic]:
    """Without those that only take what failed."""
    dead = {each.dead_letter for each in agreement.topics}
    return [each for each in agreement.topics if each.name and each.name not in dead]


def topic_key(topic: Topic) -> str:
    """A topic is the same for all who name it on one broker. No system's name holds a space."""
    return f"topic {topic.broker} {topic.name}"


def readers(topic: Topic, agreement: Agreement) -> list[str]:
    """Who reads a topic: the readers of the events that travel on it, else the consumers of the integration."""
    own = [each for each in agreement.events if not each.publisher or each.publisher == (topic.producer or "")]
    named = [each for each in own if each.name.split(".")[0].lower() in topic.name.lower()]
    rivals = [each for each in living_topics(agreement) if each.producer == topic.producer]
    carried = own if len(rivals) < 2 or not named else named
    systems = [system for event in carried for system in event.consumers]
    if not agreement.events:
        systems = [each.system for each in agreement.parties if each.role == "consumer"]
    return [each for each in dict.fromkeys(systems) if each and each != topic.producer]


def _places(found: list[Agreement], links: tuple[Link, ...], known: Mapping[str, System]) -> dict[str, Place]:
    teams = {each.system: each.team for agreement in found for each in agreement.parties if each.team}
    levels: dict[str, list[str]] = defaultdict(list)
    for link in links:
        for key in (link.start, link.end):
            levels[key].append(link.criticality)
    for agreement in found:
        for party in agreement.parties:
            if party.system:
                levels[party.system].append(agreement.criticality)
    places = {}
    declared = {topic_key(topic): topic for agreement in reversed(found) for topic in living_topics(agreement)}
    for key, criticalities in sorted(levels.items()):
        if key in declared:
            topic = declared[key]
            producer = known.get(topic.producer)
            team = (producer.team if producer else "") or teams.get(topic.producer, "")
            places[key] = Place(key, "topic", topic.name, team, highest(criticalities))
        else:
            system = known.get(key)
            team = (system.team if system else "") or teams.get(key, "")
            title = system.name if system else key
            places[key] = Place(key, "system", title, team, highest(criticalities), system is not None, key)
    return places
