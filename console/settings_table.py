"""Live settings as tables: one group per contract and part, one line per value, with units."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registry.record import labels
from registry.record.base import Part
from registry.record.contracts import Contract
from registry.record.policy import LIVE_PARTS

# Bodies are sorted by name for their hash; people read them in the document's order.
_PARTS: list[type[Part]] = [Contract, *LIVE_PARTS.values()]
_ORDER = [name for part in _PARTS for name in part.model_fields]


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: what it is called to people and in the body, and its value with the unit."""

    label: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together."""

    title: str
    values: tuple[Value, ...]


def groups(body: dict[str, Any]) -> list[Group]:
    """The settings of a release's body; what only identifies it is left out."""
    return list(_groups(body))


def _groups(body: dict[str, Any]) -> Iterator[Group]:
    for name, contract in (body.get("contracts") or {}).items():
        plain = {key: value for key, value in contract.items() if not isinstance(value, dict | list)}
        yield _group(name, plain)
        for key in LIVE_PARTS:
            if part := contract.get(key):
                yield _group(f"{name}: {labels.field(key).lower()}", part)
        if contract.get("errors"):
            yield Group(f"{name}: errors", tuple(_error(row) for row in contract["errors"]))
    for name, topic in (body.get("topics") or {}).items():
        yield _group(name, topic)
    if body.get("tracing"):
        yield _group("Tracing", body["tracing"])


def _group(title: str, part: dict[str, Any]) -> Group:
    known = sorted(part.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER))
    return Group(title, tuple(Value(labels.field(name), name, labels.setting(name, value)) for name, value in known))


def _error(row: dict[str, Any]) -> Value:
    return Value(
        f"{row.get('status', '')} {row.get('code', '')}".strip(), "action", labels.choice(row.get("action", ""))
    )
