"""The loyalty service of the demo: books points for delivered orders, once each, and puts aside what it cannot read.

It knows no Belgian customers until somebody mends it on its page; their events die in the stream of dead letters.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from integration_registry import Integration, Registry
from integration_registry.events import process_once, schema

from registry.demo import letters
from server.demo_clients.consumer import interrupt, say
from server.demo_clients.page import Behaviour, Handler, Server, port_asked

WAYS = {
    "broken": "has no points table for Belgium: events of that tenant die",
    "well": "has a points table for every tenant",
}
INTEGRATION = "orders-to-loyalty"
ORDER_EVERY_S = 4
ME = "loyalty-1"
TELL_EVERY_S = 10
Entry = dict[bytes, bytes]


class Page(Handler):
    TITLE = "Loyalty service of the demo"
    behaviour = Behaviour("loyalty", WAYS)


class Unreadable(Exception):
    """Why an event cannot be processed: the error's class and its message."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error, self.message = error, message


class Loyalty:
    """Reads one stream as one of a group of consumers."""

    def __init__(self, streams: redis.Redis, kept: Path, behaviour: Behaviour, integration: Integration) -> None:
        self.streams, self.behaviour, self.about = streams, behaviour, letters.told()
        self.integration = integration
        self.points = sqlite3.connect(kept / "loyalty.db")
        self.points.execute(schema())
        self.points.execute("CREATE TABLE IF NOT EXISTS points (customer text, points integer)")
        self.points.commit()
        for name in (self.about["topic"], self.about["place"]):
            self._make_group(name)

    def run(self) -> None:
        told_at = time.monotonic()
        for position, entry in self.entries():
            if position:
                self.handle(position, entry)
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                say(self.behaviour.told() or "nothing to do")

    def entries(self) -> Iterator[tuple[bytes, Entry]]:
        """What was held when it died, then what comes, one by one; an empty one each second in which nothing does."""
        group, topic = self.about["group"], self.about["topic"]
        yield from self.held()
        while True:
            found: Any = self.streams.xreadgroup(group, ME, {topic: ">"}, count=20, block=1_000)
            yield from found[0][1] if found else [(b"", {})]

    def held(self) -> Iterator[tuple[bytes, Entry]]:
        """What the group was given and nobody said is done: the stream gives it to no other reader by itself."""
        group, topic, start = self.about["group"], self.about["topic"], b"0-0"
        while True:
            told: Any = self.streams.xautoclaim(topic, group, ME, min_idle_time=0, start_id=start, count=20)
            start, found = told[:2]
            yield from found
            if start == b"0-0":
                return

    def handle(self, position: bytes, entry: Entry) -> None:
        topic, group = self.about["topic"], self.about["group"]
        try:
            event = self.read(entry)
            done = process_once(self.points, event["id"], group, lambda cursor: book(cursor, event["data"]))
            self.behaviour.count("booked" if done == "done" else "known already")
            self.streams.xack(topic, group, position)
            self.integration.resolved(entry.get(b"x-registry-attempt"))
        except Unreadable as problem:
            self.behaviour.count("dead")
            say(f"puts aside {entry.get(b'message-id', b'?').decode(errors='replace')[:8]}: {problem.message}")
            dead: Any = {**entry, **letters.dead(self.about, problem.error, problem.message)}
            with self.streams.pipeline(transaction=True) as both:
                both.xadd(self.about["place"], dead)
                both.xack(topic, group, position)
                both.execute()

    def read(self, entry: Entry) -> dict[str, Any]:
        try:
            event: dict[str, Any] = json.loads(entry[b"body"])
            data = event["data"]
            tenant, total = data["tenantId"], data["totalCents"]
        except UnicodeDecodeError as problem:
            raise Unreadable("com.fasterxml.jackson.core.JsonParseException", str(problem)) from None
        except (ValueError, KeyError, TypeError) as problem:
            raise Unreadable("com.fasterxml.jackson.databind.JsonMappingException", repr(problem)) from None
        if type(total) is not int:
            said = f'Cannot read totalCents from "{total}": not a whole number (order {data["entityId"]})'
            raise Unreadable("com.fasterxml.jackson.databind.exc.InvalidFormatException", said)
        if tenant == self.about["tenants"]["belgium"] and self.behaviour.way == "broken":
            raise Unreadable("nl.groenmarkt.loyalty.UnknownTenantException", f"Tenant {tenant} has no points table")
        return event

    def _make_group(self, stream: str) -> None:
        try:
            self.streams.xgroup_create(stream, self.about["group"], id="$", mkstream=True)
        except redis.ResponseError as there:
            if "BUSYGROUP" not in str(there):
                raise


def book(cursor: Any, data: dict[str, Any]) -> None:
    """One point for every euro, rounded down."""
    cursor.execute("INSERT INTO points VALUES (?, ?)", (data["customerId"], data["totalCents"] // 100))


def deliver_orders(streams: redis.Redis) -> None:
    """An order is at somebody's door every few seconds, one in three in Belgium."""
    about, chance = letters.told(), random.Random()  # noqa: S311 - made-up orders
    causes = [{"tenant": each} for each in ("netherlands", "netherlands", "belgium")]
    while True:
        entry: Any = letters.order(chance.choice(causes), about, chance, datetime.now(UTC))
        streams.xadd(about["topic"], entry, maxlen=10_000)
        time.sleep(chance.uniform(0.5, 1.5) * ORDER_EVERY_S)


def main() -> int:
    _, _, url, kept, registry_url = sys.argv
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, interrupt)
    streams = redis.Redis.from_url(url)
    try:
        with (
            Registry(registry_url, os.environ["REGISTRY_TOKEN"], instance="loyalty-service-1") as registry,
            Server(port_asked(), Page) as server,
        ):
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            integration = registry.integration(INTEGRATION, wait_s=5)
            service = Loyalty(streams, Path(kept), Page.behaviour, integration)
            threading.Thread(target=deliver_orders, args=(redis.Redis.from_url(url),), daemon=True).start()
            say("ready")
            service.run()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
