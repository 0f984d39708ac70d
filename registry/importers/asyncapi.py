"""AsyncAPI 2 and 3 → topics, events and frames, who publishes and who reads, and contracts for AMQP and WebSocket."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..record.base import LONGEST_LIST
from ..record.contracts import ExchangeType
from ..record.findings import InvalidRecord, Problem
from .base import Asked, Group, Imported, Importer, Ledger, Path, Role
from .bindings import channel_facts, group_of
from .fitting import line, one_of, prose, slug, system_name, text_of, unique, url
from .messages import Messages, Use
from .openapi import environment_of
from .schemas import Schemas
from .source import Source, read_source

__all__ = ["ASYNCAPI"]

SOCKETS = ("ws", "wss", "http", "https")
AUTHENTICATIONS = {
    "userPassword": "basic",
    "plain": "basic",
    "scramSha256": "basic",
    "scramSha512": "basic",
    "apiKey": "api_key",
    "httpApiKey": "api_key",
    "X509": "mtls",
    "mutualTLS": "mtls",
    "openIdConnect": "bearer_jwt",
}
HEADERS = {"basic": "Authorization: Basic <credentials>", "bearer_jwt": "Authorization: Bearer <token>"}


@dataclass(slots=True)
class Channel:
    """A channel with its uses, alike for both versions of the format."""

    address: str
    value: dict[str, Any]
    path: Path
    uses: list[Use] = field(default_factory=list)


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord for what is not AsyncAPI 2 or 3."""
    source = read_source(text)
    version = text_of(_dict(source.value).get("asyncapi"))
    if version[:2] not in ("2.", "3."):
        at = source.line_at(("asyncapi",)) or 1
        message = f"line {at}, column 1: names no AsyncAPI version 2 or 3"
        raise InvalidRecord([Problem("", message, "Write asyncapi: 3.0.0; convert version 1 first.")])
    return _Reading(source, asked, second=version[0] == "2").imported()


