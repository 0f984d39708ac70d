"""What flows between the two sides of an integration, read out of its record: the one source of both diagrams."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..record import DesignRecord, labels
from ..record.base import in_words
from ..record.contracts import Contract
from ..record.events import Event
from ..record.policy import CircuitBreaker, Retry
from ..record.topics import Topic

Side = Literal["consumer", "provider"]
SIDES: tuple[Side, Side] = ("consumer", "provider")


@dataclass(frozen=True, slots=True)
class Service:
    """A box on either side: a system's service, or its worker."""

    key: str
    title: str
    detail: str
    side: Side
    kind: Literal["service", "worker"] = "service"


@dataclass(frozen=True, slots=True)
class Middle:
    """What a call passes on its way: a gateway, an exchange, or the place where files are put."""

    kind: Literal["gateway", "exchange", "files"]
    title: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One contract on its way from caller to callee."""

    contract: Contract
    caller: Service
    callee: Service
    through: Middle | None

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.contract.name or "unnamed"

    @property
    def protocol(self) -> str:
        """The contract's protocol as people read it."""
        return labels.choice(self.contract.protocol) if self.contract.protocol else ""

    @property
    def is_handed_over(self) -> bool:
        """Whether the provider puts something down which the consumer fetches: files and messages."""
        return self.contract.protocol in ("file", "amqp")


@dataclass(frozen=True, slots=True)
class Link:
    """A service that writes a channel or reads it."""

    service: Service
    publishes: bool
    lines: tuple[str, ...]
    contract: Contract | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic or queue with everyone who uses it."""

    name: str
    kind: str
    details: tuple[str, ...]
    links: tuple[Link, ...]
    dead_letter: str | None

    def on(self, side: Side) -> list[Link]:
        """The links on one side."""
        return [each for each in self.links if each.service.side == side]


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole picture, before it has coordinates."""

    services: tuple[Service, ...]
    calls: tuple[Call, ...]
    channels: tuple[Channel, ...]
    store: str | None
    store_of: tuple[Service, ...]
    alert: str | None

    def side(self, side: Side) -> list[Service]:
        """The services on one side, in order."""
        return [each for each in self.services if each.side == side]


def flow(record: DesignRecord) -> Flow:
    """Reads the picture out of the record: what it states, and what its contracts, topics and type imply."""
    return _Reader(record).flow()


