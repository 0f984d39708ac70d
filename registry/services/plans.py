"""What a redrive would do, before anything is sent: computed from the design in force and the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db import OperationalError, connection, transaction
from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.lookups import IContains
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from psycopg.errors import QueryCanceled

from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import (
    ME,
    NOBODY,
    DeadLetter,
    DeadLetterSource,
    LetterWords,
    Page,
    PayloadEdit,
    Person,
    RedriveItem,
    RedriveJob,
    keyset,
    keyset_sought,
)
from registry.models.letters import SAID, DeadLetterQuerySet
from registry.record.findings import Problem
from registry.services import letters, routes, sources
from registry.services.board import Breaker
from registry.services.routes import Clause, Route
from registry.services.text import Reading

MOST_LETTERS = 100_000
"""So many letters one redrive may send."""
MOST_NAMED = 1_000
"""So many letters may be named one by one."""
LONGEST_GRACE_S = 60
LONGEST_MS = 3_000
"""A page of letters that takes longer is given up."""
LONGEST_PLAN_MS = 15_000
"""Each statement of a plan."""
SHORTEST_SOUGHT = 3
"""The index of words is one of three letters each."""
MOST_FACTS = 10
AGES: Mapping[str, tuple[str, timedelta | None, timedelta | None]] = {
    "under-1h": ("Under an hour", timedelta(hours=1), None),
    "under-1d": ("Under a day", timedelta(days=1), None),
    "under-7d": ("Under a week", timedelta(days=7), None),
    "over-1d": ("Over a day", None, timedelta(days=1)),
    "over-7d": ("Over a week", None, timedelta(days=7)),
    "over-30d": ("Over thirty days", None, timedelta(days=30)),
}
"""How long letters are dead, in words: less than the first, more than the second."""
EXAMPLES = 5
State = DeadLetter.State
# Of each key only the last letter that was processed is looked for: no key is read twice, however many letters it has.
_OVERTAKEN = """
    WITH chosen AS MATERIALIZED ({chosen}),
    keys AS (SELECT ordering_key, min(died_at) AS first FROM chosen GROUP BY 1),
    done AS MATERIALIZED (
        SELECT keys.ordering_key, processed.died_at AS last FROM keys CROSS JOIN LATERAL (
            SELECT died_at FROM registry_deadletter later
            WHERE later.source_id = %s AND later.ordering_key = keys.ordering_key AND later.died_at > keys.first
                AND later.state = ANY(%s)
            ORDER BY died_at DESC LIMIT 1
        ) processed
    )
    SELECT count(DISTINCT chosen.ordering_key), count(*), array_agg(DISTINCT chosen.ordering_key)
    FROM chosen JOIN done USING (ordering_key) WHERE chosen.died_at < done.last
