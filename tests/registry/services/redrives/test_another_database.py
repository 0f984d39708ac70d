"""A backup that is restored knows less than happened since: redrives in it wait for a person."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from registry.models import DatabaseMark, DeadLetterSource, Event, Person, RedriveJob
from registry.services import marks, redrives, sending
from server.embedded import postgres_bin, server_environment
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, Stream, driven, states
from tests.sdk.conftest import database_url


@pytest.fixture
def copied() -> Iterator[Callable[[], None]]:
    """Copies the database by way of a dump, as a backup would, and goes on in the copy until the test ends."""
    first = connection.settings_dict["NAME"]
    copy = f"{first}_copy"

    def restore() -> None:
        dump = [str(postgres_bin() / "pg_dump"), "--no-owner", "-d", database_url()]
        kept = subprocess.run(dump, check=True, capture_output=True, env=server_environment())
        with at(first) as cursor:
            cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE template0')
        move(copy)
        fill = [str(postgres_bin() / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", database_url()]
        subprocess.run(fill, check=True, capture_output=True, input=kept.stdout, env=server_environment())

    def move(name: str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = name

    @contextmanager
    def at(name: str) -> Iterator[CursorWrapper]:
        move(name)
        with connection.cursor() as cursor:
            yield cursor

    yield restore
    with at(first) as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')


@pytest.mark.django_db(transaction=True)
def test_in_a_restored_database_nothing_is_sent_before_somebody_says_so(
    source: DeadLetterSource, stream: Stream, begun: Begin, oncall: Person, copied: Callable[[], None]
) -> None:
    for _ in range(3):
        made.letter(source)
    marks.look()
    job = begun()
    copied()
    assert sending.drive() == 0
    job = RedriveJob.objects.get(pk=job.pk)
    assert (job.state, job.paused_because) == ("paused", marks.MOVED)
    assert Event.objects.filter(kind="redrive.paused", actor=None).count() == 1
    assert (stream.ids(), sending.drive()) == ([], 0)
    redrives.resume(job, by=oncall)
    assert driven(job).state == "finished"
    assert {"open", "queued", "uncertain"}.isdisjoint(states(source))


def test_the_same_database_is_known_again(source: DeadLetterSource, begun: Begin) -> None:
    made.letter(source)
    assert not marks.look(), "at first there is nothing to compare with"
    job = begun()
    assert not marks.look()
    DatabaseMark.objects.update(mark="another server")
    assert marks.look()
    job.refresh_from_db()
    assert job.state == "paused"
    assert not marks.look()
