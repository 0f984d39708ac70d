"""Handles an event once, however often it is delivered: the id goes in first, in the effect's own transaction.

The check-then-insert that design documents often show is not safe: two workers both find nothing, and both act. Here
the unique key decides. A second worker waits for the first one's transaction and then finds the id there, or, if that
one rolled back, does the work itself.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
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
_IDLE, _IN_ERROR = 0, 3
_OPEN = (1, 2, _IN_ERROR)
"""What psycopg calls ACTIVE, INTRANS and INERROR."""
_CAUGHT = (
    "a statement of the effect failed and the effect caught the error: PostgreSQL commits nothing of this transaction. "
    "Put a savepoint around what may fail, such as psycopg's connection.transaction(), or let the error through"
)
_ENDED = (
    "the effect committed or rolled back the transaction that holds the event's id: leave that to process_once, "
    "and put a savepoint around what may have to be undone alone"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")


def schema(table: str = TABLE) -> str:
    """The statement that makes the table; run it once, with your other migrations."""
    return SCHEMA.format(table=_safe(table))


def process_once(
    connection: Any, event_id: str, group: str, effect: Callable[[Any], object], *, table: str = TABLE
) -> Processed:
    """Run `effect(cursor)` and remember the event in one transaction, which is committed; on an error, rolled back.

    `connection` is one of psycopg's or any DB-API connection to a database that knows ON CONFLICT DO NOTHING
    (PostgreSQL, SQLite) which says whether it commits by itself; where it does, a transaction is begun all the same.
    None may be open before, and the effect neither ends it nor catches what broke it: RuntimeError. Acknowledge the
    message after either result.
    """
    insert, values = _insert(connection, event_id, group, table)
    by_hand = _commits_by_itself(connection)
    cursor = connection.cursor()
    try:
        if by_hand:
            cursor.execute("BEGIN")
        cursor.execute(insert, values)
        done = _known(cursor.rowcount)
        if done == "done":
            effect(cursor)
            _require_open(connection)
            with closing(connection.cursor()) as looking:
                looking.execute(*_look(connection, event_id, group, table))
                _require_kept(looking.fetchone())
        _commit(connection, by_hand)
    except BaseException:
        _roll_back(connection, by_hand)
        raise
    finally:
        cursor.close()
    return done


async def process_once_async(
    connection: Any, event_id: str, group: str, effect: Callable[[Any], Awaitable[object]], *, table: str = TABLE
) -> Processed:
    """The same for psycopg's AsyncConnection."""
    insert, values = _insert(connection, event_id, group, table)
    by_hand = _commits_by_itself(connection)
    try:
        async with connection.cursor() as cursor:
            if by_hand:
                await cursor.execute("BEGIN")
            await cursor.execute(insert, values)
            done = _known(cursor.rowcount)
            if done == "done":
                await effect(cursor)
                _require_open(connection)
                async with connection.cursor() as looking:
                    await looking.execute(*_look(connection, event_id, group, table))
                    _require_kept(await looking.fetchone())
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
    return done


def forget(connection: Any, window: timedelta, *, table: str = TABLE) -> int:
    """Remove ids older than the deduplication window of the settings; how many went. Run it now and then."""
    mark = _mark(connection)
    _require_idle(connection)
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
    _require_idle(connection)
    statement = (
        f"INSERT INTO {_safe(table)} (event_id, consumer_group, processed_at) "  # noqa: S608 - a checked name
        f"VALUES ({mark}, {mark}, {mark}) ON CONFLICT DO NOTHING"
    )
    return statement, (event_id, group, _moment(datetime.now(UTC)))


def _known(rows: int) -> Processed:
    if rows not in (0, 1):
        raise TypeError("the driver does not say whether the id was new; in a pipeline none can: use it outside")
    return "done" if rows else "duplicate"


def _look(connection: Any, event_id: str, group: str, table: str) -> tuple[str, tuple[Any, ...]]:
    mark = _mark(connection)
    statement = f"SELECT event_id FROM {_safe(table)} WHERE event_id = {mark} AND consumer_group = {mark}"  # noqa: S608 - a checked name
    return statement, (event_id, group)


def _require_open(connection: Any) -> None:
    """What is broken is rolled back by a COMMIT, without a word. Not every driver says how its transaction stands."""
    status = getattr(getattr(connection, "info", None), "transaction_status", None)
    if status == _IN_ERROR:
        raise RuntimeError(_CAUGHT)
    if status == _IDLE or not getattr(connection, "in_transaction", True):
        raise RuntimeError(_ENDED)


def _require_kept(row: object) -> None:
    """An effect may have rolled back and begun anew: its transaction is open then, and the id is gone."""
    if row is None:
        raise RuntimeError(_ENDED)


def _require_idle(connection: Any) -> None:
    """What its caller began is not ours to commit. Not every driver says whether a transaction is open."""
    if hasattr(connection, "in_transaction"):
        # With autocommit=False sqlite3 has one open at all times.
        is_open = connection.in_transaction and getattr(connection, "autocommit", None) is not False
    else:
        is_open = getattr(getattr(connection, "info", None), "transaction_status", 0) in _OPEN
    if is_open:
        raise RuntimeError("a transaction is open on this connection: commit it or roll it back before, or use another")


def _commits_by_itself(connection: Any) -> bool:
    """Whether each statement would be committed at once, so that an id would stay without its effect."""
    told = getattr(connection, "autocommit", None)
    if hasattr(connection, "in_transaction"):
        return told is True or (told is not False and getattr(connection, "isolation_level", None) is None)
    if told not in (True, False):
        raise TypeError("connections that do not tell their autocommit are not supported; use psycopg or sqlite3")
    return bool(told)


def _commit(connection: Any, by_hand: bool) -> None:
    if by_hand:
        # Where autocommit=True, commit() of sqlite3 does nothing.
        connection.cursor().execute("COMMIT")
    else:
        connection.commit()


def _roll_back(connection: Any, by_hand: bool) -> None:
    if not by_hand:
        connection.rollback()
    elif getattr(connection, "in_transaction", True):
        connection.cursor().execute("ROLLBACK")


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
