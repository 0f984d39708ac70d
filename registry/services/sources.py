"""Where dead letters of an integration lie and how they are read: counted, unless its owner agrees to more."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.models import Case, F, Func, Q, TextField, Value, When
from django.utils import timezone

from registry import deaths, permissions, sealing
from registry.errors import Conflict, NotAllowed
from registry.models import Broker, DeadLetterSource, Environment, Integration, PayloadEdit, Person
from registry.record import DesignRecord
from registry.record.base import seconds
from registry.record.topics import Topic
from registry.services import locks, masks, releases, sightings, trail
from registry.services.masks import HIDDEN, Mask, hidden_key
from registry.services.routes import Route
from registry.services.sightings import ID, Terms
from registry.services.text import Reading

Mode = DeadLetterSource.Mode
Policy = DeadLetterSource.UnknownPolicy

MODES = {
    Broker.Kind.RABBITMQ: (Mode.COUNTS, Mode.CONSUME),
    Broker.Kind.REDIS_STREAMS: (Mode.COUNTS, Mode.CURSOR),
    Broker.Kind.NATS: (Mode.COUNTS, Mode.CURSOR),
    Broker.Kind.KAFKA: (Mode.COUNTS, Mode.CURSOR),
    Broker.Kind.SQS: (Mode.COUNTS, Mode.CONSUME),
}
PLACE_KINDS = {Broker.Kind.RABBITMQ: ("quorum", "classic", "stream")}
TOPIC_KINDS = {Broker.Kind.RABBITMQ: ("quorum", "classic", "stream", "exchange")}
"""What a place may be, where a broker has several; a stream of Redis names the field that holds the body."""
STREAM = "stream"
RISKS = {
    Mode.COUNTS: "No letter is read. Depth and age come from what the broker says of the place as a whole.",
    Mode.CURSOR: "Letters are copied and stay where they are; what the broker drops before it was copied is told.",
}
COUNTED = {
    Broker.Kind.REDIS_STREAMS: "What Redis says of a stream holds its first and last entry; they are not looked at.",
    Broker.Kind.KAFKA: "How old the oldest letter is, Kafka tells only to whoever reads it.",
}
"""What counting is besides, where a broker makes a difference."""
UNCOUNTED = (
    "RabbitMQ tells how much lies in a stream some seconds late, and of an empty one the same as of one it has not"
    " counted: that is not known."
)
CUSTODY = {
    Broker.Kind.RABBITMQ: "Letters are taken out of the queue once they are safe here: whoever reads it besides finds"
    " less. The registry reads it alone, and waits while somebody else does. RabbitMQ 4.0 and later drop a message of"
    " a quorum queue when it was looked at twenty times and put back. Better let letters die into a stream: a policy"
    ' such as {"dead-letter-exchange": "", "dead-letter-routing-key": "orders.dead"} with orders.dead declared as'
    " x-queue-type=stream; a stream is copied and loses nothing by it.",
    Broker.Kind.SQS: "Letters are deleted from the queue once they are safe here, and nobody else sees them for two"
    " minutes while they are taken in. Each look raises their receive count.",
}
"""What taking custody means, told to whoever agrees to it."""
SAID_OF_GROUPS = ("reason", "error_class", "message")
KINDS = ("event_type", "content_type")
OPAQUE = rf"^\s*[{re.escape(''.join(masks.OPAQUE))}]"
UNQUOTED = "It does not fit; in what is not kept where something is hidden."
"""Instead of what a schema refuses, which quotes the body."""
MOST_FIELDS = 50
MOST_DAYS = 3_650
KEYS_AT_ONCE = 5_000
RENAME_KEYS = """
UPDATE registry_deadletter AS letter SET ordering_key = told.became
FROM unnest(%s::text[], %s::text[]) AS told(was, became)
WHERE letter.source_id = %s AND letter.ordering_key = told.was
"""
NO_EXAMPLES = "jsonb_set(%(expressions)s, '{overtaken,examples}', '[]')"
"""Plans name some of the keys that went on without their letters."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What may become of a letter that is sent again, in one phrase and one sentence."""

    name: str
    sentence: str


