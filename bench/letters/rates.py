"""How fast letters are taken in and sent again, beside a loop that does the same at the broker and nothing else."""

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from django.conf import settings
from django.utils import timezone

from bench.letters.bare import client
from registry import sealing
from registry.brokers import Place
from registry.models import Broker, DeadLetterSource, Environment, Integration, Person, RedriveJob
from registry.services import harvests, redrives, sending
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import (
    ClassicWorld,
    KafkaWorld,
    NatsWorld,
    QuorumWorld,
    RedisStreamsWorld,
    SqsWorld,
    StreamWorld,
    World,
)

TOO_LONG_S = 60
WORLDS: dict[str, tuple[type[World], Callable[[Path], AbstractContextManager[str]] | None, str]] = {
    "Redis Streams": (RedisStreamsWorld, None, "Valkey"),
    "NATS JetStream": (NatsWorld, servers.nats, ""),
    "RabbitMQ, quorum queue": (QuorumWorld, servers.rabbitmq, ""),
    "RabbitMQ, classic queue": (ClassicWorld, servers.rabbitmq, ""),
    "RabbitMQ, stream": (StreamWorld, servers.rabbitmq, ""),
    "Kafka": (KafkaWorld, servers.kafka, "the mock cluster of its C client, no real broker"),
    "SQS": (SqsWorld, servers.sqs, "moto, which is slow; no real SQS"),
}
_numbers = itertools.count(1)


@dataclass
class Rate:
    """Letters per second in each round, ours and the loop's."""

    name: str
    note: str
    harvest: list[tuple[float, float]] = field(default_factory=list)
    redrive: list[tuple[float, float]] = field(default_factory=list)

    def line(self) -> str:
        def told(rounds: list[tuple[float, float]]) -> str:
            ours, bare = (median(each) for each in zip(*rounds, strict=True))
            ratio = median(mine / other for mine, other in rounds)
            return f"{ours:,.0f} | {bare:,.0f} | {ratio:.2f}"

        note = f" ({self.note})" if self.note else ""
        return f"| {self.name}{note} | {told(self.harvest)} | {told(self.redrive)} |"


def measure(name: str, url: str, count: int, rounds: int) -> Rate:
    made, _, note = WORLDS[name]
    world, rate = made(url), Rate(name, note)
    try:
        for _ in range(rounds):
            one_round(world, count, rate)
    finally:
        world.close()
    return rate


def one_round(world: World, count: int, rate: Rate) -> None:
    """The same letters twice in two places: one read bare, one harvested; then sent bare, and redriven."""
    messages = [(b'{"orderId": "o-%d", "total": "19.90"}' % n, (), None, f"evt-{n}") for n in range(count)]
    bare, dead, topic = world.place(), world.place(), world.place()
    for each in (bare, dead):
        world.put(each, *messages)
    with closing(client(world, bare)) as reader:
        alone = timed(count, lambda: reader.read(count))
    source = define(world, dead, topic)
    ours = timed(count, lambda: harvests.harvest(source.pk, limit=count))
    rate.harvest.append((ours, alone))
    # To its end: a redrive waits until somebody would see what comes back.
    harvests.harvest(source.pk)
    rate.redrive.append(redriven(world, source, topic, count))


def redriven(world: World, source: DeadLetterSource, topic: Place, count: int) -> tuple[float, float]:
    """Redriven and sent bare to the same place."""
    ops, zoe = (Person.objects.get(username=each) for each in ("ops", "zoe"))
    job = redrives.draft(
        source,
        {},
        reason="Measured",
        idempotency_key=f"bench-{next(_numbers)}",
        rate_per_minute=1_000_000,
        by=ops,
    )
    redrives.start(job, by=ops)
    sending.advance(job.pk)
    gathered = RedriveJob.objects.get(pk=job.pk)
    if gathered.state == RedriveJob.State.AWAITING_APPROVAL:
        redrives.approve(gathered, by=zoe)
    # Without the first waves, which wait for what comes back.
    RedriveJob.objects.filter(pk=job.pk).update(state=RedriveJob.State.RUNNING, wave=2)
    ours = timed(count, lambda: drive(job.pk))
    outgoing = [(b'{"orderId": "o-1", "total": "19.90"}', f"bare-{n}") for n in range(count)]
    with closing(client(world, topic)) as sender:
        alone = timed(count, lambda: sender.send(outgoing))
    return ours, alone


def timed(count: int, act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return count / (time.perf_counter() - begun)


def drive(key: int) -> None:
    """Until it is finished. What it waits for at the broker is part of what it takes."""
    give_up_at = time.monotonic() + TOO_LONG_S
    while (job := RedriveJob.objects.get(pk=key)).state == RedriveJob.State.RUNNING:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"The redrive does not end: {job.trouble}")
        sending.advance(key)
    if job.state != RedriveJob.State.FINISHED:
        raise RuntimeError(f"The redrive is {job.state}: {job.paused_because}")


def define(world: World, dead: Place, topic: Place) -> DeadLetterSource:
    """The source of a place, as its owner would have defined it; the design's topic is that of the round."""
    now, number = timezone.now(), next(_numbers)
    login, _, host = dead.url.rpartition("@")
    scheme, _, login = login.rpartition("://")
    secret = Path(settings.BROKER_SECRETS) / f"bench-{number}"
    if login:
        secret.parent.mkdir(exist_ok=True, mode=0o700)
        secret.write_text(login, encoding="utf-8")
    broker = Broker.objects.create(
        slug=f"bench-{number}",
        environment=Environment.objects.get(slug="production"),
        kind=world.broker,
        url=f"{scheme}://{host}" if login else dead.url,
        credentials=f"file:{secret}" if login else "",
        created_at=now,
    )
    return DeadLetterSource.objects.create(
        integration=Integration.objects.get(),
        broker=broker,
        topic=topic.name,
        topic_kind=topic.kind,
        place=dead.name,
        place_kind=dead.kind,
        mode="cursor" if world.is_log else "consume",
        consented_by=Person.objects.get(username="zoe"),
        consented_at=now,
        unknown_policy="resend",
        sealed_key=sealing.new_key(),
        created_at=now,
    )
