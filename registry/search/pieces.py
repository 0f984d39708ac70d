"""What can be found in a design record: each contract, operation, error, event …, and the prose of every section."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from registry.record import DesignRecord, labels, pointers
from registry.record.base import Part
from registry.record.contracts import Contract, ErrorRow, Frame, Operation
from registry.record.events import Event
from registry.record.findings import InvalidRecord
from registry.record.monitoring import AlertRoute, Metric
from registry.record.policy import Policy
from registry.record.testing import Scenario
from registry.record.topics import Topic
from registry.search import words
from registry.untrusted import parse_untrusted

LONGEST_LINE = 20_000
LONGEST_CODE = 6_000
MOST_NAMES = 400
"""Names and descriptions of one schema that are kept."""
MOST_PIECES = 2_000
"""Of one integration; the largest real design seen has 140. What comes after is not found, so that saves stay quick."""

KINDS: dict[type[Part], str] = {
    Contract: "contract",
    Operation: "operation",
    Frame: "operation",
    ErrorRow: "error",
    Event: "event",
    Topic: "topic",
    Scenario: "scenario",
    Metric: "alert",
    AlertRoute: "alert",
}
"""Parts that are found by themselves; the others belong to the part or section they stand in."""
OF_INTEGRATION = ("overview", "parties")
"""Sections that say what the integration is."""
ANCHORS = {
    "contracts": "contract-{}",
    "operations": "operation-{}",
    "frames": "frame-{}",
    "errors": "error-{}",
    "events": "event-{}",
    "topics": "topic-{}",
    "scenarios": "scenario-{}",
    "metrics": "metric-{}",
    "alert_routes": "alert-route-{}",
    "parties": "party-{}",
    "ordering": "ordering-{}",
    "steps": "saga-step-{}",
}
"""Where the items of a list stand in the document, by their place; templates/console/document has the same ids."""
PLACES = {
    "sla": "overview",
    "consistency": "consistency-model",
    "pact": "pact",
    "environments": "test-environments",
    "tracing": "tracing",
    "authentication": "{}-authentication",
    "proto": "{}-proto",
    "graphql": "{}-graphql",
    "exchange": "{}-exchange",
    "exchange_type": "{}-exchange",
    "routing_key": "{}-exchange",
    "message_headers": "{}-exchange",
    "file_pattern": "{}-files",
    "file_format": "{}-files",
    "file_encoding": "{}-files",
    "delimiter": "{}-files",
    "location": "{}-files",
    "schedule": "{}-files",
}
"""Where other parts and fields stand, if not with the part around them. {} is that part's own place."""
_SCHEMA_TEXTS = ("title", "description")


@dataclass(frozen=True, slots=True)
class Line:
    """One text of a piece: the field it stands in, the place of that field in the document, and the text."""

    label: str
    anchor: str
    text: str
    also: str = ""
    """Other words it is found by."""


@dataclass(slots=True)
class Piece:
    """Something that can be found."""

    kind: str
    pointer: str
    title: str
    anchor: str = ""
    lines: list[Line] = field(default_factory=list)

    @property
    def texts(self) -> Iterator[str]:
        return (f"{each.text} {each.also}" if each.also else each.text for each in self.lines)


@dataclass(frozen=True, slots=True)
class Row:
    """A piece as it is kept; the columns of registry.models.SearchEntry."""

    kind: str
    pointer: str
    title: str
    anchor: str
    lines: list[list[str]]
    vector: str
    digest: str


def rows(name: str, slug: str, record: DesignRecord) -> list[Row]:
    """Everything in an integration's record that can be found, as it is kept."""
    marks = _marks(record)
    first = islice(pieces(name, slug, record), MOST_PIECES)
    found = [row(each, context=f"{name}\n{slug}", marks=marks) for each in first]
    return list({each.pointer: each for each in found}.values())


def catalog_row(noun: str, *, slug: str, name: str, said: Mapping[str, str], team: str = "") -> Row:
    """A system, team or environment, as it is kept: what is said of it by the label of each text."""
    lines = [Line(label, "", text) for label, text in {**said, "Address": slug}.items() if text]
    return row(Piece(noun, f"{noun}/{slug}", name, lines=lines), marks=[f"@team={team}"] if team else [])


def row(piece: Piece, *, context: str = "", marks: Iterable[str] = ()) -> Row:
    """A piece as it is kept."""
    vector = words.vector(piece.title, piece.texts, context=context, marks=(f"@in={piece.kind}", *marks))
    lines = [[each.label, each.anchor, each.text] for each in piece.lines]
    kept = json.dumps([piece.kind, piece.title, piece.anchor, lines, vector], ensure_ascii=False).encode()
    digest = hashlib.blake2b(kept, digest_size=8).hexdigest()
    return Row(piece.kind, piece.pointer, piece.title, piece.anchor, lines, vector, digest)


