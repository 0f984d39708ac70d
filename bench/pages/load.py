"""Fills an empty registry with integrations, their reviews, releases, index and trail, as the services would have."""

import base64
import hashlib
import multiprocessing
import os
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Model

from bench.pages import records, tables
from registry.live.document import compile_settings
from registry.models import (
    Contribution,
    Environment,
    Event,
    Integration,
    Membership,
    Person,
    Release,
    ReleaseCounter,
    Review,
    Revision,
    Role,
    SearchEntry,
    SearchWord,
    SignOff,
    System,
    Tag,
    Tagging,
    Team,
)
from registry.record import DesignRecord, documents
from registry.record.findings import Finding, Severity
from registry.search import pieces, words
from registry.services import entries, indexing

BATCH = 500
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
PEOPLE = 200
TAGS = 40
OF_ANN = 40
"""Ann wrote the integrations before this one, Cora leads the first team, however many there are."""
STATES = {16: ("approved", "draft"), 17: ("approved", "draft"), 18: ("in_review",), 19: ("draft",)}
"""The revisions of each twentieth integration; the others have one in force."""
CODES = ("retry-without-jitter", "breaker-without-alert", "sla-missing", "contact-missing")
SIGNATURE = base64.b64encode(bytes(64)).decode()
KEY = "0" * 16
Say = Callable[[str], None]


@dataclass(slots=True)
class Place:
    """The catalog everything refers to."""

    people: list[Person]
    systems: dict[str, System]
    teams: int
    environments: list[Environment]
    tags: list[Tag]


def fill(count: int, say: Say) -> None:
    """So many integrations and what belongs to them, made by a process on each core."""
    place = make_place(count)
    with tables.indexes_later():
        known = _fill_all(place, count, say)
        tables.copy([SearchWord(text=each) for each in sorted(known)])
        say("making indexes")
    tables.go_on_counting((Integration, Revision, Review))
    say("making statistics")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _fill_all(place: Place, count: int, say: Say) -> set[str]:
    """All batches; the words in them."""
    known: set[str] = set()
    batches = [range(first, min(first + BATCH, count + 1)) for first in range(1, count + 1, BATCH)]
    # The children begin as this process is, with the catalog in their memory and a connection of their own.
    connection.close()
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as pool:
        for batch, met in zip(batches, pool.map(partial(write, place), batches), strict=True):
            known |= met
            say(f"{batch[-1]:,} of {count:,}")
    return known


def write(place: Place, numbers: Iterable[int]) -> set[str]:
    """The integrations with these numbers; the words in them."""
    rows: dict[type[Model], list[Any]] = {}
    for number in numbers:
        for row in _integration(number, place):
            rows.setdefault(type(row), []).append(row)
    # Integrations and revisions refer to each other, which is checked at the end of the transaction.
    with transaction.atomic():
        for each in rows.values():
            tables.copy(each)
    return {word for each in rows[SearchEntry] for word in words.known(each.vector)}


