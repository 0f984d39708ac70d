"""Events and bodies: readable JSON, valid schemas, examples that fit them, whole CloudEvents envelopes."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..definitions import schemas
from ..definitions.bodies import WITH_JSON, Pair, compared, pair
from ..record.base import Part
from ..record.events import Event
from ..record.findings import Severity
from .base import Place, Said, rule


@rule("json-unreadable", Severity.ERROR, "Not JSON", on=WITH_JSON)
def json_unreadable(place: Place[Part]) -> Said:
    """Schemas and examples are JSON: validators, documentation and tests read them. One comma too many and none of
    them can.

    Bad: {"id": "1",}. Good: {"id": "1"}.

    Mend it at the line and column named.
    """
    both = pair(place.part)
    for name, text in ((both.schema_field, both.schema), (both.example_field, both.example)):
        if text is not None and schemas.read(text).problem:
            yield name, f"Is not JSON: {schemas.read(text).problem}.", schemas.read(text).mend


def _sound_schema(both: Pair) -> Any:
    """The schema where it is readable JSON; None else."""
    return (
        schemas.read(both.schema).value if both.schema is not None and not schemas.read(both.schema).problem else None
    )


@rule("schema-invalid", Severity.ERROR, "Not a JSON Schema", on=WITH_JSON)
def schema_invalid(place: Place[Part]) -> Said:
    """Schemas follow JSON Schema 2020-12. A wrong keyword type or a reference that leads nowhere makes validators
    fail or, worse, accept everything.

    Bad: {"type": "strnig"}. Good: {"type": "string"}.

    Mend the place named. Definitions go under $defs and are referred to as #/$defs/Name.
    """
    both = pair(place.part)
    if both.schema is None or schemas.read(both.schema).problem:
        return
    flaw = schemas.flaw(both.schema)
    if flaw:
        yield both.schema_field, f"Is not a JSON Schema (2020-12): {flaw}", "Mend the schema there."


@rule("schema-remote", Severity.ERROR, "The schema refers to another document", on=WITH_JSON)
def schema_remote(place: Place[Part]) -> Said:
    """A record is signed as a whole, so what it refers to must be in it. A document elsewhere can change after
    signing or be unreachable, and nothing is fetched to check it.

    Bad: {"$ref": "https://schemas.example.com/money.json"}. Good: {"$ref": "#/$defs/Money"} with Money under $defs.

    Copy the definition under $defs.
    """
    both = pair(place.part)
    for reference in schemas.remote_references(_sound_schema(both)):
        yield (
            both.schema_field,
            f"Refers to {reference[:200]}.",
            "Copy that definition under $defs and refer to it there.",
        )


@rule("schema-pattern-risky", Severity.WARNING, "A pattern that may take for ever", on=WITH_JSON)
def schema_pattern_risky(place: Place[Part]) -> Said:
    """A repeated group that itself repeats or chooses can be matched in very many ways. On a text of 30 characters
    that nearly fits, most validators then search for minutes, and anybody can send such a text.

    Bad: (a+)+$. Good: a+$.

    Write the pattern without a repetition inside a repetition. Such patterns are not tried on examples here.
    """
    both = pair(place.part)
    for pattern in dict.fromkeys(schemas.patterns(_sound_schema(both))):
        if schemas.is_risky(pattern):
            yield (
                both.schema_field,
                f"The pattern {pattern[:100]} repeats inside a repetition.",
                "Write it without that.",
            )


@rule("example-mismatch", Severity.ERROR, "The example does not fit its schema", on=WITH_JSON)
def example_mismatch(place: Place[Part]) -> Said:
    """Developers copy the example and validators enforce the schema. If they disagree, whoever believed the example
    fails.

    Bad: schema requires orderId, example {"order": "1"}. Good: example {"orderId": "1"}.

    Correct whichever is wrong. For events, the schema is that of the envelope's data.
    """
    both = pair(place.part)
    found = compared(both)
    if found is not None and found.wrong:
        yield both.example_field, f"Does not fit its schema: {found}.", "Correct the example or the schema."


@rule("example-unchecked", Severity.HINT, "Too large to be checked", on=WITH_JSON)
def example_unchecked(place: Place[Part]) -> Said:
    """Examples are checked against their schemas up to 50,000 characters and 20,000 steps, so that no record can stop
    the registry. Patterns are tried on texts of up to 256 characters.

    Example: a schema whose definitions refer to each other twice at every level.

    Shorten the example, or simplify the schema. Nothing is wrong with the record as such.
    """
    both = pair(place.part)
    found = compared(both)
    if found is not None and found.is_unchecked:
        yield both.example_field, "Is too large or too deep to be checked against its schema.", "Shorten it."


@rule("event-envelope", Severity.ERROR, "The example is no CloudEvents envelope", on=Event)
def event_envelope(place: Place[Event]) -> Said:
    """An event travels as a CloudEvents 1.0 envelope. Libraries refuse one without specversion, id, source and type
    before any handler sees it.

    Bad: {"orderId": "1"}. Good: {"specversion": "1.0", "id": "e-1", "source": "https://orders.example.com/orders",
    "type": "com.example.order.placed", "data": {"orderId": "1"}}.

    Write the whole envelope; what your schema describes goes under data.
    """
    example = _example(place.part)
    if place.part.example is None or schemas.read(place.part.example).problem:
        return
    if not isinstance(example, dict):
        yield "example", "Is not an object.", "Write a whole CloudEvents envelope."
        return
    for message, mend in _envelope_flaws(example):
        yield "example", message, mend


def _example(event: Event) -> Any:
    return schemas.read(event.example).value if event.example is not None else None


def _envelope_flaws(example: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if example.get("specversion") != "1.0":
        yield "specversion is not “1.0”.", 'Write "specversion": "1.0".'
    for name in ("id", "source", "type"):
        if not isinstance(example.get(name), str) or not example[name]:
            yield f"{name} is missing or not text.", f"Add {name}."
    if "time" in example and not _is_moment(example["time"]):
        yield "time is not an RFC 3339 moment.", "Write it as 2026-01-31T12:00:00Z."
    if "data" in example and "data_base64" in example:
        yield "Both data and data_base64 are there.", "Keep one of them."
    for name in example:
        if not re.fullmatch(r"[a-z0-9]+|data_base64", name):
            yield (
                f"The attribute {name[:60]} holds more than small letters and digits.",
                "Rename it, or move it under data.",
            )


def _is_moment(value: Any) -> bool:
    pattern = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)"
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        return False
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", value).upper())
    except ValueError:
        return False
    return True


@rule("event-example-differs", Severity.ERROR, "The example is of another event", on=Event)
def event_example_differs(place: Place[Event]) -> Said:
    """The example's type and source must be those the event states: consumers filter by them, and copy them from
    here.

    Bad: type com.example.order.placed, example with "type": "com.example.order.created". Good: both the same.

    Correct whichever is wrong.
    """
    example = _example(place.part)
    if not isinstance(example, dict):
        return
    for name, stated in (("type", place.part.type), ("source", place.part.source)):
        shown = example.get(name)
        if stated is not None and isinstance(shown, str) and shown and shown != stated:
            yield (
                "example",
                f"Its {name} is {shown[:200]}, but the event's is {stated}.",
                f"Make both {name}s the same.",
            )


@rule("event-without-data", Severity.WARNING, "The example has no data", on=Event)
def event_without_data(place: Place[Event]) -> Said:
    """The schema describes the envelope's data. An example without data shows nothing of it.

    Bad: schema with orderId, envelope without data. Good: "data": {"orderId": "1"}.

    Add data to the example.
    """
    example = _example(place.part)
    if place.part.data_schema is not None and isinstance(example, dict) and not {"data", "data_base64"} & set(example):
        yield "example", "Has no data, though a schema of it is stated.", "Add data that fits the schema."


@rule("event-type-form", Severity.WARNING, "The event type is no reverse DNS name", on=Event)
def event_type_form(place: Place[Event]) -> Said:
    """Types of many publishers meet in one consumer. A name that begins with the publisher's domain reversed belongs
    to nobody else.

    Bad: OrderPlaced. Good: com.example.orders.order.placed.

    Begin with your domain, last part first. Renaming a published type breaks its consumers.
    """
    stated = place.part.type
    if stated is not None and not re.fullmatch(r"[a-z]{2,20}(?:\.[A-Za-z0-9_-]+){2,}", stated):
        yield (
            "type",
            f"{stated} does not begin with a domain in reverse.",
            "Write it like com.example.orders.order.placed.",
        )


@rule("event-source-form", Severity.ERROR, "The event source is no URI", on=Event)
def event_source_form(place: Place[Event]) -> Said:
    """CloudEvents requires the source to be a URI reference. Source and id together make an event unique, so
    deduplication needs it too.

    Bad: order service. Good: https://orders.example.com/orders, or /orders.

    Write an address without spaces.
    """
    source = place.part.source
    if source is not None and not re.fullmatch(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", source):
        yield "source", f"{source[:100]} is not a URI.", "Write an address such as https://orders.example.com/orders."


@rule("event-name-form", Severity.HINT, "The event name is not entity.ACTION", on=Event)
def event_name_form(place: Place[Event]) -> Said:
    """Names that follow one form sort and search well: the entity, a dot, and what happened to it in capitals.

    Bad: new order event. Good: order.PLACED.

    Rename it. Only this record and its diagrams use the name; the wire carries the type.
    """
    name = place.part.name
    if name is not None and not re.fullmatch(r"[a-z][A-Za-z0-9_-]*(?:\.[a-z][A-Za-z0-9_-]*)*\.[A-Z][A-Z0-9_]*", name):
        yield "name", f"{name} is not of the form entity.ACTION.", "Write it like order.PLACED."
