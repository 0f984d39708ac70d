"""Protocol Buffers: what a .proto source declares, and what protoc would refuse in it."""

from dataclasses import dataclass
from functools import lru_cache

from ..flaws import MOST_FLAWS, Flaw, Flawed
from .check import check
from .parse import parse
from .tree import Enum, Field, Import, Message, Method, ProtoFile, Service, Value
from .wellknown import FILES

__all__ = [
    "Enum",
    "Field",
    "Import",
    "Message",
    "Method",
    "ProtoFile",
    "Read",
    "Service",
    "Value",
    "missing",
    "parse",
    "read",
]


@dataclass(frozen=True, slots=True)
class Read:
    """A source as far as it could be read. With flaws protoc refuses it; without a file its very grammar is broken."""

    file: ProtoFile | None
    flaws: tuple[Flaw, ...] = ()


@lru_cache(maxsize=16)
def read(text: str) -> Read:
    """What a source declares and what is wrong with it, the first flaws only."""
    try:
        file = parse(text)
    except Flawed as flawed:
        return Read(None, (flawed.flaw,))
    return Read(file, tuple(check(file)[:MOST_FLAWS]))


def missing(file: ProtoFile) -> list[Import]:
    """The files it imports that are not protoc's own: what they declare is not in the record."""
    return [each for each in file.imports if each.name not in FILES]
