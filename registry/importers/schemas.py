"""Schemas of OpenAPI and AsyncAPI as self-contained JSON Schema 2020-12: references inlined, cycles kept as $defs."""

from typing import Any

from ..definitions import schemas
from .base import Ledger, Path
from .fitting import code, unique
from .source import Source

__all__ = ["Schemas", "misfit"]

MOST_NODES = 4_000
"""Values inlined in one schema; what lies beyond stays a reference to its $defs."""
MOST_NODES_IN_ALL = 150_000
"""Values in all schemas of one import."""
DEEPEST = 60
MOST_CODE = 1_500_000
"""Characters of schemas and examples in one import; a record holds 2,000,000 bytes."""
DROPPED = ("xml", "discriminator", "externalDocs", "nullable", "x-parser-schema-id")


class Schemas:
    """Takes schemas out of one source."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source = source
        self._ledger = ledger
        self._written = 0
        self._nodes = 0
        self._known: dict[str, str | None] = {}

    def code(self, schema: Any, path: Path) -> str | None:
        """A schema as text; None, with a note, where it is too long."""
        if self._nodes > MOST_NODES_IN_ALL:
            self._ledger.left(path, "The schemas of this file are too large together: import a part of it.")
            return None
        return self._kept(self._written_out(schema, path), path, "schema")

    def _written_out(self, schema: Any, path: Path) -> str | None:
        """The schema made self-contained; one that is only a reference is made once."""
        reference = schema.get("$ref") if isinstance(schema, dict) and len(schema) == 1 else None
        if isinstance(reference, str) and reference in self._known:
            return self._known[reference]
        inlining = _Inlining(self._source, self._ledger, path)
        text = code(inlining.whole(schema))
        self._nodes += inlining.nodes
        if isinstance(reference, str):
            self._known[reference] = text
        return text

    def text(self, value: Any, path: Path, what: str) -> str | None:
        """Data as JSON text within what one record may hold."""
        return self._kept(code(value), path, what)

    def _kept(self, text: str | None, path: Path, what: str) -> str | None:
        if text is None or self._written + len(text) > MOST_CODE:
            self._ledger.left(path, f"The {what} is too long to be kept in a record.")
            return None
        self._written += len(text)
        return text

    def follow(self, value: Any, path: Path) -> tuple[Any, Path]:
        """What `value` is after its `$ref`s, and where that stands. None, with a note, where one leads nowhere."""
        for _ in range(20):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value, path
            found = self._source.resolve(value["$ref"])
            if found is None:
                self._ledger.left(path, broken(value["$ref"]))
                return None, path
            value, path = found
        self._ledger.left(path, "This reference leads back to itself.")
        return None, path


def broken(reference: str) -> str:
    """Why a reference was not followed."""
    if reference.startswith("#"):
        return f"{reference[:200]} is not in this file: add it, or remove the reference."
    return f"{reference[:200]} is another file: nothing is fetched; paste it into this one."


def misfit(schema: str | None, example: str, member: str = "") -> str:
    """Why an example, or a member of it, does not fit its schema; "" where it does or that is not known."""
    if schema is None or schemas.read(schema).problem or schemas.flaw(schema):
        return ""
    return "; ".join(schemas.compare(schema, example, member).wrong[:1])


class _Inlining:
    """One schema being made self-contained."""

    def __init__(self, source: Source, ledger: Ledger, path: Path) -> None:
        self._source = source
        self._ledger = ledger
        self._path = path
        self.nodes = 0
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._waiting: list[str] = []

    def whole(self, schema: Any) -> Any:
        made = self._made(schema, (), 0)
        definitions = {}
        while self._waiting:
            reference = self._waiting.pop()
            found = self._source.resolve(reference)
            target = found[0] if found else {}
            definitions[self._names[reference]] = self._made(target, (reference,), 0)
        if definitions and isinstance(made, dict):
            made["$defs"] = {**made.get("$defs", {}), **dict(sorted(definitions.items()))}
        return made

    def _made(self, value: Any, inside: tuple[str, ...], depth: int) -> Any:
        self.nodes += 1
        if depth > DEEPEST:
            return {}
        if isinstance(value, list):
            return [self._made(each, inside, depth + 1) for each in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            return self._reference(value, inside, depth)
        fields = {name: each for name, each in value.items() if name not in DROPPED}
        made = {name: self._field(name, each, inside, depth) for name, each in fields.items()}
        return _modern(made, nullable=value.get("nullable") is True)

    def _field(self, name: str, value: Any, inside: tuple[str, ...], depth: int) -> Any:
        if name in ("example", "examples", "default", "enum", "const"):
            return value
        if name in ("properties", "patternProperties", "$defs", "definitions") and isinstance(value, dict):
            return {each: self._made(schema, inside, depth + 1) for each, schema in value.items()}
        return self._made(value, inside, depth + 1)

    def _reference(self, value: dict[str, Any], inside: tuple[str, ...], depth: int) -> Any:
        reference = value["$ref"]
        found = self._source.resolve(reference)
        if found is None:
            self._ledger.left(self._path, broken(reference))
            return {"$comment": broken(reference)}
        beside = {name: each for name, each in value.items() if name in ("description", "title", "default")}
        if reference in inside or reference in self._names or self.nodes > MOST_NODES or len(inside) > 20:
            return {"$ref": f"#/$defs/{self._name(reference)}", **beside}
        made = self._made(found[0], (*inside, reference), depth + 1)
        return {**made, **beside} if isinstance(made, dict) else made

    def _name(self, reference: str) -> str:
        if reference not in self._names:
            short = "".join(each if each.isalnum() or each in "._-" else "_" for each in reference.split("/")[-1])
            self._names[reference] = unique(short[:100] or "root", self._taken)
            self._waiting.append(reference)
        return self._names[reference]


def _modern(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """What OpenAPI 3.0 writes in its own way, in JSON Schema's."""
    if "example" in schema:
        example = schema.pop("example")
        schema.setdefault("examples", [example])
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and limit in schema:
            schema[exclusive] = schema.pop(limit)
    if nullable:
        return _or_null(schema)
    return schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif "type" not in schema and "enum" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
