"""What rules across integrations cost: one integration among 1,000, 10,000 and 100,000, and a survey of all of them.

    python -m bench.rules [SIZE[/DENSITY] ...]

Makes landscapes in a PostgreSQL of its own (or that of DATABASE_URL): five layers of systems, four integrations to a
system, calls from layer to layer with some that go back, a few hubs everybody calls, shared topics, old revisions.
The last one is far denser than any real one: a hundred integrations to a system, so that everything is near.
Prints for each, over a sample of integrations with calls: statements, calls looked at, milliseconds and their ratio to
the first landscape's; and for a survey of all, seconds and findings.
"""

import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

SIZES = ("1000", "10000", "100000", "10000/100")
DENSITY = 4
"""Integrations to a system."""
SAMPLE = 300
BATCH = 5_000
LAYERS = (0.1, 0.2, 0.3, 0.3, 0.1)
HUBS = 5
COLUMNS = {
    "integrations": 12,
    "statements": 10,
    "calls near": 10,
    "at most": 8,
    "ms median": 9,
    "95 %": 7,
    "worst": 7,
    "ratio": 6,
    "SQL only": 8,
    "survey s": 8,
    "found": 7,
}


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("  ".join(name.rjust(width) for name, width in COLUMNS.items()))
    first = 0.0
    for each in sys.argv[1:] or SIZES:
        size, _, density = each.partition("/")
        fill(int(size), int(density or DENSITY))
        told = measure(int(size))
        first = first or told["ms median"]
        told["ratio"] = told["ms median"] / first
        print("  ".join(_shown(told[name]).rjust(width) for name, width in COLUMNS.items()), flush=True)


