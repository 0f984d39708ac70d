"""Examples made from schemas: what the schema itself shows, else the plainest value that it allows."""

import json
from typing import Any

from ..record.base import Part
from ..record.events import Event
from .bodies import pair
from .schemas import Definitions, flaw, is_too_large, read

__all__ = ["made"]

MOST_STEPS = 2_000
DEEPEST = 12
MOST_ITEMS = 20
_TEXTS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "anna@example.com",
    "hostname": "www.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/",
    "iri": "https://example.com/",
    "uuid": "7f4d2a10-5c1b-4e0f-9a53-0d6c1c5b7e21",
    "json-pointer": "/a",
    "regex": "^a$",
}


def made(part: Part) -> str | None:
    """An example for this part, as text; None where its schema is missing or has a flaw. It may not fit patterns."""
    both = pair(part)
    if both.schema is None or read(both.schema).problem or is_too_large(both.schema) or flaw(both.schema):
        return None
    value = _Making(read(both.schema).value).whole()
    return json.dumps(_envelope(part, value) if isinstance(part, Event) else value, indent=2, ensure_ascii=False)


def _envelope(event: Event, data: Any) -> dict[str, Any]:
    """A whole CloudEvents envelope around the data."""
    return {
        "specversion": "1.0",
        "id": _TEXTS["uuid"],
        "source": event.source or "https://example.com/",
        "type": event.type or "com.example.something.happened",
        "time": _TEXTS["date-time"],
        "datacontenttype": "application/json",
        "data": data,
    }


class _Making:
    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.definitions = Definitions(schema)
        self.steps = 0

    def whole(self) -> Any:
        return self.value(self.schema, 0)

    def value(self, schema: Any, depth: int) -> Any:
        self.steps += 1
        schema, _ = self.definitions.followed(schema)
        if not isinstance(schema, dict) or depth > DEEPEST or self.steps > MOST_STEPS:
            return None
        shown = _shown(schema)
        if shown:
            return shown[0]
        schema = self.joined(schema, depth)
        match _type(schema):
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.list(schema, depth)
            case "string":
                return _string(schema)
            case "integer" | "number" as kind:
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case _:
                return None

    def joined(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with all it must also be, and the first of what it may be."""
        parts = list(schema.get("allOf", ())) + [schema[name][0] for name in ("oneOf", "anyOf") if schema.get(name)]
        for each in parts:
            inner, _ = self.definitions.followed(each)
            self.steps += 1
            if isinstance(inner, dict) and depth <= DEEPEST and self.steps <= MOST_STEPS:
                schema = _merged(schema, self.joined(inner, depth + 1))
        return schema

    def object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        # Deep inside only what must be there: a type that holds itself would never end.
        names = [*properties, *(each for each in required if each not in properties)]
        wanted = names if depth < 3 else [each for each in names if each in required]
        return {each: self.value(properties.get(each, {}), depth + 1) for each in wanted}

    def list(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = [self.value(each, depth + 1) for each in schema.get("prefixItems", ())]
        least = max(schema.get("minItems", 0), 0 if first else 1)
        count = min(least, schema.get("maxItems", least), MOST_ITEMS)
        items = schema.get("items", {})
        if items is False:
            return first
        return [*first, *(self.value(items, depth + 1) for _ in range(int(count) - len(first)))]


def _shown(schema: dict[str, Any]) -> list[Any]:
    """What the schema shows of itself, the best first."""
    found = [schema["const"]] if "const" in schema else []
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list):
            found += schema[name]
    return found + ([schema["default"]] if "default" in schema else [])


def _type(schema: dict[str, Any]) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        return next((each for each in stated if each != "null"), "null")
    if isinstance(stated, str):
        return stated
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {**other, **one}
    if "properties" in one and "properties" in other:
        both["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        both["required"] = [*one["required"], *other["required"]]
    return both


def _string(schema: dict[str, Any]) -> str:
    text = _TEXTS.get(str(schema.get("format")), "text")
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", len(text)))
    return (text if len(text) >= least else text.ljust(min(least, 1_000), "x"))[: max(most, least)]


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1)
    start = least if least is not None else min(most, 1) if most is not None else 1
    value = -(-start // step) * step
    if value == schema.get("exclusiveMinimum"):
        value += step
    if value == schema.get("exclusiveMaximum"):
        value -= step
    return int(value) if whole else value
