"""Handles an event once, however often it is delivered: the id goes in first, in the effect's own transaction.

The check-then-insert that design documents often show is not safe: two workers both find nothing, and both act. Here
the unique key decides. A second worker waits for the first one's transaction and then finds the id there, or, if that
one rolled back, does the work itself.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Processed = Literal["done", "duplicate"]
TABLE = "processed_events"
SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    event_id varchar(500) NOT NULL,
    consumer_group varchar(200) NOT NULL,
    processed_at timestamp NOT NULL,
    PRIMARY KEY (event_id, consumer_group)
)
"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")


def schema(table: str = TABLE) -> str:
    """The statement that makes the table; run it once, with your other migrations."""
    return SCHEMA.format(table=_safe(table))


def process_once(
    connection: Any, event_id: str, group: str, effect: Callable[[Any], object], *, table: str = TABLE
) -> Processed:
    """Run `effect(cursor)` and remember the event in one transaction, which is committed; on an error, rolled back.

    `connection` is one of psycopg's or any DB-API connection to a database that knows ON CONFLICT DO NOTHING
    (PostgreSQL, SQLite). It must not be in a transaction. Acknowledge the message after either result.
    """
    insert, values = _insert(connection, event_id, group, table)
    cursor = connection.cursor()
    try:
        cursor.execute(insert, values)
        done: Processed = "done" if cursor.rowcount == 1 else "duplicate"
        if done == "done":
            effect(cursor)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        cursor.close()
    return done


async def process_once_async(
    connection: Any, event_id: str, group: str, effect: Callable[[Any], Awaitable[object]], *, table: str = TABLE
) -> Processed:
    """The same for psycopg's AsyncConnection."""
    insert, values = _insert(connection, event_id, group, table)
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(insert, values)
            done: Processed = "done" if cursor.rowcount == 1 else "duplicate"
            if done == "done":
                await effect(cursor)
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
    return done


def forget(connection: Any, window: timedelta, *, table: str = TABLE) -> int:
    """Remove ids older than the deduplication window of the settings; how many went. Run it now and then."""
    mark = _mark(connection)
    cursor = connection.cursor()
    try:
        before = _moment(datetime.now(UTC) - window)
        cursor.execute(f"DELETE FROM {_safe(table)} WHERE processed_at < {mark}", (before,))  # noqa: S608 - a checked name
        connection.commit()
        return int(cursor.rowcount)
    except BaseException:
        connection.rollback()
        raise
    finally:
        cursor.close()


def _insert(connection: Any, event_id: str, group: str, table: str) -> tuple[str, tuple[Any, ...]]:
    if not event_id or not group:
        raise ValueError("an event needs an id, and a consumer a group")
    mark = _mark(connection)
    statement = (
        f"INSERT INTO {_safe(table)} (event_id, consumer_group, processed_at) "  # noqa: S608 - a checked name
        f"VALUES ({mark}, {mark}, {mark}) ON CONFLICT DO NOTHING"
    )
    return statement, (event_id, group, _moment(datetime.now(UTC)))


def _moment(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _mark(connection: Any) -> str:
    """How this driver marks a value: each says so in its module."""
    for each in type(connection).__mro__:
        style = getattr(sys.modules.get(each.__module__.partition(".")[0]), "paramstyle", None)
        if style:
            return {"qmark": "?", "format": "%s", "pyformat": "%s"}.get(style) or _unknown(style)
    return _unknown("none")


def _unknown(style: str) -> str:
    raise TypeError(f"connections with paramstyle {style} are not supported; use psycopg or sqlite3")


def _safe(table: str) -> str:
    if not _NAME.fullmatch(table):
        raise ValueError(f"{table!r} is not a table's name")
    return table
