"""One trial: letters are harvested and redriven while everybody involved is killed, until all is settled."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.models import QuerySet

from registry.errors import DomainError
from registry.models import DeadLetter, DeadLetterSource, Person, RedriveAttempt, RedriveJob
from registry.services import letters, redrives
from tests.faults.crew import Crew
from tests.faults.redrive import world
from tests.faults.redrive.stand import Sampler, Stand
from tests.faults.redrive.work import TABLES, consume, work
from tests.faults.redrive.world import PER_KEY, TWINS, World

State = DeadLetter.State
ARRIVED = {State.PUBLISHED, State.RESOLVED, State.PRESUMED_RESOLVED}
ON_THEIR_WAY = {State.OPEN, State.QUEUED, State.PUBLISHING}
WORKERS = 3
TOO_LONG_S = 1_800
STUCK_S = 90
"""So long nothing may move before the trial gives up."""
PROBED_S = 10
"""So long one waits for the consumer to come to the end of its topic."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    letters: int = 10_000
    twins: int = 100
    policy: str = "resend"
    worker_kills: int = 200
    postgres_kills: int = 10
    broker_kills: int = 10
    seed: int = 1


@dataclass
class Found:
    """What a trial found. All but the counts is empty where every promise was kept."""

    asked: Asked
    seconds: float = 0
    states: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    settled_by_hand: int = 0
    taken_otherwise: int = 0
    """How many letters the broker handed over after a later one of their order."""
    samples: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    twins: int = 0
    imbalance: list[str] = field(default_factory=list)
    certain_yet_undelivered: list[str] = field(default_factory=list)
    """What is called sent, and never arrived."""
    sent_twice: list[str] = field(default_factory=list)
    """With the policy hold: what arrived by more than one attempt."""
    out_of_order: list[str] = field(default_factory=list)
    gave_up: str = ""

    def told(self) -> dict[str, Any]:
        """The counts."""
        return {
            "policy": self.asked.policy,
            "seed": self.asked.seed,
            "letters": self.asked.letters + self.asked.twins,
            "seconds": round(self.seconds),
            "kills": self.kills,
            "states": self.states,
            "attempts": self.attempts,
            "settled_by_hand": self.settled_by_hand,
            "taken_otherwise": self.taken_otherwise,
            "samples": self.samples,
        }

    def broken(self) -> dict[str, Any]:
        """The promises that were not kept, each with examples."""
        promises = ("lost", "doubled", "imbalance", "certain_yet_undelivered", "sent_twice", "out_of_order", "gave_up")
        found = {name: getattr(self, name) for name in promises if getattr(self, name)}
        told: dict[str, Any] = {
            name: value if isinstance(value, str) else {"count": len(value), "such as": value[:3]}
            for name, value in found.items()
        }
        told |= {"twins": self.twins} if self.twins != self.asked.twins else {}
        told |= {"samples": self.samples} if not self.samples else {}
        return told