def _shown(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


# --- a landscape, the same one every time -----------------------------------------------------------------------------


def fill(size: int, density: int) -> None:
    """Empty our tables and put so many integrations in, as saves would have written them."""
    from django.core.management import call_command
    from django.db import connection

    from registry.models import IndexedContract, IndexedEvent, IndexedTopic, Integration, Person, Revision

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        # Without triggers and foreign keys: rows are written in bulk, and thrown away.
        cursor.execute("SET session_replication_role = replica")
        for model in (IndexedContract, IndexedEvent, IndexedTopic, Revision, Integration, Person):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608
    by = Person.objects.create_user("bench")
    rows: dict[type[Any], list[Any]] = {}
    for key, document in enumerate(landscape(size, random.Random(size), density), start=1):  # noqa: S311
        for row in story(key, document, by):
            rows.setdefault(type(row), []).append(row)
        if key % BATCH == 0 or key == size:
            for model, batch in rows.items():
                model.objects.bulk_create(batch, batch_size=2_000)
            rows = {}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")


def landscape(size: int, chance: random.Random, density: int) -> Iterator[dict[str, Any]]:
    """The documents of so many integrations."""
    layers = [
        [f"s{number}-{each}" for each in range(max(HUBS, int(size / density * share)))]
        for number, share in enumerate(LAYERS)
    ]
    names = max(2, size // 12)
    for _ in range(size):
        kind, level = chance.random(), chance.choices(("critical", "high", "medium", "low"), (10, 25, 40, 25))[0]
        document: dict[str, Any] = {"overview": {"criticality": level}}
        if kind < 0.6:
            document["contracts"] = [contract(layers, chance, number) for number in range(2 if kind < 0.05 else 1)]
        else:
            name = chance.randrange(names)
            schema = '{"type": "object"}' if chance.random() < 0.97 else '{"type": "array"}'
            document["topics"] = [topic(each, chance) for each in (name, (name + 1) % names)]
            document["events"] = [{"name": "thing.DONE", "type": f"com.example.t{name}", "data_schema": schema}]
        yield document


def contract(layers: list[list[str]], chance: random.Random, number: int) -> dict[str, Any]:
    """A call from one layer to the next; one in twenty to a hub, three in a hundred anywhere, and so back."""
    at, luck = chance.choices(range(4), (3, 4, 4, 2))[0], chance.random()
    below = layers[4][:HUBS] if luck < 0.05 else chance.choice(layers) if luck < 0.08 else layers[at + 1]
    retries, attempt = chance.choices(range(4), (35, 25, 25, 15))[0], chance.choice((300, 500, 1_000, 2_000))
    policy: dict[str, Any] = {
        "retry": {"max_retries": retries, "attempt_timeout_ms": attempt, "strategy": "fixed", "base_delay_ms": 100},
        "timeouts": {"total_ms": (retries + 1) * attempt + 500},
        "rate_limit": {"requests_per_minute": chance.choice((60, 300, 600)), "provider_requests_per_minute": 6_000},
    }
    if chance.random() < 0.3:
        policy["environments"] = [{"environment": "staging", "retry": {"max_retries": 1}}]
    sides = {"consumer": chance.choice(layers[at]), "provider": chance.choice(below)}
    return {"name": f"api-{number}", "protocol": "rest", **sides, "policy": policy}


def topic(number: int, chance: random.Random) -> dict[str, Any]:
    partitions = 12 if chance.random() < 0.97 else 6
    return {"name": f"topic-{number}", "broker": "kafka", "partitions": partitions, "key": "id", "retention": "P7D"}


def story(key: int, document: dict[str, Any], by: Any) -> Iterator[Any]:
    """An integration with a revision that was superseded, one in force and often a draft, and their index rows."""
    from django.utils import timezone

    from registry.models import Integration, Revision
    from registry.record import documents
    from registry.services import indexing

    record, now = documents.parse(document), timezone.now()
    moments = {"created_at": now, "updated_at": now}
    states = ("superseded", "approved", "draft") if key % 3 == 0 else ("superseded", "approved")
    integration = Integration(pk=key, slug=f"i-{key}", name=f"I {key}", state="active", created_by=by, **moments)
    integration.in_force_id, integration.current_id = 3 * key - 1, 3 * key - 3 + len(states)
    yield integration
    for number, state in enumerate(states, start=1):
        revision = Revision(pk=3 * key - 3 + number, integration=integration, number=number, major=number, minor=0)
        revision.state, revision.created_by, revision.document = state, by, document
        revision.created_at = revision.updated_at = now
        revision.approved_at = None if state == "draft" else now
        revision.content_hash = "0" * 64
        yield revision
        yield from indexing._contracts(revision, record)
        yield from indexing._topics(revision, record)
        yield from indexing._events(revision, record)


# --- what it costs ----------------------------------------------------------------------------------------------------


def measure(size: int) -> dict[str, Any]:
    """The costs over a sample of integrations, and of a survey."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from registry.models import Revision
    from registry.rules import Owner, facts, survey
    from registry.services import landscape as landscapes

    keys = random.Random(0).sample(range(1, size + 1), min(SAMPLE, size))  # noqa: S311
    sample = list(Revision.objects.select_related("integration").filter(pk__in=[3 * key - 1 for key in keys]))
    took, sql, near, statements = [], [], [], set()
    for revision in sample:
        record = revision.record
        own = facts(record, Owner(revision.integration.slug))
        if not any(each.is_call for each in own.calls):
            continue
        with CaptureQueriesContext(connection) as asked:
            landscapes.around(own)
        statements.add(len(asked))
        took.append(timed(partial(landscapes.findings, revision, record)))
        near.append(len(landscapes.calls_near(own)[0]))
        sql.append(timed(partial(landscapes.calls_near, own)))
    begun = time.perf_counter()
    found = survey(landscapes.everything())
    return {
        "integrations": size,
        "statements": f"{min(statements)}-{max(statements)}",
        "calls near": int(statistics.median(near)),
        "at most": max(near),
        "ms median": statistics.median(took),
        "95 %": statistics.quantiles(took, n=20)[-1],
        "worst": max(took),
        "SQL only": statistics.median(sql),
        "survey s": time.perf_counter() - begun,
        "found": len(found),
    }


def timed(act: Callable[[], object]) -> float:
    """Milliseconds, the median of three."""
    spans = []
    for _ in range(3):
        begun = time.perf_counter()
        act()
        spans.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(spans)


def run() -> None:
    """Measure in a PostgreSQL of our own, unless DATABASE_URL names one."""
    from server.embedded import FORGETFUL, Postgres

    os.environ.update(MODE="test", DJANGO_SETTINGS_MODULE="server.settings")
    for name, value in {"SECRET_KEY": "0" * 64, "SIGNING_KEY": "0" * 64, "REDIS_URL": "redis://127.0.0.1:1"}.items():
        os.environ.setdefault(name, value)
    home = Path(tempfile.mkdtemp(prefix="registry-bench-"))
    home.chmod(0o711)
    own = Postgres(home / "postgres", home / "run", home / "postgres.log", options=FORGETFUL)
    try:
        if "DATABASE_URL" not in os.environ:
            own.start()
            os.environ["DATABASE_URL"] = own.url
        import django

        django.setup()
        main()
    finally:
        own.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    run()