"""
_TEXTS = {"error_class": 300, "event_type": 300, "ordering_key": 300, "wire_id": 500, "assignee": 300, "q": 300}
"""How long each may be."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which letters: these, or all that match."""

    letters: tuple[int, ...] = ()
    group: int | None = None
    error_class: str = ""
    event_type: str = ""
    ordering_key: str = ""
    wire_id: str = ""
    assignee: str = ""
    """A username, or NOBODY."""
    q: str = ""
    age: str = ""
    """How it was asked for; what it came to is in `since` and `until`."""
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Values of searchable fields and headers, by name."""

    @classmethod
    def read(cls, given: Mapping[str, Any], *, by: Person | None = None) -> Self:
        """From JSON, as a job keeps it; where somebody asks, an `age` is read as moments, and ME as who it is. Raises
        Invalid."""
        reading = Reading()
        for name in given.keys() - cls.__dataclass_fields__.keys():
            reading.refuse(name, "is nothing letters are chosen by", "Leave it out.")
        age = str(given.get("age") or "")
        younger, older = _aged(reading, age) if by else (None, None)
        since, until = (_moment(reading, name, given.get(name)) for name in ("since", "until"))
        made = cls(
            letters=tuple(sorted(set(_numbers(reading, given.get("letters") or ())))),
            group=_number(reading, "group", given.get("group")),
            age=age,
            since=max(filter(None, (since, younger)), default=None),
            until=min(filter(None, (until, older)), default=None),
            facts=_facts(reading, given.get("facts") or {}),
            **{
                name: reading.line(name, str(given.get(name) or ""), longest=longest, required=False)
                for name, longest in _TEXTS.items()
            },
        )
        reading.done()
        return replace(made, assignee=by.username) if by and made.assignee == ME else made

    def kept(self) -> dict[str, Any]:
        """As JSON, without what was not asked for."""
        told = {name: value for name, value in asdict(self).items() if value}
        return {
            name: value.isoformat() if isinstance(value, datetime) else _listed(value) for name, value in told.items()
        }

    def known_to(self, source: DeadLetterSource) -> Self:
        """Itself, where the source keeps what it asks for. Raises Invalid."""
        known, reading = sources.searched_by(source), Reading()
        for name in self.facts.keys() - set(known):
            mend = f"Choose {' or '.join(known)}." if known else "Its owner names fields and headers to search by."
            reading.refuse(f"facts.{name}", "is not kept to search by", mend)
        reading.done()
        return self

    def of(self, source: DeadLetterSource) -> DeadLetterQuerySet:
        """Those of this source, in whatever state. Raises Invalid."""
        self._refuse_short()
        return self._lying(source).filter(self._equal(), self._found(source))

    def page(self, source: DeadLetterSource, *, state: str = "", cursor: str = "", size: int = 50) -> Page[DeadLetter]:
        """Some of those, in that state unless it is "", the last dead first. Raises Invalid.

        Its cost does not grow with the ledger: what has an index in order is read from it, the rest is sought as
        `keyset_sought` says, and what still takes longer than LONGEST_MS is given up with a word of how to ask.
        """
        rows = self._lying(source).select_related("assignee")
        if state:
            # With its state, a group's letters are in order as well.
            rows = rows.filter(state=state).filter(**({"group": self.group} if self.group else {}))
        sought = [name for name in ("q", "error_class", "event_type", "facts") if getattr(self, name)]
        sought += ["group"] if self.group and not state else []
        sought += ["assignee"] if self.assignee == NOBODY else []
        if not sought:
            return keyset(rows, order="-died_at", cursor=cursor, size=size)
        self._refuse_short()
        seen, found = self._equal() & self._said(), self._equal() & self._found(source)
        mend = "Say since when and until when they died, or choose a state as well."
        with _in_time(LONGEST_MS, Problem(sought[0], "fits too many letters that died long ago", mend)):
            return keyset_sought(rows, seen=seen, found=found, order="-died_at", cursor=cursor, size=size)

    def _refuse_short(self) -> None:
        """An index of three letters each finds no word of two: every word would be read."""
        if 0 < len(self.q) < SHORTEST_SOUGHT:
            raise Invalid([Problem("q", f"is shorter than {SHORTEST_SOUGHT} characters", "Write more of the word.")])

    def _lying(self, source: DeadLetterSource) -> DeadLetterQuerySet:
        found: DeadLetterQuerySet = DeadLetter.objects.filter(source=source)
        if self.letters:
            found = found.filter(pk__in=self.letters)
        return found.lying(
            ordering_key=self.ordering_key,
            wire_id=self.wire_id,
            assignee=self.assignee,
            since=self.since,
            until=self.until,
        )

    def _equal(self) -> Q:
        asked = {
            "group": self.group,
            "error_class": self.error_class,
            "event_type": self.event_type,
            "assignee__isnull": self.assignee == NOBODY,
            "facts__contains": self.facts,
        }
        return Q(**{name: value for name, value in asked.items() if value})

    def _said(self) -> Q:
        """What says `q`, told from each letter."""
        return Q(IContains(SAID, self.q)) if self.q else Q()

    def _found(self, source: DeadLetterSource) -> Q:
        """What says `q`, by the index of words."""
        held = LetterWords.objects.filter(source=source, words__icontains=self.q)
        return Q(pk__in=held.values("letter")) if self.q else Q()


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Letters that failed with what the error table says not to retry."""

    clause: str
    contract: str
    status: str
    code: str
    action: str
    letters: int


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Letters whose key went on without them: later letters of the key were resolved already. Messages that never
    died are not known here, so that a key may have gone on all the same."""

    keys: int = 0
    letters: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent where, how fast, and what speaks against it."""

    broker: str
    topic: str
    topic_kind: str
    version: str
    """The design's, which names the topic."""
    refusals: tuple[str, ...]
    """Why it cannot be begun; () if it can."""
    total: int
    """Open letters that were chosen. More than MOST_LETTERS stands for any more, and nothing else is looked at then."""
    others: int
    """Chosen, but not open, so left out; counted as far."""
    sending: int
    """What would be sent: all but those forbidden. What follows is of these alone."""
    oldest_at: datetime | None
    newest_at: datetime | None
    window: str
    """How long consumers recognise what they have done, as the design says it."""
    older_than_window: int
    failing_schema: int
    """As they would be sent, so as mended, when they were taken in or mended."""
    unchecked_schema: int
    """Held to no schema: the design had none, or it would have cost too much."""
    edited: int
    forbidden: tuple[Forbidden, ...]
    is_ordered: bool
    """Whether the design promises an order."""
    keyed: int
    overtaken: Overtaken
    breakers: Mapping[str, list[Breaker]]
    waits_for_breaker: str
    rate_per_minute: int
    rate_because: str
    rate_limit: int | None
    expected_seconds: int
    second_because: str
    grade: str
    grade_because: str
    made_at: datetime = field(default_factory=timezone.now)

    @property
    def most(self) -> int:
        return MOST_LETTERS

    @property
    def checked_schema(self) -> int:
        return self.sending - self.unchecked_schema

    @property
    def needs_second(self) -> bool:
        return bool(self.second_because)

    @property
    def not_sent(self) -> int:
        return sum(each.letters for each in self.forbidden)

    def kept(self) -> dict[str, Any]:
        """As JSON, as a job keeps it."""
        told: dict[str, Any] = _plain(asdict(self))
        return told


