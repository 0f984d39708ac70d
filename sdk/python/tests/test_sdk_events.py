"""An event takes effect once, on any DB-API connection; PostgreSQL's races are tried where there is one."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from integration_registry import forget, process_once, process_once_async, schema


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "orders.db")
    connection.execute(schema())
    connection.execute("CREATE TABLE payments (order_id text)")
    connection.commit()
    yield connection
    connection.close()


def pay(cursor: sqlite3.Cursor) -> None:
    cursor.execute("INSERT INTO payments VALUES ('o-1')")


def paid(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM payments").fetchone()[0])


def test_the_second_delivery_is_a_duplicate(database: sqlite3.Connection) -> None:
    assert process_once(database, "e-1", "payers", pay) == "done"
    assert process_once(database, "e-1", "payers", pay) == "duplicate"
    assert process_once(database, "e-1", "mailers", pay) == "done", "each group for itself"
    assert process_once(database, "e-2", "payers", pay) == "done"
    assert paid(database) == 3


def test_an_effect_that_fails_leaves_no_trace_and_is_done_the_next_time(database: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError, match="bank"):
        process_once(database, "e-1", "payers", breaks)
    assert paid(database) == 0
    assert process_once(database, "e-1", "payers", pay) == "done"


def breaks(cursor: sqlite3.Cursor) -> None:
    pay(cursor)
    raise RuntimeError("no connection to the bank")


ENDS: list[dict[str, Any]] = [{"isolation_level": None}]
"""How a connection is opened so that it commits, or does not, by itself."""
if sys.version_info >= (3, 12):
    ENDS += [{"autocommit": True}, {"autocommit": False}]


@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_a_connection_that_commits_by_itself_loses_nothing(
    database: sqlite3.Connection, tmp_path: Path, ends: dict[str, Any]
) -> None:
    connection = sqlite3.connect(tmp_path / "orders.db", timeout=0, **ends)
    with pytest.raises(RuntimeError, match="bank"):
        process_once(connection, "e-1", "payers", breaks)
    assert paid(database) == 0
    assert process_once(connection, "e-1", "payers", pay) == "done"
    assert process_once(connection, "e-1", "payers", pay) == "duplicate"
    assert paid(database) == 1, "and it is committed"
    assert forget(connection, timedelta(seconds=-5)) == 1
    connection.close()


@pytest.mark.parametrize("level", ["", None], ids=["as usual", "by itself"])
def test_what_its_caller_began_is_theirs_to_end(tmp_path: Path, level: Any) -> None:
    connection = sqlite3.connect(tmp_path / "orders.db", isolation_level=level)
    connection.execute(schema())
    connection.execute("CREATE TABLE payments (order_id text)")
    connection.execute("BEGIN")
    pay(connection.cursor())
    with pytest.raises(RuntimeError, match="commit it or roll it back before"):
        process_once(connection, "e-1", "payers", pay)
    with pytest.raises(RuntimeError, match="commit it or roll it back before"):
        forget(connection, timedelta(hours=1))
    connection.rollback()
    assert paid(connection) == 0
    assert process_once(connection, "e-1", "payers", pay) == "done"
    connection.close()


def begins_anew(cursor: sqlite3.Cursor) -> None:
    cursor.connection.rollback()
    pay(cursor)


ENDING = (lambda cursor: cursor.connection.rollback(), lambda cursor: cursor.connection.commit(), begins_anew)


@pytest.mark.parametrize("effect", ENDING, ids=["rolls back", "commits", "begins anew"])
def test_an_effect_that_ends_its_transaction_is_told_and_never_done(database: sqlite3.Connection, effect: Any) -> None:
    with pytest.raises(RuntimeError, match="the effect committed or rolled back"):
        process_once(database, "e-1", "payers", effect)
    assert not database.in_transaction
    assert paid(database) == 0


def test_an_effect_may_undo_a_part_of_itself(database: sqlite3.Connection) -> None:
    def effect(cursor: sqlite3.Cursor) -> None:
        pay(cursor)
        cursor.execute("SAVEPOINT again")
        pay(cursor)
        cursor.execute("ROLLBACK TO again")
        cursor.close()

    assert process_once(database, "e-1", "payers", effect) == "done"
    assert process_once(database, "e-1", "payers", effect) == "duplicate"
    assert paid(database) == 1


class Untold(sqlite3.Connection):
    """A driver's that does not say how many rows a statement changed, or is in a pipeline."""

    class Cursor(sqlite3.Cursor):
        rowcount = -1

    def cursor(self, *_: Any) -> Any:
        return super().cursor(self.Cursor)


class Silent:
    """A driver's connection that says nothing of when it commits."""

    __module__ = "sqlite3"


def test_what_cannot_tell_what_it_did_is_refused_and_never_a_duplicate(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "orders.db", factory=Untold)
    connection.execute(schema())
    with pytest.raises(TypeError, match="does not say whether the id was new"):
        process_once(connection, "e-1", "payers", pay)
    assert not connection.execute("SELECT * FROM processed_events").fetchall()
    connection.close()
    with pytest.raises(TypeError, match="do not tell their autocommit"):
        process_once(Silent(), "e-1", "payers", pay)


def test_ids_older_than_the_window_are_forgotten(database: sqlite3.Connection) -> None:
    process_once(database, "e-1", "payers", pay)
    assert forget(database, timedelta(hours=1)) == 0
    assert forget(database, timedelta(seconds=-5)) == 1
    assert process_once(database, "e-1", "payers", pay) == "done"


def test_what_cannot_be_an_event_or_a_table_is_refused(database: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="needs an id"):
        process_once(database, "", "payers", pay)
    with pytest.raises(ValueError, match="is not a table's name"):
        process_once(database, "e", "payers", pay, table="x; DROP TABLE payments")
    with pytest.raises(TypeError, match="not supported"):
        process_once(object(), "e", "payers", pay)


def test_the_asynchronous_face_needs_an_asynchronous_connection() -> None:
    with pytest.raises(TypeError, match="not supported"):
        asyncio.run(process_once_async(object(), "e", "g", lambda cursor: asyncio.sleep(0)))