def taken_in(source: DeadLetterSource) -> Grade:
    """How often a letter that lies there comes to stand in the ledger."""
    if source.mode != Mode.CONSUME or source.broker.kind == Broker.Kind.SQS:
        return Grade("exact", "Each letter is known by its place, and stands here once.")
    if source.place_kind == "quorum":
        return Grade(
            "exact",
            "A letter is known by its id. Of those without one, the queue's count of deliveries tells which were given"
            " back; only if two readers in a row die at it may one stand here twice.",
        )
    return Grade(
        "at least once",
        "A letter is known by its id. One without may stand here twice if its reader dies while it takes it in: a"
        " classic queue does not count how often it gave a message out.",
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source the design speaks of, and nobody defined."""

    topic: str
    place: str
    broker_name: str
    """As the design calls it; "" where it does not."""
    broker: Broker | None
    """The one of that name in the environment."""
    is_guess: bool = False
    """Whether the design only names the place, and its name says whose failures lie there."""


@transaction.atomic
def define(
    integration: Integration,
    broker: Broker,
    *,
    topic: str,
    place: str,
    topic_kind: str = "",
    place_kind: str = "",
    masked: Iterable[str] = (),
    searchable: Iterable[str] = (),
    retention_days: int = 30,
    max_redrives: int = 3,
    unknown_policy: str = "",
    returns_within_seconds: int = 600,
    by: Person,
) -> DeadLetterSource:
    """Say where the failures of one topic of the approved design lie. Counted only, until more is agreed."""
    held = locks.integration(integration.pk)
    _require_keeper(held, by)
    reading = Reading()
    named = _place(reading, held, broker, topic=topic, topic_kind=topic_kind, place=place, place_kind=place_kind)
    fields = named | _fields(
        reading,
        masked=masked,
        searchable=searchable,
        retention_days=retention_days,
        max_redrives=max_redrives,
        unknown_policy=unknown_policy,
        returns_within_seconds=returns_within_seconds,
    )
    reading.done()
    made = DeadLetterSource.objects.create(
        integration=held, broker=broker, sealed_key=sealing.new_key(), created_at=timezone.now(), **fields
    )
    _tell("source.defined", made, {"broker": broker.slug, **fields}, by=by)
    return made


@transaction.atomic
def change(
    source: DeadLetterSource,
    *,
    masked: Iterable[str],
    searchable: Iterable[str],
    retention_days: int,
    max_redrives: int,
    unknown_policy: str,
    returns_within_seconds: int,
    is_active: bool = True,
    by: Person,
) -> DeadLetterSource:
    """Say how its letters are kept and sent again. Where they lie never changes: define another source."""
    held = _held(source)
    _require_keeper(held.integration, by)
    reading = Reading()
    fields = _fields(
        reading,
        masked=masked,
        searchable=searchable,
        retention_days=retention_days,
        max_redrives=max_redrives,
        unknown_policy=unknown_policy,
        returns_within_seconds=returns_within_seconds,
    ) | {"is_active": is_active}
    reading.done()
    before = {name: getattr(held, name) for name in fields}
    if before != fields:
        _write(held, fields)
        _forget(held, before)
        _tell("source.changed", held, {"before": before, "after": fields}, by=by)
    return held


@transaction.atomic
def change_mode(source: DeadLetterSource, mode: str, *, agreed: bool = False, by: Person) -> DeadLetterSource:
    """Read it otherwise. `agreed` says that the person saw what `risk` says and agrees to it."""
    held = _held(source)
    _require_keeper(held.integration, by)
    reading = Reading()
    if mode not in modes(held):
        broker = held.broker.get_kind_display()
        reading.refuse("mode", f"is not possible at {broker}", f"Choose {' or '.join(modes(held))}.")
    elif mode != Mode.COUNTS and not agreed:
        reading.refuse("agreed", "is missing", f"Agree to it: {risk(held, mode)}")
    reading.done()
    if mode == held.mode:
        return held
    before, now = held.mode, timezone.now()
    consent = {"consented_by": by, "consented_at": now} if mode != Mode.COUNTS else {}
    # Whoever still reads the old way finds that it may not write.
    _write(held, {"mode": mode, "fence": held.fence + 1, "lease_until": None, **consent})
    _tell("source.mode_changed", held, {"before": before, "after": mode, "risk": risk(held, mode)}, by=by)
    return held


@transaction.atomic
def change_with_mode(
    source: DeadLetterSource, mode: str, *, agreed: bool = False, by: Person, **kept: Any
) -> DeadLetterSource:
    """Keep its letters otherwise, and read it otherwise: none is taken in with less hidden than is asked for."""
    change(source, **kept, by=by)
    return change_mode(source, mode, agreed=agreed, by=by)


def begin_anew(held: DeadLetterSource) -> None:
    """Read the log that is there now from its beginning, as another one than was read so far. `held` is locked."""
    now = timezone.now()
    before = held.cursor
    _write(held, {"cursor": "", "generation": held.generation + 1, "made_anew_at": now})
    _tell("source.made_anew", held, {"cursor": before, "generation": held.generation}, by=None)


def searched_by(source: DeadLetterSource) -> list[str]:
    """The fields and headers by whose values its letters may be found: none that is hidden, whatever was kept of it."""
    mask = Mask(source.masked)
    return [each for each in source.searchable if not mask.covers(each)]


def modes(source: DeadLetterSource) -> tuple[str, ...]:
    """How it can be read, from harmless to not."""
    if source.place_kind == STREAM and source.broker.kind == Broker.Kind.RABBITMQ:
        return (Mode.COUNTS, Mode.CURSOR)
    return MODES[Broker.Kind(source.broker.kind)]


def risk(source: DeadLetterSource, mode: str) -> str:
    """What reading it this way does to the place, in words."""
    kind = Broker.Kind(source.broker.kind)
    if mode == Mode.CONSUME:
        return CUSTODY[kind]
    more = (UNCOUNTED if source.place_kind == STREAM else COUNTED.get(kind, "")) if mode == Mode.COUNTS else ""
    return f"{RISKS[Mode(mode)]} {more}".strip()


def unknown_policy(route: Route) -> DeadLetterSource.UnknownPolicy:
    """What happens with a letter of which nobody knows whether it arrived: what its owner says, else the design."""
    return Policy(route.source.unknown_policy) if route.source.unknown_policy else designed_policy(route)


def designed_policy(route: Route) -> DeadLetterSource.UnknownPolicy:
    """What the design says of it. Where none is served there, nobody says that twice does no harm."""
    return Policy.RESEND if bears_repeating(route) else Policy.HOLD


def bears_repeating(route: Route) -> bool:
    """Whether a message may come twice: its consumers are idempotent for as long as the topic keeps it."""
    told = route.record.deduplication
    if not route.contracts or not route.is_idempotent or told.strategy in (None, "none"):
        return False
    if told.window is None:
        return told.strategy == "natural_key"
    kept = route.topic.retention if route.topic else None
    return kept is not None and seconds(told.window) >= seconds(kept)


def grade(route: Route) -> Grade:
    """How often a letter that is sent again takes effect."""
    if unknown_policy(route) == Policy.HOLD:
        return Grade(
            "hold and ask", "What may have arrived waits for a person; the registry never sends it twice by itself."
        )
    if not bears_repeating(route):
        return Grade(
            "at least once", "What may have arrived is sent again, and the design does not say that twice does no harm."
        )
    window = route.record.deduplication.window
    if window is None:
        return Grade("exact", "What may have arrived is sent again; its consumer knows it by its key for ever.")
    return Grade(
        "once within window",
        f"What may have arrived is sent again with its own id, which its consumer knows for {window}.",
    )


def design(source: DeadLetterSource) -> DesignRecord | None:
    """The design served where it lies; where none is yet, the one that was approved."""
    served = releases.in_force(source.integration, source.broker.environment)
    revision = served.revision if served else source.integration.in_force
    return revision.record if revision else None


def proposals(integration: Integration, environment: Environment) -> list[Proposal]:
    """Where the approved design says failures go, or names a place that sounds so, and no source is defined here."""
    if integration.in_force is None:
        return []
    defined = set(
        DeadLetterSource.objects.filter(integration=integration, broker__environment=environment).values_list(
            "topic", flat=True
        )
    )
    known = {each.slug: each for each in Broker.objects.filter(environment=environment, is_active=True)}
    topics = integration.in_force.record.topics
    sounding = _sounding([each.name for each in topics if each.name])
    return [
        Proposal(each.name, place, each.broker or "", known.get(_slug(each.broker)), is_guess=not each.dead_letter)
        for each in topics
        if each.name and each.name not in defined and (place := each.dead_letter or sounding.get(each.name))
    ]


def _sounding(names: Sequence[str]) -> dict[str, str]:
    """By topic, the first of these that takes its failures, as names of places go."""
    return {topic: place for place in reversed(names) if (topic := deaths.belongs_to(place, names))}


def _slug(name: str | None) -> str:
    """A broker of the design by the name the catalog has it under."""
    return "-".join((name or "").lower().split())


def _place(
    reading: Reading,
    integration: Integration,
    broker: Broker,
    *,
    topic: str,
    topic_kind: str,
    place: str,
    place_kind: str,
) -> dict[str, Any]:
    """Topic and place, checked against the approved design: letters go back there and nowhere else."""
    fields = {
        "topic": reading.line("topic", topic, longest=300),
        "place": reading.line("place", place, longest=300),
        "topic_kind": _kind(reading, "topic_kind", topic_kind, broker, TOPIC_KINDS),
        "place_kind": _kind(reading, "place_kind", place_kind, broker, PLACE_KINDS),
    }
    designed = _topic(integration, fields["topic"])
    if fields["topic"] and designed is None:
        reading.refuse(
            "topic", "is not a topic of the approved design", "Choose one of its topics, or have the design approved."
        )
    elif designed and designed.broker and _slug(designed.broker) != broker.slug:
        reading.refuse("broker", f"is not {designed.broker}, where the design has this topic", "Choose that broker.")
    if fields["place"] and fields["place"] == fields["topic"]:
        reading.refuse("place", "is the topic itself", "Name the queue or stream that takes what failed.")
    other = DeadLetterSource.objects.filter(broker=broker, place=fields["place"]).select_related("integration").first()
    if other:
        reading.refuse(
            "place", f"is read for {other.integration.name} already", "One place belongs to one topic of one design."
        )
    return fields


def _topic(integration: Integration, name: str) -> Topic | None:
    if integration.in_force is None:
        return None
    return next((each for each in integration.in_force.record.topics if each.name == name), None)


def _kind(reading: Reading, path: str, value: str, broker: Broker, known: Mapping[Broker.Kind, tuple[str, ...]]) -> str:
    kind = reading.line(path, value, longest=20, required=False)
    allowed = known.get(Broker.Kind(broker.kind), ())
    if allowed and kind not in allowed:
        reading.refuse(path, "is not said", f"Choose one of {', '.join(allowed)}.")
    elif kind and not allowed and broker.kind != Broker.Kind.REDIS_STREAMS:
        reading.refuse(path, f"is nothing {broker.get_kind_display()} has", "Leave it empty.")
    return kind


def _fields(
    reading: Reading,
    *,
    masked: Iterable[str],
    searchable: Iterable[str],
    retention_days: int,
    max_redrives: int,
    unknown_policy: str,
    returns_within_seconds: int,
) -> dict[str, Any]:
    hidden, shown = _names(reading, "masked", masked), _names(reading, "searchable", searchable)
    if both := [each for each in shown if Mask(hidden).covers(each)]:
        reading.refuse("searchable", f"names {both[0]}, which is masked", "It would be kept in clear: choose one.")
    if ids := [each for each in hidden if any(map(Mask([each]).hides_header, ID))]:
        reading.refuse(
            "masked", f"names {ids[0]}, which is the id", "By its id everybody knows a letter: it cannot be hidden."
        )
    if unknown_policy and unknown_policy not in Policy.values:
        reading.refuse("unknown_policy", "is not known", f"Choose {' or '.join(Policy.values)}, or the design's own.")
    _within(reading, "retention_days", retention_days, 1, MOST_DAYS)
    _within(reading, "max_redrives", max_redrives, 1, 100)
    _within(reading, "returns_within_seconds", returns_within_seconds, 1, 7 * 86_400)
    return {
        "masked": hidden,
        "searchable": shown,
        "retention_days": retention_days,
        "max_redrives": max_redrives,
        "unknown_policy": unknown_policy,
        "returns_within_seconds": returns_within_seconds,
    }


def _names(reading: Reading, path: str, values: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(each.strip() for each in values if each.strip()))
    if len(names) > MOST_FIELDS:
        reading.refuse(path, f"are more than {MOST_FIELDS}", "Name fewer.")
    return [reading.line(path, each) for each in names[:MOST_FIELDS]]


def _within(reading: Reading, path: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        reading.refuse(path, "is out of range", f"Write a number from {least:,} to {most:,}.")


def _forget(held: DeadLetterSource, before: Mapping[str, Any]) -> None:
    """What was kept in clear of letters taken in earlier, and is no longer to be."""
    if gone := sorted(set(before["searchable"]) - set(held.searchable)):
        without = Func(F("facts"), Value(gone, ArrayField(TextField())), template="(%(expressions)s)", arg_joiner=" - ")
        held.letters.filter(facts__has_any_keys=gone).update(facts=without)
    if held.masked and not before["masked"]:
        held.letters.filter(schema_problem__gt="").update(schema_problem=UNQUOTED)
        PayloadEdit.objects.filter(letter__source=held).filter(schema_problem__gt="").update(schema_problem=UNQUOTED)
        _hide_opaque(held)
    if set(held.masked) - set(before["masked"]):
        _hide(held, Mask(before["masked"]), Mask(held.masked))


def _hide(held: DeadLetterSource, before: Mask, after: Mask) -> None:
    """Columns of letters taken in earlier that may say what is hidden from now on."""
    columns = sorted(sightings.told_by(after) - sightings.told_by(before))
    of_groups = [name for name in columns if name in SAID_OF_GROUPS]
    for rows, names in ((held.letters, columns), (held.groups, of_groups)):
        dots = {name: Case(When(**{name: ""}, then=Value("")), default=Value(HIDDEN)) for name in names}
        if dots:
            rows.update(**dots)
    record = design(held)
    was, now = (Terms.of(record, held.topic, masked=each.names) for each in (before, after))
    if now.hides_key and not was.hides_key:
        _hide_keys(held)


def _hide_opaque(held: DeadLetterSource) -> None:
    """Columns of letters taken in earlier that may hold JSON or XML: nobody looks into them for what is hidden."""
    for rows, names in ((held.letters, (*sightings.SAID, *KINDS)), (held.groups, SAID_OF_GROUPS)):
        opaque = {name: Q(**{f"{name}__regex": OPAQUE}) for name in names}
        dots = {name: Case(When(is_opaque, then=Value(HIDDEN)), default=F(name)) for name, is_opaque in opaque.items()}
        rows.filter(reduce(or_, opaque.values())).update(**dots)


def _hide_keys(held: DeadLetterSource) -> None:
    """Each key becomes what stands for it from now on, so that letters keep the order they have."""
    try:
        seal = sealing.Seal(held.sealed_key)
    except sealing.Unsealed as why:
        raise Conflict("Its keys cannot be hidden.", f"{why} Set the SECRET_KEY it was taken in with.") from None
    of_keys = held.letters.exclude(ordering_key="").exclude(ordering_key__startswith=HIDDEN)
    keys = list(of_keys.order_by().values_list("ordering_key", flat=True).distinct())
    with connection.cursor() as cursor:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            chunk = keys[start : start + KEYS_AT_ONCE]
            cursor.execute(RENAME_KEYS, [chunk, [hidden_key(seal, each) for each in chunk], held.pk])
    held.redrives.filter(plan__has_key="overtaken").update(plan=Func(F("plan"), template=NO_EXAMPLES))
    for job in held.redrives.filter(selector__has_key="ordering_key").exclude(
        selector__ordering_key__startswith=HIDDEN
    ):
        key = hidden_key(seal, job.selector["ordering_key"])
        held.redrives.filter(pk=job.pk).update(selector=job.selector | {"ordering_key": key})


def _held(source: DeadLetterSource) -> DeadLetterSource:
    """The source as it is now, its integration locked before it."""
    owner = locks.integration(source.integration_id)
    found = DeadLetterSource.objects.select_for_update(no_key=True, of=("self",)).select_related("broker__environment")
    held = found.get(pk=source.pk)
    held.integration = owner
    return held


def _write(held: DeadLetterSource, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(held, name, value)
    held.save(update_fields=list(fields))


def _require_keeper(integration: Integration, by: Person) -> None:
    if not permissions.may_keep_sources(by, integration):
        raise NotAllowed(
            "Only an administrator, or who leads a team of this integration, says how its dead letters are read.",
            "Ask one of them.",
        )


def _tell(kind: str, source: DeadLetterSource, data: dict[str, Any], *, by: Person | None) -> None:
    subject = f"integration/{source.integration.slug}/{source.broker.environment.slug}/source/{source.pk}"
    trail.record(kind, by=by, integration=source.integration, subject=subject, data={"place": source.place, **data})
