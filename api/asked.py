"""What the query string asks for."""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from rest_framework.request import Request

from api.problems import Refused
from registry.record.findings import Problem

LONGEST_VALUE = 2_000


def of(request: Request, choices: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The value of each known name, "" where it is not asked. `choices` gives the values of a name; none: any text."""
    given = {name: str(value).strip() for name, value in request.query_params.items()}
    problems = [each for name, value in given.items() if (each := _problem(name, value, choices))]
    if problems:
        raise Refused("invalid", "The query asks for something that does not exist.", errors=problems)
    return {name: given.get(name, "") for name in choices}


def size(text: str, *, default: int, most: int) -> int:
    """How many items a page shall have."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= most:
        raise Refused("invalid", errors=[Problem("size", "is no page size", f"Write a number from 1 to {most}.")])
    return int(text)


def turned(request: Request, cursor: str) -> str | None:
    """The address of this list at another page; None where there is none."""
    if not cursor:
        return None
    kept = {name: values for name, values in request.query_params.lists() if name != "cursor"}
    return f"{request.path}?{urlencode({**kept, 'cursor': cursor}, doseq=True)}"


def _problem(name: str, value: str, choices: Mapping[str, Collection[str]]) -> Problem | None:
    if name not in choices:
        return Problem(name[:100], "is not asked for here", f"Known here: {', '.join(choices)}.")
    if len(value) > LONGEST_VALUE or not value.isprintable():
        return Problem(name, "holds characters that cannot be searched for", "Write one short line of text.")
    if choices[name] and value and value not in choices[name]:
        return Problem(name, "is not one of the choices", f"Choose {', '.join(choices[name])}.")
    return None
