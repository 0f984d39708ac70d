"""Messages of AsyncAPI → events: what each carries, who publishes and reads it, as a CloudEvent."""

import re
from dataclasses import dataclass
from typing import Any

from ..definitions import examples
from ..record.events import Event
from .avro import as_json_schema
from .base import Asked, Ledger, Path
from .cloudevents import envelope, event_source, event_type, owner, payload_of
from .fitting import line, one_value, text_of, unique
from .schemas import Schemas, misfit

__all__ = ["Messages", "Use"]

LONGEST_MADE = 20_000
MOST_EXAMPLES = 60
"""Events an example is made for; checking each against its schema takes time."""


@dataclass(slots=True)
class Use:
    """What the application does with a channel."""

    sends: bool
    operation: dict[str, Any]
    path: Path
    messages: list[tuple[Any, Path]]


class Messages:
    """The messages of one file, each read once however many channels carry it."""

    def __init__(self, value: dict[str, Any], app: str, asked: Asked, schemas: Schemas, ledger: Ledger) -> None:
        self.value = value
        self.app = app
        self.asked = asked
        self.schemas = schemas
        self.ledger = ledger
        self.events: dict[Path, dict[str, Any]] = {}
        self.names: set[str] = set()
        self.payloads: dict[str, Any] = {}

    def message(self, raw: Any, path: Path) -> tuple[dict[str, Any] | None, Path]:
        """A message with what its traits add."""
        message, at = self.schemas.follow(raw, path)
        if not isinstance(message, dict):
            return None, at
        for trait in _items(message.get("traits")):
            added = _dict(self.schemas.follow(trait, (*at, "traits"))[0])
            headers = _dict(self.schemas.follow(added.get("headers"), at)[0]) if added.get("headers") else {}
            own = _dict(message.get("headers"))
            both = {
                **headers,
                **own,
                "properties": {**_dict(headers.get("properties")), **_dict(own.get("properties"))},
            }
            message = {**added, **message, "headers": both}
        return message, at

    def add(self, message: dict[str, Any], path: Path, use: Use, topic: dict[str, Any]) -> None:
        """Make it an event that the application sends or reads on a topic."""
        if path not in self.events:
            self.events[path] = self._described(message, path, use)
        event = self.events[path]
        if use.sends:
            event["published_by"] = self.app
        else:
            event["consumed_by"] = [self.app]
        key = _dict(_dict(_dict(message.get("bindings")).get("kafka")).get("key"))
        if key and not topic.get("key"):
            topic["key"] = one_value(key)
            at, target = (*path, "bindings", "kafka", "key"), f"topics[{topic['name']}].key"
            if topic["key"]:
                self.ledger.took(at, target, f"Message key: {topic['key'][:100]}")
            elif described := line(key.get("description"), 150):
                self.ledger.left(at, f"The key is described, not named: “{described}”. Write its name.", target)

    def _described(self, message: dict[str, Any], path: Path, use: Use) -> dict[str, Any]:
        own = [message.get(each) for each in ("name", "messageId", "title")]
        last = use.operation.get("operationId") if path[-1:] == ("message",) else "".join(map(str, path[-1:]))
        name = unique(next((found for each in [*own, last] if (found := line(each))), None) or "event", self.names)
        event: dict[str, Any] = {"name": name}
        self.ledger.took(path, f"events[{name}]", f"Message {name[:100]}")
        payload, at, readable = self.payload(message, path)
        headers = _dict(self.schemas.follow(message.get("headers"), (*path, "headers"))[0])
        attributes = _dict(_dict(payload).get("properties"))
        if "specversion" in attributes and "type" in attributes:
            event |= self._envelope(attributes, (*at, "properties"), message, path)
        elif payload is not None and readable:
            event["data_schema"] = self.schemas.code(payload, at)
        marks = {re.sub("^ce[-_]", "", each): value for each, value in _dict(headers.get("properties")).items()}
        if "specversion" in marks:
            event |= self._attributes(marks)
        elif marks:
            self.ledger.passed((*path, "headers"), f"No place for headers: {line(', '.join(marks))}.")
        if readable:
            given = map(payload_of, _items(message.get("examples")))
            self.payloads[name] = next((each for each in given if each is not None), None)
        return event

    def payload(self, message: dict[str, Any], path: Path) -> tuple[Any, Path, bool]:
        """The payload's schema, where it stands, and whether it can be kept."""
        payload, at = message.get("payload"), (*path, "payload")
        kind = text_of(message.get("schemaFormat")) + text_of(message.get("contentType"))
        if isinstance(payload, dict) and "schemaFormat" in payload:
            kind += text_of(payload["schemaFormat"])
            payload, at = payload.get("schema"), (*at, "schema")
        if isinstance(payload, dict) and isinstance(payload.get("$ref"), str):
            target, place = self.schemas.follow(payload, at)
            if "avro" not in kind.lower() or target is None:
                return target, place, target is not None
            payload, at = target, place
        if "avro" in kind.lower() and (converted := as_json_schema(payload)):
            self.ledger.guessed(at, "events", "Written in Avro: shown as the JSON Schema of the same fields.")
            return converted, at, True
        for other in ("avro", "protobuf", "xml", "raml"):
            if other in kind.lower():
                self.ledger.left(at, f"The payload is written in {other}; an event has a JSON Schema.")
                return payload, at, False
        return payload, at, True

    def _envelope(self, attributes: dict[str, Any], at: Path, message: dict[str, Any], path: Path) -> dict[str, Any]:
        """A message whose payload is a CloudEvents envelope."""
        found = self._attributes(attributes)
        if "data" in attributes:
            found["data_schema"] = self.schemas.code(attributes["data"], (*at, "data"))
        self.ledger.took(at, "events", "A CloudEvents envelope: its attributes and data were told apart.")
        for index, example in enumerate(_items(message.get("examples"))[:1]):
            payload = _dict(example).get("payload")
            if "specversion" in _dict(payload):
                found["example"] = self.schemas.text(payload, (*path, "examples", index), "example")
        return found

    def _attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: one_value(attributes.get(name)) for name in ("type", "source", "subject")}

    def finish(self, hosts: list[str]) -> list[dict[str, Any]]:
        """The events, each with what CloudEvents wants besides: a type, a source, an example."""
        mail = _dict(_dict(self.value.get("info")).get("contact")).get("email")
        identified = text_of(self.value.get("id")).removeprefix("urn:")
        domain = self.asked.domain or owner(mail, [identified, *hosts])
        for count, (path, event) in enumerate(self.events.items()):
            own = "published_by" in event
            publisher, at = self.app if own else self.asked.sides.other, f"events[{event['name']}]"
            if not event.get("type") and (made := event_type(domain, publisher, event["name"])):
                event["type"] = made
                self.ledger.guessed(path, f"{at}.type", f"CloudEvents type {made[:200]}: made of domain and names.")
            source = event_source(self.value.get("id") if own else None, publisher)
            if not event.get("source") and source:
                event["source"] = source
                self.ledger.guessed(path, f"{at}.source", f"CloudEvents source {source[:200]}.")
            if event.get("type") and event.get("source") and not event.get("example") and count < MOST_EXAMPLES:
                event["example"] = self._example(event, path, f"{at}.example")
        return list(self.events.values())

    def _example(self, event: dict[str, Any], path: Path, target: str) -> str | None:
        """The file's own, else one made from the schema; in an envelope, if it fits the schema."""
        kind = text_of(self.value.get("defaultContentType")) or "application/json"
        schema, given = event.get("data_schema"), self.payloads.get(event["name"])
        if given is not None:
            text = self.schemas.text(envelope(event, given, kind), (*path, "examples"), "example")
            why = misfit(schema, text, "data") if text else ""
            if text and not why:
                self.ledger.took((*path, "examples"), target, "The file's example, in a CloudEvents envelope.")
                return text
            if why:
                self.ledger.left((*path, "examples"), f"The example does not fit its schema: {why[:200]}.", target)
        # Unchecked: what a record cannot keep of it is left out at the end.
        described = Event.model_construct(type=event["type"], source=event["source"], data_schema=schema)
        made = examples.made(described) if schema else None
        if made is None or misfit(schema, made, "data") or len(made) > LONGEST_MADE:
            return None
        self.ledger.guessed(path, target, "An example made from the schema: put real values in.")
        return made


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
