"""The demo's loyalty service from end to end: it dies holding events, its events die, it is mended, and what is sent
again is reported done."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import redis

from registry.demo import letters as demo
from registry.management.demo_letters import INTEGRATION, address
from registry.models import DeadLetter, DeadLetterSource, Environment, Integration, Person
from registry.services import harvests, integrations, sending, tokens
from server.places import PROJECT
from tests import landscape, letters
from tests.registry.services.redrives import redriving

ABOUT = demo.told()
LONGEST_S = 90
"""A busy machine is slow, and no worse for it."""


@pytest.fixture
def integration(transactional_db: None, catalog: landscape.Catalog, ann: Person) -> Integration:
    document = redriving.document(ABOUT["topic"])
    return integrations.create(name="Orders to loyalty", slug=INTEGRATION, document=document, by=ann)


@pytest.fixture
def streams() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(address()) as client:
        client.delete(ABOUT["topic"], ABOUT["place"])
        client.xgroup_create(ABOUT["topic"], ABOUT["group"], id="$", mkstream=True)
        yield client
        client.delete(ABOUT["topic"], ABOUT["place"])


@pytest.fixture
def source(approved: Integration, oncall: Person) -> DeadLetterSource:
    at = letters.broker(Environment.objects.get(slug="production"), slug=ABOUT["broker"], url=address())
    more = {"topic": ABOUT["topic"], "place": ABOUT["place"], "returns_within_seconds": 1}
    return letters.source(approved, at, by=oncall, **more)


@contextmanager
def running(registry_url: str, token: str, kept: Path) -> Iterator[str]:
    """Where its page is. In the end it is killed, as a machine that goes away kills it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "server.demo_clients.loyalty", str(port), address(), str(kept), registry_url]
    path = f"{PROJECT / 'sdk' / 'python' / 'src'}{os.pathsep}{PROJECT}"
    environment = os.environ | {"PYTHONPATH": path, "REGISTRY_TOKEN": token}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGKILL)


def once(true: Callable[[], Any], what: str) -> None:
    until = time.monotonic() + LONGEST_S
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def test_what_dies_is_mended_sent_again_and_reported_done(
    source: DeadLetterSource,
    streams: redis.Redis,
    live_server: Any,
    catalog: landscape.Catalog,
    oncall: Person,
    ada: Person,
    tmp_path: Path,
) -> None:
    topic, place, group = (ABOUT[each] for each in ("topic", "place", "group"))
    production = Environment.objects.get(slug="production")
    system = catalog.systems["payment-service"]
    _, token = tokens.issue_service(name="demo", system=system, environment=production, by=ada)
    belgian: Any = demo.order({"tenant": "belgium"}, ABOUT, Random(1), datetime.now(UTC))
    streams.xadd(topic, belgian)
    # As one that was killed while it had it.
    assert streams.xreadgroup(group, "loyalty-1", {topic: ">"})
    with running(live_server.url, token, tmp_path) as page:
        once(lambda: streams.xlen(place), "what it held when it died was never looked at again")
        assert harvests.harvest(source.pk) >= 1
        held = DeadLetter.objects.get(wire_id=belgian["message-id"])
        assert held.error_class == "nl.groenmarkt.loyalty.UnknownTenantException"
        httpx.post(f"{page}/behave", data={"as": "well"})
        job = redriving.begun(source, held, by=oncall)
        once(lambda: sending.advance(job.pk), "nothing was sent")

        def is_done() -> bool:
            sending.advance(job.pk)
            held.refresh_from_db()
            return held.state == DeadLetter.State.RESOLVED

        once(is_done, f"never reported done: {held.state}")
    assert held.moves.order_by("-version").values_list("became", flat=True)[0] == "resolved"
    assert streams.xpending(topic, group)["pending"] == 0
