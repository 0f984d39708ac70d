"""The run itself; imported when the servers are there and Django knows them."""

import copy
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from bench import machine
from bench.pages import load, measure, records, report, visits
from registry.models import Integration
from server.places import PROJECT
from server.progress import step

SIZES = """
SELECT pg_database_size(current_database()), (SELECT count(*) FROM registry_searchentry),
       (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database())
"""
RESULTS = PROJECT / "docs" / "benchmarks.md"


def run(sizes: Sequence[int], *, rounds: int, keep: bool, write: bool, where: str) -> int:
    """Fill, measure, tell; 1 if a page asks the database more often where there is more."""
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        where = f"PostgreSQL {cursor.fetchone()[0]} {where}"
    databases = {size: _database(size, keep=keep) for size in sorted(sizes)}
    told = [_filled(size, database) for size, database in databases.items()]
    with step("Opening pages") as say:
        found = report.lines(measure.measure(visits.all_visits(), databases, rounds=rounds, say=say))
    lines = list(report.table(found))
    print("\n" + "\n".join(lines))
    if write:
        report.write(RESULTS, "\n".join(_written(lines, told, where, rounds)))
    for database in databases.values():
        database.close()
    if not keep:
        for size in sizes:
            _drop(_name(size))
    slower = [each for each in found if each.grew > 2]
    more = [each for each in found if each.asks_more]
    took = time.monotonic() - begun
    print(f"\n{len(found)} pages in {took:.0f} s; {len(slower)} at least twice as slow at {max(sizes):,}.")
    for each in more:
        print(f"More queries where there is more: {each.name}, {each.queries}")
    return 1 if more else 0


def _name(size: int) -> str:
    return f"registry_bench_{size}"


def _database(size: int, *, keep: bool) -> BaseDatabaseWrapper:
    """A connection to a database of its own on the server, made new unless one is kept."""
    name = _name(size)
    if not keep:
        _drop(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    wrapper = connection.copy()
    wrapper.settings_dict = copy.deepcopy(connection.settings_dict) | {"NAME": name}
    return wrapper


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _filled(size: int, database: BaseDatabaseWrapper) -> str:
    """Tables and integrations in the database; how long that took, and how large it is."""
    with measure.connected(database), step(f"Filling {size:,} integrations") as say:
        call_command("migrate", interactive=False, verbosity=0)
        if not Integration.objects.exists():
            begun = time.monotonic()
            load.fill(size, say)
            _note(f"filled in {time.monotonic() - begun:.0f} s")
        with connection.cursor() as cursor:
            cursor.execute(SIZES)
            on_disk, entries, note = cursor.fetchone()
    return f"{size:,} integrations: {on_disk / 2**20:,.0f} MB, {entries:,} search entries, {note}"


def _note(text: str) -> None:
    """Keep beside the database how long it took, for a run that finds it there."""
    with connection.cursor() as cursor:
        name = sql.Identifier(connection.settings_dict["NAME"])
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(text)))


def _written(lines: list[str], told: list[str], where: str, rounds: int) -> list[str]:
    return [
        "## Pages",
        "",
        f"`python -m bench.pages --write` on {datetime.now(UTC):%d %B %Y}: {machine.describe()}; {where}.{_busy()}",
        "Django's test client in one process, so times are those of the server alone; each page once at every size in",
        f"turns, the first of {rounds} rounds left out, medians in milliseconds. The last columns are ratios.",
        f"One in {records.ONE_IN} has a whole document, the others one contract. Of twenty, eighteen are in",
        "force, two of those with a draft, one is in review, one is a first draft.",
        "",
        *(f"- {each}" for each in told),
        "",
        *lines,
    ]


def _busy() -> str:
    """What else the machine did, which slows everything, but all sizes alike."""
    average = os.getloadavg()[2]
    return f" The machine was busy with other work: load {average:.0f}." if average > 3 else ""
