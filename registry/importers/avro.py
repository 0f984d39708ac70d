"""An Avro schema as JSON Schema 2020-12: the same fields, as they look in JSON."""

from typing import Any

__all__ = ["as_json_schema"]

DEEPEST = 30
MOST_TYPES = 2_000
_PLAIN: dict[str, dict[str, Any]] = {
    "null": {"type": "null"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "bytes": {"type": "string"},
    "string": {"type": "string"},
}
_LOGICAL = {"uuid": {"type": "string", "format": "uuid"}, "decimal": {"type": "string"}}


def as_json_schema(schema: Any) -> dict[str, Any] | None:
    """The JSON Schema of a record; None where it is no Avro record, or holds a type that is not declared in it."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return None
    reading = _Reading()
    try:
        made = reading.type(schema, 0)
    except ValueError:
        return None
    used = {name: each for name, each in reading.named.items() if name in reading.referred}
    return {**made, "$defs": used} if used else made


class _Reading:
    def __init__(self) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.open: set[str] = set()
        self.referred: set[str] = set()
        self.count = 0

    def type(self, schema: Any, depth: int) -> dict[str, Any]:
        self.count += 1
        if depth > DEEPEST or self.count > MOST_TYPES:
            raise ValueError("too deep or too large")
        if isinstance(schema, str):
            return self.reference(schema)
        if isinstance(schema, list):
            return _union([self.type(each, depth + 1) for each in schema])
        if not isinstance(schema, dict):
            raise ValueError("no type")
        logical = schema.get("logicalType")
        if isinstance(logical, str) and logical in _LOGICAL:
            return dict(_LOGICAL[logical])
        return self.complex(schema, depth)

    def reference(self, name: str) -> dict[str, Any]:
        if name in _PLAIN:
            return dict(_PLAIN[name])
        short = name.rpartition(".")[2]
        if short not in self.named and short not in self.open:
            raise ValueError(f"{name} is not declared")
        self.referred.add(short)
        return {"$ref": f"#/$defs/{short}"}

    def complex(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        match schema.get("type"):
            case "array":
                return {"type": "array", "items": self.type(schema.get("items"), depth + 1)}
            case "map":
                return {"type": "object", "additionalProperties": self.type(schema.get("values"), depth + 1)}
            case "enum":
                return self.keep(schema, {"enum": [each for each in _list(schema, "symbols") if isinstance(each, str)]})
            case "fixed":
                return self.keep(schema, {"type": "string"})
            case "record" | "error":
                return self.record(schema, depth)
            case inner:
                return self.type(inner, depth + 1)

    def record(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        name = _short(schema)
        self.open.add(name)
        properties: dict[str, Any] = {}
        required = []
        for field in _list(schema, "fields"):
            if not isinstance(field, dict) or not isinstance(field.get("name"), str):
                raise ValueError("a field without a name")
            made = self.type(field.get("type"), depth + 1)
            properties[field["name"]] = _described(made, field.get("doc"))
            if "default" not in field:
                required.append(field["name"])
        made = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        return self.keep(schema, _described(made, schema.get("doc")))

    def keep(self, schema: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        self.named[_short(schema)] = made
        return made


def _short(schema: dict[str, Any]) -> str:
    name = schema.get("name")
    if not isinstance(name, str):
        raise ValueError("a type without a name")
    return name.rpartition(".")[2][:100]


def _union(types: list[dict[str, Any]]) -> dict[str, Any]:
    others = [each for each in types if each != {"type": "null"}]
    if len(others) == len(types) == 1:
        return types[0]
    if len(others) == 1 and len(types) == 2 and isinstance(others[0].get("type"), str):
        return others[0] | {"type": [others[0]["type"], "null"]}
    return {"anyOf": types}


def _described(schema: dict[str, Any], doc: Any) -> dict[str, Any]:
    return schema | {"description": doc[:1_000]} if isinstance(doc, str) and "$ref" not in schema else schema


def _list(schema: dict[str, Any], name: str) -> list[Any]:
    found = schema.get(name)
    if not isinstance(found, list):
        raise ValueError(f"{name} is not a list")
    return found
