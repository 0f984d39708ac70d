"""Letters mended before they are sent again: what may be changed, checked, and kept beside the original."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry.brokers import Found, Headers
from registry.errors import Conflict
from registry.models import DeadLetter, PayloadEdit, Person
from registry.services import edited, letters, locks, masks, mendings, payloads, sightings, sources, trail
from registry.services.edited import ShownField
from registry.services.masks import Mask, Shown, ShownHeader
from registry.services.mendings import Mending
from registry.services.payloads import Opened
from registry.services.sightings import Terms
from registry.services.text import LONGEST_REMARK, Reading, browsed, fitted

ORIGINAL = 0
"""What an edit begins with where it begins with the letter as it came."""
State = DeadLetter.State


class EditedMeanwhile(Conflict):
    """Somebody else edited the letter since this edit was begun."""

    def __init__(self, newest: PayloadEdit) -> None:
        super().__init__(
            f"{newest.by.name} edited it meanwhile.", "Compare both; then save yours instead, or start from theirs."
        )
        self.newest = newest


@dataclass(frozen=True, slots=True)
class Start:
    """What an edit begins with: the newest one, so what would be sent; or the letter as it came."""

    base: int
    newest: PayloadEdit | None
    shown: Shown
    fixed_because: str
    """Why the body is not to be changed; "" if it is."""
    headers: tuple[ShownField, ...]


def start(letter: DeadLetter, *, base: int | None = None, by: Person) -> Start:
    """Begin an edit with another one, ORIGINAL, or what would be sent now. Raises Conflict where it is gone."""
    letters.require_redriver(by)
    newest = _newest(letter)
    key = base if base is not None else newest.pk if newest else ORIGINAL
    begun = _begun(letter, key)
    shown = masks.shown(begun.opened, letter.source.masked)
    fields = zip(begun.opened.headers, shown.headers, strict=True)
    headers = tuple(edited.field(value, each) for (_, value), each in fields)
    return Start(key, newest, shown, edited.fixed_body(shown), headers)


def against(theirs: Start, body: str | None, headers: Sequence[tuple[str, str]]) -> Mending:
    """How what somebody typed differs from an edit of another one; nothing of it is saved."""
    named = tuple(ShownHeader(each.name, each.value) for each in theirs.headers)
    shown = replace(theirs.shown, body=browsed(theirs.shown.body), headers=named)
    return mendings.typed(shown, body and browsed(body), [(browsed(name), browsed(value)) for name, value in headers])


def require_editable(letter: DeadLetter) -> None:
    if letter.state not in (State.OPEN, State.PARKED):
        raise Conflict(f"It is {letter.get_state_display().lower()}.", "Only open and parked letters are edited.")


@transaction.atomic
def edit(
    letter: DeadLetter,
    *,
    body: bytes | str | None,
    headers: Sequence[tuple[str, str]],
    reason: str,
    is_new_event: bool = False,
    base: int = ORIGINAL,
    seen: int = ORIGINAL,
    by: Person,
) -> PayloadEdit:
    """What is sent instead of the letter from now on. Its id stays, unless it is said to be a new event.

    Body and headers are given as they are shown: where something is hidden, its mask stands for what it hides; no
    body leaves it as it is. `base` is the edit they were begun with, `seen` the newest one their writer knew of.
    """
    letters.require_redriver(by)
    reading = Reading()
    reason = reading.line("reason", reason, longest=LONGEST_REMARK)
    locks.integration(letter.source.integration_id)
    held = DeadLetter.objects.select_for_update(no_key=True).get(pk=letter.pk)
    held.source = letter.source
    require_editable(held)
    newest = _newest(held)
    if newest and newest.pk != seen:
        raise EditedMeanwhile(newest)
    begun = _begun(held, base)
    before, mask = begun.opened, Mask(held.source.masked)
    after = replace(
        before,
        body=before.body if body is None else edited.body(reading, before.body, edited.text(body), mask, is_new_event),
        headers=edited.headers(reading, before.headers, headers, mask),
    )
    reading.done()
    wire_id = f"reg:{uuid.uuid4()}" if is_new_event else begun.wire_id
    sent = _begun(held, newest.pk) if newest else begun
    if Begun(after, wire_id) == sent:
        raise Conflict("Nothing is changed.", "Change something, or send the letter as it is.")
    after = edited.named(after, wire_id) if is_new_event else after
    made = PayloadEdit.objects.create(
        letter=held,
        by=by,
        at=timezone.now(),
        reason=reason,
        wire_id=wire_id,
        schema_problem=_schema_problem(held, after),
        summary=fitted(mendings.between(payloads.opened(held), after, mask.names).summary, 300),
        **payloads.closed(held, after.body, after.headers),
    )
    told = {
        "letter": held.pk,
        "edit": made.pk,
        "base": base or None,
        "reason": reason,
        "is_new_event": is_new_event,
        "sha256": {"before": payloads.sha256(before.body), "after": made.sha256},
        "headers": _changed(before.headers, after.headers),
    }
    subject = f"{letters.subject(held.source)}/letter/{held.pk}"
    trail.record("letter.edited", by=by, integration=held.source.integration, subject=subject, data=told)
    return made


@dataclass(frozen=True, slots=True)
class Begun:
    """A payload, and the id it is sent with."""

    opened: Opened
    wire_id: str


def newest(letters: Iterable[Any]) -> QuerySet[PayloadEdit]:
    """The edit that each of these letters, or keys of letters, would be sent as, without what it holds."""
    found = PayloadEdit.objects.filter(letter__in=letters).order_by("letter_id", "-pk").distinct("letter_id")
    return found.select_related("by").defer("body", "headers")


def _newest(letter: DeadLetter) -> PayloadEdit | None:
    return letter.edits.select_related("by").order_by("-pk").first()


def _begun(letter: DeadLetter, base: int) -> Begun:
    original = payloads.opened(letter)
    if base == ORIGINAL:
        return Begun(original, letter.wire_id)
    found = letter.edits.filter(pk=base).first() if base < 2**63 else None
    if found is None:
        raise Conflict("The edit it starts from is gone.", "Start from the letter as it came.")
    found.letter = letter
    return Begun(payloads.opened_edit(found, original=original), found.wire_id)


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


def _schema_problem(letter: DeadLetter, after: Opened) -> str | None:
    source = letter.source
    terms = Terms.of(sources.design(source), source.topic, masked=source.masked)
    return sightings.schema_problem(Found("", after.body, after.headers), terms)


def _changed(before: Headers, after: Headers) -> list[str]:
    was, now = ({name: masks.text(value) for name, value in each} for each in (before, after))
    return sorted(fitted(name, 300) for name in was.keys() | now.keys() if was.get(name) != now.get(name))
