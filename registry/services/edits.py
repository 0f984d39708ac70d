"""Letters mended before they are sent again: what may be changed, checked, and kept beside the original."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import deaths
from registry.brokers import Found, Headers
from registry.errors import Conflict
from registry.models import DeadLetter, PayloadEdit, Person
from registry.record.findings import InvalidRecord
from registry.services import letters, locks, masks, mendings, payloads, sightings, sources, trail
from registry.services.masks import HIDDEN, Mask
from registry.services.mendings import Mending
from registry.services.payloads import Opened
from registry.services.sightings import ID, TYPE, Terms
from registry.services.text import LONGEST_REMARK, Reading

LARGEST_BODY = 1_000_000
MOST_HEADERS = 200
SOURCE = ("ce_source", "ce-source", "cloudevents:source", "cloudevents_source")
LOCKED = frozenset(
    {*ID, *TYPE, *SOURCE, "message-id", "nats-msg-id", "amqp:user_id", "traceparent", "tracestate", "b3"}
)
LOCKED_BEGINNINGS = ("x-b3-", "x-stream-")
ENVELOPE = ("id", "source", "type", "specversion")
State = DeadLetter.State


@transaction.atomic
def edit(
    letter: DeadLetter,
    *,
    body: bytes | str,
    headers: Sequence[tuple[str, str]],
    reason: str,
    is_new_event: bool = False,
    by: Person,
) -> PayloadEdit:
    """What is sent instead of the letter from now on. Its id stays, unless it is said to be a new event.

    Body and headers are given as they are shown: where something is hidden, its mask stands for what it hides.
    """
    letters.require_redriver(by)
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    locks.integration(letter.source.integration_id)
    held = DeadLetter.objects.select_for_update(no_key=True).get(pk=letter.pk)
    held.source = letter.source
    if held.state not in (State.OPEN, State.PARKED):
        raise Conflict(f"It is {held.get_state_display().lower()}.", "Only open and parked letters are edited.")
    before = payloads.opened(held)
    mask = Mask(held.source.masked)
    after = Opened(
        _body(reading, before.body, body.encode() if isinstance(body, str) else body, mask, is_new_event),
        _headers(reading, before.headers, headers, mask),
        before.key,
    )
    reading.done()
    if (after.body, after.headers) == (before.body, before.headers) and not is_new_event:
        raise Conflict("Nothing is changed.", "Change something, or send the letter as it is.")
    wire_id = f"reg:{uuid.uuid4()}" if is_new_event else held.wire_id
    after = _named(after, wire_id) if is_new_event else after
    made = PayloadEdit.objects.create(
        letter=held,
        by=by,
        at=timezone.now(),
        reason=reason,
        wire_id=wire_id,
        schema_problem=_schema_problem(held, after),
        **payloads.closed(held, after.body, after.headers),
    )
    told = {
        "letter": held.pk,
        "edit": made.pk,
        "reason": reason,
        "is_new_event": is_new_event,
        "sha256": {"before": payloads.sha256(before.body), "after": made.sha256},
        "headers": _changed(before.headers, after.headers),
    }
    subject = f"{letters.subject(held.source)}/letter/{held.pk}"
    trail.record("letter.edited", by=by, integration=held.source.integration, subject=subject, data=told)
    return made


def mendings_of(letter: DeadLetter, made: Iterable[PayloadEdit], *, by: Person) -> dict[int, Mending]:
    """What these edits change in the letter as it came, by their keys; none where its payload cannot be opened."""
    letters.require_reader(by)
    try:
        original = payloads.opened(letter)
        return {each.pk: _mending(letter, each, original) for each in made}
    except Conflict:
        return {}


def _mending(letter: DeadLetter, edit: PayloadEdit, original: Opened) -> Mending:
    edit.letter = letter
    return mendings.between(original, payloads.opened_edit(edit, original=original), letter.source.masked)


def is_locked(name: str) -> bool:
    """Whether a header is not to be changed: what tells the message, its event and its trace, and the broker's own."""
    return name.lower() in LOCKED or name.lower().startswith(LOCKED_BEGINNINGS) or deaths.is_owned(name)


