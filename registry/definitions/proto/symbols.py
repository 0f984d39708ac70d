"""Which declaration a name means, searched from the inside out as protoc does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..flaws import At, Flaw, short
from . import wellknown
from .tree import Enum, Field, Message, ProtoFile

Kind = Literal["package", "message", "enum", "value", "field", "extension", "oneof", "service", "method"]
Node = Message | Enum | Field | None
_HOLDERS = ("package", "message", "enum", "service")
_WORDS = {"extension": "a field", "value": "a value of an enum"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a full name stands for; `node` is its declaration where it is in this file."""

    kind: Kind
    name: str
    node: Node = None

    @property
    def is_type(self) -> bool:
        """Whether a field can be of it."""
        return self.kind in ("message", "enum")

    @property
    def said(self) -> str:
        """What it is, in words."""
        article = "an" if self.kind in ("enum", "oneof") else "a"
        return _WORDS.get(self.kind, f"{article} {self.kind}")


class Symbols:
    """Every name a file declares or imports."""

    def __init__(self, file: ProtoFile) -> None:
        self.package = file.package
        self.missing = tuple(each for each in file.imports if each.name not in wellknown.FILES)
        """Files of others: what they declare is not known."""
        self.flaws: list[Flaw] = []
        self._known: dict[str, Symbol] = {}
        for each in file.imports:
            for name, is_enum in wellknown.FILES.get(each.name, ()):
                self._known[name] = Symbol("enum" if is_enum else "message", name)
                self._known["google"] = Symbol("package", "google")
                self._known["google.protobuf"] = Symbol("package", "google.protobuf")
        self._packages(file)
        for symbol, at in _declared(file):
            self._add(symbol, at)

    def _packages(self, file: ProtoFile) -> None:
        steps = file.package.split(".") if file.package else []
        for end in range(1, len(steps) + 1):
            name = ".".join(steps[:end])
            self._add(Symbol("package", name), file.package_at)

    def _add(self, symbol: Symbol, at: At) -> None:
        taken = self._known.get(symbol.name)
        if taken is None:
            self._known[symbol.name] = symbol
        elif not (taken.kind == symbol.kind == "package"):
            name = symbol.name.removeprefix(f"{self.package}.") if self.package else symbol.name
            message = f"{short(name)} is declared already, as {taken.said}"
            if symbol.kind == "value":
                message += "; values of an enum share the names around it"
            self.flaws.append(Flaw(at, message, "Rename one of the two."))

    def full(self, name: str) -> str:
        """A name of this file with its package."""
        return f"{self.package}.{name}" if self.package else name

    def find(self, name: str, scope: str, *, types_only: bool = False) -> Symbol | None:
        """What `name` means when it is used inside `scope`; None where nothing of that name is in sight."""
        if name.startswith("."):
            return self._known.get(name[1:])
        first, _, rest = name.partition(".")
        outer = scope
        while outer:
            outer = outer.rpartition(".")[0]
            found = self._known.get(f"{outer}.{first}" if outer else first)
            if found is None:
                continue
            if rest and found.kind in _HOLDERS:
                return self._known.get(f"{found.name}.{rest}")
            if not rest and (found.is_type or not types_only):
                return found
        return None

    def may_be_elsewhere(self, name: str, scope: str) -> bool:
        """Whether a name that was not found may be declared in a file that is not here."""
        if not self.missing:
            return False
        first = name.lstrip(".").partition(".")[0]
        holder = self._known.get(first) if name.startswith(".") else self.find(first, scope)
        return holder is None or holder.kind == "package"


def _declared(file: ProtoFile) -> Iterator[tuple[Symbol, At]]:
    package = f"{file.package}." if file.package else ""
    for message in file.messages:
        yield from _in_message(message, package)
    for enum in file.enums:
        yield from _in_enum(enum, package)
    for service in file.services:
        yield Symbol("service", package + service.name), service.at
        for method in service.methods:
            yield Symbol("method", f"{package}{service.name}.{method.name}"), method.at
    for field in file.extends:
        yield Symbol("extension", package + field.name, field), field.name_at


def _in_message(message: Message, package: str) -> Iterator[tuple[Symbol, At]]:
    own = package + message.name
    yield Symbol("message", own, message), message.at
    for oneof in message.oneofs:
        yield Symbol("oneof", f"{own}.{oneof.name}"), oneof.at
    for field in message.fields:
        yield Symbol("field", f"{own}.{field.name}", field), field.name_at
    for inner in message.messages:
        yield from _in_message(inner, package)
    for enum in message.enums:
        yield from _in_enum(enum, package)
    for field in message.extends:
        yield Symbol("extension", f"{own}.{field.name}", field), field.name_at


def _in_enum(enum: Enum, package: str) -> Iterator[tuple[Symbol, At]]:
    own = package + enum.name
    yield Symbol("enum", own, enum), enum.at
    around = own.rpartition(".")[0]
    for value in enum.values:
        yield Symbol("value", f"{around}.{value.name}" if around else value.name), value.at