class _Reader:
    """Collects services while it reads, so that each system has one box however often it is named."""

    def __init__(self, record: DesignRecord) -> None:
        self.record = record
        self.services: dict[str, Service] = {}
        self.teams = {each.system: each.team for each in record.parties}
        for party in record.parties:
            if party.system:
                self.service(party.system, party.role or "consumer")

    def flow(self) -> Flow:
        names = {each.dead_letter for each in self.record.topics if each.dead_letter}
        topics = [each for each in self.record.topics if each.name and each.name not in names]
        riding = {each.name: _carrier(each, topics) for each in self.record.contracts if each.protocol == "amqp"}
        calls = [self.call(each) for each in self.record.contracts if not riding.get(each.name)]
        channels = self.channels(topics, riding)
        return Flow(
            services=tuple(self.services.values()),
            calls=tuple(sorted(calls, key=self.order)),
            channels=tuple(_together(channels)),
            store=self.record.topology.provider_store,
            store_of=tuple(self.with_store()),
            alert=self.alert(),
        )

    def service(self, system: str, side: Side) -> Service:
        if system not in self.services:
            name = self.topology_name(side)
            team = self.teams.get(system)
            detail = system if name else f"team {team}" if team else ""
            self.services[system] = Service(system, name or system, detail, side)
        return self.services[system]

    def topology_name(self, side: Side) -> str | None:
        """The service's own name is stated once per side, so it belongs to the side's first system."""
        first = not any(each.side == side and each.kind == "service" for each in self.services.values())
        topology = self.record.topology
        return (topology.consumer_service if side == "consumer" else topology.provider_service) if first else None

    def worker(self, side: Side, system: str) -> Service:
        """Whoever handles the messages of `system`: its worker where one is stated."""
        service = self.service(system, side)
        name = self.record.topology.worker
        first = next((each for each in self.services.values() if each.side == "provider"), None)
        if service.side == "consumer" or not name or service is not first:
            return service
        worker = Service(f"worker {system}", name, system, "provider", "worker")
        return self.services.setdefault(worker.key, worker)

    def call(self, contract: Contract) -> Call:
        caller = self.party(contract.consumer, "consumer", contract.provider)
        callee = self.party(contract.provider, "provider", contract.consumer)
        return Call(contract, caller, callee, self.middle(contract))

    def party(self, system: str | None, side: Side, opposite: str | None) -> Service:
        """One end of a contract; while it is not stated, its place is opposite the other end."""
        if not system and opposite in self.services:
            side = "consumer" if self.services[opposite].side == "provider" else "provider"
        return self.service(system or side, side)

    def middle(self, contract: Contract) -> Middle | None:
        definition = contract.definition
        if contract.protocol == "file":
            location = (definition.location or "").removesuffix("/").split("://")[-1]
            facts = tuple(each for each in (location, definition.schedule) if each)
            return Middle("files", definition.file_pattern or "Files", facts)
        if contract.protocol == "amqp":
            key = (f"key {definition.routing_key}",) if definition.routing_key else ()
            return Middle("exchange", definition.exchange or "Message exchange", key)
        gateway = self.record.topology.gateway
        return Middle("gateway", gateway) if gateway else None

    def order(self, call: Call) -> tuple[int, int, int, int]:
        kinds = ("gateway", "exchange", "files")
        keys = list(self.services)
        kind = kinds.index(call.through.kind) if call.through else len(kinds)
        reverse = call.caller.side == "provider"
        return (reverse, kind, keys.index(call.caller.key), keys.index(call.callee.key))

    def channels(self, topics: list[Topic], riding: dict[str | None, Topic | None]) -> list[Channel]:
        topology = self.record.topology
        found = [self.channel(each, topics, riding) for each in topics]
        if not found and topology.queue:
            found = [self.channel(Topic(name=topology.queue, dead_letter=topology.dead_letter_queue), topics, riding)]
        return found

    def channel(self, topic: Topic, topics: list[Topic], riding: dict[str | None, Topic | None]) -> Channel:
        events = _events_on(topic, self.record.events, topics)
        contract = next((each for each in self.record.contracts if riding.get(each.name) is topic), None)
        links = [*self.readers(topic, events, contract), self.writer(topic, events, contract)]
        parts = f"{topic.partitions} partitions" if (topic.partitions or 0) > 1 else ""
        kept = f"kept {in_words(topic.retention)}" if topic.retention else ""
        dead = topic.dead_letter or (None if self.record.topics[1:] else self.record.topology.dead_letter_queue)
        details = tuple(each for each in (parts, kept) if each)
        return Channel(topic.name or "queue", topic.kind or "queue", details, tuple(links), dead)

    def readers(self, topic: Topic, events: list[Event], contract: Contract | None) -> list[Link]:
        systems = list(dict.fromkeys(each for event in events for each in event.consumed_by))
        if contract and contract.consumer and contract.consumer not in systems:
            systems.append(contract.consumer)
        writer = self.writer_of(topic, events, contract)
        named = [each for each in systems if each != writer] or self.others(writer)
        named = [each for each in named if _group_of(each, topic)] or named
        lonely = len(named) == 1 and len(topic.consumer_groups) > 0
        return [
            Link(
                self.worker("consumer", each),
                publishes=False,
                lines=(topic.consumer_groups[0],) if lonely else tuple(_group_of(each, topic)),
                contract=contract if contract and contract.consumer == each else None,
            )
            for each in named
        ]

    def others(self, writer: str) -> list[str]:
        """Where nobody is named as a reader, the parties opposite the writer are."""
        side = self.service(writer, "provider").side
        return [each.key for each in self.services.values() if each.side != side and each.kind == "service"]

    def writer_of(self, topic: Topic, events: list[Event], contract: Contract | None) -> str:
        stated = topic.producer or next((each.published_by for each in events if each.published_by), None)
        if not stated and contract:
            stated = contract.provider
        first = next((each.key for each in self.services.values() if each.side == "provider"), "provider")
        return stated or first

    def writer(self, topic: Topic, events: list[Event], contract: Contract | None) -> Link:
        system = self.writer_of(topic, events, contract)
        names = tuple(each.name for each in events if each.name)
        return Link(self.worker("provider", system), publishes=True, lines=names)

    def with_store(self) -> list[Service]:
        services = [each for each in self.services.values() if each.side == "provider"]
        if not self.record.topology.provider_store or not services:
            return []
        return [each for each in services if each is services[0] or each.kind == "worker"]

    def alert(self) -> str | None:
        channel = next((each.channel for each in self.record.monitoring.alert_routes if each.channel), None)
        return self.record.topology.alert_system or (labels.choice(channel) if channel else None)


