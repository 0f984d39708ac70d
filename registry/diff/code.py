"""Whether two pieces of source text say the same."""

import json

from ..record.findings import InvalidRecord
from ..untrusted import parse_untrusted


def says_the_same(before: str, after: str, language: str) -> bool:
    """Whether only the layout differs: in JSON the order of names and all space, elsewhere indents and blank lines."""
    if language != "json":
        return _lines(before) == _lines(after)
    meaning = _meaning(before)
    return meaning is not None and meaning == _meaning(after)


def _lines(text: str) -> list[str]:
    return [line for each in text.splitlines() if (line := each.strip())]


def _meaning(text: str) -> str | None:
    """JSON in one order, as text: in Python itself `true` equals 1. None where it cannot be read."""
    try:
        return json.dumps(parse_untrusted(text), sort_keys=True)
    except InvalidRecord:
        return None
