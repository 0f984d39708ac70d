"""Runs a search: bounded in rows and time, grouped by what is found, best first, and only what the asker may see."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Concat

from registry import permissions
from registry.models import Event, Person, Release, Revision, Tag
from registry.record import labels, pointers
from registry.search import fragments, words
from registry.search.fragments import Marked
from registry.search.question import KINDS, Question, Term

IN_ENTRIES = tuple(list(KINDS)[: list(KINDS).index("tag")])
"""What is found by its words in the table of entries; the rest is found by other means."""
PER_KIND = 5
MOST_OF_ONE_KIND = 50
ENOUGH = MOST_OF_ONE_KIND + 1
MOST_WEIGHED = 100
"""Of each kind, so many that fit are compared to show the best of them. A title that is all of what is asked, and then
titles that hold every word, are among them first."""
LONGEST_MS = 2_000
"""A search that takes longer is given up."""
MOST_BEGUN = 24
"""Words that begin as typed, the shortest first; what is longer is found once more of it is typed."""
MOST_READINGS = 3
SHORTEST_MISTYPED = 4
EXACT = 0
"""The tier of what is called exactly as asked."""

HASH = re.compile(r"(?:\d{1,18}-)?([0-9a-f]{8,64})")
"""A content hash, the start of one, or an ETag as settings and documents are served with."""
VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})")
REQUEST_ID = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9._:@/+=-]{7,99}")

WITHIN = "SELECT set_config('statement_timeout', %s, true), set_config('enable_seqscan', 'off', true)"

ENTRIES = """
SELECT asked.kind, best.fitting, best.tier, entry.pointer, entry.title, entry.anchor, entry.lines,
       integration.slug, integration.name, integration.state
FROM unnest(%(kinds)s::text[]) WITH ORDINALITY AS asked (kind, place)
CROSS JOIN LATERAL (
    SELECT fitting.id, tier, rank, length, integration.state = 'retired' AS is_over, count(*) OVER () AS fitting
    FROM (
        SELECT id, integration_id, min(tier) AS tier, max(rank) AS rank, max(length) AS length
        FROM (
            (SELECT id, integration_id, 0 AS tier, 0.0 AS rank, length(title) AS length FROM registry_searchentry
             WHERE vector @@ (quote_literal('@in=' || asked.kind)::tsquery && %(exact)s::tsquery) LIMIT %(most)s)
            UNION ALL
            (SELECT id, integration_id, 1, ts_rank(vector, %(rank)s::tsquery, 1), length(title)
             FROM registry_searchentry
             WHERE vector @@ (quote_literal('@in=' || asked.kind)::tsquery && %(titled)s::tsquery) LIMIT %(most)s)
            UNION ALL
            (SELECT id, integration_id, 2, ts_rank(vector, %(rank)s::tsquery, 1), length(title)
             FROM registry_searchentry
             WHERE vector @@ (quote_literal('@in=' || asked.kind)::tsquery && %(fitting)s::tsquery) LIMIT %(most)s)
            LIMIT %(most)s
        ) AS candidate
        GROUP BY id, integration_id
    ) AS fitting
    LEFT JOIN registry_integration AS integration ON integration.id = fitting.integration_id
    ORDER BY is_over NULLS FIRST, tier, rank DESC, length, fitting.id
    LIMIT %(shown)s
) AS best
JOIN registry_searchentry AS entry ON entry.id = best.id
LEFT JOIN registry_integration AS integration ON integration.id = entry.integration_id
ORDER BY asked.place, best.is_over NULLS FIRST, best.tier, best.rank DESC, best.length, best.id
"""

BEGUN = """
SELECT asked.text, near.text
FROM unnest(%s::text[]) AS asked (text)
CROSS JOIN LATERAL (
    SELECT DISTINCT length(text) AS length, text FROM registry_searchword WHERE text LIKE asked.text || '%%'
    ORDER BY length, text LIMIT %s
) AS near
"""

# The words that hold what was typed, before those that are like it; nothing for a word that begins one.
READINGS = """
SELECT asked.text, near.text
FROM unnest(%s::text[]) AS asked (text)
CROSS JOIN LATERAL (
    SELECT DISTINCT text, text LIKE '%%' || asked.text || '%%' AS holds, similarity(text, asked.text) AS likeness
    FROM registry_searchword
    WHERE (text %% asked.text OR text LIKE '%%' || asked.text || '%%') AND length(text) >= length(asked.text) - 1
    ORDER BY holds DESC, likeness DESC, text
    LIMIT %s
) AS near
WHERE NOT EXISTS (SELECT FROM registry_searchword WHERE text LIKE asked.text || '%%')
"""

Words = dict[str, tuple[str, ...]]
"""Words by the one that stands for them."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found, and where it is."""

    kind: str
    title: Marked
    slug: str = ""
    """Of the integration it is in; of a system, team, environment or tag its own; of a person the username."""
    where: tuple[str, ...] = ()
    """The integration, section and part it is in, as people read them."""
    state: str = ""
    pointer: str = ""
    anchor: str = ""
    label: str = ""
    """The field the fragment is from."""
    fragment: Marked = field(default_factory=list)
    row: Revision | Release | Event | None = None
    """The revision, release or act itself."""


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind, best first."""

    kind: str
    hits: list[Hit]
    count: int
    is_bounded: bool = False
    """Whether there may be more than `count`."""

    @property
    def name(self) -> str:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found, and how it was understood."""

    question: Question
    groups: list[Group] = field(default_factory=list)
    instead: Words = field(default_factory=dict)
    """Words nothing begins with, each with those that were looked for in its place."""
    took_too_long: bool = False

    @property
    def hits(self) -> Iterator[Hit]:
        return (hit for group in self.groups for hit in group.hits)


