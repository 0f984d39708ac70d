"""What a .proto source declares, as written: names are not resolved here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..flaws import START, At

SCALARS = frozenset(
    [
        "double",
        "float",
        "int32",
        "int64",
        "uint32",
        "uint64",
        "sint32",
        "sint64",
        "fixed32",
        "fixed64",
        "sfixed32",
        "sfixed64",
        "bool",
        "string",
        "bytes",
    ]
)


@dataclass(frozen=True, slots=True)
class Option:
    """`name = value`; each step of the name is plain, or a name in parentheses. A block's value is its source."""

    name: tuple[str, ...]
    kind: str
    """name, integer, float, string or block."""
    value: str
    at: At = START

    @property
    def shown(self) -> str:
        """The name as written."""
        return ".".join(self.name)


Options = tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `start` to `end`, both within."""

    start: int
    end: int
    at: At = START

    def __contains__(self, number: int) -> bool:
        return self.start <= number <= self.end


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message; `label` is repeated, optional, required, map or empty."""

    name: str
    type: str
    number: int
    label: str = ""
    key: str = ""
    """The type of a map's keys."""
    oneof: str = ""
    extends: str = ""
    """The message it is added to from outside."""
    is_group: bool = False
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)
    name_at: At = field(default=START, compare=False)
    number_at: At = field(default=START, compare=False)

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.at.line

    @property
    def shown_type(self) -> str:
        """Its type with what its label adds."""
        if self.label == "map":
            return f"map<{self.key}, {self.type}>"
        return f"{self.label} {self.type}" if self.label == "repeated" else self.type

    def option(self, name: str) -> Option | None:
        """The option of that plain name."""
        return next((each for each in self.options if each.name == (name,)), None)

    @property
    def is_deprecated(self) -> bool:
        """Whether it says so."""
        said = self.option("deprecated")
        return said is not None and said.value == "true"

    @property
    def json_name(self) -> str:
        """Its name in JSON."""
        own = self.option("json_name")
        return own.value if own is not None else camel(self.name)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an enum."""

    name: str
    number: int
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Reserved:
    """Numbers and names that must not be used."""

    ranges: tuple[Range, ...] = ()
    names: tuple[tuple[str, At], ...] = ()


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum with its values; one inside a message is called Outer.Inner."""

    name: str
    values: tuple[Value, ...] = ()
    reserved: Reserved = Reserved()
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Oneof:
    """A choice of one among several fields."""

    name: str
    options: Options = ()
    at: At = START


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its fields; one inside another is called Outer.Inner."""

    name: str
    fields: tuple[Field, ...] = ()
    messages: tuple["Message", ...] = ()
    enums: tuple[Enum, ...] = ()
    oneofs: tuple[Oneof, ...] = ()
    extends: tuple[Field, ...] = ()
    """Fields it declares for other messages."""
    reserved: Reserved = Reserved()
    extensible: tuple[Range, ...] = ()
    range_options: Options = ()
    """Of all its ranges for extensions."""
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.at.line

    def walk(self) -> Iterator["Message"]:
        """Itself and the messages in it."""
        yield self
        for each in self.messages:
            yield from each.walk()


@dataclass(frozen=True, slots=True)
class Method:
    """One rpc of a service."""

    name: str
    request: str
    response: str
    request_streams: bool = False
    response_streams: bool = False
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)
    request_at: At = field(default=START, compare=False)
    response_at: At = field(default=START, compare=False)

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.at.line

    @property
    def kind(self) -> str:
        """How the two sides speak, in a word or two."""
        streams = (self.request_streams, self.response_streams)
        return {
            (False, False): "one answer",
            (True, False): "client streams",
            (False, True): "server streams",
            (True, True): "both stream",
        }[streams]


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its methods."""

    name: str
    methods: tuple[Method, ...] = ()
    doc: str = field(default="", compare=False)
    options: Options = field(default=(), compare=False)
    at: At = field(default=START, compare=False)

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.at.line


@dataclass(frozen=True, slots=True)
class Import:
    """Another file this one uses."""

    name: str
    at: At = START


@dataclass(frozen=True, slots=True)
class ProtoFile:
    """What a .proto source declares. `syntax` is proto2, proto3 or an edition such as 2023."""

    syntax: str = "proto2"
    package: str = ""
    imports: tuple[Import, ...] = ()
    services: tuple[Service, ...] = ()
    messages: tuple[Message, ...] = ()
    enums: tuple[Enum, ...] = ()
    extends: tuple[Field, ...] = ()
    options: Options = ()
    package_at: At = START

    def walk(self) -> Iterator[Message]:
        """Every message, an outer one before those in it."""
        for each in self.messages:
            yield from each.walk()

    def all_enums(self) -> Iterator[Enum]:
        """Every enum, also those in messages."""
        yield from self.enums
        for each in self.walk():
            yield from each.enums

    def message(self, name: str) -> Message | None:
        """The message a type name means, with or without its package."""
        plain = name.removeprefix(".").removeprefix(f"{self.package}." if self.package else "")
        return next((each for each in self.walk() if each.name == plain), None)


def camel(name: str) -> str:
    """`order_id` as orderId."""
    return re.sub("_+([^_]?)", lambda found: found[1].upper(), name)
