"""A record as a document: read with clear problems, written without holes, hashed by its canonical bytes."""

import difflib
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from . import SECTIONS, DesignRecord, pointers
from .base import LONGEST_LIST, Part
from .findings import InvalidRecord, Problem
from .upgrades import FORMAT, upgrade

__all__ = [
    "FORMAT",
    "canonical_bytes",
    "content_hash",
    "dump",
    "json_schema",
    "parse",
    "parse_section",
    "section_hashes",
    "with_value",
]

LARGEST_DOCUMENT = 2_000_000
"""Bytes of canonical JSON; the largest real design seen has 60,000."""
MOST_PROBLEMS = 100
"""Told at once; more helps nobody."""


def parse(document: Mapping[str, Any], *, most_problems: int = MOST_PROBLEMS) -> DesignRecord:
    """The record a document holds. Raises InvalidRecord with one problem for each value that cannot be kept."""
    if not isinstance(document, Mapping):
        raise InvalidRecord(
            [Problem("", "is not a design record", f"Write sections such as {', '.join(SECTIONS[:3])}.")]
        )
    try:
        record = DesignRecord.model_validate(upgrade(dict(document)))
    except ValidationError as error:
        raise InvalidRecord(_problems(error, document, most_problems)) from None
    size = len(canonical_bytes(dump(record)))
    if size > LARGEST_DOCUMENT:
        message = f"is {size:,} bytes long; the limit is {LARGEST_DOCUMENT:,}"
        raise InvalidRecord([Problem("", message, "Move large examples out of the record.")])
    return record


def with_value(record: DesignRecord, pointer: str, value: Any) -> DesignRecord:
    """The record with `value` (plain data; None: nothing) at `pointer`.

    Raises KeyError where the record has no such place, InvalidRecord where the value cannot be kept.
    """
    *above, last = pointers.location(record, pointer)
    document = dump(record)
    here: Any = document
    for step in above:
        # What states nothing is left out of plain data, a list's items never.
        here = here[step] if isinstance(step, int) else here.setdefault(step, {})
    if isinstance(last, int) and value is None:
        del here[last]
    else:
        here[last] = value
    return parse(document)


def parse_section(section: str, value: Any, *, most_problems: int = MOST_PROBLEMS) -> Any:
    """One section's part, or tuple of parts. Raises InvalidRecord like `parse`."""
    return getattr(parse({section: value}, most_problems=most_problems), section)


def dump(value: Any) -> Any:
    """A record or part as plain data, without what is not stated."""
    if isinstance(value, Part):
        pairs = ((name, dump(getattr(value, name))) for name in type(value).model_fields)
        return {name: each for name, each in pairs if each not in (None, {}, [])}
    if isinstance(value, tuple | list):
        return [dump(each) for each in value]
    return value


def canonical_bytes(value: Any) -> bytes:
    """The one way to write plain data as bytes: sorted keys, no spaces, UTF-8. Raises ValueError on a float."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(record: DesignRecord) -> str:
    """SHA-256 of the whole record's canonical bytes, in hex."""
    return _sha256(dump(record))


def section_hashes(record: DesignRecord) -> dict[str, str]:
    """SHA-256 of each section's canonical bytes, in hex, in the document's order."""
    return {section: _sha256(dump(getattr(record, section))) for section in SECTIONS}


@functools.cache
def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a design record, for editors and other tools."""
    schema = DesignRecord.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Design record", **schema}


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError("canonical data hold whole numbers and text, no floats")
    if isinstance(value, dict):
        for each in value.values():
            _refuse_floats(each)
    elif isinstance(value, list):
        for each in value:
            _refuse_floats(each)


def _problems(error: ValidationError, document: Mapping[str, Any], most: int) -> list[Problem]:
    found = error.errors(include_url=False, include_input=False)[:most]
    return [replace(_problem(details, document), location=details["loc"]) for details in found]


_SAID = {
    "literal_error": ("is not one of the choices", "Choose {expected}."),
    "int_type": ("is not a whole number", "Write digits only, such as 3."),
    "int_from_float": ("is not a whole number", "Write digits only, such as 3."),
    "bool_type": ("is neither yes nor no", "Write true or false."),
    "string_type": ("is not text", "Put it in quotes."),
    "string_too_long": ("is longer than {max_length:,} characters", "Shorten it."),
    "string_unicode": ("is not valid Unicode text", "Type it again; half a character was pasted."),
    "greater_than_equal": ("is less than {ge:,}", "Write {ge:,} or more."),
    "less_than_equal": ("is more than {le:,}", "Write {le:,} or less."),
    "tuple_type": ("is not a list", "Write a list."),
    "too_long": (f"has more than {LONGEST_LIST} items", "Split the integration in two."),
    "model_type": ("is not a group of fields", "Write named fields below it."),
    "model_attributes_type": ("is not a group of fields", "Write named fields below it."),
}
"""What is wrong and the mend, by the library's name for the error; {names} come from its context."""


def _problem(details: ErrorDetails, document: Mapping[str, Any]) -> Problem:
    context = details.get("ctx", {})
    part, path = _place(details["loc"], document)
    if mend := context.get("mend"):
        return Problem(path, details["msg"], str(mend))
    if details["type"] == "extra_forbidden":
        return _unknown_field(path, str(details["loc"][-1]), part)
    message, mend = _SAID.get(details["type"], (details["msg"].replace("{", "(").replace("}", ")"), ""))
    return Problem(path, message.format(**context), mend.format(**context))


def _unknown_field(path: str, name: str, part: type[Part] | None) -> Problem:
    known = list(part.model_fields) if part else []
    near = difflib.get_close_matches(name, known, n=1)
    mend = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
    return Problem(path, "is not a field of a design record", mend)


def _place(location: tuple[int | str, ...], document: Mapping[str, Any]) -> tuple[type[Part] | None, str]:
    """The part a problem lies in, and the pointer to it, with list items by the key they have in the raw document."""
    part: type[Part] | None = DesignRecord
    here: Any = document
    path = ""
    for depth, step in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(step, int):
            items = here if isinstance(here, list | tuple) else []
            here = items[step] if step < len(items) else None
            path += _item_step(here, step, part)
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
            path = pointers.under(path, step)
            if not last:
                part = _part_of(part, step)
    return part, path


def _item_step(raw: Any, index: int, part: type[Part] | None) -> str:
    key = raw.get(part.KEY) if part is not None and part.KEY and isinstance(raw, Mapping) else None
    return pointers.item(key) if isinstance(key, str) and 0 < len(key) <= 100 else pointers.place(index)


def _part_of(part: type[Part] | None, name: str) -> type[Part] | None:
    """The part type of a field: itself, or that of its items."""
    if part is None or name not in part.model_fields:
        return None
    return part_type(part.model_fields[name].annotation)


def part_type(annotation: Any) -> type[Part] | None:
    """The Part inside an annotation such as `Retry` or `tuple[Contract, ...]`; None for anything else."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    first = next(iter(getattr(annotation, "__args__", ())), None)
    return first if isinstance(first, type) and issubclass(first, Part) else None