def plan(
    source: DeadLetterSource,
    selector: Selector,
    *,
    by: Person,
    rate_per_minute: int | None = None,
    sends_forbidden: bool = False,
) -> Plan:
    """Work it out. Nothing changes by it; a handful of statements, however many letters. Raises Invalid."""
    if not permissions.may_redrive(by):
        raise NotAllowed("Only somebody on call sends dead letters again.", "Ask who is on call.")
    route = routes.of(source)
    chosen = selector.of(source)
    found = chosen.of_state(State.OPEN).order_by()
    mend = "Choose fewer, by a group or by when they died."
    with _in_time(LONGEST_PLAN_MS, Problem("letters", "are too many to look at in time", mend)):
        total = _up_to_most(found)
        found = found if total <= MOST_LETTERS else found.none()
        failures = _failures(found, route, sends_forbidden=sends_forbidden)
        counted = _together(failures)
        overtaken = _overtaken(source, _sent(found, route, failures)) if counted["keyed"] else Overtaken()
        others = _up_to_most(chosen.exclude(state=State.OPEN).order_by())
    sending = counted.pop("letters")
    rate = rate_per_minute or route.rate_per_minute
    grade = sources.grade(route)
    return Plan(
        broker=source.broker.slug,
        topic=source.topic,
        topic_kind=source.topic_kind,
        version=route.release.revision.version if route.release else "",
        refusals=tuple(_refusals(route, sending, total)),
        total=total,
        others=others,
        sending=sending,
        window=route.record.deduplication.window or "",
        forbidden=_forbidden(failures),
        is_ordered=route.is_ordered,
        overtaken=overtaken,
        breakers=route.breakers(),
        waits_for_breaker=route.open_breaker(),
        rate_per_minute=rate,
        rate_because=route.rate_because,
        rate_limit=route.limit[0] if route.limit else None,
        expected_seconds=expected_seconds(source, sending, rate),
        second_because=second_because(route, sending, counted["edited"], by=by),
        grade=grade.name,
        grade_because=grade.sentence,
        **counted,
    )


def second_because(route: Route, sending: int, edited: int, *, by: Person, besides: RedriveJob | None = None) -> str:
    """Why a second person has to agree to what this one asks for; "" if none has to."""
    integration = route.source.integration
    alone = _sent_alone(route.source, by, besides) if sending else 0
    together = sending + alone
    before = f"with the {alone:,} that {by.name} sent alone in the last 24 hours, " if alone else ""
    reasons = (
        (integration.criticality == "critical", f"{integration.name} is critical"),
        (together > letters.MANY, f"{before}{together:,} letters are more than {letters.MANY}"),
        (edited > 0, "an edited letter is among them" if edited == 1 else f"{edited:,} of them are edited"),
        (not route.is_idempotent, "the design does not say that doing it twice has the effect of once"),
    )
    return "; ".join(why for holds, why in reasons if holds)


