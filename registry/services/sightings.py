"""A message as it was found, read as a letter of the ledger. Whatever is in it, a letter comes out."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

from registry import brokers, deaths
from registry.brokers import Found, Headers, Mode, first
from registry.deaths import Death
from registry.deaths.base import Fields
from registry.definitions import schemas
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, RedriveAttempt
from registry.record import DesignRecord
from registry.record.findings import InvalidRecord
from registry.sealing import Seal
from registry.services.masks import HIDDEN, Mask, hidden_key
from registry.services.text import fitted
from registry.untrusted import parse_untrusted

LARGEST_READ = 200_000
"""Bytes of a body that is looked into; a larger one is kept all the same."""
MOST_STEPS = 300_000
"""Steps of schema checks for one batch of letters; what comes after them is not checked."""
LONGEST_ID, LONGEST_KEY, LONGEST_FACT = 500, 300, 300
MOST_ATTEMPTS = 2**31 - 1
ID = ("ce_id", "ce-id", "cloudevents:id", "cloudevents_id")
TYPE = ("ce_type", "ce-type", "cloudevents:type", "cloudevents_type")
CONTENT_TYPE = ("content-type", "content_type", "contenttype")
SAID = ("reason", "error_class", "message", "origin")
"""What a letter keeps of what its headers say of its death."""
NOTHING = Mask(())


@dataclass(slots=True)
class Terms:
    """What a design says of the messages of one topic."""

    key: str = ""
    """The field that orders them; "" where none does, or a broker's own key."""
    is_ordered: bool = True
    schemas: dict[str, str] = field(default_factory=dict)
    """JSON Schemas that can be checked, by CloudEvents type."""
    mask: Mask = NOTHING
    """What of its messages is hidden: nothing of that is kept in clear, and nothing of a body is quoted."""
    steps: int = MOST_STEPS

    @classmethod
    def of(cls, record: DesignRecord | None, topic: str, *, masked: Iterable[str] = ()) -> Self:
        mask = Mask(masked)
        if record is None:
            return cls(mask=mask)
        key = next((each.key for each in record.topics if each.name == topic), None)
        guarantee = next((each.guarantee for each in record.ordering if each.topic == topic), None)
        checked = {each.type: each.data_schema for each in record.events if each.type and each.data_schema}
        sound = {name: text for name, text in checked.items() if _is_sound(text)}
        return cls(key or "", guarantee != "none", sound, mask)

    @property
    def hides_key(self) -> bool:
        """Whether what orders them is hidden: the field the design names, or a broker's own key that nobody names."""
        return bool(self.mask) and (not self.key or self.mask.covers(self.key))


@dataclass(frozen=True, slots=True)
class Body:
    """A body as JSON, where it is that."""

    value: Any = None
    problem: str = ""
    is_read: bool = False

    @property
    def event(self) -> dict[str, Any] | None:
        """The CloudEvents envelope, where the body is a whole one."""
        value = self.value
        return value if isinstance(value, dict) and isinstance(value.get("specversion"), str) else None

    @property
    def data(self) -> Any:
        return self.value if self.event is None else self.event.get("data")

    def at(self, path: str) -> str:
        """What stands under a path such as customer.email, as text; "" where that is no plain value."""
        for start in (self.value, self.data):
            here = start
            for step in path.removeprefix("$.").split("."):
                here = here.get(step) if isinstance(here, dict) else None
            if isinstance(here, str | int | float | bool):
                return str(here).lower() if isinstance(here, bool) else str(here)
        return ""


