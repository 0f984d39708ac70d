"""A message as it was found, read as a letter of the ledger. Whatever is in it, a letter comes out."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from registry import brokers, deaths
from registry.brokers import Found, Mode, first
from registry.definitions import schemas
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, RedriveAttempt
from registry.record import DesignRecord
from registry.record.findings import InvalidRecord
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


@dataclass(slots=True)
class Terms:
    """What a design says of the messages of one topic."""

    key: str = ""
    """The field that orders them; "" where none does, or a broker's own key."""
    is_ordered: bool = True
    schemas: dict[str, str] = field(default_factory=dict)
    """JSON Schemas that can be checked, by CloudEvents type."""
    hides: bool = False
    """Whether something of its messages is hidden, so that nothing of a body is quoted."""
    steps: int = MOST_STEPS

    @classmethod
    def of(cls, record: DesignRecord | None, topic: str, *, hides: bool = False) -> Self:
        if record is None:
            return cls(hides=hides)
        key = next((each.key for each in record.topics if each.name == topic), None)
        guarantee = next((each.guarantee for each in record.ordering if each.topic == topic), None)
        checked = {each.type: each.data_schema for each in record.events if each.type and each.data_schema}
        sound = {name: text for name, text in checked.items() if _is_sound(text)}
        return cls(key or "", guarantee != "none", sound, hides)


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
    death, body = deaths.read(found.headers), read(found.body)
    kind = _event_type(found, body, death)
    id_kind, known_by = identity(source, found, attempt)
    return DeadLetter(
        source=source,
        id_kind=id_kind,
        identity=known_by,
        wire_id=_wire_id(source, found, body),
        ordering_key=fitted(_ordering_key(found, body, terms), LONGEST_KEY),
        moved_at=at,
        reason=fitted(death.reason, 100),
        error_class=fitted(death.error_class, 300),
        message=fitted(death.message, 2_000),
        origin=fitted(death.origin, 300),
        attempts=death.attempts if death.attempts is not None and 0 <= death.attempts <= MOST_ATTEMPTS else None,
        event_type=kind,
        content_type=fitted(first(found.headers, *CONTENT_TYPE), 200),
        schema_problem=_schema_problem(body, kind, terms),
        position=fitted(found.position, 200),
        partition=fitted(found.partition, 100),
        size=len(found.body),
        facts={name: text for name in source.searchable if (text := _fact(found, body, name))},
        died_at=min(at, _moment(death.died_at) or _moment(found.placed_at) or at),
        harvested_at=at,
        unsettled_count=found.delivered if id_kind == DeadLetter.IdKind.WEAK else None,
    )


def group(source: DeadLetterSource, of: DeadLetter) -> DeadLetterGroup:
    """The group a letter belongs to, not yet saved."""
    return DeadLetterGroup(
        source=source,
        key=deaths.group_key(of.error_class, of.reason, of.message),
        error_class=of.error_class,
        reason=of.reason,
        message=fitted(deaths.normalised(of.message), 300),
        first_at=of.died_at,
        last_at=of.died_at,
    )


def message_id(source: DeadLetterSource, found: Found, body: Body | None = None) -> str:
    """The id its producer gave it; SQS gives each message another, which no consumer knows it by."""
    told = first(found.headers, *ID) or _told_in(body or read(found.body), "id")
    return told if source.broker.kind == "sqs" else found.message_id or told


def schema_problem(found: Found, terms: Terms) -> str | None:
    """What the design's schema refuses in a body, "" if nothing; None where there is none to check by."""
    body = read(found.body)
    return _schema_problem(body, _event_type(found, body, deaths.read(found.headers)), terms)


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
    if attempt is not None and kind == brokers.IdKind.MESSAGE_ID and source.broker.kind != "sqs":
        # The same id as before: its own would be taken for the letter we sent.
        mark = f"/{found.mark}" if found.mark else ""
        return DeadLetter.IdKind.ATTEMPT, f"attempt:{attempt.pk}{mark}"
    return str(kind), _whole(told)


def _whole(identity: str) -> str:
    """An identity that can be kept, and two of which are never one."""
    kept = fitted(identity, LONGEST_ID)
    if kept == identity:
        return kept
    return f"{kept[:400]}#{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()}"


def _wire_id(source: DeadLetterSource, found: Found, body: Body) -> str:
    given = message_id(source, found, body) or found.message_id
    return fitted(given, LONGEST_ID) or f"reg:{uuid.uuid4()}"


def _event_type(found: Found, body: Body, death: deaths.Death) -> str:
    """As CloudEvents tell it, or else as its library does."""
    return fitted(first(found.headers, *TYPE) or _told_in(body, "type") or death.event_type, 300)


def _told_in(body: Body, name: str) -> str:
    told = (body.event or {}).get(name)
    return told if isinstance(told, str) else ""


def _ordering_key(found: Found, body: Body, terms: Terms) -> str:
    if not terms.is_ordered:
        return ""
    if found.key:
        try:
            return found.key.decode()
        except UnicodeDecodeError:
            return f"0x{found.key.hex()}"
    return (first(found.headers, terms.key) or body.at(terms.key)) if terms.key else ""


def _fact(found: Found, body: Body, name: str) -> str:
    return fitted(first(found.headers, name) or body.at(name), LONGEST_FACT)


def _schema_problem(body: Body, kind: str, terms: Terms) -> str | None:
    """What the design's schema refuses; None where there is none to check by, or the check would cost too much."""
    schema = terms.schemas.get(kind)
    if schema is None or not body.is_read:
        return None
    if body.problem:
        return fitted(f"The body is no JSON: {body.problem}", 500)
    told = schemas.unquoted if terms.hides else None
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