def _body(reading: Reading, before: bytes, given: bytes, mask: Mask, is_new_event: bool) -> bytes:
    if len(given) > LARGEST_BODY:
        reading.refuse("body", f"is longer than {LARGEST_BODY:,} bytes", "Shorten it.")
        return before
    seen = masks.shown(Opened(before), mask.names)
    if _lines(given.decode(errors="replace")) in (_lines(seen.body), _lines(before.decode(errors="replace"))):
        return before
    if seen.is_cut or seen.form in ("bytes", "hidden"):
        why = {"bytes": "is not text", "hidden": "is hidden as a whole"}.get(
            seen.form, "is too long to be changed here"
        )
        reading.refuse("body", why, "Leave it as it is; headers may be changed.")
        return before
    try:
        old = masks.parsed(before)
    except InvalidRecord:
        return given
    return _json(reading, old, given, mask, is_new_event)


def _json(reading: Reading, old: Any, given: bytes, mask: Mask, is_new_event: bool) -> bytes:
    try:
        new = masks.parsed(given)
    except InvalidRecord as refused:
        reading.refuse("body", f"is no JSON: {refused.problems[0].message}", refused.problems[0].mend)
        return given
    new, is_restored = _restored(new, old, mask)
    now = new if isinstance(new, dict) else {}
    for name in ENVELOPE if _is_event(old) else ():
        if now.get(name) != old.get(name) and not (name == "id" and is_new_event):
            reading.refuse(f"body.{name}", "is locked: it says which event this is", "Leave it as it was.")
    return json.dumps(new, ensure_ascii=False).encode() if is_restored else given


def _lines(text: str) -> str:
    """Browsers send other ends of lines than they were given."""
    return text.replace("\r\n", "\n")


def _restored(new: Any, old: Any, mask: Mask, steps: tuple[str | int, ...] = ()) -> tuple[Any, bool]:
    """With what masks stand for put back in their places; and whether there was any."""
    if new == HIDDEN and steps in set(mask.found(old, steps)):
        return old, True
    if isinstance(new, dict) and isinstance(old, dict):
        pairs = {name: _restored(each, old.get(name), mask, (*steps, name)) for name, each in new.items()}
        return {name: value for name, (value, _) in pairs.items()}, any(was for _, was in pairs.values())
    if isinstance(new, list) and isinstance(old, list):
        old = [*old, *[None] * (len(new) - len(old))]
        found = [_restored(each, old[place], mask, (*steps, place)) for place, each in enumerate(new)]
        return [value for value, _ in found], any(was for _, was in found)
    return new, False


def _headers(reading: Reading, before: Headers, given: Sequence[tuple[str, str]], mask: Mask) -> Headers:
    if len(given) > MOST_HEADERS:
        reading.refuse("headers", f"are more than {MOST_HEADERS}", "Leave some out.")
        return before
    left, after = list(before), []
    for name, value in given:
        name = reading.line("headers", name, longest=300)
        same = next((each for each in left if each[0] == name and _is_same(each, value, mask)), None)
        if same:
            left.remove(same)
        elif is_locked(name):
            reading.refuse(f"headers.{name}", "is locked", "Leave it as it was.")
        elif value == HIDDEN:
            reading.refuse(f"headers.{name}", "stands for a value that is not there", "Write the value.")
        after.append(same or (name, reading.prose(f"headers.{name}", value, longest=20_000, required=False)))
    for name in sorted({each for each, _ in left if is_locked(each)} - {each for each, _ in after}):
        reading.refuse(f"headers.{name}", "is locked", "Leave it as it was.")
    return tuple(after)


def _is_same(header: tuple[str, Any], given: str, mask: Mask) -> bool:
    shown = masks.shown(Opened(b"", (header,)), mask.names).headers[0]
    return given == shown.value or (not shown.is_hidden and given == masks.text(header[1]))


def _named(event: Opened, wire_id: str) -> Opened:
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


def _schema_problem(letter: DeadLetter, after: Opened) -> str | None:
    source = letter.source
    terms = Terms.of(sources.design(source), source.topic, hides=bool(source.masked))
    return sightings.schema_problem(Found("", after.body, after.headers), terms)


def _changed(before: Headers, after: Headers) -> list[str]:
    was, now = ({name: masks.text(value) for name, value in each} for each in (before, after))
    return sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
