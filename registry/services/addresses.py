"""Addresses of brokers: what each kind's may hold. Clients read more in them than anybody checked: that is refused."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from registry.models import Broker

SOCKET = "unix"
HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*)|[0-9a-f]*:[0-9a-f.:]+")


class Misread(ValueError):
    """It is no address of its kind. Says what is wrong, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what, self.mend = what, mend


class Option(NamedTuple):
    """What may stand behind the question mark."""

    values: re.Pattern[str]
    mend: str


@dataclass(frozen=True, slots=True)
class Form:
    """What an address of a kind looks like, and what it may hold but hosts and ports."""

    shown: str
    ports: Mapping[str, int]
    """The usual port of each scheme."""
    path: re.Pattern[str] = re.compile("/?")
    options: Mapping[str, Option] = field(default_factory=dict)
    names_several: bool = False
    """Whether it may name several hosts."""


FORMS = {
    Broker.Kind.RABBITMQ: Form(
        "amqps://rabbit.example.com:5671/orders", {"amqp": 5672, "amqps": 5671}, path=re.compile("(/.*)?")
    ),
    Broker.Kind.REDIS_STREAMS: Form(
        "rediss://valkey.example.com:6379/0", {"redis": 6379, "rediss": 6379}, path=re.compile("/?|/[0-9]{1,5}")
    ),
    Broker.Kind.NATS: Form("tls://nats.example.com:4222", {"nats": 4222, "tls": 4222}),
    Broker.Kind.KAFKA: Form(
        "kafkas://kafka-1.example.com:9093,kafka-2.example.com:9093",
        {"kafka": 9092, "kafkas": 9093},
        options={
            "sasl": Option(
                re.compile("PLAIN|SCRAM-SHA-256|SCRAM-SHA-512"), "Choose PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
            )
        },
        names_several=True,
    ),
    Broker.Kind.SQS: Form(
        "https://sqs.eu-west-1.amazonaws.com?region=eu-west-1",
        {"https": 443, "http": 80},
        path=re.compile("(/.*)?"),
        options={"region": Option(re.compile("[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?"), "Write it as in eu-west-1.")},
    ),
}
OF_SOCKETS = Form(
    "unix:///run/valkey/valkey.sock?db=0",
    {SOCKET: 0},
    path=re.compile("/.+"),
    options={"db": Option(re.compile("[0-9]{1,5}"), "Write its number, as in db=0.")},
)


@dataclass(frozen=True, slots=True)
class Door:
    """One host and port of a broker's address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's address as it is read here. Only what is written anew from it goes to a client."""

    scheme: str
    doors: tuple[Door, ...]
    path: str
    options: Mapping[str, str]

    @property
    def socket(self) -> Path | None:
        """The socket of this machine it names; None where it names hosts."""
        return Path(unquote(self.path)) if self.scheme == SOCKET else None

    def written(self, doors: Iterable[Door], login: str = "", **more: str) -> str:
        """The same address with these hosts."""
        path = quote(str(self.socket)) if self.socket else self.path
        options = urlencode({**self.options, **more})
        hosts = ",".join(str(each) for each in doors)
        return f"{self.scheme}://{login}{hosts}{path}{'?' if options else ''}{options}"


def read(kind: str, url: str) -> Address:
    """What an address of this kind says. Raises Misread."""
    form = FORMS[Broker.Kind(kind)]
    mend = f"Write it as in {form.shown}."
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misread("is not an address", mend) from None
    if "@" in parts.netloc:
        raise Misread("holds a password", "Keep it in a variable or file, and name that as credentials.")
    if parts.scheme == SOCKET and kind == Broker.Kind.REDIS_STREAMS:
        form = OF_SOCKETS
    if parts.scheme not in form.ports:
        raise Misread(f"is no address of {Broker.Kind(kind).label}", mend)
    doors = _doors(parts.netloc, form, parts.scheme)
    if "#" in url:
        raise Misread("has a #, behind which nothing is read", "Write %23 where it is part of a name.")
    if not form.path.fullmatch(parts.path):
        raise Misread("has a path that means nothing there", mend)
    path = "" if parts.path == "/" else parts.path
    return Address(parts.scheme, doors, path, _options(parts.query, form))


def _doors(netloc: str, form: Form, scheme: str) -> tuple[Door, ...]:
    mend = f"Write it as in {form.shown}."
    if scheme == SOCKET:
        if netloc:
            raise Misread("names a host", mend)
        return ()
    named = netloc.split(",")
    if len(named) > 1 and not form.names_several:
        raise Misread("names several hosts", "Name one; only Kafka's address may name more.")
    return tuple(_door(each, form.ports[scheme], mend) for each in named)


def _door(named: str, usual: int, mend: str) -> Door:
    try:
        parts = urlsplit(f"//{named}")
        host, port = parts.hostname or "", parts.port or usual
    except ValueError:
        raise Misread("is not an address", mend) from None
    if not host:
        raise Misread("names no host", mend)
    if not HOST.fullmatch(host):
        raise Misread("is not an address", mend)
    return Door(host, port)


def _options(query: str, form: Form) -> dict[str, str]:
    given = parse_qsl(query, keep_blank_values=True)
    for name, value in given:
        if name not in form.options:
            raise Misread(f"has the option {name[:40]}", f"Leave it out, or write it as in {form.shown}.")
        if not form.options[name].values.fullmatch(value):
            raise Misread(f"has an option {name} that is none", form.options[name].mend)
    if len(dict(given)) < len(given):
        raise Misread("has an option twice", "Leave one of them out.")
    return dict(given)