def letter(
    source: DeadLetterSource, found: Found, terms: Terms, *, at: datetime, attempt: RedriveAttempt | None
) -> DeadLetter:
    """The letter, not yet saved and in no group. `attempt` is what we sent, if this is known to be that."""
    seen = shown(found, terms)
    death, body = deaths.read(seen), read(found.body)
    told = deaths.read(found.headers) if seen != found.headers else death
    id_kind, known_by = identity(source, found, attempt)
    made = DeadLetter(
        source=source,
        id_kind=id_kind,
        identity=known_by,
        wire_id=_wire_id(source, found, body),
        ordering_key=_ordering_key(source, found, body, terms),
        moved_at=at,
        reason=fitted(death.reason, 100),
        error_class=fitted(death.error_class, 300),
        message=fitted(death.message, 2_000),
        origin=fitted(death.origin, 300),
        attempts=death.attempts if death.attempts is not None and 0 <= death.attempts <= MOST_ATTEMPTS else None,
        event_type=_shown_type(seen, body, death, terms.mask),
        content_type=fitted(first(seen, *CONTENT_TYPE), 200),
        schema_problem=_schema_problem(body, _event_type(found.headers, body, told), terms),
        position=fitted(found.position, 200),
        partition=fitted(found.partition, 100),
        size=len(found.body),
        facts={name: text for name in source.searchable if (text := _fact(seen, body, name, terms.mask))},
        died_at=died_at(found, death, at),
        harvested_at=at,
        unsettled_count=found.delivered if id_kind == DeadLetter.IdKind.WEAK else None,
    )
    made.group = _group(source, made, told)
    return made


def told_by(mask: Mask) -> set[str]:
    """Which columns of a letter may say what this hides, whatever headers it had."""
    text = "probe.Error: probe"
    table: Any = [{"reason": text, "queue": text}]
    probes: Headers = (*((name, text) for name in mask.headers), ("x-death", table), ("x-opt-deaths", table))
    columns = set()
    for family in deaths.FAMILIES:
        for each in probes:
            clear, seen = (family.read(Fields(headers)) for headers in ((each,), mask.over_headers((each,))))
            columns |= {name for name in (*SAID, "event_type") if getattr(clear, name) != getattr(seen, name)}
    hidden_types = mask.hides(("type",)) or any(map(mask.hides_header, TYPE))
    columns |= {"event_type"} if hidden_types else set()
    return columns | ({"content_type"} if any(map(mask.hides_header, CONTENT_TYPE)) else set())


def _group(source: DeadLetterSource, of: DeadLetter, death: Death) -> DeadLetterGroup:
    """The group a letter belongs to, not yet saved: known by all that is said of the death, and saying what is seen."""
    said = (fitted(death.error_class, 300), fitted(death.reason, 100), fitted(death.message, 2_000))
    return DeadLetterGroup(
        source=source,
        key=deaths.group_key(*said),
        error_class=of.error_class,
        reason=of.reason,
        message=fitted(deaths.normalised(of.message), 300),
        first_at=of.died_at,
        last_at=of.died_at,
    )


def message_id(source: DeadLetterSource, found: Found, body: Body | None = None) -> str:
    """The id its producer gave it; SQS gives each message another, which no consumer knows it by.

    So what was sent there again carries its id in a header.
    """
    told = first(found.headers, *ID) or _told_in(body or read(found.body), "id")
    return told or first(found.headers, brokers.MESSAGE_ID) if source.broker.kind == "sqs" else found.message_id or told


def schema_problem(found: Found, terms: Terms) -> str | None:
    """What the design's schema refuses in a body, "" if nothing; None where there is none to check by."""
    body = read(found.body)
    return _schema_problem(body, _event_type(found.headers, body, deaths.read(found.headers)), terms)


def read(body: bytes) -> Body:
    """The body as JSON, within bounds."""
    if not body or len(body) > LARGEST_READ:
        return Body()
    try:
        return Body(parse_untrusted(body, "json", max_bytes=LARGEST_READ), is_read=True)
    except InvalidRecord as refused:
        return Body(problem=refused.problems[0].message, is_read=True)


def identity(source: DeadLetterSource, found: Found, attempt: RedriveAttempt | None) -> tuple[str, str]:
    """By what the ledger knows it again, and as what."""
    kind, told = found.identity(Mode(source.mode))
    if kind == brokers.IdKind.OFFSET:
        return str(kind), _whole(_place(told, source.generation))
    if attempt is not None and kind == brokers.IdKind.MESSAGE_ID and source.broker.kind != "sqs":
        # The same id as before: its own would be taken for the letter we sent.
        mark = f"/{found.mark}" if found.mark else ""
        return DeadLetter.IdKind.ATTEMPT, f"attempt:{attempt.pk}{mark}"
    return str(kind), _whole(told)


