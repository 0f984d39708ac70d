"""A .proto source as tables: its types by name, each name a link to where it is declared."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.definitions import proto
from registry.definitions.proto.symbols import Symbols
from registry.definitions.proto.tree import Enum, Message

MOST_ROWS = 1_200
"""Fields and values shown; who needs more reads the source."""


@dataclass(frozen=True, slots=True)
class Named:
    """A type's name, and the anchor of its table where it is declared here."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One rpc."""

    method: proto.Method
    takes: Named
    returns: Named


@dataclass(frozen=True, slots=True)
class Row:
    """A field of a message, or a value of an enum."""

    number: int
    name: str
    type: Named
    before: str = ""
    after: str = ""
    doc: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A message or an enum with its rows."""

    name: str
    anchor: str
    doc: str
    rows: tuple[Row, ...]
    is_enum: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A source as a page shows it."""

    services: tuple[tuple[proto.Service, tuple[Call, ...]], ...]
    groups: tuple[Group, ...]
    is_cut: bool

    @property
    def explains_fields(self) -> bool:
        """Whether there is more to say of a field than its type."""
        return any(row.doc or row.note for each in self.groups for row in each.rows)


def source(text: str, prefix: str) -> Source | None:
    """The tables of a source; None where it cannot be read. `prefix` begins the anchors."""
    file = proto.read(text).file
    return _Showing(file, prefix).source() if file is not None else None


class _Showing:
    def __init__(self, file: proto.ProtoFile, prefix: str) -> None:
        self.file = file
        self.prefix = prefix
        self.symbols = Symbols(file)

    def source(self) -> Source:
        services = tuple((each, tuple(self.calls(each))) for each in self.file.services)
        kept: list[Group] = []
        left = MOST_ROWS
        for group in self.groups():
            left -= len(group.rows) + 1
            if left < 0:
                return Source(services, tuple(kept), is_cut=True)
            kept.append(group)
        return Source(services, tuple(kept), is_cut=False)

    def calls(self, service: proto.Service) -> Iterator[Call]:
        for each in service.methods:
            scope = self.symbols.full(f"{service.name}.{each.name}")
            yield Call(each, self.named(each.request, scope), self.named(each.response, scope))

    def groups(self) -> Iterator[Group]:
        for message in self.file.walk():
            yield self.message(message)
        for enum in self.file.all_enums():
            yield self.enum(enum)

    def message(self, message: Message) -> Group:
        return Group(message.name, self.anchor(message.name), message.doc, tuple(self.fields(message)))

    def fields(self, message: Message) -> Iterator[Row]:
        for each in message.fields:
            type_ = self.named(each.type, self.symbols.full(f"{message.name}.{each.name}"))
            before, after = (f"map<{each.key}, ", ">") if each.label == "map" else ("", "")
            if each.label in ("repeated", "optional", "required"):
                before = f"{each.label} "
            notes = [f"one of {each.oneof}"] if each.oneof else []
            notes += ["deprecated"] if each.is_deprecated else []
            yield Row(each.number, each.name, type_, before, after, each.doc, ", ".join(notes))

    def enum(self, enum: Enum) -> Group:
        rows = tuple(Row(each.number, each.name, Named(""), doc=each.doc) for each in enum.values)
        return Group(enum.name, self.anchor(enum.name), enum.doc, rows, is_enum=True)

    def named(self, name: str, scope: str) -> Named:
        found = self.symbols.find(name, scope, types_only=True)
        if found is None or found.node is None or not found.is_type:
            return Named(name)
        own = found.name.removeprefix(f"{self.file.package}." if self.file.package else "")
        return Named(name, self.anchor(own))

    def anchor(self, name: str) -> str:
        return f"{self.prefix}-{name.replace('.', '-')}"
