"""Dead letters harvested and redriven while workers, PostgreSQL and the broker are killed: none lost, none doubled.

The short form of `python -m tests.faults.redrive`, each broker and policy once with few letters and few kills.
"""

import json
import os
import subprocess
import sys

import pytest

from server.places import PROJECT
from tests.registry.brokers.servers import RABBITMQ, missing
from tests.sdk.conftest import database_url

pytestmark = pytest.mark.faults

FEW = ("--letters", "60", "--twins", "10", "--seeds", "1", "--lease", "3", "--quiet")
KILLS = ("--worker-kills", "4", "--postgres-kills", "1", "--broker-kills", "1")


def kept(*brokers: str, policies: tuple[str, ...]) -> None:
    """Run the trials in a registry whose tables are made like those of the tests."""
    asked = ("--broker", *brokers, "--policy", *policies)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.redrive", *asked, *FEW, *KILLS],
        cwd=PROJECT,
        env=os.environ | {"TABLES_LIKE": database_url()},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = [json.loads(each) for each in done.stdout.splitlines() if each.startswith("{")]
    assert [each["broken"] for each in lines] == [{}] * len(brokers) * len(policies), done.stdout + done.stderr[-3_000:]
    assert done.returncode == 0, done.stdout[-3_000:]


@pytest.mark.usefixtures("db")
def test_letters_of_a_stream_take_effect_once_and_where_nobody_knows_a_person_is_asked() -> None:
    kept("redis", policies=("resend", "hold"))


@pytest.mark.usefixtures("db")
def test_letters_of_rabbitmqs_queue_and_stream_take_effect_once_twins_without_an_id_included() -> None:
    if not RABBITMQ.exists():
        missing("RabbitMQ (Debian's rabbitmq-server)")
    kept("quorum", "stream", policies=("resend", "hold"))