def shown(found: Found, terms: Terms) -> Headers:
    """Its headers, without what is hidden."""
    return terms.mask.over_headers(found.headers) if terms.mask else found.headers


def died_at(found: Found, death: deaths.Death, at: datetime) -> datetime:
    """When it died, by its headers, else by the broker, and at the latest when it was taken in."""
    return min(at, _moment(death.died_at) or _moment(found.placed_at) or at)


def earlier(source: DeadLetterSource, found: Found) -> list[str]:
    """What the ledger knows the message by that lay in its place in each log before this one."""
    _, told = found.identity(Mode.CURSOR)
    return [_whole(_place(told, each)) for each in range(source.generation)]


def _place(told: str, generation: int) -> str:
    """A place in one of the logs that came after another by the same name."""
    return f"{generation}:{told}" if generation else told


def _whole(identity: str) -> str:
    """An identity that can be kept, and two of which are never one."""
    kept = fitted(identity, LONGEST_ID)
    if kept == identity:
        return kept
    return f"{kept[:400]}#{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()}"


def _wire_id(source: DeadLetterSource, found: Found, body: Body) -> str:
    given = message_id(source, found, body) or found.message_id
    return fitted(given, LONGEST_ID) or f"reg:{uuid.uuid4()}"


def _event_type(headers: Headers, body: Body, death: Death) -> str:
    """As CloudEvents tell it, or else as its library does."""
    return fitted(first(headers, *TYPE) or _told_in(body, "type") or death.event_type, 300)


def _shown_type(seen: Headers, body: Body, death: Death, mask: Mask) -> str:
    kind = _event_type(seen, body, death)
    return HIDDEN if kind and mask.hides(("type",)) else kind


def _told_in(body: Body, name: str) -> str:
    told = (body.event or {}).get(name)
    return told if isinstance(told, str) else ""


def _ordering_key(source: DeadLetterSource, found: Found, body: Body, terms: Terms) -> str:
    key = fitted(_key(found, body, terms), LONGEST_KEY)
    is_hidden = terms.hides_key or terms.mask.is_opaque(key)
    return hidden_key(Seal(source.sealed_key), key) if key and is_hidden else key


def _key(found: Found, body: Body, terms: Terms) -> str:
    if not terms.is_ordered:
        return ""
    if found.key:
        try:
            return found.key.decode()
        except UnicodeDecodeError:
            return f"0x{found.key.hex()}"
    return (first(found.headers, terms.key) or body.at(terms.key)) if terms.key else ""


def _fact(seen: Headers, body: Body, name: str, mask: Mask) -> str:
    text = first(seen, name) or body.at(name)
    return HIDDEN if text and (mask.covers(name) or mask.is_opaque(text)) else fitted(text, LONGEST_FACT)


def _schema_problem(body: Body, kind: str, terms: Terms) -> str | None:
    """What the design's schema refuses; None where there is none to check by, or the check would cost too much."""
    schema = terms.schemas.get(kind)
    if schema is None or not body.is_read:
        return None
    if body.problem:
        return fitted(f"The body is no JSON: {body.problem}", 500) if not terms.mask else "The body is no JSON."
    told = partial(schemas.unquoted, hides=terms.mask.hides) if terms.mask else None
    compared, steps = schemas.held(schema, body.data, min(schemas.MOST_STEPS, terms.steps), told=told)
    terms.steps -= steps
    return None if compared.is_unchecked else fitted(str(compared), 500)


def _is_sound(schema: str) -> bool:
    found = schemas.read(schema)
    return not found.problem and not schemas.flaw(schema) and not schemas.remote_references(found.value)


def _moment(told: datetime | None) -> datetime | None:
    """A moment as the database has it."""
    if told is None:
        return None
    try:
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