def _sent_alone(source: DeadLetterSource, by: Person, besides: RedriveJob | None) -> int:
    """How many letters of this source went, or will go, by what somebody began in the last day and nobody agreed to."""
    begun = {"job__source": source, "job__requested_by": by, "job__started_at__gt": timezone.now() - letters.A_DAY}
    found = RedriveItem.objects.filter(job__needs_second=False, **begun).exclude(job=besides)
    stay = (RedriveItem.State.SKIPPED, RedriveItem.State.REFUSED, RedriveItem.State.CANCELLED)
    return found.exclude(state__in=stay).order_by()[:MOST_LETTERS].count()


def expected_seconds(source: DeadLetterSource, count: int, rate_per_minute: int) -> int:
    """How long it takes: the canaries' graces, then the rest at its rate."""
    graces = sum(count > sent for sent in (1, 11))
    return graces * round(grace(source).total_seconds()) + -(-count * 60 // rate_per_minute)


def grace(source: DeadLetterSource) -> timedelta:
    """How long one waits for the first letters to come back before more are sent."""
    return timedelta(seconds=min(source.returns_within_seconds, LONGEST_GRACE_S))


def _refusals(route: Route, sending: int, total: int) -> list[str]:
    found = [route.refusal] if route.refusal else []
    if not total:
        found.append("None of these letters is open.")
    elif total > MOST_LETTERS:
        found.append(f"One redrive sends at most {MOST_LETTERS:,} letters; choose fewer.")
    elif not sending:
        found.append("The design says to retry none of these. Say why they are sent all the same.")
    return found


def _up_to_most(found: QuerySet[DeadLetter]) -> int:
    """How many; one more than MOST_LETTERS for any more."""
    return found[: MOST_LETTERS + 1].count()


@dataclass(frozen=True, slots=True)
class _Failure:
    """What letters that failed alike come to, and the clause for which they are left out."""

    status: str | None
    code: str | None
    clause: Clause | None
    counts: Mapping[str, Any]


def _failures(found: QuerySet[DeadLetter], route: Route, *, sends_forbidden: bool) -> list[_Failure]:
    """At most a status times a code of the error tables each; one for all where those forbid nothing."""
    edits = PayloadEdit.objects.filter(letter=OuterRef("pk"))
    newest = Subquery(edits.order_by("-pk").values("schema_problem")[:1])
    problem = Case(When(Exists(edits), then=newest), default=F("schema_problem"))
    older = Q(died_at__lt=timezone.now() - route.window) if route.window else Q(pk__isnull=True)
    counts = {
        "letters": Count("pk"),
        "oldest_at": Min("died_at"),
        "newest_at": Max("died_at"),
        "older_than_window": Count("pk", filter=older),
        "failing_schema": Count("pk", filter=Q(problem__gt="")),
        "unchecked_schema": Count("pk", filter=Q(problem__isnull=True)),
        "edited": Count("pk", filter=Q(is_edited=True)),
        "keyed": Count("pk", filter=~Q(ordering_key="")),
    }
    looked_at: Any = found.annotate(is_edited=Exists(edits), problem=problem)
    if sends_forbidden or not route.forbids:
        return [_Failure(None, None, None, looked_at.aggregate(**counts))]
    alike = looked_at.annotate(**route.failures()).values("failed_status", "failed_code").annotate(**counts).order_by()
    return [_failure(row.pop("failed_status"), row.pop("failed_code"), row, route) for row in alike]


def _failure(status: str | None, code: str | None, counts: Mapping[str, Any], route: Route) -> _Failure:
    return _Failure(status, code, route.clause(status, code), counts)


def _together(failures: list[_Failure]) -> dict[str, Any]:
    """What those that would be sent come to."""
    sent = [each.counts for each in failures if each.clause is None]
    numbers = ("letters", "older_than_window", "failing_schema", "unchecked_schema", "edited", "keyed")
    return {
        **{name: sum(each[name] for each in sent) for name in numbers},
        "oldest_at": min(filter(None, (each["oldest_at"] for each in sent)), default=None),
        "newest_at": max(filter(None, (each["newest_at"] for each in sent)), default=None),
    }


def _forbidden(failures: list[_Failure]) -> tuple[Forbidden, ...]:
    counts: dict[Clause, int] = {}
    for each in failures:
        if each.clause:
            counts[each.clause] = counts.get(each.clause, 0) + each.counts["letters"]
    by_count = sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
    return tuple(Forbidden(str(clause), **asdict(clause), letters=count) for clause, count in by_count)


def _sent(found: QuerySet[DeadLetter], route: Route, failures: list[_Failure]) -> QuerySet[DeadLetter]:
    """Those of them that would be sent."""
    left_out = [each for each in failures if each.clause]
    if not left_out:
        return found
    alike = [_same("failed_status", each.status) & _same("failed_code", each.code) for each in left_out]
    # An exclusion would leave out what has no status as well.
    is_left_out = Case(When(reduce(or_, alike), then=Value(True)), default=Value(False))
    return found.annotate(**route.failures()).annotate(is_left_out=is_left_out).filter(is_left_out=False)


def _same(name: str, value: str | None) -> Q:
    return Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})