def find(question: Question, *, by: Person, per_kind: int = PER_KIND) -> Answer:
    """What this person may see of what is asked."""
    if question.asks_nothing or not permissions.may_read(by):
        return Answer(question)
    shown = MOST_OF_ONE_KIND if len(question.kinds) == 1 else per_kind
    try:
        with transaction.atomic():
            _within_bounds()
            return _found(question, by, shown)
    except OperationalError as refused:
        if "statement timeout" not in str(refused):
            raise
        return Answer(question, took_too_long=True)


def _within_bounds() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WITHIN, [str(LONGEST_MS)])


def _found(question: Question, by: Person, shown: int) -> Answer:
    groups = [*_entries(question, shown), *_others(question, by, shown)]
    if groups or not question.terms:
        return Answer(question, groups)
    instead = _readings(question)
    groups = _entries(question.reread(instead), shown) if instead else []
    return Answer(question, groups, instead if groups else {})


# --- what is found by its words ----------------------------------------------------------------------------------


def _entries(question: Question, shown: int) -> list[Group]:
    kinds = [each for each in IN_ENTRIES if not question.kinds or each in question.kinds]
    if not question.terms and not question.kinds:
        kinds = ["integration"]
    if not kinds:
        return []
    asked = {**_asked(question, _begun(question)), "kinds": kinds, "most": MOST_WEIGHED, "shown": shown}
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, asked)
        found = cursor.fetchall()
    groups = []
    for (kind, count), rows in groupby(found, key=itemgetter(0, 1)):
        best, *others = rows
        hits = [_hit(question.terms, kind, *row) for _, _, _, *row in (best, *others)]
        groups.append((best[2] == EXACT, Group(kind, hits, count, count >= MOST_WEIGHED)))
    # What is called exactly as asked comes first, whatever it is.
    return [group for _, group in sorted(groups, key=itemgetter(0), reverse=True)]


def _begun(question: Question) -> Words:
    """The words that begin as those of the question do.

    Looked up once, and then asked for as they are: the index gathers all that begins with something anew for each
    kind, and stops early at what is whole.
    """
    beginnings = {each.words[-1] for each in question.terms if not each.is_whole and each.words[-1].isalpha()}
    return _looked_up(BEGUN, sorted(beginnings), MOST_BEGUN)


