"""Letters as people see them: values the owner of a source hides are hidden, wherever in a letter they may stand."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.brokers import Headers, Value, text_of
from registry.record.findings import InvalidRecord
from registry.sealing import Seal
from registry.services.payloads import Opened
from registry.untrusted import parse_untrusted

HIDDEN = "•••••"
DIGITS = 16
"""Of the digest that stands for a hidden key: enough that two keys are never taken for one."""
LONGEST_SHOWN = 200_000
"""Characters of a body that are shown; what was cut is said."""
_PLACES = re.compile(r"\[[0-9*]*\]|\.(?:[0-9]+|\*)(?=\.|$)")
LARGEST_READ = 1_000_000
BODY, HEADER = "body", "headers/"
MOST_ODD = 10
"""Bytes are nearly text where at most one character in so many is none."""
OPAQUE = ("{", "[", '"', "<")
"""What text begins with that may be JSON or XML."""
ENCODED = "data_base64"
"""Where an event holds bytes nobody looks into."""


@dataclass(frozen=True, slots=True)
class ShownHeader:
    name: str
    value: str
    is_hidden: bool = False
    told: Value = field(default=None, compare=False)
    """The value as it came, without what is hidden; for whoever reads it by its name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter's payload, without what is hidden."""

    body: str
    form: str
    """json, text or bytes; hidden where all of it is; gone where there is nothing left."""
    headers: tuple[ShownHeader, ...] = ()
    hidden: tuple[str, ...] = ()
    """What may be revealed, by its path: body, body/customer/email, headers/x-user."""
    is_cut: bool = False
    readable: str = ""
    """Of bytes that are text but for a few: that text."""

    @property
    def is_hidden(self) -> bool:
        return bool(self.hidden)


class Mask:
    """What one source hides: fields by paths such as customer.email, at whatever depth they begin, and headers."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        told = {_PLACES.sub("", each.strip().lower().removeprefix("$.").replace("/", ".")) for each in self.names} - {
            ""
        }
        told |= {each.removeprefix("data.") for each in told}
        self.paths = frozenset(tuple(each.strip(".").split(".")) for each in told)
        self.headers = frozenset(told | {each.removeprefix("headers.") for each in told})

    def __bool__(self) -> bool:
        return bool(self.paths)

    def hides(self, steps: Sequence[str | int]) -> bool:
        """Whether the value at this place is hidden; places in lists do not count."""
        names = tuple(str(each).lower() for each in steps if not isinstance(each, int))
        if not names or isinstance(steps[-1], int):
            return False
        return any(names[-len(path) :] == path for path in self.paths)

    def hides_header(self, name: str) -> bool:
        return name.lower() in self.headers or name.lower().removeprefix("amqp:") in self.headers

    def covers(self, name: str) -> bool:
        """Whether a field of this path, what it lies in, or a header of this name is hidden."""
        steps = name.lower().removeprefix("$.").split(".")
        return self.hides_header(name) or any(self.hides(steps[:end]) for end in range(1, len(steps) + 1))

    def over_headers(self, headers: Headers) -> Headers:
        """Headers with what is hidden replaced."""
        return tuple((name, self._over_header(name, value)) for name, value in headers)

    def _over_header(self, name: str, value: Value) -> Value:
        if self.hides_header(name):
            return HIDDEN
        told: Value = self.over(value)
        return told

    def over(self, value: Any, steps: tuple[str | int, ...] = ()) -> Any:
        """The value with what is hidden replaced."""
        if self.hides(steps) or self.is_opaque(value, steps):
            return HIDDEN
        if isinstance(value, dict):
            return {name: self.over(each, (*steps, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.over(each, (*steps, place)) for place, each in enumerate(value)]
        return value

    def found(self, value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
        """Where something is hidden."""
        if self.hides(steps) or self.is_opaque(value, steps):
            yield steps
        elif isinstance(value, dict):
            for name, each in value.items():
                yield from self.found(each, (*steps, name))
        elif isinstance(value, list):
            for place, each in enumerate(value):
                yield from self.found(each, (*steps, place))

    def is_opaque(self, value: Any, steps: tuple[str | int, ...] = ()) -> bool:
        """Whether it may hold what is hidden in a form that is not looked into: JSON as text, bytes as text."""
        if not self.paths or not isinstance(value, str | bytes):
            return False
        if steps and steps[-1] == ENCODED:
            return True
        return text_of(value).lstrip().startswith(OPAQUE)


def shown(opened: Opened, masked: Iterable[str]) -> Shown:
    """Body and headers, without what is hidden."""
    mask = Mask(masked)
    body, form, hidden = _body(opened.body, mask)
    headers = tuple(_header(name, value, mask) for name, value in opened.headers)
    hidden += tuple(HEADER + each.name for each in headers if each.is_hidden)
    readable = nearly_text(opened.body) if form == "bytes" else ""
    return Shown(
        body[:LONGEST_SHOWN],
        form,
        headers,
        tuple(dict.fromkeys(hidden)),
        is_cut=len(body) > LONGEST_SHOWN,
        readable=readable[:LONGEST_SHOWN],
    )


def value_at(opened: Opened, path: str) -> str | None:
    """What stands at one of these paths, in clear, as text; None where nothing does."""
    if path.startswith(HEADER):
        wanted = path.removeprefix(HEADER)
        found = [text(value) for name, value in opened.headers if name == wanted]
        return "\n".join(found) if found else None
    if path == BODY:
        return nearly_text(opened.body) or _decoded(opened.body)[0]
    here = parsed(opened.body)
    for step in path.removeprefix(f"{BODY}/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isascii() and name.isdigit() and len(name) < 9 and int(name) < len(here):
            here = here[int(name)]
        else:
            return None
    return here if isinstance(here, str) else json.dumps(here, ensure_ascii=False, indent=2)


def hidden_key(seal: Seal, key: str) -> str:
    """What stands for a key that is hidden: letters of one key are still known as such, and keep their order."""
    return HIDDEN + seal.digest(key)[:DIGITS]


def parsed(body: bytes) -> Any:
    """The body as JSON. Raises InvalidRecord where it is none, or not within bounds."""
    return parse_untrusted(body, "json", max_bytes=LARGEST_READ)


def text(value: Value) -> str:
    """A header's value as it is shown, and as an edit gives it back."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decoded(value)[0]
    return json.dumps(_plain(value), ensure_ascii=False)


