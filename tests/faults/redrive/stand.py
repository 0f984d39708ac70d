"""All that a trial needs, its own: PostgreSQL, a broker, a registry with a design in force, workers, a consumer."""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from server.embedded import Postgres, postgres_bin, server_environment
from server.places import PROJECT, socket_folder
from tests.faults.redrive.world import DEAD, TOPIC, World

OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=60")
"""Nothing here need survive a power cut, but what was committed must survive a kill."""
SURPRISE = "SURPRISE in "


class Stand:
    def __init__(self, folder: Path, *, lease_s: int) -> None:
        folder.chmod(0o711)
        self.lease_s = lease_s
        self.folder = folder
        self.postgres = Postgres(folder / "postgres", socket_folder(folder), folder / "postgres.log", options=OPTIONS)

    @property
    def effects(self) -> str:
        """The consumer's own database, at the same server."""
        return self.postgres.url.replace("/registry?", "/effects?")

    def start(self) -> None:
        """PostgreSQL with empty tables; what this process and its children read of the environment."""
        os.environ |= {
            "MODE": "test",
            "DJANGO_SETTINGS_MODULE": "server.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": f"unix://{socket_folder(self.folder)}/valkey.sock",
            "STATE_DIR": str(self.folder),
            "REDRIVE_LEASE_SECONDS": str(self.lease_s),
            "LOG_LEVEL": "ERROR",
        }
        for name in ("SECRET_KEY", "SIGNING_KEY"):
            os.environ.setdefault(name, secrets.token_hex(32))
        self.postgres.start()
        self.make_tables()

    def make_tables(self) -> None:
        """As another database has them, which is quicker, or else by migrations."""
        if template := os.environ.get("TABLES_LIKE"):
            dump = [str(postgres_bin() / "pg_dump"), "--no-owner", "--no-privileges", "-d", template]
            kept = subprocess.run(dump, check=True, capture_output=True, env=server_environment())
            fill = [str(postgres_bin() / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", self.postgres.url]
            subprocess.run(fill, check=True, capture_output=True, input=kept.stdout, env=server_environment())
        else:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=PROJECT, check=True)

    @property
    def log(self) -> Path:
        """What workers and consumers say."""
        return self.folder / "members.log"

    def surprises(self) -> list[str]:
        """What workers met that nobody foresaw: bugs."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [each[:3_000] for each in text.split(SURPRISE)[1:]]

    def kill_postgres(self) -> None:
        assert self.postgres.process
        os.killpg(self.postgres.process.pid, 9)
        self.postgres.process.wait()


@dataclass(eq=False)
class Sampler(threading.Thread):
    """Reads the ledger in one snapshot, again and again: it has to add up at every moment."""

    database: str
    samples: int = 0
    wrong: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                with psycopg.connect(self.database, autocommit=True) as held:
                    while not self.ended.wait(0.1):
                        self.look(held)
            except psycopg.Error:
                self.ended.wait(0.1)

    def look(self, held: psycopg.Connection) -> None:
        names = "missing, unattended, unqueued, strays"
        for row in held.execute(f"SELECT {names} FROM registry_ledger").fetchall():
            self.samples += 1
            if any(row):
                self.wrong.append(f"{names}: {row}")


def furnish(topics: Sequence[str] = (TOPIC,)) -> None:
    """People, and a design in force whose topics bear being sent to again."""
    from registry.services import integrations, revisions
    from tests import landscape

    people = {name: landscape.person(name, f"{name.title()} Lead") for name in ("cora", "paul", "ivy")}
    ada = landscape.person("ada", "Ada Adams", group="administrators")
    ann = landscape.person("ann", "Ann Archer", group="architects")
    zoe = landscape.person("zoe", "Zoe Zimmer", group="approvers")
    landscape.person("ops", "Otto Ops", group="on-call")
    landscape.catalog(by=ada, **people)
    roles = {"author": ann, "consumer_lead": people["cora"], "provider_lead": people["paul"], "platform": people["ivy"]}
    made = integrations.create(name="Orders", slug="orders-to-payments", document=design(topics), by=ann)
    assert made.current
    reasons = {each.key: "For the trial." for each in revisions.findings(made.current)}
    review = revisions.submit(
        made.current, by=ann, if_match=made.current.etag, change_note="First", justifications=reasons
    )
    landscape.signer({**roles, "approver": zoe})(review)


def source(world: World, policy: str, name: str) -> int:
    """The place where this trial's letters lie, read with consent. Its key."""
    from django.conf import settings
    from django.utils import timezone

    from registry import sealing
    from registry.models import Broker, DeadLetterSource, Environment, Integration, Person

    now, secret = timezone.now(), Path(settings.BROKER_SECRETS) / name
    if world.login:
        secret.parent.mkdir(exist_ok=True, mode=0o700)
        secret.write_text(world.login)
    broker = Broker.objects.create(
        slug=name,
        environment=Environment.objects.get(slug="production"),
        kind=world.broker,
        url=world.address,
        credentials=f"file:{secret}" if world.login else "",
        created_at=now,
    )
    made = DeadLetterSource.objects.create(
        integration=Integration.objects.get(),
        broker=broker,
        topic=TOPIC,
        topic_kind=world.kinds[1],
        place=DEAD,
        place_kind=world.kinds[0],
        mode=world.mode,
        consented_by=Person.objects.get(username="zoe"),
        consented_at=now,
        unknown_policy=policy,
        returns_within_seconds=1,
        sealed_key=sealing.new_key(),
        created_at=now,
    )
    return made.pk


def design(topics: Sequence[str]) -> dict[str, object]:
    """The tests' own, with topics whose letters are ordered by order, and no limit that slows the trial."""
    from tests import landscape

    named = {"kind": "topic", "retention": "P7D", "key": "orderId", "producer": "order-service"}
    document = landscape.document(
        topics=[{"name": each, "consumer_groups": ["payers"], **named} for each in topics],
        ordering=[{"topic": each, "guarantee": "strict"} for each in topics],
        deduplication={"strategy": "processed_events", "window": "P14D"},
    )
    document["contracts"][0]["policy"]["rate_limit"] |= {
        "requests_per_minute": 1_000_000,
        "burst_per_second": 100_000,
        "daily_quota": 10_000_000,
    }
    return document