def _asked(question: Question, begun: Words) -> dict[str, Any]:
    """The question as PostgreSQL reads it. Words and marks are letters, digits and . - _ only: nothing to escape."""
    terms = question.terms
    narrow = [f"'{each}'" for each in question.marks] + [f"!'{each}'" for each in question.without_marks]
    narrow += [f"!{_anywhere(each, {})}" for each in question.without]
    fitting = [_anywhere(each, begun) for each in terms] if len(terms) > 1 else []
    own = [f"({' | '.join(_written(each, begun) for each in terms)})"] if terms else []
    whole = " ".join(word for each in terms for word in each.words)[: words.LONGEST_TITLE]
    return {
        "exact": " & ".join([f"'={whole}'", *narrow]),
        "titled": " & ".join([*(_written(each, begun, "^") for each in terms), *narrow]),
        "fitting": " & ".join([*fitting, *own, *narrow]),
        "rank": " | ".join(f"{_written(each, begun)} | {_written(each, begun, '^')}" for each in terms),
    }


def _anywhere(term: Term, begun: Words) -> str:
    """In the piece itself, or in the name of its integration."""
    return f"({_written(term, begun)} | {_written(term, begun, '~')})"


def _written(term: Term, begun: Words, sign: str = "") -> str:
    return f"({' | '.join(_in_a_row(each, sign, begun, term.is_whole) for each in term.readings)})"


def _in_a_row(reading: Sequence[str], sign: str, begun: Words, is_whole: bool) -> str:
    *first, last = reading
    ends = [last] if is_whole else list(dict.fromkeys([last, *begun.get(last, ())]))
    # What has digits in it is rare enough to be gathered by its beginning.
    beginning = "" if is_whole or last.isalpha() else ":*"
    end = " | ".join([f"'{sign}{each}'{beginning}" for each in ends] + ([] if first else [f"'{sign}+{last}'"]))
    return " <-> ".join([*(f"'{sign}{each}'" for each in first), f"({end})"])


def _hit(
    terms: Sequence[Term],
    kind: str,
    pointer: str,
    title: str,
    home: str,
    lines: str,
    slug: str | None,
    name: str | None,
    state: str | None,
) -> Hit:
    plain = words.plain(title)
    found = fragments.match(plain, terms)
    label, anchor, fragment = _best_line(json.loads(lines), home, terms, found)
    of_catalog = slug is None
    return Hit(
        kind,
        fragments.marked(plain, found.spans),
        slug=pointer.partition("/")[2] if of_catalog else slug or "",
        where=() if of_catalog or kind == "integration" else (name or "", *_steps(pointer)),
        state=(state or "") if kind == "integration" else "",
        pointer="" if of_catalog else pointer,
        anchor=anchor,
        label=label,
        fragment=fragment,
    )


def _best_line(
    lines: list[list[str]], home: str, terms: Sequence[Term], titled: fragments.Match
) -> tuple[str, str, Marked]:
    """The line with the most terms the title lacks; where it lacks none, a sentence, if one of them is in it."""
    best, chosen = (0, 0, False), ("", home, list[tuple[str, bool]]())
    for label, anchor, text in lines:
        plain = words.plain(text)
        found = fragments.match(plain, terms)
        is_sentence = plain.count(" ") > 3
        weight = (len(found.terms - titled.terms), len(found.terms) if is_sentence else 0, is_sentence)
        if weight > best:
            where = anchor if found.spans else home
            best, chosen = weight, (label, where, fragments.marked(plain, found.spans, width=fragments.WIDTH))
    return chosen


def _steps(pointer: str) -> Iterator[str]:
    """The way to a piece, as people read it: Contracts, payments-api. Its own list and title are told beside it."""
    for step in pointers.steps(pointer)[:-2]:
        yield step[1:-1].removeprefix("\\") if step.startswith("[") else labels.field(step)


def _readings(question: Question) -> Words:
    """Other words for those that nothing begins with."""
    single = (each.words[0] for each in question.terms if len(each.words) == 1)
    return _looked_up(READINGS, [each for each in single if len(each) >= SHORTEST_MISTYPED], MOST_READINGS)


def _looked_up(query: str, asked: Sequence[str], most: int) -> Words:
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(query, [list(asked), most])
        found: Words = {}
        for word, near in cursor.fetchall():
            found[word] = (*found.get(word, ()), near)
    return found


# --- what is found by other means --------------------------------------------------------------------------------


