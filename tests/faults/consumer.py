"""A consumer as a service would write it: one effect per event in PostgreSQL, by one of two recipes."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import psycopg
import redis
from integration_registry import process_once

GROUP = "payers"
REMEMBERED = "killed_processed_events"
IDLE_MS = 30
"""Whoever holds an event this long without acknowledging it is taken for dead."""


@dataclass(frozen=True)
class Errand:
    """What a consumer is told."""

    database: str
    broker: str
    stream: str
    recipe: str
    dies_after: str = ""
    """The step after which it is killed, for certain."""

    def reaches(self, step: str) -> None:
        if step == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)


def consume(number: int, errand: Errand) -> None:
    """Take what others left unacknowledged, then what is new; acknowledge each once it is done."""
    with closing(psycopg.connect(errand.database)) as database, redis.Redis.from_url(errand.broker) as broker:
        name = f"consumer-{number}"
        while True:
            _, left, _ = broker.xautoclaim(errand.stream, GROUP, name, IDLE_MS, count=5)
            fresh = left or broker.xreadgroup(GROUP, name, {errand.stream: ">"}, count=5, block=IDLE_MS)
            for position, fields in left or (fresh[0][1] if fresh else ()):
                RECIPES[errand.recipe](database, fields[b"id"].decode(), errand)
                errand.reaches("committed")
                broker.xack(errand.stream, GROUP, position)


def once(database: psycopg.Connection, event: str, errand: Errand) -> None:
    """The SDK's: the id goes in first, in the effect's own transaction."""

    def act(cursor: psycopg.Cursor) -> None:
        pay(cursor, event)
        errand.reaches("acted")

    process_once(database, event, GROUP, act, table=REMEMBERED)


def template(database: psycopg.Connection, event: str, errand: Errand) -> None:
    """Section 4.4 of the template, step by step: look, act, then remember."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {REMEMBERED} WHERE event_id = %s AND consumer_group = %s", (event, GROUP))
        found = cursor.fetchone()
        database.commit()
        if found:
            return
        pay(cursor, event)
        database.commit()
        errand.reaches("acted")
        cursor.execute(f"INSERT INTO {REMEMBERED} VALUES (%s, %s, now()) ON CONFLICT DO NOTHING", (event, GROUP))
        database.commit()


def pay(cursor: psycopg.Cursor, event: str) -> None:
    cursor.execute("INSERT INTO killed_payments VALUES (%s)", (event,))


RECIPES: dict[str, Callable[[psycopg.Connection, str, Errand], None]] = {"once": once, "template": template}