def nearly_text(raw: bytes) -> str:
    """Bytes as text, where they are that but for one in MOST_ODD at most; else ""."""
    told = raw.decode(errors="replace")
    return told if told.count("\ufffd") * MOST_ODD <= len(told) else ""


def is_text(raw: bytes) -> bool:
    return _decoded(raw)[1] == "text"


def path_of(steps: Sequence[str | int]) -> str:
    return "/".join([BODY, *(str(each).replace("~", "~0").replace("/", "~1") for each in steps)])


def _body(body: bytes, mask: Mask) -> tuple[str, str, tuple[str, ...]]:
    """Text, form, and what is hidden in it."""
    if not body:
        return "", "text", ()
    try:
        value = parsed(body)
    except InvalidRecord:
        # What cannot be looked into may hold anything.
        if mask:
            return HIDDEN, "hidden", (BODY,)
        return (*_decoded(body), ())
    if isinstance(value, dict | list):
        hidden = tuple(path_of(steps) for steps in mask.found(value))
        pretty = json.dumps(mask.over(value), ensure_ascii=False, indent=2)
        return pretty, "json", hidden
    if mask and isinstance(value, str):
        return HIDDEN, "hidden", (BODY,)
    return json.dumps(value, ensure_ascii=False), "json", ()


def _header(name: str, value: Value, mask: Mask) -> ShownHeader:
    if mask.hides_header(name) or mask.is_opaque(value):
        return ShownHeader(name, HIDDEN, is_hidden=True, told=HIDDEN)
    if isinstance(value, dict | list):
        over = mask.over(value)
        return ShownHeader(name, text(over), is_hidden=any(True for _ in mask.found(value)), told=over)
    return ShownHeader(name, text(value), told=value)


def _decoded(raw: bytes) -> tuple[str, str]:
    """Bytes as text where they are that, else in base 16; and which."""
    try:
        return raw.decode(), "text"
    except UnicodeDecodeError:
        return raw.hex(" "), "bytes"


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return _decoded(value)[0]
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value