@dataclass
class Trial:
    stand: Stand
    world: World
    source: int
    asked: Asked
    say: Say
    found: Found
    probes: int = 0
    moved_at: float = field(default_factory=time.monotonic)
    stood: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        return self.asked.letters + self.asked.twins

    @property
    def letters(self) -> "QuerySet[DeadLetter]":
        return DeadLetter.objects.filter(source=self.source).order_by()

    def run(self) -> Found:
        found, began = self.found, time.monotonic()
        chance = random.Random(self.asked.seed)
        with psycopg.connect(self.stand.postgres.url, autocommit=True) as held:
            held.execute("DROP DATABASE IF EXISTS effects WITH (FORCE)")
            held.execute("CREATE DATABASE effects")
        with psycopg.connect(self.stand.effects, autocommit=True) as held:
            from integration_registry import schema

            held.execute(schema("processed"))
            held.execute(TABLES)
        self.workers = Crew(work, WORKERS, (self.source,))
        self.consumers = Crew(consume, 1, (self.stand.effects, *self.world.told()))
        sampler = Sampler(self.stand.postgres.url)
        sampler.start()
        connections.close_all()
        try:
            self.workers.start()
            self.consumers.start()
            found.kills = dict(self.kill_on(chance))
            self.until(self.is_over)
            self.until(self.compare)
        except TimeoutError as why:
            found.gave_up = str(why)
        finally:
            self.workers.end()
            self.consumers.end()
            sampler.ended.set()
            sampler.join(10)
        found.samples, found.imbalance = sampler.samples, sampler.wrong
        self.judge(found)
        found.seconds = time.monotonic() - began
        return found

    # --- while it runs -------------------------------------------------------------------------------------------

    def kill_on(self, chance: random.Random) -> Counter[str]:
        """Kill as the work goes on, so that every kill hits some, until all kills are done."""
        asked = self.asked
        victims = ["worker"] * asked.worker_kills + ["postgres"] * asked.postgres_kills
        victims += ["broker"] * asked.broker_kills
        chance.shuffle(victims)
        done: Counter[str] = Counter()
        for number, victim in enumerate(victims):
            self.until(lambda number=number: self.share() >= number / len(victims) * 0.95)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.04))
            if victim != "worker":
                self.kill(victim, chance)
                done[victim] += 1
            elif self.workers.killed < asked.worker_kills:
                self.kill_workers(chance)
        return done + Counter(worker=self.workers.killed, consumer=self.consumers.killed)

    def kill_workers(self, chance: random.Random) -> None:
        """One of them at any moment, or all while something is on its way; the consumer now and then."""
        if chance.random() < 0.3:
            with suppress(OperationalError, InterfaceError):
                on_its_way = RedriveAttempt.objects.filter(state=RedriveAttempt.State.CLAIMED)
                give_up_at = time.monotonic() + 0.3
                while time.monotonic() < give_up_at and not on_its_way.exists():
                    pass
            self.workers.kill_all()
        else:
            self.workers.kill(chance)
        if chance.random() < 0.2:
            self.consumers.kill(chance)

    def kill(self, victim: str, chance: random.Random) -> None:
        """A server; for a moment it stays away."""
        if victim == "postgres":
            self.stand.kill_postgres()
            time.sleep(chance.uniform(0, 0.5))
            self.stand.postgres.start()
        else:
            self.world.kill()
            time.sleep(chance.uniform(0, 0.5))
            self.world.start()
        # Nothing could move while it was away.
        self.moved_at = time.monotonic()

    def until(self, true: Callable[[], bool]) -> None:
        """Do what people and orchestrators do until it is so: begin redrives, agree to them, replace the dead."""
        began = time.monotonic()
        while True:
            self.workers.start()
            self.consumers.start()
            with suppress(OperationalError, InterfaceError):
                if true():
                    return
                self.attend()
                if time.monotonic() - self.moved_at > self.stand.lease_s + 2:
                    self.settle_by_hand()
            connection.close()
            if time.monotonic() - began > TOO_LONG_S or time.monotonic() - self.moved_at > STUCK_S:
                raise TimeoutError(f"Nothing moved any more: {self.stood}, {dict(self.stands())}, {self.trouble()}")
            time.sleep(0.05)

    def share(self) -> float:
        """How much of all is done, harvests and effects together."""
        now = (self.harvested(), self.effects())
        if now != self.stood:
            self.stood, self.moved_at = now, time.monotonic()
            self.say(
                f"{now[0]:,} harvested, {now[1]:,} of {self.total:,} had their effect, {self.workers.killed} killed"
            )
        return (0.15 * now[0] + 0.85 * now[1]) / self.total

    def attend(self) -> None:
        """Ask for a redrive of what is open, and agree to those that ask for a second person."""
        ops, zoe = (Person.objects.get(username=each) for each in ("ops", "zoe"))
        source = DeadLetterSource.objects.select_related("integration", "broker__environment").get(pk=self.source)
        with suppress(DomainError):
            for job in RedriveJob.objects.filter(state=RedriveJob.State.AWAITING_APPROVAL):
                redrives.approve(job, by=zoe)
            for job in RedriveJob.objects.filter(state=RedriveJob.State.PAUSED):
                self.say(f"paused: {job.paused_because}")
                redrives.resume(job, by=ops)
            gathering = RedriveJob.objects.filter(state__in=[RedriveJob.State.DRAFT, RedriveJob.State.SELECTING])
            opened = self.letters.filter(state=State.OPEN).count()
            is_harvested = self.harvested() == self.total
            if opened and not gathering.exists() and (is_harvested or opened > self.total // 5):
                job = redrives.draft(
                    source,
                    {},
                    reason="The provider is back",
                    idempotency_key=f"trial-{time.time_ns()}",
                    rate_per_minute=1_000_000,
                    stop_percent=100,
                    by=ops,
                )
                redrives.start(job, by=ops)

    def settle_by_hand(self) -> None:
        """Where nothing moves any more because nobody knows what arrived, a person looks, and says so."""
        uncertain = list(self.letters.filter(state=State.UNCERTAIN).select_related("source"))
        if not uncertain or not self.compare():
            return
        arrived, ops = self.wire_ids(), Person.objects.get(username="ops")
        for letter in uncertain:
            # A worker that was paused, or sends it again, may say so first.
            with suppress(DomainError):
                letters.settle_uncertain(letter, arrived=letter.wire_id in arrived, why="Looked.", by=ops)
                self.found.settled_by_hand += 1
        self.moved_at = time.monotonic()

    def is_over(self) -> bool:
        """Whether all came to an end, and its consumer has seen all of it."""
        self.share()
        under_way = self.letters.filter(state__in={*ON_THEIR_WAY, State.UNCERTAIN}).exists()
        is_harvested = self.harvested() == self.total
        return is_harvested and not under_way and self.is_drained()

    def is_drained(self) -> bool:
        """Whether the consumer has seen all that was in its topic when this was asked."""
        self.probes += 1
        name = f"{world.PROBE}{self.probes}"
        if not world.probe(name, *self.world.told()):
            return False
        give_up_at = time.monotonic() + PROBED_S
        while time.monotonic() < give_up_at:
            self.consumers.start()
            if self.ask(f"SELECT FROM arrivals WHERE wire_id = '{name}'"):
                return True
            time.sleep(0.02)
        return False

    # --- what there is -------------------------------------------------------------------------------------------

    def harvested(self) -> int:
        return DeadLetterSource.objects.values_list("harvested", flat=True).get(pk=self.source)

    def stands(self) -> dict[str, int]:
        with suppress(OperationalError, InterfaceError):
            return Counter(self.letters.values_list("state", flat=True))
        return {}

    def trouble(self) -> str:
        """What the registry itself says of why it waits."""
        with suppress(OperationalError, InterfaceError):
            return DeadLetterSource.objects.get(pk=self.source).trouble or "; ".join(
                f"{each} {each.state} {each.trouble}" for each in RedriveJob.objects.filter(source=self.source)
            )
        return ""

    def ask(self, statement: str) -> list[Any]:
        try:
            with psycopg.connect(self.stand.effects) as held:
                return held.execute(statement).fetchall()
        except psycopg.OperationalError as gone:
            raise OperationalError(str(gone)) from None

    def effects(self) -> int:
        [(count,)] = self.ask("SELECT count(*) FROM effects")
        return int(count)

    def wire_ids(self) -> set[str]:
        return {wire_id for (wire_id,) in self.ask("SELECT DISTINCT wire_id FROM arrivals")}

    # --- afterwards ----------------------------------------------------------------------------------------------

    def compare(self) -> bool:
        """What was sent and did not arrive is uncertain, to the letter. Whether it could be looked at."""
        told = dict(self.letters.filter(state__in=ARRIVED).values_list("wire_id", "state"))
        if not self.is_drained():
            return False
        arrived = self.wire_ids()
        self.found.certain_yet_undelivered += [f"{each} {told[each]}" for each in told if each not in arrived]
        return True

    def judge(self, found: Found) -> None:
        found.states = self.stands()
        found.attempts = RedriveAttempt.objects.filter(letter__source=self.source).count()
        effects = self.ask("SELECT body FROM effects ORDER BY number")
        bodies = Counter(bytes(body) for (body,) in effects)
        found.twins = bodies.pop(TWINS, 0)
        wanted = [body for name, body in world.letters(self.asked.letters, 0) if name]
        found.lost = [each.decode() for each in wanted if each not in bodies]
        found.doubled = [f"{each.decode()} {count} times" for each, count in bodies.items() if count > 1]
        rows = self.letters.values_list("wire_id", "died_at", "pk")
        ledger = {wire_id: (died_at, pk) for wire_id, died_at, pk in rows}
        found.out_of_order = list(out_of_order((bytes(body) for (body,) in effects), ledger))
        found.taken_otherwise = sum(1 for _ in taken_otherwise(ledger))
        if self.asked.policy == "hold":
            twice = "SELECT wire_id, count(*) FROM arrivals GROUP BY wire_id HAVING count(*) > 1"
            found.sent_twice = [f"{wire_id} {count} times" for wire_id, count in self.ask(twice)]


Place = tuple[datetime, int]
"""When a letter died, and which letter it is: what a redrive goes by."""


def out_of_order(bodies: Iterator[bytes], ledger: dict[str, Place]) -> Iterator[str]:
    """Letters of one order that took effect after a later one; also of those that were refused, or settled by hand."""
    latest: dict[str, tuple[Place, int]] = {}
    for body in bodies:
        told = json.loads(body)
        if "orderId" not in told:
            continue
        key, mine = told["orderId"], (ledger[f"evt-{told['number']}"], told["number"])
        if key in latest and mine[0] < latest[key][0]:
            yield f"{told} after {latest[key][1]}"
        latest[key] = max(mine, latest.get(key, mine))


def taken_otherwise(ledger: dict[str, Place]) -> Iterator[str]:
    """Letters that the broker handed over after a later one of their order, as it may after a reader died."""
    for number in (int(each.removeprefix("evt-")) for each in ledger if each.startswith("evt-")):
        after = f"evt-{number + 1}"
        if (number + 1) % PER_KEY and after in ledger and ledger[after] < ledger[f"evt-{number}"]:
            yield f"{number} after {number + 1}"