def make_place(count: int) -> Place:
    """People, teams, systems and environments; the more integrations, the more systems and teams."""
    systems, teams = max(20, count // 10), max(10, count // 50)
    people = [
        Person(username=f"person-{n}", first_name=records.codename(n * 4), last_name=f"Number {n}")
        for n in range(PEOPLE)
    ]
    people[0].username, people[1].username = "ann", "cora"
    for each in people:
        each.set_unusable_password()
    Person.objects.bulk_create(people)
    people[0].groups.add(Group.objects.get(name="architects"))
    made = Team.objects.bulk_create(
        Team(slug=records.team_slug(n), name=records.team_slug(n).replace("-", " ").capitalize()) for n in range(teams)
    )
    Membership.objects.bulk_create(
        Membership(
            team=team, person=people[1 if n == seat == 0 else 2 + (n * 3 + seat) % (PEOPLE - 2)], is_lead=not seat
        )
        for n, team in enumerate(made)
        for seat in range(3)
    )
    named = System.objects.bulk_create(
        System(
            slug=records.system_slug(n),
            name=records.system_slug(n).replace("-", " ").capitalize(),
            description="Made up.",
            team=made[n % teams],
        )
        for n in range(systems)
    )
    places = [
        Environment(slug=slug, name=slug.capitalize(), position=n, is_production=slug == "production")
        for n, slug in enumerate(("staging", "production"))
    ]
    Environment.objects.bulk_create(places)
    ReleaseCounter.objects.bulk_create(ReleaseCounter(environment=each, number=count) for each in places)
    found = [*map(entries.of_system, named), *map(entries.of_team, made), *map(entries.of_environment, places)]
    tables.copy([entries.entry(row) for row in found])
    tags = Tag.objects.bulk_create(Tag(slug=f"tag-{n}") for n in range(TAGS))
    return Place(people, {each.slug: each for each in named}, teams, places, tags)


def _integration(number: int, place: Place) -> Iterator[Model]:
    """One integration with everything that belongs to it, what is referred to first."""
    design = records.design(number, systems=len(place.systems), teams=place.teams)
    turn, at = number % 20, BEGAN + timedelta(minutes=number)
    author = place.people[0 if number < OF_ANN else 1 + number % (PEOPLE - 1)]
    integration = Integration(
        pk=number, name=design.name, slug=design.slug, created_by=author, created_at=at, updated_at=at
    )
    found = _findings(number)
    chain = list(_revisions(integration, design.document, STATES.get(turn, ("approved",)), author, at))
    (oldest, _), (newest, record) = chain[0], chain[-1]
    indexing.project(integration, record)
    indexing.weigh(integration, found, at=at)
    integration.current_id = newest.pk
    integration.in_force_id = oldest.pk if oldest.approved_at else None
    integration.state = "active" if oldest.approved_at else "proposed"
    yield integration
    for revision, said in chain:
        yield revision
        yield Contribution(revision=revision, person=author, first_at=at)
        yield from (row for made in indexing.rows(revision, said, found).values() for row in made)
        if revision.state != Revision.State.DRAFT:
            yield from _review(revision, place, author, at)
        if revision.approved_at:
            yield from _releases(revision, said, place, at)
    yield from (entries.entry(row, integration) for row in pieces.rows(design.name, design.slug, record))
    yield from (Tagging(integration=integration, tag=place.tags[each]) for each in {number % TAGS, number % 7})
    for kind in ("integration.created", "revision.saved"):
        subject = f"integration/{design.slug}"
        yield Event(
            chain=design.slug,
            actor=author,
            actor_name=author.name,
            kind=kind,
            subject=subject,
            request_id=f"bench-{number}",
        )


def _revisions(
    integration: Integration, document: dict[str, Any], states: tuple[str, ...], author: Person, at: datetime
) -> Iterator[tuple[Revision, DesignRecord]]:
    for place, state in enumerate(states, start=1):
        record = documents.parse(document if place == 1 else records.amended(document))
        dumped, approved = documents.dump(record), state == "approved"
        revision = Revision(
            pk=integration.pk * 2 + place,
            integration=integration,
            number=place,
            major=1 if approved or place > 1 else 0,
            minor=0 if approved else 1,
            state=state,
            document=dumped,
            content_hash=_sha256(dumped),
            section_hashes={name: _sha256(each) for name, each in dumped.items()},
            change_note="As generated.",
            created_by=author,
            created_at=at,
            updated_at=at,
            approved_at=at if approved else None,
        )
        yield revision, record


def _review(revision: Revision, place: Place, author: Person, at: datetime) -> Iterator[Model]:
    approved = revision.approved_at is not None
    review = Review(
        pk=revision.pk,
        integration=revision.integration,
        revision=revision,
        round=1,
        version=revision.version,
        document=revision.document,
        content_hash=revision.content_hash,
        section_hashes=revision.section_hashes,
        change_note="As generated.",
        state="approved" if approved else "open",
        submitted_by=author,
        submitted_at=at,
        due_at=at + timedelta(days=7),
        ended_at=at if approved else None,
        ended_by=author if approved else None,
    )
    yield review
    first = author.pk - place.people[0].pk
    for seat, role in enumerate(Role if approved else list(Role)[:2]):
        signer = place.people[(first + seat) % PEOPLE]
        yield SignOff(
            review=review,
            role=role,
            person=signer,
            authority=signer,
            username=signer.username,
            printed_name=signer.name,
            meaning="As generated.",
            content_hash=revision.content_hash,
            section_hashes=revision.section_hashes,
            saw={},
            signed_at=at,
            key_id=KEY,
            signature=SIGNATURE,
        )


def _releases(revision: Revision, record: DesignRecord, place: Place, at: datetime) -> Iterator[Release]:
    body = documents.canonical_bytes(compile_settings(record, "production"))
    sha256 = hashlib.sha256(body).hexdigest()
    for each in place.environments:
        yield Release(
            integration=revision.integration,
            environment=each,
            number=revision.integration_id,
            body=body,
            sha256=sha256,
            revision=revision,
            content_hash=revision.content_hash,
            epoch=1,
            released_by=place.people[2],
            released_at=at,
            signature=SIGNATURE,
            key_id=KEY,
        )


def _sha256(value: Any) -> str:
    return hashlib.sha256(documents.canonical_bytes(value)).hexdigest()


def _findings(number: int) -> list[Finding]:
    """What rules would have said; running all of them on each would take longer than everything else."""
    chance = random.Random(-number)  # noqa: S311 - nothing secret
    return [
        Finding(code, chance.choice((Severity.WARNING, Severity.HINT)), "sla", "Made up.", "Nothing.")
        for code in CODES
        if chance.random() < 0.3
    ]
