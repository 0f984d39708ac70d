"""Brokers of the trial, with letters that died and a topic they go back to. Killed, they keep what they confirmed."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import amqp
import pika
import redis

from server.embedded import Valkey
from server.places import socket_folder
from tests.registry.brokers.servers import RabbitMQ

TOPIC, DEAD = "orders.events", "orders.events.dead"
TWINS = b'{"note": "the same"}'
"""Equal to the byte, and without an id: so many of these are so many letters."""
PROBE = "probe-"
"""Ids of messages that are no letters: they are noted as arrived, and have no effect."""
PER_KEY = 3
"""So many letters in a row concern one order, and stay in their order."""
CHUNK = 500
WRITTEN_DOWN_S = 5
"""RabbitMQ 3.10 writes its list of quorum queues down this long after: killed before, it knows a queue no longer."""


def letters(count: int, twins: int) -> Iterator[tuple[str, bytes]]:
    """Id and body of each; the twins lie among the others."""
    every = max(1, count // max(1, twins))
    for number in range(count):
        yield f"evt-{number}", json.dumps({"orderId": f"o-{number // PER_KEY}", "number": number}).encode()
        if number % every == 0 and number // every < twins:
            yield "", TWINS


class World:
    """A broker of one's own, and two places at it."""

    broker = ""
    mode = "cursor"
    kinds = ("", "")
    """Of the place where letters lie, and of the topic."""
    address = ""
    """Without a password."""
    login = ""

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def fill(self, count: int, twins: int) -> None:
        """Make the places, and put the letters there."""
        raise NotImplementedError

    def told(self) -> tuple[str, ...]:
        """What its consumer has to know."""
        raise NotImplementedError


class RedisWorld(World):
    broker = "redis-streams"

    def __init__(self, state: Path) -> None:
        self.server = Valkey(
            state / "valkey",
            # The only sockets the registry reaches are those beside its own.
            socket_folder(state.parent),
            state / "valkey.log",
            options=("--appendonly", "yes", "--appendfsync", "always"),
        )
        self.address = self.server.url

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        assert self.server.process
        self.server.process.kill()
        self.server.process.wait()

    def stop(self) -> None:
        self.server.stop()

    def fill(self, count: int, twins: int) -> None:
        with redis.Redis.from_url(self.server.url) as client, client.pipeline(transaction=False) as pipe:
            client.xgroup_create(TOPIC, "payers", mkstream=True)
            for name, body in letters(count, twins):
                pipe.xadd(DEAD, {"body": body, **({"message-id": name} if name else {})})
                if len(pipe) >= CHUNK:
                    pipe.execute()
            pipe.execute()

    def told(self) -> tuple[str, ...]:
        return ("redis", self.server.url)


class RabbitWorld(World):
    broker = "rabbitmq"

    def __init__(self, state: Path) -> None:
        home = state / "rabbitmq"
        home.mkdir()
        self.server = RabbitMQ(home)
        self.address = f"amqp://127.0.0.1:{self.server.port}/"
        self.login = f"tests:{self.server.password}"

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def stop(self) -> None:
        self.server.stop()

    def fill(self, count: int, twins: int) -> None:
        dead, topic = self.kinds
        with closing(pika.BlockingConnection(pika.URLParameters(self.server.url + "?heartbeat=0"))) as connection:
            channel = connection.channel()
            channel.queue_declare(DEAD, durable=True, arguments={"x-queue-type": dead})
            # Until what a dead consumer held is back, the next one is given nothing: else the order would be its fault.
            alone = {"x-queue-type": topic, "x-single-active-consumer": True}
            channel.queue_declare(TOPIC, durable=True, arguments=alone)
            begun = time.monotonic()
            for name, body in letters(count, twins):
                channel.basic_publish("", DEAD, body, pika.BasicProperties(message_id=name or None, delivery_mode=2))
            # Confirmed once more by its last: a queue takes what it is sent in order.
            while channel.queue_declare(DEAD, passive=True).method.message_count < count + twins and dead == "quorum":
                time.sleep(0.05)
            time.sleep(max(0.0, WRITTEN_DOWN_S - (time.monotonic() - begun)))

    def told(self) -> tuple[str, ...]:
        return ("rabbitmq", self.server.url)


class QuorumWorld(RabbitWorld):
    mode = "consume"
    kinds = ("quorum", "quorum")


class StreamWorld(RabbitWorld):
    kinds = ("stream", "quorum")


WORLDS = {"redis": RedisWorld, "quorum": QuorumWorld, "stream": StreamWorld}


def arrivals(kind: str, url: str, name: str) -> Iterator[tuple[str, str, bytes, Any]]:
    """What lies in the topic, each as (wire id, attempt, body, acknowledge), again and again until acknowledged."""
    return _from_redis(url, name) if kind == "redis" else _from_rabbitmq(url)


def _from_redis(url: str, name: str) -> Iterator[tuple[str, str, bytes, Any]]:
    with redis.Redis.from_url(url) as client:
        while True:
            # There is one consumer at a time: what another was given and never acknowledged comes first.
            left: Any = client.xautoclaim(TOPIC, "payers", name, 0, count=50)[1]
            fresh: Any = left or client.xreadgroup("payers", name, {TOPIC: ">"}, count=50, block=100)
            for position, fields in left or (fresh[0][1] if fresh else ()):

                def acknowledge(position: Any = position) -> None:
                    client.xack(TOPIC, "payers", position)

                yield (
                    fields[b"message-id"].decode(),
                    fields[b"x-registry-attempt"].decode(),
                    fields[b"body"],
                    acknowledge,
                )


def _from_rabbitmq(url: str) -> Iterator[tuple[str, str, bytes, Any]]:
    with closing(pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=50)
        for method, properties, body in channel.consume(TOPIC):
            assert method and properties and properties.headers and properties.message_id

            def acknowledge(tag: Any = method.delivery_tag) -> None:
                channel.basic_ack(tag)

            yield properties.message_id, str(properties.headers["x-registry-attempt"]), body, acknowledge


def probe(name: str, kind: str, url: str) -> bool:
    """Put a message behind all that lies in the topic: who has seen it has seen all. Whether it could be.

    What a broker says of how much is left cannot be relied on: a quorum queue that is busy says nothing is.
    """
    with suppress(redis.RedisError, pika.exceptions.AMQPError, amqp.AMQPError, OSError):
        if kind == "redis":
            with redis.Redis.from_url(url) as client:
                client.xadd(TOPIC, {"body": b"", "message-id": name, "x-registry-attempt": ""})
        else:
            with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                told = pika.BasicProperties(message_id=name, headers={"x-registry-attempt": ""}, delivery_mode=2)
                channel.basic_publish("", TOPIC, b"", told, mandatory=True)
        return True
    return False