class _Reading:
    def __init__(self, source: Source, asked: Asked, *, second: bool) -> None:
        self.value: dict[str, Any] = source.value
        self.asked = asked
        self.second = second
        self.ledger = Ledger(source.line_at)
        self.schemas = Schemas(source, self.ledger)
        self.info = _dict(self.value.get("info"))
        self.app = asked.sides.own or system_name(self.info.get("title")) or "application"
        self.topics: dict[str, dict[str, Any]] = {}
        self.frames: dict[str, dict[str, Any]] = {}
        self.amqp: list[dict[str, Any]] = []
        self.messages = Messages(self.value, self.app, asked, self.schemas, self.ledger)

    def imported(self) -> Imported:
        channels = self.channels()
        wanted = self.wanted(channels)
        for channel in channels:
            if channel.path not in wanted:
                self.ledger.passed(channel.path, "Not in the selection.")
            elif len(self.topics) == LONGEST_LIST:
                self.ledger.left(channel.path, f"{channel.address[:200]}: a record holds {LONGEST_LIST} topics.")
            elif self.is_socket(channel):
                self.socket(channel)
            else:
                self.topic(channel)
        contracts = [*self.socket_contract(), *self.amqp]
        document = {
            "overview": self.overview(),
            "parties": list(self.parties()),
            "contracts": contracts,
            "events": self.messages.finish([_host(each) for each in self.servers().values()]),
            "topics": list(self.topics.values()),
        }
        self.leave_rest()
        groups = [Group(each.address, max(1, sum(len(use.messages) for use in each.uses))) for each in channels]
        title = line(self.info.get("title"), 100) or ""
        return self.ledger.imported("asyncapi", document, title=title, groups=groups if len(groups) > 1 else ())

    def wanted(self, channels: list[Channel]) -> set[Path]:
        """The places of the channels asked for by their address or, where none is called so, by how it begins."""
        only = self.asked.only
        exact = {each.address for each in channels if each.address in only}
        begun = tuple(each for each in only if each not in exact)
        return {each.path for each in channels if not only or each.address in exact or each.address.startswith(begun)}

    # What stands around the channels

    def overview(self) -> dict[str, Any]:
        kind = "asynchronous" if self.topics else "bidirectional"
        self.ledger.took(("asyncapi",), "overview.type", f"AsyncAPI describes messages: {kind}.")
        purpose = prose(self.info.get("description"))
        if purpose:
            self.ledger.guessed(("info", "description"), "overview.purpose", "The file's description: reword it.")
        return {"type": kind, "purpose": purpose}

    def parties(self) -> Iterator[dict[str, Any]]:
        sends = any(each.get("published_by") for each in self.messages.events.values())
        sends = sends or any(each["sent_by"] == "provider" for each in self.frames.values())
        contact = _dict(self.info.get("contact"))
        reach = line(contact.get("email")) or line(contact.get("url")) or line(contact.get("name"))
        guess: Role = "provider" if sends else "consumer"
        role = self.asked.sides.described or guess
        why = "It sends, so it is the provider." if sends else "It only reads, so it is the consumer."
        said = why if role == guess else "As was said."
        self.ledger.guessed(("info", "title"), f"parties[{self.app}]", f"{self.app}: {said}")
        yield {"role": role, "system": self.app, "contact": reach}

    def leave_rest(self) -> None:
        for name in ("version", "license", "termsOfService"):
            if name in self.info:
                self.ledger.passed(("info", name), f"The {name} of an API has no place in a design record.")
        for name, server in self.servers().items():
            if text_of(server.get("protocol")) not in SOCKETS:
                self.ledger.passed(
                    ("servers", name), f"A topic names its broker, not its address {_host(server)[:100]}."
                )
                if server.get("security") and not self.amqp:
                    at: Path = ("servers", name, "security")
                    self.ledger.passed(at, "How to sign in to a broker has no place: a topic names the broker alone.")

    # Channels, alike for both versions

    def channels(self) -> list[Channel]:
        found = {}
        for key, raw in _dict(self.value.get("channels")).items():
            value, path = self.schemas.follow(raw, ("channels", key))
            value = _dict(value)
            address = line(value.get("address")) if not self.second else line(key)
            if not self.second and address is None:
                self.ledger.left(path, f"{key[:100]} has no address: its name stands for it.", f"topics[{line(key)}]")
            found[key] = Channel(address or line(key) or "channel", value, path)
        if self.second:
            for channel in found.values():
                self._uses_of_second(channel)
        else:
            by_path = {channel.path: channel for channel in found.values()}
            for name, raw in _dict(self.value.get("operations")).items():
                self._use_of_third(by_path, raw, ("operations", name))
        return list(found.values())

    def _uses_of_second(self, channel: Channel) -> None:
        # In version 2, publish is what others do: the application that is described receives.
        for verb, sends in (("publish", False), ("subscribe", True)):
            operation, path = self.schemas.follow(channel.value.get(verb), (*channel.path, verb))
            if isinstance(operation, dict):
                message, at = self.schemas.follow(operation.get("message"), (*path, "message"))
                choices = _dict(message).get("oneOf")
                messages = (
                    [(each, (*at, "oneOf", i)) for i, each in enumerate(choices)] if isinstance(choices, list) else []
                )
                if not messages and isinstance(message, dict):
                    messages = [(message, at)]
                channel.uses.append(Use(sends, operation, path, messages))

    def _use_of_third(self, channels: dict[Path, Channel], raw: Any, path: Path) -> None:
        operation, path = self.schemas.follow(raw, path)
        operation = _dict(operation)
        sends = operation.get("action") == "send"
        self._use_channel(channels, operation, operation, path, sends)
        reply = operation.get("reply")
        if reply is not None:
            value, at = self.schemas.follow(reply, (*path, "reply"))
            self._use_channel(channels, _dict(value), operation, at, not sends)
            if location := text_of(_dict(_dict(value).get("address")).get("location")):
                self.ledger.left((*at, "address"), f"Where to reply is said at run time, in {location[:100]}: note it.")

    def _use_channel(
        self, channels: dict[Path, Channel], naming: dict[str, Any], operation: dict[str, Any], path: Path, sends: bool
    ) -> None:
        _, at = self.schemas.follow(naming.get("channel"), (*path, "channel"))
        channel = channels.get(at)
        if channel is None:
            self.ledger.left(path, "Names no channel of this file.")
            return
        named = naming.get("messages")
        if isinstance(named, list):
            messages = [(each, (*path, "messages", index)) for index, each in enumerate(named)]
        else:
            messages = [(each, (*at, "messages", name)) for name, each in _dict(channel.value.get("messages")).items()]
        channel.uses.append(Use(sends, operation, path, messages))

    def servers(self) -> dict[str, dict[str, Any]]:
        servers = _dict(self.value.get("servers"))
        return {name: _dict(self.schemas.follow(raw, ("servers", name))[0]) for name, raw in servers.items()}

    def servers_of(self, channel: Channel) -> dict[str, dict[str, Any]]:
        found = self.servers()
        named = channel.value.get("servers")
        if not isinstance(named, list) or not named:
            return found
        own = {text_of(each) or text_of(_dict(each).get("$ref")).split("/")[-1] for each in named}
        return {name: server for name, server in found.items() if name in own}

    def is_socket(self, channel: Channel) -> bool:
        bindings = _dict(channel.value.get("bindings"))
        protocols = {text_of(each.get("protocol")) for each in self.servers_of(channel).values()}
        return "ws" in bindings or bool(protocols and protocols <= set(SOCKETS))

    # Topics and events

    def topic(self, channel: Channel) -> None:
        bindings = _dict(self.schemas.follow(channel.value.get("bindings"), (*channel.path, "bindings"))[0])
        facts = list(channel_facts(bindings, channel.value))
        name = next((each.value for each in facts if each.field == "name" and each.value), channel.address)
        topic = self.topics.setdefault(name, {"name": name, "kind": "topic", "consumer_groups": []})
        self.ledger.took(channel.path, f"topics[{name}]", f"Channel {channel.address[:200]}")
        for fact in facts:
            if fact.field and fact.value is not None:
                topic[fact.field] = fact.value
                if fact.field not in ("name", "kind"):
                    said = f"{fact.field.replace('_', ' ').capitalize()}: {fact.value}"
                    self.ledger.took((*channel.path, *fact.place), f"topics[{name}].{fact.field}", said)
            elif not fact.field:
                self.ledger.passed((*channel.path, *fact.place), fact.value)
        if "broker" not in topic:
            topic["broker"] = self._broker(channel, name)
        for parameter in _dict(channel.value.get("parameters")):
            text = f"{{{parameter[:60]}}} stays in the topic's name."
            self.ledger.passed((*channel.path, "parameters", parameter), text)
        for use in channel.uses:
            self._use(topic, use)
        if not channel.uses:
            self.ledger.left(channel.path, "No operation says who writes and who reads here.", f"topics[{name}]")
        if "amqp" in bindings and isinstance(bindings["amqp"], dict):
            self._amqp_contract(channel, bindings["amqp"], name)

    def _broker(self, channel: Channel, topic: str) -> str | None:
        """The one server; of several, the host they share."""
        servers, target = self.servers_of(channel), f"topics[{topic}].broker"
        if len(servers) == 1:
            return line(next(iter(servers)))
        path: Path = (*channel.path, "servers") if "servers" in channel.value else ("servers",)
        hosts = {_host(each).partition(":")[0] for each in servers.values()}
        if len(hosts) == 1 and (found := line(hosts.pop())) and "{" not in found:
            self.ledger.guessed(
                path, target, f"{len(servers)} servers share the host {found}: check the broker's name."
            )
            return found
        if servers:
            self.ledger.left(path, f"On {len(servers)} servers: name the broker by hand.", target)
        return None

    def _use(self, topic: dict[str, Any], use: Use) -> None:
        if use.sends:
            topic["producer"] = self.app
        traits = _items(use.operation.get("traits"))
        bound = [use.operation, *(_dict(self.schemas.follow(each, (*use.path, "traits"))[0]) for each in traits)]
        group = next((found for each in bound if (found := group_of(_dict(each.get("bindings"))))), None)
        if not use.sends and (group or self.app) not in topic["consumer_groups"]:
            topic["consumer_groups"].append(group or self.app)
            target = f"topics[{topic['name']}].consumer_groups"
            if group is None:
                self.ledger.guessed(use.path, target, f"The group that reads is called {self.app}, as the system.")
            else:
                self.ledger.took(use.path, target, f"Consumer group {group}")
        for raw, path in use.messages:
            message, at = self.messages.message(raw, path)
            if message is not None:
                self.messages.add(message, at, use, topic)

    # Contracts

    def _amqp_contract(self, channel: Channel, amqp: dict[str, Any], queue: str) -> None:
        binding = _dict(amqp.get("exchange"))
        exchange, kind = line(binding.get("name")), one_of(ExchangeType, binding.get("type"))
        taken = {each["name"] for each in self.amqp}
        name = unique(slug(channel.address) or slug(queue) or "queue", taken)
        sends = any(use.sends for use in channel.uses)
        side = "provider" if sends else "consumer"
        key = channel.address if amqp.get("is") != "queue" else None
        definition = {"exchange": exchange, "exchange_type": kind, "routing_key": key}
        target = f"contracts[{name}]"
        self.ledger.took((*channel.path, "bindings", "amqp"), target, f"AMQP by {exchange or 'the default exchange'}")
        contract = {"name": name, "protocol": "amqp", side: self.app, "definition": definition}
        self.amqp.append({**contract, "authentication": self.authentication(self.servers_of(channel))})

    def socket(self, channel: Channel) -> None:
        target = f"contracts[{self.app}]"
        self.ledger.took(channel.path, target, f"{channel.address[:200]}: messages are frames of a WebSocket contract.")
        for use in channel.uses:
            for raw, path in use.messages:
                message, at = self.messages.message(raw, path)
                if message is not None:
                    self._frame(message, at, use)

    def _frame(self, message: dict[str, Any], path: Path, use: Use) -> None:
        last = next((text_of(step) for step in reversed(path) if isinstance(step, str) and step != "message"), "")
        named = slug(message.get("name")) or slug(message.get("messageId")) or slug(last) or "frame"
        name = unique(named, set(self.frames))
        payload, at, readable = self.messages.payload(message, path)
        schema = self.schemas.code(payload, at) if payload is not None and readable else None
        example = next((_dict(each).get("payload") for each in _items(message.get("examples"))), None)
        self.frames[name] = {
            "name": name,
            # Guessed: what is described is the side that answers.
            "sent_by": "provider" if use.sends else "consumer",
            "body_schema": schema,
            "example": None if example is None else self.schemas.text(example, (*path, "examples"), "example"),
        }
        self.ledger.took(path, f"contracts[{self.app}].definition.frames[{name}]", f"Frame {name[:100]}")

    def socket_contract(self) -> Iterator[dict[str, Any]]:
        servers = {
            name: _dict(self.schemas.follow(raw, ("servers", name))[0])
            for name, raw in _dict(self.value.get("servers")).items()
        }
        used = {name: each for name, each in servers.items() if text_of(each.get("protocol")) in SOCKETS}
        if not self.frames:
            return
        yield {
            "name": self.app,
            "protocol": "websocket",
            "provider": self.app,
            "authentication": self.authentication(used),
            "base_urls": list(self._base_urls(used)),
            "definition": {"frames": list(self.frames.values())},
        }

    def _base_urls(self, servers: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
        taken: set[str] = set()
        for name, server in servers.items():
            host = text_of(server.get("host")) + text_of(server.get("pathname"))
            address = text_of(server.get("url")) or f"https://{host}"
            found = url(re.sub("^ws", "http", address))
            if found is None:
                self.ledger.left(("servers", name), "This server has no whole web address: state base URLs by hand.")
                continue
            environment = unique(environment_of(f"{name} {address} {text_of(server.get('description'))}"), taken)
            target = f"contracts[{self.app}].base_urls[{environment}]"
            self.ledger.guessed(("servers", name), target, f"{environment} is {line(found)}, by its name.")
            yield {"environment": environment, "url": found}

    def authentication(self, servers: dict[str, dict[str, Any]]) -> dict[str, Any]:
        for name, server in servers.items():
            for index, raw in enumerate(_items(server.get("security"))):
                if self.second:
                    known = next(iter(_dict(raw)), "")
                    raw = _dict(_dict(self.value.get("components")).get("securitySchemes")).get(known)
                scheme, path = self.schemas.follow(raw, ("servers", name, "security", index))
                if made := _authentication(_dict(scheme)):
                    self.ledger.took(path, "contracts", f"Authentication: {made['type']}.")
                    return made
        return {}


def _authentication(scheme: dict[str, Any]) -> dict[str, Any]:
    kind = text_of(scheme.get("type"))
    if kind == "http":
        kind = {"basic": "userPassword"}.get(text_of(scheme.get("scheme")).lower(), "openIdConnect")
    flow = _dict(_dict(scheme.get("flows")).get("clientCredentials"))
    if flow:
        scopes = _dict(flow.get("scopes") or flow.get("availableScopes"))
        endpoint = url(flow.get("tokenUrl"))
        return {
            "type": "oauth2_client_credentials",
            "scopes": [line(each) for each in scopes],
            "token_endpoint": endpoint,
        }
    if kind not in AUTHENTICATIONS:
        return {}
    made = AUTHENTICATIONS[kind]
    named = line(scheme.get("name")) if made == "api_key" else HEADERS.get(made)
    return {"type": made, "header": named}


def _host(server: dict[str, Any]) -> str:
    address = text_of(server.get("host")) or text_of(server.get("url"))
    for name, variable in _dict(server.get("variables")).items():
        address = address.replace("{" + name + "}", text_of(_dict(variable).get("default")))[:500]
    return re.sub("^[a-z+]{1,20}://", "", address)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _accepts(filename: str, head: str) -> bool:
    return bool(re.search(r"""^[\s{]*["']?asyncapi["']?\s*:""", head, re.MULTILINE))


ASYNCAPI = Importer("asyncapi", "AsyncAPI 2 or 3", _accepts, read)
