"""Events handled once, while whoever handles them is killed: real processes, a real stream, SIGKILL."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
import redis
from integration_registry import schema

from tests.faults import crew
from tests.faults.consumer import GROUP, REMEMBERED, Errand, consume
from tests.faults.crew import Crew
from tests.sdk.conftest import database_url, wait_until

pytestmark = pytest.mark.faults

EVENTS = int(os.environ.get("EVENTS", "150"))
KILLS = int(os.environ.get("KILLS", "15"))
"""EVENTS=10000 KILLS=500 is the long form."""
STEPS = ("acted", "committed")
"""Between these and the next lies what a kill may tear."""


@pytest.fixture
def errand(transactional_db: None) -> Iterator[Errand]:
    """A stream with a group, and a table that shows each effect."""
    crew.prepare("tests.faults.consumer")
    made = Errand(database_url(), os.environ["REDIS_URL"], "killed.events", "")
    with psycopg.connect(made.database, autocommit=True) as database, redis.Redis.from_url(made.broker) as broker:
        database.execute(schema(REMEMBERED))
        database.execute("CREATE TABLE killed_payments (event_id text)")
        broker.xgroup_create(made.stream, GROUP, mkstream=True)
        yield made
        database.execute(f"DROP TABLE killed_payments, {REMEMBERED}")
        broker.delete(made.stream)


def test_with_the_id_first_every_event_takes_effect_once_whoever_is_killed(errand: Errand) -> None:
    effects = handled_under_kills(replace(errand, recipe="once"))
    assert effects == {f"evt-{number}": 1 for number in range(EVENTS)}


def test_the_templates_look_act_and_remember_doubles_under_the_same_kills(errand: Errand) -> None:
    effects = handled_under_kills(replace(errand, recipe="template"))
    assert set(effects) == {f"evt-{number}" for number in range(EVENTS)}
    assert max(effects.values()) >= 2


def handled_under_kills(errand: Errand) -> Counter[str]:
    """How often each event took effect. Some die between two steps for certain, then many at any moment."""
    with redis.Redis.from_url(errand.broker) as broker:
        send(broker, errand.stream, range(len(STEPS)))
        for step in STEPS:
            dying = Crew(consume, 1, (replace(errand, dies_after=step),))
            dying.start()
            dying.alive[0].join(20)
            assert dying.alive[0].exitcode == -signal.SIGKILL
        chance, consumers = random.Random(errand.stream), Crew(consume, 3, (errand,))
        try:
            consumers.start()
            for each in range(KILLS):
                send(broker, errand.stream, range(EVENTS * each // KILLS, EVENTS * (each + 1) // KILLS))
                time.sleep(chance.uniform(0, 0.04))
                consumers.kill(chance)
            wait_until(lambda: is_done(broker, errand.stream), 60)
        finally:
            consumers.end()
    with psycopg.connect(errand.database) as database:
        return Counter(event for (event,) in database.execute("SELECT event_id FROM killed_payments"))


def send(broker: redis.Redis, stream: str, numbers: range) -> None:
    """As a producer would, who sends every fifth twice."""
    for number in numbers:
        for _ in range(2 if number % 5 == 0 else 1):
            broker.xadd(stream, {"id": f"evt-{number}"})


def is_done(broker: redis.Redis, stream: str) -> bool:
    [group] = broker.xinfo_groups(stream)
    return (group["lag"], group["pending"]) == (0, 0)
