"""An event takes effect once, on any DB-API connection; PostgreSQL's races are tried where there is one."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

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
    def breaks(cursor: sqlite3.Cursor) -> None:
        pay(cursor)
        raise RuntimeError("no connection to the bank")

    with pytest.raises(RuntimeError, match="bank"):
        process_once(database, "e-1", "payers", breaks)
    assert paid(database) == 0
    assert process_once(database, "e-1", "payers", pay) == "done"


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
