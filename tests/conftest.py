"""The people of the tests, and a registry with something in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

from registry.models import Integration, Person, Review, Revision
from registry.services import integrations, revisions
from tests import landscape

PROTECTED = [
    f"registry_{table}"
    for table in (
        *("event", "chainhead", "release", "review", "revision", "signoff", "comment", "thread"),
        *("override", "scheduledrelease"),
        *("deadletter", "lettermove", "redriveattempt"),
    )
]

# What a migration put there once and tests only read: who may do what.
KEPT = {"auth_group", "auth_group_permissions", "auth_permission", "django_content_type"}
# A request of a page just closed may still run: where the two wait for each other, it is the one that gives way.
PATIENTLY = """
    SELECT set_config('deadlock_timeout', '20s', true) FROM pg_roles WHERE rolname = current_user AND rolsuper
"""


@pytest.fixture(scope="session", autouse=True)
def _tables_can_be_emptied_between_tests() -> Iterator[None]:
    """Tests with real transactions end by emptying every table, which triggers forbid: lift those for that moment."""
    sql_flush = DatabaseOperations.sql_flush

    def lifted(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
        statements = sql_flush(self, style, [each for each in tables if each not in KEPT], **options)
        off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in PROTECTED]
        on = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in PROTECTED]
        return [PATIENTLY, *off, *statements, *on] if statements else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", lifted)
        yield


@pytest.fixture
def ann(db: None) -> Person:
    """An architect."""
    return landscape.person("ann", "Ann Archer", group="architects")


@pytest.fixture
def cora(db: None) -> Person:
    """The lead of the consumer's team."""
    return landscape.person("cora", "Cora Cole")


@pytest.fixture
def paul(db: None) -> Person:
    """The lead of the provider's team."""
    return landscape.person("paul", "Paul Pratt")


@pytest.fixture
def ivy(db: None) -> Person:
    """A member of the platform team."""
    return landscape.person("ivy", "Ivy Ives")


@pytest.fixture
def zoe(db: None) -> Person:
    """An approver."""
    return landscape.person("zoe", "Zoe Zimmer", group="approvers")


@pytest.fixture
def ops(db: None) -> Person:
    """An engineer on call: signed in, without further rights so far."""
    return landscape.person("ops", "Otto Ops")


@pytest.fixture
def oncall(db: None) -> Person:
    """Somebody on call, who may override, redrive and reveal."""
    return landscape.person("otto", "Otto Oncall", group="on-call")


@pytest.fixture
def mallory(db: None) -> Person:
    """Somebody who may sign in and nothing else."""
    return landscape.person("mallory", "Mallory Moss")


@pytest.fixture
def ada(db: None) -> Person:
    """An administrator."""
    return landscape.person("ada", "Ada Adams", group="administrators")


@pytest.fixture
def catalog(ada: Person, cora: Person, paul: Person, ivy: Person) -> landscape.Catalog:
    """Teams with their leads, two systems, three environments."""
    return landscape.catalog(by=ada, cora=cora, paul=paul, ivy=ivy)


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    """Orders to payments: a complete draft 0.1 by ann."""
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=landscape.document(), by=ann
    )


@pytest.fixture
def draft(integration: Integration) -> Revision:
    assert integration.current is not None
    return integration.current


@pytest.fixture
def review(draft: Revision, ann: Person) -> Review:
    """The open review of that draft."""
    return revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First version")


@pytest.fixture
def sign(ann: Person, cora: Person, paul: Person, ivy: Person, zoe: Person) -> Callable[..., None]:
    """`sign(review, "author", …)` signs these roles by the people who hold them; without roles, all five."""
    return landscape.signer(
        {"author": ann, "consumer_lead": cora, "provider_lead": paul, "platform": ivy, "approver": zoe}
    )


@pytest.fixture
def approved(review: Review, sign: Callable[..., None]) -> Integration:
    """Orders to payments, active, with 1.0 in force and released in every environment."""
    sign(review)
    return Integration.objects.select_related("current", "in_force").get(pk=review.integration_id)


@pytest.fixture
def without_triggers(db: None) -> Callable[[str], None]:
    """`without_triggers("UPDATE …")` does what somebody with the database's keys could do behind our back."""

    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement)
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")

    return run