def _together(channels: list[Channel]) -> list[Channel]:
    """Channels that share a dead-letter queue next to each other, otherwise in the record's order."""
    first = {each.dead_letter or each.name: index for index, each in reversed(list(enumerate(channels)))}
    return sorted(channels, key=lambda each: first[each.dead_letter or each.name])


def _carrier(contract: Contract, topics: list[Topic]) -> Topic | None:
    """The topic an AMQP contract travels on: the one its routing key or exchange names, else its provider's first."""
    definition = contract.definition
    for word in (definition.routing_key, definition.exchange):
        for topic in topics:
            if word and word.rstrip(".*#") in (topic.name or ""):
                return topic
    return next((each for each in topics if each.producer == contract.provider), None)


def _events_on(topic: Topic, events: tuple[Event, ...], topics: list[Topic]) -> list[Event]:
    """The events of the topic's producer; where it writes several topics, those whose entity the topic's name holds."""
    own = [each for each in events if not topic.producer or each.published_by in (topic.producer, None)]
    rivals = [each for each in topics if each.producer == topic.producer]
    if len(rivals) < 2:
        return own
    named = [each for each in own if _entity(each) in (topic.name or "").lower()]
    orphans = [each for each in own if not any(_entity(each) in (other.name or "").lower() for other in rivals)]
    return named + (orphans if topic is rivals[0] else [])


def _entity(event: Event) -> str:
    return (event.name or "").split(".")[0].lower()


def _group_of(system: str, topic: Topic) -> list[str]:
    stem = system.removesuffix("-service").removesuffix("-system")
    return [each for each in topic.consumer_groups if stem in each][:1]


def breaker_lines(breaker: CircuitBreaker) -> list[str]:
    """A breaker's key numbers; empty while none is stated."""
    lines = []
    if breaker.failure_percent is not None:
        window = f" in {breaker.window_seconds} s" if breaker.window_seconds is not None else ""
        lines.append(f"{breaker.failure_percent} %{window}")
    if breaker.open_seconds is not None:
        lines.append(f"open {breaker.open_seconds} s")
    return lines


def retry_lines(retry: Retry) -> list[str]:
    """A retry handler's key numbers; empty while none is stated, or when nothing is retried."""
    if not retry.max_retries:
        return []
    waits = retry.waits_ms() or ()
    times = "1 retry" if retry.max_retries == 1 else f"{retry.max_retries} retries"
    return [times, *([_waits(waits)] if waits else [])]


_UNITS = (("min", 60_000), ("s", 1_000), ("ms", 1))


def _waits(waits: tuple[int, ...]) -> str:
    unit, scale = next((name, size) for name, size in _UNITS if all(each % size == 0 for each in waits))
    shown = [f"{each // scale}" for each in waits[:3]] + (["…"] if len(waits) > 3 else [])
    return f"{', '.join(shown)} {unit}"


def in_sentences(whole: Flow) -> str:
    """The picture in words, for whoever cannot see it."""
    sentences = [_call_sentence(each) for each in whole.calls]
    for channel in whole.channels:
        writers = _names(each.service for each in channel.links if each.publishes)
        readers = _names(each.service for each in channel.links if not each.publishes)
        sentences.append(f"{writers} publishes to {channel.name}; {readers or 'nobody'} consumes it.")
        if channel.dead_letter:
            told = f", which alerts {whole.alert}" if whole.alert else ""
            sentences.append(f"What fails on {channel.name} goes to {channel.dead_letter}{told}.")
    if whole.store and whole.store_of:
        sentences.append(f"{whole.store_of[0].title} keeps its data in {whole.store}.")
    return " ".join(sentences) or "Nothing is stated yet."


def _call_sentence(call: Call) -> str:
    through = f" through {call.through.title}" if call.through else ""
    verb = {"file": "fetches files of", "amqp": "reads messages of"}.get(call.contract.protocol or "", "calls")
    breaker = ", ".join(breaker_lines(call.contract.policy.circuit_breaker))
    facts = [call.protocol or "protocol not stated", *([f"circuit breaker {breaker}"] if breaker else [])]
    facts += retry_lines(call.contract.policy.retry)[:1]
    return f"{call.caller.title} {verb} {call.callee.title}{through} by {call.name} ({'; '.join(facts)})."


def _names(services: Iterable[Service]) -> str:
    return " and ".join(each.title for each in services)
