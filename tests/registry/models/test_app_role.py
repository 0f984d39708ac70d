"""What the registry's own role can do to the past: nothing."""

import os
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from registry.models import Event, Integration, Person
from registry.services import integrations, marks, trail
from tests import landscape

ROLE = f"app_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@pytest.fixture
def as_app(approved: Integration) -> Iterator[None]:
    """Everything that follows is done as the role web and workers connect as."""
    call_command("grant_app_role", role=ROLE, verbosity=0)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        yield
        cursor.execute("RESET ROLE")


TAMPERING = [
    "UPDATE registry_event SET actor_name = 'Somebody Else' WHERE sequence = 2",
    "UPDATE registry_event SET hash = previous_hash",
    "DELETE FROM registry_event WHERE sequence = 2",
    "TRUNCATE registry_event",
    "ALTER TABLE registry_event DISABLE TRIGGER ALL",
    "DROP TRIGGER event_never_changes ON registry_event",
    "DROP TABLE registry_event",
    "ALTER TABLE registry_event RENAME TO registry_old_event",
    "SET LOCAL session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION registry_event_chain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE FUNCTION public.quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "UPDATE registry_chainhead SET sequence = sequence - 1",
    "DELETE FROM registry_chainhead",
    "INSERT INTO registry_chainhead (chain, sequence, hash) VALUES ('another', 7, '')",
    "UPDATE registry_release SET body = 'x'",
    "DELETE FROM registry_release",
    "UPDATE registry_signoff SET printed_name = 'Somebody Else'",
    "UPDATE registry_signoff SET content_hash = repeat('0', 64)",
    "DELETE FROM registry_signoff",
    "TRUNCATE registry_signoff CASCADE",
    "UPDATE registry_review SET document = '{}'",
    "DELETE FROM registry_review",
    "UPDATE registry_revision SET document = '{}'",
    "DELETE FROM registry_revision",
    "DELETE FROM django_migrations",
    "ALTER ROLE CURRENT_USER SUPERUSER",
]


@pytest.mark.parametrize("statement", TAMPERING)
def test_the_past_cannot_be_changed(as_app: None, statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute(statement)
    assert trail.verify().is_whole


def test_the_registry_goes_on_working(as_app: None, ann: Person) -> None:
    before = Event.objects.count()
    made = integrations.create(name="Another", slug="another", document=landscape.document(), by=ann)
    assert Integration.objects.get(slug="another") == made
    assert (Event.objects.count(), trail.verify().faults) == (before + 1, [])
    assert [marks.look(), marks.look()] == [False, False]


def test_a_superuser_or_the_owner_is_no_such_role(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        [owner] = cursor.fetchone()
    for role, problem in ((owner, "owns the tables"), ("postgres_super", "is a superuser")):
        with transaction.atomic(), connection.cursor() as cursor:
            if role != owner:
                cursor.execute(f"CREATE ROLE {role} SUPERUSER")
            with pytest.raises(CommandError, match=problem):
                call_command("grant_app_role", role=role)
            transaction.set_rollback(True)


def test_without_a_role_the_command_says_what_to_set(db: None) -> None:
    with pytest.raises(CommandError, match="Set APP_DATABASE_URL"):
        call_command("grant_app_role")
