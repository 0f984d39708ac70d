"""Many workers with the same event at the same moment: one does the work, whichever driver they speak through."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from integration_registry import process_once, process_once_async, schema

from tests.sdk.conftest import database_url

WORKERS, EVENTS = 6, 15


@pytest.fixture
def tables(transactional_db: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url(), autocommit=True) as database:
        database.execute(schema("race_processed_events"))
        database.execute("CREATE TABLE race_payments (order_id text)")
        yield database
        database.execute("DROP TABLE race_processed_events, race_payments")


def test_of_many_workers_at_once_one_does_the_work(tables: psycopg.Connection) -> None:
    together = threading.Barrier(WORKERS, timeout=20)

    def pay(cursor: psycopg.Cursor) -> None:
        cursor.execute("INSERT INTO race_payments VALUES ('o-1')")
        time.sleep(0.01)

    def work(number: int) -> list[str]:
        said: list[str] = []
        with psycopg.connect(database_url()) as connection:
            for event in range(EVENTS):
                together.wait()
                said.append(process_once(connection, f"e-{event}", "payers", pay, table="race_processed_events"))
        return said

    with ThreadPoolExecutor(WORKERS) as pool:
        said = Counter(each for done in pool.map(work, range(WORKERS)) for each in done)
    assert said == {"done": EVENTS, "duplicate": EVENTS * (WORKERS - 1)}
    assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (EVENTS,)


def test_when_the_one_who_began_fails_another_does_the_work(tables: psycopg.Connection) -> None:
    began, go_on = threading.Event(), threading.Event()

    def fail(cursor: psycopg.Cursor) -> None:
        began.set()
        assert go_on.wait(10)
        raise RuntimeError("the bank is closed")

    def first() -> None:
        with psycopg.connect(database_url()) as connection, pytest.raises(RuntimeError, match="bank"):
            process_once(connection, "e-1", "payers", fail, table="race_processed_events")

    def second() -> str:
        with psycopg.connect(database_url()) as connection:
            return process_once(connection, "e-1", "payers", lambda _: None, table="race_processed_events")

    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(first)
        assert began.wait(10)
        waiting = pool.submit(second)
        time.sleep(0.1)
        assert not waiting.done(), "it waits for whoever began"
        go_on.set()
        failing.result(10)
        assert waiting.result(10) == "done"


def test_the_asynchronous_face_does_the_same(tables: psycopg.Connection) -> None:
    async def pay(cursor: psycopg.AsyncCursor) -> None:
        await cursor.execute("INSERT INTO race_payments VALUES ('o-1')")
        await asyncio.sleep(0.01)

    async def work() -> str:
        async with await psycopg.AsyncConnection.connect(database_url()) as connection:
            return await process_once_async(connection, "e-1", "payers", pay, table="race_processed_events")

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(work() for _ in range(4)))

    assert sorted(asyncio.run(all_at_once())) == ["done", "duplicate", "duplicate", "duplicate"]
    assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (1,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_an_effect_that_fails_leaves_no_trace_whoever_commits(tables: psycopg.Connection, autocommit: bool) -> None:
    def pay(cursor: psycopg.Cursor) -> None:
        cursor.execute("INSERT INTO race_payments VALUES ('o-1')")

    def fail(cursor: psycopg.Cursor) -> None:
        pay(cursor)
        cursor.execute("SELECT 1 / 0")

    with psycopg.connect(database_url(), autocommit=autocommit) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            process_once(connection, "e-1", "payers", fail, table="race_processed_events")
        assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (0,)
        said = [process_once(connection, "e-1", "payers", pay, table="race_processed_events") for _ in range(2)]
    assert said == ["done", "duplicate"]
    assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (1,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_the_asynchronous_face_leaves_no_trace_either(tables: psycopg.Connection, autocommit: bool) -> None:
    async def fail(cursor: psycopg.AsyncCursor) -> None:
        await cursor.execute("INSERT INTO race_payments VALUES ('o-1')")
        raise RuntimeError("the bank is closed")

    async def work() -> list[str]:
        async with await psycopg.AsyncConnection.connect(database_url(), autocommit=autocommit) as connection:
            with pytest.raises(RuntimeError, match="bank"):
                await process_once_async(connection, "e-1", "payers", fail, table="race_processed_events")
            nothing = lambda _: asyncio.sleep(0)  # noqa: E731
            return [
                await process_once_async(connection, "e-1", "payers", nothing, table="race_processed_events")
                for _ in range(2)
            ]

    assert asyncio.run(work()) == ["done", "duplicate"]
    assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (0,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_what_its_caller_began_is_theirs_to_end(tables: psycopg.Connection, autocommit: bool) -> None:
    with (
        psycopg.connect(database_url(), autocommit=autocommit) as connection,
        connection.transaction(),
        pytest.raises(RuntimeError, match="commit it or roll it back before"),
    ):
        process_once(connection, "e-1", "payers", lambda _: None, table="race_processed_events")
    assert tables.execute("SELECT count(*) FROM race_processed_events").fetchone() == (0,)


def test_in_a_pipeline_no_event_is_called_a_duplicate(tables: psycopg.Connection) -> None:
    with (
        psycopg.connect(database_url()) as connection,
        connection.pipeline(),
        pytest.raises(TypeError, match="does not say whether the id was new"),
    ):
        process_once(connection, "e-1", "payers", lambda _: None, table="race_processed_events")
    assert tables.execute("SELECT count(*) FROM race_processed_events").fetchone() == (0,)


def catches(cursor: psycopg.Cursor) -> None:
    with contextlib.suppress(psycopg.errors.DivisionByZero):
        cursor.execute("SELECT 1 / 0")


def begins_anew(cursor: psycopg.Cursor) -> None:
    cursor.connection.rollback()
    cursor.execute("BEGIN" if cursor.connection.autocommit else "SELECT 1")
    cursor.execute("INSERT INTO race_payments VALUES ('o-1')")


def undoes_a_part(cursor: psycopg.Cursor) -> None:
    cursor.execute("INSERT INTO race_payments VALUES ('o-1')")
    with contextlib.suppress(psycopg.errors.DivisionByZero), cursor.connection.transaction():
        cursor.execute("SELECT 1 / 0")


BREAKING = {
    "catches an error": (catches, "Put a savepoint around what may fail"),
    "rolls back": (lambda cursor: cursor.connection.rollback(), "leave that to process_once"),
    "commits": (lambda cursor: cursor.connection.commit(), "leave that to process_once"),
    "begins anew": (begins_anew, "leave that to process_once"),
}


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize(("effect", "why"), BREAKING.values(), ids=BREAKING)
def test_what_an_effect_broke_is_told_and_never_done(
    tables: psycopg.Connection, effect: Callable[[psycopg.Cursor], None], why: str, autocommit: bool
) -> None:
    with psycopg.connect(database_url(), autocommit=autocommit) as connection:
        with pytest.raises(RuntimeError, match=why):
            process_once(connection, "e-1", "payers", effect, table="race_processed_events")
        assert process_once(connection, "e-2", "payers", undoes_a_part, table="race_processed_events") == "done"
    assert tables.execute("SELECT count(*) FROM race_payments").fetchone() == (1,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_the_asynchronous_face_tells_what_an_effect_broke(tables: psycopg.Connection, autocommit: bool) -> None:
    async def catches(cursor: psycopg.AsyncCursor) -> None:
        with contextlib.suppress(psycopg.errors.DivisionByZero):
            await cursor.execute("SELECT 1 / 0")

    async def rolls_back(cursor: psycopg.AsyncCursor) -> None:
        await cursor.connection.rollback()

    async def begins_anew(cursor: psycopg.AsyncCursor) -> None:
        await cursor.connection.rollback()
        await cursor.execute("BEGIN" if autocommit else "SELECT 1")

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(database_url(), autocommit=autocommit) as connection:
            for effect, why in ((catches, "savepoint"), (rolls_back, "leave that"), (begins_anew, "leave that")):
                with pytest.raises(RuntimeError, match=why):
                    await process_once_async(connection, "e-1", "payers", effect, table="race_processed_events")

    asyncio.run(work())
    assert tables.execute("SELECT count(*) FROM race_processed_events").fetchone() == (0,)
