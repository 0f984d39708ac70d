"""Bodies: the schema and the example of a request, an answer, an event or a frame, and whether they fit."""

from dataclasses import replace
from typing import NamedTuple

from ..record.base import Part
from ..record.contracts import Frame, Operation, Response
from ..record.events import Event
from . import schemas

WITH_JSON = (Event, Operation, Response, Frame)


class Pair(NamedTuple):
    """A schema and the example that must fit it; `member` names the part of the example that is meant."""

    schema_field: str
    schema: str | None
    example_field: str
    example: str | None
    member: str = ""


def pair(part: Part) -> Pair:
    """The schema and example of any part that has them."""
    match part:
        case Event():
            return Pair("data_schema", part.data_schema, "example", part.example, "data")
        case Operation():
            return Pair("request_schema", part.request_schema, "request_example", part.request_example)
        case Response():
            return Pair("body_schema", part.body_schema, "body_example", part.body_example)
        case Frame():
            return Pair("body_schema", part.body_schema, "example", part.example)
        case _:
            raise TypeError(f"{type(part).__name__} has no schema")


def compared(both: Pair) -> schemas.Comparison | None:
    """How the example fits; None where one of the two is missing, or says nothing that could be compared."""
    if both.schema is None or both.example is None:
        return None
    if schemas.read(both.schema).problem or schemas.read(both.example).problem or schemas.flaw(both.schema):
        return None
    example = schemas.read(both.example).value
    has_member = not both.member or (isinstance(example, dict) and both.member in example)
    if not has_member or schemas.remote_references(schemas.read(both.schema).value):
        return None
    found = schemas.compare(both.schema, both.example, both.member)
    if not both.member:
        return found
    # Places are told as they are in the example itself, where what is compared lies below its member.
    return replace(found, wrong=tuple(each.replace("$", f"$.{both.member}", 1) for each in found.wrong))