def pieces(name: str, slug: str, record: DesignRecord) -> Iterator[Piece]:
    """The integration itself, then the pieces of its record in the document's order."""
    itself = Piece("integration", "", name)
    below: list[Piece] = []
    for pointer, section, value in pointers.fields(record):
        anchor = PLACES.get(section, section)
        home = itself if section in OF_INTEGRATION else Piece("section", pointer, labels.field(section), anchor)
        below += [home] if home is not itself else []
        below += _read(value, section, pointer, anchor, home)
    itself.lines.append(Line("Address", "", slug))
    yield itself
    yield from (each for each in below if each.lines or each.kind != "section")


def _marks(record: DesignRecord) -> list[str]:
    """What a search may be narrowed by."""
    asked: list[tuple[str, str | None]] = [("type", record.overview.type), ("criticality", record.overview.criticality)]
    asked += [("team", each.team) for each in record.parties] + [("system", each.system) for each in record.parties]
    return list(dict.fromkeys(f"@{name}={value}" for name, value in asked if value))


def _read(value: Any, name: str, pointer: str, anchor: str, home: Piece) -> list[Piece]:
    """Puts what a section or field says into its piece; gives the pieces that stand by themselves."""
    if isinstance(value, Part):
        return _read_part(value, pointer, anchor, home)
    if not isinstance(value, tuple) or not value or not isinstance(value[0], Part):
        return []
    found: list[Piece] = []
    for place, (step, each) in enumerate(zip(pointers.item_steps(value), value, strict=True), start=1):
        at, where = pointer + step, _anchor_of_item(name, place, anchor)
        kind = KINDS.get(type(each))
        piece = Piece(kind, at, _title(each), where) if kind else home
        found += [piece] if kind else []
        found += _read_part(each, at, where, piece)
    return found


def _read_part(part: Part, pointer: str, anchor: str, home: Piece) -> list[Piece]:
    if isinstance(part, Policy):
        # Numbers and choices; nobody looks for words in them.
        return []
    found: list[Piece] = []
    for at, name, value in pointers.fields(part, pointer):
        where = PLACES.get(name, "{}").format(anchor)
        if isinstance(value, Part) or (isinstance(value, tuple) and value and isinstance(value[0], Part)):
            found += _read(value, name, at, where, home)
        elif (text := _text(value)) and text not in (home.title, *home.title.split()):
            home.lines.append(_line(part, name, where, text))
    return found


def _anchor_of_item(name: str, place: int, around: str) -> str:
    pattern = ANCHORS.get(name)
    if pattern is None:
        return around
    own = pattern.format(place)
    return f"{around}-{own}" if around.startswith("contract-") else own


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _line(part: Part, name: str, anchor: str, text: str) -> Line:
    info = type(part).model_fields[name]
    extra = info.json_schema_extra
    language = str(extra.get("language", "")) if isinstance(extra, dict) else ""
    label = info.title or labels.field(name)
    if language == "json":
        return Line(label, anchor, json_words(text, is_schema=name.endswith("schema")))
    if language:
        return Line(label, anchor, " ".join(text.split())[:LONGEST_CODE])
    if name in _choices(type(part)):
        return Line(label, anchor, labels.choice(text), also=text)
    return Line(label, anchor, text[:LONGEST_LINE])


@cache
def _choices(part: type[Part]) -> frozenset[str]:
    """The fields whose value is one of a few."""
    return frozenset(name for name, info in part.model_fields.items() if _is_choice(info))


def _is_choice(info: FieldInfo) -> bool:
    return any(get_origin(each) is Literal for each in (info.annotation, *get_args(info.annotation)))


def _title(part: Part) -> str:
    match part:
        case Operation():
            title = f"{part.method or ''} {part.path or ''}".strip() or part.name
        case ErrorRow():
            title = f"{part.status or ''} {part.code or ''}".strip()
        case AlertRoute():
            title = part.condition
        case Event():
            title = part.name or part.type
        case _:
            title = part.item_key
    return title or f"Unnamed {type(part).TITLE.lower()}"


def json_words(text: str, *, is_schema: bool) -> str:
    """What a JSON Schema names and says, or an example's names and values, without JSON's own words and signs."""
    try:
        content = parse_untrusted(text, "json")
    except InvalidRecord:
        return " ".join(text.split())[:LONGEST_CODE]
    found: list[str] = []
    (_schema_words if is_schema else _example_words)(content, found)
    return " · ".join(dict.fromkeys(found[:MOST_NAMES]))[:LONGEST_CODE]


def _schema_words(node: Any, found: list[str]) -> None:
    if isinstance(node, list):
        for each in node:
            _schema_words(each, found)
    if not isinstance(node, dict):
        return
    found += [node[name] for name in _SCHEMA_TEXTS if isinstance(node.get(name), str)]
    named = node.get("properties")
    for name, value in named.items() if isinstance(named, dict) else ():
        found.append(str(name))
        _schema_words(value, found)
    said = node.get("enum")
    found += [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
    for name, value in node.items():
        if name not in ("properties", "enum", "required", "examples", "default"):
            _schema_words(value, found)


def _example_words(node: Any, found: list[str]) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            found.append(str(name))
            _example_words(value, found)
    elif isinstance(node, list):
        for each in node:
            _example_words(each, found)
    elif isinstance(node, str):
        found.append(node)