def _others(question: Question, by: Person, shown: int) -> Iterator[Group]:
    if question.marks or not question.terms:
        return
    ways: dict[str, Callable[[], Iterable[Hit]]] = {
        "tag": lambda: _tags(question),
        "person": lambda: _people(question),
        "revision": lambda: _revisions(question),
        "release": lambda: _releases(question),
        "act": lambda: _acts(question, by),
    }
    for kind, look in ways.items():
        if not question.kinds or kind in question.kinds:
            hits = list(look())
            if hits:
                yield Group(kind, hits[:shown], len(hits), len(hits) > MOST_OF_ONE_KIND)


def _tags(question: Question) -> Iterator[Hit]:
    found = Tag.objects.in_use()
    for each in question.terms:
        found = found.filter(slug__contains=each.text.lower())
    for tag in found.order_by("slug")[:ENOUGH]:
        yield Hit("tag", fragments.marked(tag.slug, fragments.match(tag.slug, question.terms).spans), slug=tag.slug)


def _people(question: Question) -> Iterator[Hit]:
    called = Concat("first_name", Value(" "), "last_name", Value(" "), "username", output_field=CharField())
    found = Person.objects.filter(is_active=True).annotate(called=called)
    for each in question.terms:
        found = found.filter(called__unaccent__icontains=each.text)
    for each in question.without:
        found = found.exclude(called__unaccent__icontains=each.text)
    for person in found.order_by("first_name", "last_name", "username")[:ENOUGH]:
        name = words.plain(person.name)
        yield Hit("person", fragments.marked(name, fragments.match(name, question.terms).spans), slug=person.username)


def _revisions(question: Question) -> Iterator[Hit]:
    """By the hash of their content or its start, or by their version beside words of their integration's name."""
    found = Revision.objects.select_related("integration").defer("document").order_by("-id")
    for _, start in _asked_as(HASH, question):
        for each in found.filter(content_hash__startswith=start[1])[:ENOUGH]:
            yield _hashed("revision", each, each.version, each.content_hash, start[1])
    for term, version in _asked_as(VERSION, question):
        others = replace(question, terms=tuple(each for each in question.terms if each is not term))
        numbers = {"major": int(version[1]), "minor": int(version[2])}
        for each in found.filter(integration__slug__in=_named(others), **numbers)[:ENOUGH]:
            yield _hashed("revision", each, each.version, each.content_hash)


def _named(question: Question) -> list[str]:
    """The integrations that fit best."""
    if not question.terms:
        return []
    return [hit.slug for group in _entries(replace(question, kinds=("integration",)), PER_KIND) for hit in group.hits]


def _releases(question: Question) -> Iterator[Hit]:
    """By the hash in their ETag or its start, or by that of the revision they serve."""
    found = Release.objects.select_related("integration", "environment", "revision").order_by("-id")
    found = found.defer("body", "revision__document")
    for _, start in _asked_as(HASH, question):
        tagged = found.filter(sha256__startswith=start[1])[:ENOUGH]
        served = found.filter(revision__content_hash__startswith=start[1])[:ENOUGH]
        for each in dict.fromkeys([*tagged, *served]):
            yield _hashed("release", each, f"{each.number} in {each.environment.name}", each.sha256, start[1])


def _acts(question: Question, by: Person) -> Iterator[Hit]:
    """By the id of the request they came with."""
    if permissions.may_read_trail(by):
        for term, _ in _asked_as(REQUEST_ID, question):
            for each in Event.objects.filter(request_id=term.text)[:ENOUGH]:
                yield Hit("act", [(each.subject, False)], slug=term.text, where=(each.kind,), row=each)


def _asked_as(pattern: re.Pattern[str], question: Question) -> Iterator[tuple[Term, re.Match[str]]]:
    for term in question.terms:
        if found := pattern.fullmatch(term.text):
            yield term, found


def _hashed(kind: str, row: Revision | Release, number: str, hashed: str, start: str = "") -> Hit:
    """A revision or release, with so much of its hash marked as was asked."""
    begins = len(start) if hashed.startswith(start) else 0
    fragment = [(part, found) for part, found in ((hashed[:begins], True), (hashed[begins:], False)) if part]
    name = row.integration.name
    return Hit(kind, [(f"{name} {number}", False)], slug=row.integration.slug, label="Hash", fragment=fragment, row=row)