def _overtaken(source: DeadLetterSource, found: QuerySet[DeadLetter]) -> Overtaken:
    """By what the ledger knows; what was never dead is not seen here."""
    chosen, asked = found.exclude(ordering_key="").values("ordering_key", "died_at").query.sql_with_params()
    done: list[Any] = [source.pk, [State.RESOLVED, State.PRESUMED_RESOLVED]]
    with connection.cursor() as cursor:
        cursor.execute(_OVERTAKEN.format(chosen=chosen), [*asked, *done])
        keys, count, examples = cursor.fetchone()
    return Overtaken(keys, count, tuple((examples or [])[:EXAMPLES]))


def _numbers(reading: Reading, given: Any) -> list[int]:
    if not isinstance(given, list | tuple) or not all(type(each) is int and 0 < each < 2**63 for each in given):
        reading.refuse("letters", "are not numbers of letters", "Give a list of their numbers.")
        return []
    if len(given) > MOST_NAMED:
        reading.refuse("letters", f"are more than {MOST_NAMED:,}", "Choose by a group or a filter instead.")
    return list(given)


def _number(reading: Reading, path: str, given: Any) -> int | None:
    if given in (None, ""):
        return None
    if type(given) is not int or not 0 < given < 2**63:
        reading.refuse(path, "is not a number", "Give the number of a group.")
        return None
    return given


def _moment(reading: Reading, path: str, given: Any) -> datetime | None:
    if not given:
        return None
    try:
        found = given if isinstance(given, datetime) else parse_datetime(str(given))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        reading.refuse(path, "is not a moment", "Write it with its zone, such as 2026-01-31T14:00:00Z.")
        return None
    return found


def facts(told: Iterable[str], source: DeadLetterSource) -> dict[str, str]:
    """Names and values of texts such as `tenant=nl`; a name that the source knows may hold an equals sign itself."""
    known = sorted(sources.searched_by(source), key=len, reverse=True)
    return dict(_fact(each, known) for each in told)


def _fact(text: str, known: list[str]) -> tuple[str, str]:
    name = next((each for each in known if text.startswith(f"{each}=")), text.partition("=")[0])
    return name, text[len(name) + 1 :]


def _aged(reading: Reading, given: Any) -> tuple[datetime | None, datetime | None]:
    """Since when and until when letters of this age died."""
    if not given:
        return None, None
    if given not in AGES:
        reading.refuse("age", "is not one of the choices", f"Choose {', '.join(AGES)}.")
        return None, None
    _, under, over = AGES[given]
    now = timezone.now()
    return now - under if under else None, now - over if over else None


def _facts(reading: Reading, given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        reading.refuse("facts", "are not names with values", "Give an object of them.")
        return {}
    if len(given) > MOST_FACTS:
        reading.refuse("facts", f"are more than {MOST_FACTS}", "Ask for fewer.")
    return {
        str(name): reading.line(f"facts.{name}", str(value), longest=300)
        for name, value in list(given.items())[:MOST_FACTS]
    }


@contextmanager
def _in_time(milliseconds: int, too_long: Problem) -> Iterator[None]:
    """Raises Invalid with this problem where a statement takes longer."""
    try:
        with transaction.atomic():
            _limit(milliseconds)
            yield
            _limit(0)
    except OperationalError as failed:
        if not isinstance(failed.__cause__, QueryCanceled):
            raise
        raise Invalid([too_long]) from None


def _limit(milliseconds: int) -> None:
    """What the statements that follow in this transaction may take each; 0 for any time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
