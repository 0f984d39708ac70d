"""What somebody made of a letter as it was shown, as a payload again: what may be changed, checked. Pure."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from registry import deaths
from registry.brokers import Headers, Value
from registry.record.findings import InvalidRecord
from registry.services import masks
from registry.services.masks import HIDDEN, Mask, Shown, ShownHeader
from registry.services.payloads import Opened
from registry.services.sightings import ID, TYPE
from registry.services.text import Reading, browsed, is_keepable
from registry.services.unmasking import Unmasking

LARGEST_BODY = 1_000_000
MOST_HEADERS = 200
LONGEST_NUMBER = 25
SOURCE = ("ce_source", "ce-source", "cloudevents:source", "cloudevents_source")
LOCKED = frozenset(
    {*ID, *TYPE, *SOURCE, "message-id", "nats-msg-id", "amqp:user_id", "traceparent", "tracestate", "b3"}
)
LOCKED_BEGINNINGS = ("x-b3-", "x-stream-")
ENVELOPE = ("id", "source", "type", "specversion")
_LINE_ENDS = re.compile("(\r\n|\r|\n)")


@dataclass(frozen=True, slots=True)
class ShownField:
    """A header as a form shows it, and why it is not to be changed there; "" if it is."""

    name: str
    value: str
    fixed_because: str = ""
    is_locked: bool = False


def is_locked(name: str) -> bool:
    """Whether a header is not to be changed: what tells the message, its event and its trace, and the broker's own."""
    return name.lower() in LOCKED or name.lower().startswith(LOCKED_BEGINNINGS) or deaths.is_owned(name)


def field(value: Value, shown: ShownHeader) -> ShownField:
    locked = is_locked(shown.name)
    because = "is locked" if locked else _fixed_header(shown.name, value)
    return ShownField(browsed(shown.name), browsed(shown.value), because, locked)


def fixed_body(shown: Shown) -> str:
    """Why a body cannot be changed as text."""
    if shown.form == "hidden":
        return "is hidden as a whole"
    if shown.form == "bytes" or not is_keepable(shown.body):
        return "is not text"
    return "is too long to be changed here" if shown.is_cut else ""


def _fixed_header(name: str, value: Value) -> str:
    """Why a header cannot be changed as text."""
    if isinstance(value, dict | list):
        return "is a table"
    is_text = not isinstance(value, bytes) or masks.is_text(value)
    return "" if is_text and is_keepable(masks.text(value)) and is_keepable(name) else "is not text"


def text(body: bytes | str) -> str:
    return browsed(body.decode(errors="replace") if isinstance(body, bytes) else body)


def body(reading: Reading, before: bytes, given: str, mask: Mask, is_new_event: bool) -> bytes:
    if len(given.encode()) > LARGEST_BODY:
        reading.refuse("body", f"is longer than {LARGEST_BODY:,} bytes", "Shorten it.")
        return before
    seen, plain = masks.shown(Opened(before), mask.names), before.decode(errors="replace")
    if given in (browsed(seen.body), browsed(plain)):
        return before
    if why := fixed_body(seen):
        reading.refuse("body", why, "Leave it as it is; headers may be changed.")
        return before
    try:
        old = masks.parsed(before)
    except InvalidRecord:
        return _with_line_ends_of(plain, given).encode()
    return _json(reading, old, given, mask, is_new_event)


def _json(reading: Reading, old: Any, given: str, mask: Mask, is_new_event: bool) -> bytes:
    try:
        new = masks.parsed(given.encode())
    except InvalidRecord as refused:
        reading.refuse("body", f"is no JSON: {refused.problems[0].message}", refused.problems[0].mend)
        return given.encode()
    made = Unmasking(new, old, mask) if mask else None
    for path in made.lost if made else ():
        reading.refuse(path, "stands for a value that is not there", "Write the value, or leave its list as it was.")
    now = new if isinstance(new, dict) else {}
    for name in ENVELOPE if _is_event(old) else ():
        if now.get(name) != old.get(name) and not (name == "id" and is_new_event):
            reading.refuse(f"body.{name}", "is locked: it says which event this is", "Leave it as it was.")
    is_restored = made and made.is_restored
    return (json.dumps(made.value, ensure_ascii=False) if made and is_restored else given).encode()


def _with_line_ends_of(before: str, given: str) -> str:
    """The text with the line ends that its lines had before; lines that are new end as most did."""
    pieces = _LINE_ENDS.split(before)
    old, ends = pieces[::2], pieces[1::2]
    new = given.split("\n")
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    usual = Counter(ends).most_common(1)[0][0] if ends else "\n"
    first = ends[: min(head, len(new) - 1)]
    last = ends[len(ends) - min(tail, len(ends), len(new) - 1 - len(first)) :]
    between = [usual] * (len(new) - 1 - len(first) - len(last))
    return "".join(line + end for line, end in zip_longest(new, [*first, *between, *last], fillvalue=""))


def headers(reading: Reading, before: Headers, given: Sequence[tuple[str, str]], mask: Mask) -> Headers:
    if len(given) > max(MOST_HEADERS, len(before)):
        reading.refuse("headers", f"are more than {MOST_HEADERS}", "Leave some out.")
        return before
    shown = masks.shown(Opened(b"", before), mask.names).headers
    left = [(each, browsed(was.name), browsed(was.value)) for each, was in zip(before, shown, strict=True)]
    kept: list[tuple[str, Value] | None] = []
    for name, value in given:
        same = next((each for each in left if each[1:] == (browsed(name), browsed(value))), None)
        if same:
            left.remove(same)
        kept.append(same[0] if same else None)
    after = [
        same or _header(reading, name, value, [was for was, *_ in left])
        for (name, value), same in zip(given, kept, strict=True)
    ]
    for name in sorted({name for (name, _), *_ in left if is_locked(name)} - {each for each, _ in after}):
        reading.refuse(f"headers.{name}", "is locked", "Leave it as it was.")
    return tuple(after)


def _header(reading: Reading, name: str, value: str, left: Sequence[tuple[str, Value]]) -> tuple[str, Value]:
    """A header that is new, or changed from one of those that are left."""
    name = reading.line("headers", name, longest=300)
    was = next((old for each, old in left if each == name), "")
    if is_locked(name):
        reading.refuse(f"headers.{name}", "is locked", "Leave it as it was.")
    elif HIDDEN in value:
        reading.refuse(f"headers.{name}", "stands for a value that is not there", "Write the value.")
    elif why := _fixed_header(name, was):
        reading.refuse(f"headers.{name}", why, "Leave it as it was, or leave it out.")
    return name, _like(was, reading.prose(f"headers.{name}", value, longest=20_000, required=False))


def _like(was: Value, text: str) -> Value:
    """A number, a truth or bytes again where it was that."""
    if isinstance(was, bytes):
        return text.encode(errors="replace")
    if isinstance(was, int | float) and len(text) < LONGEST_NUMBER:
        try:
            now = json.loads(text)
        except ValueError:
            return text
        return now if type(now) is type(was) and abs(now) < 2**63 else text
    return text


def named(event: Opened, wire_id: str) -> Opened:
    """A new event bears its new id wherever events bear one."""
    headers = tuple((name, wire_id if name.lower() in (*ID, "message-id") else value) for name, value in event.headers)
    try:
        value = masks.parsed(event.body)
    except InvalidRecord:
        return replace(event, headers=headers)
    if not _is_event(value):
        return replace(event, headers=headers)
    return replace(event, headers=headers, body=json.dumps({**value, "id": wire_id}, ensure_ascii=False).encode())


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("specversion"), str)
