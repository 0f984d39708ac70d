"""What the processes of the trial do: workers as Celery would run them, and the consumer of the topic.

Imported once by the process they are forked from; each has connections of its own.
"""

import os
import sys
import time
import traceback
from contextlib import closing
from datetime import timedelta
from functools import partial

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import InterfaceError, OperationalError, connection  # noqa: E402
from integration_registry import process_once  # noqa: E402

from registry.brokers import BrokerError  # noqa: E402
from registry.services import harvests, sending  # noqa: E402
from tests.faults.redrive import world  # noqa: E402
from tests.faults.redrive.stand import SURPRISE  # noqa: E402

TABLES = """
CREATE TABLE effects (wire_id text, body bytea, number bigserial);
CREATE TABLE arrivals (wire_id text, attempt text, UNIQUE (wire_id, attempt));
"""
AT_ONCE = 300
"""Letters of one harvest, so that workers take turns at it."""


def work(number: int, source: int) -> None:
    """Harvest and redrive, again and again. What fails because something is down is tried again."""
    harvests.LEASE = timedelta(seconds=settings.REDRIVE_LEASE_SECONDS)
    while True:
        try:
            harvests.harvest(source, limit=AT_ONCE)
            sending.drive()
        except (OperationalError, InterfaceError, BrokerError):
            connection.close()
            time.sleep(0.05)
        except Exception:
            print(f"{SURPRISE}worker {number}:\n{traceback.format_exc()}", flush=True)
            connection.close()
            time.sleep(0.5)
        time.sleep(0.01)


def consume(number: int, database: str, kind: str, url: str) -> None:
    """One effect per wire id, and a note of each attempt that arrived. Dies when something is down, and is replaced."""
    try:
        _consume(number, database, kind, url)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        # At once: RabbitMQ's client gives back what it holds when it takes its leave, what it got last first.
        os._exit(1)


def _consume(number: int, database: str, kind: str, url: str) -> None:
    with closing(psycopg.connect(database)) as held:
        for wire_id, attempt, body, acknowledge in world.arrivals(kind, url, f"consumer-{number}"):
            if not wire_id.startswith(world.PROBE):
                effect = partial(act, wire_id=wire_id, body=body)
                process_once(held, wire_id, "payers", effect, table="processed")
            held.execute("INSERT INTO arrivals VALUES (%s, %s) ON CONFLICT DO NOTHING", (wire_id, attempt))
            held.commit()
            acknowledge()


def act(cursor: psycopg.Cursor, *, wire_id: str, body: bytes) -> None:
    cursor.execute("INSERT INTO effects VALUES (%s, %s)", (wire_id, body))
