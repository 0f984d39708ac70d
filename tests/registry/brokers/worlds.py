"""Each broker as its other users meet it: with its own client, not ours. What a place holds is seen from outside."""

import asyncio
import ctypes
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import confluent_kafka
import nats
import pika
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from nats.js.api import StreamConfig

from registry.brokers import Headers, Outgoing, Place, text_of
from tests.registry.brokers.servers import MOST_BYTES

Message = tuple[bytes, Headers, bytes | None, str]
"""Body, headers, key, id."""
NUMBERS = itertools.count()


class World:
    """A broker with places in it."""

    broker = ""
    is_log = True
    """Whether messages stay when they are read."""
    keeps_ids = True
    carries_bytes = True
    missing = "no.such.place"
    cannot_carry: tuple[Outgoing, ...] = (
        Outgoing(b"{}", (("half a \udc80 letter", "x"),)),
        Outgoing(b"{}", (("half", "a \udc80 letter"),)),
        Outgoing(b"{}", (), None, "id-\udc80"),
    )
    """What fails each time it is sent there."""
    many = 1_000
    """How many messages counting is tried with."""
    stride = 100
    """How many messages a look is asked for where a hundred looks go over a thousand messages."""

    def __init__(self, url: str) -> None:
        self.url = url

    def place(self) -> Place:
        """A new, empty place."""
        raise NotImplementedError

    def put(self, place: Place, *messages: Message) -> None:
        raise NotImplementedError

    def put_bare(self, place: Place, body: bytes) -> None:
        """A message with nothing else: no headers, not even an empty table of them."""
        self.put(place, (body, (), None, ""))

    def state(self, place: Place) -> Any:
        """All that tells whether somebody was here."""
        raise NotImplementedError

    def handed_out(self, place: Place) -> Any:
        """What a queue tells of earlier deliveries of its messages, told to whoever takes them all."""
        raise NotImplementedError

    def drop_first(self, place: Place, count: int) -> None:
        """As the broker's own retention would."""
        raise NotImplementedError

    def small(self) -> Place:
        """A new, empty log that keeps little."""
        return self.place()

    def overflow(self, place: Place) -> None:
        """Put so much into a small log that it drops what came first."""
        raise NotImplementedError

    def numbered(self) -> Place:
        """A new, empty log in which a message's place tells how many came before it."""
        return self.place()

    def made_anew(self, place: Place) -> Place:
        """Another log by the same name, empty, where the first one is not."""
        raise NotImplementedError

    def of_old(self, cursor: str) -> str:
        """The same cursor as the registry kept it before it held what lies where it ended."""
        return cursor.partition(" ")[0]

    def close(self) -> None:
        """Let go of what its own client holds."""

    def nowhere(self) -> Place:
        return Place(self.url, self.missing)

    def unreachable(self) -> Place:
        return Place(self.url.replace(self.url.rpartition(":")[2].split("/")[0].split("?")[0], "1"), "x")


def name() -> str:
    return f"orders.dead-{next(NUMBERS)}"


class RedisStreamsWorld(World):
    broker = "redis-streams"
    cannot_carry = (*World.cannot_carry, Outgoing(b"{}", (("body", "of a header"),)))

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.client = redis.Redis.from_url(url)
        self.numbers: dict[str, Iterator[int]] = {}

    def numbered(self) -> Place:
        made = self.place()
        self.numbers[made.name] = itertools.count(1)
        return made

    def made_anew(self, place: Place) -> Place:
        self.client.delete(place.name)
        self.client.xgroup_create(place.name, "somebody", mkstream=True)
        self.numbers[place.name] = itertools.count(1)
        return place

    def place(self) -> Place:
        made = Place(self.url, name())
        self.client.xgroup_create(made.name, "somebody", mkstream=True)
        return made

    def put(self, place: Place, *messages: Message) -> None:
        for body, headers, _, message_id in messages:
            fields: Any = {"body": body, **{each: text_of(value) for each, value in headers}}
            fields |= {"message-id": message_id} if message_id else {}
            numbers = self.numbers.get(place.name)
            self.client.xadd(place.name, fields, f"{next(numbers)}-0" if numbers else "*")

    def state(self, place: Place) -> Any:
        told = (self.client.xinfo_stream(place.name, full=True), self.client.xinfo_groups(place.name))
        return (told, self.client.xrange(place.name))

    def drop_first(self, place: Place, count: int) -> None:
        length: Any = self.client.xlen(place.name)
        self.client.xtrim(place.name, maxlen=length - count, approximate=False)

    def close(self) -> None:
        self.client.close()

    def unreachable(self) -> Place:
        return Place("redis://127.0.0.1:1/0", "x")


class Raw(pika.BasicProperties):  # type: ignore[misc]
    """Properties that pika would not write."""

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self.written = written

    def encode(self) -> list[bytes]:
        return [self.written]


class RabbitWorld(World):
    broker = "rabbitmq"
    cannot_carry = (
        Outgoing(b"x" * (MOST_BYTES + 1)),
        Outgoing(b"{}", (("stack", "x" * 200_000),)),
        Outgoing(b"{}", (("x" * 256, "long name"),)),
        Outgoing(b"{}", (("large", 2**64),)),
        Outgoing(b"{}", (("nested", {"list": [1.0, float("nan")]}),)),
        Outgoing(b"{}", (("content-type", "x" * 256),)),
        Outgoing(b"{}", (("CC", "not a list"),)),
        Outgoing(b"{}", (("amqp:user_id", "somebody"),)),
        Outgoing(b"{}", (("amqp:expiration", "soon"),)),
        Outgoing(b"{}", (("amqp:priority", "high"),)),
        Outgoing(b"{}", (("amqp:correlation_id", 7),)),
        Outgoing(b"{}", (), None, "x" * 256),
    )
    kind = ""
    arguments: dict[str, Any] = {}

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection = pika.BlockingConnection(pika.URLParameters(url + "?heartbeat=0"))

    def place(self) -> Place:
        return self.declared(Place(self.url, name(), self.kind))

    def declared(self, place: Place, **more: Any) -> Place:
        arguments = {"x-queue-type": self.kind, **self.arguments, **more}
        with self.connection.channel() as channel:
            channel.queue_declare(place.name, durable=True, arguments=arguments)
        return place

    def made_anew(self, place: Place) -> Place:
        self.remove(place)
        return self.declared(place)

    def bounded(self, *, most: int, overflow: str, dead: str = "") -> Place:
        """A classic queue for so many messages, which keeps count to the message; what it drops goes to `dead`."""
        made = Place(self.url, name(), "classic")
        told: dict[str, Any] = {"x-max-length": most, "x-overflow": overflow}
        told |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead} if dead else {}
        with self.connection.channel() as channel:
            channel.queue_declare(made.name, durable=True, arguments=told)
        return made

    def empty(self, place: Place) -> None:
        with self.connection.channel() as channel:
            channel.queue_purge(place.name)

    def remove(self, place: Place) -> None:
        with self.connection.channel() as channel:
            channel.queue_delete(place.name)

    def put(self, place: Place, *messages: Message) -> None:
        with self.connection.channel() as channel:
            channel.confirm_delivery()
            for body, headers, _, message_id in messages:
                given: Any = dict(headers)
                properties = pika.BasicProperties(message_id=message_id or None, headers=given, delivery_mode=2)
                channel.basic_publish("", place.name, body, properties)

    def put_bare(self, place: Place, body: bytes) -> None:
        with self.connection.channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish("", place.name, body)

    def put_raw(self, place: Place, body: bytes, properties: bytes, route: bytes = b"") -> None:
        """A message with properties as AMQP writes them; sent with that routing key to whoever is bound to all."""
        with self.connection.channel() as channel:
            channel.confirm_delivery()
            if route:
                channel.queue_bind(place.name, "amq.topic", "#")
            exchange, key = ("amq.topic", route) if route else ("", place.name)
            channel.basic_publish(exchange, key, body, Raw(properties))

    def close(self) -> None:
        self.connection.close()

    def nowhere(self) -> Place:
        return Place(self.url, self.missing, self.kind)


class QuorumWorld(RabbitWorld):
    kind, is_log = "quorum", False

    def state(self, place: Place) -> Any:
        with self.connection.channel() as channel:
            return channel.queue_declare(place.name, passive=True).method.message_count

    def handed_out(self, place: Place) -> Any:
        with self.connection.channel() as channel:
            told = set()
            for method, properties, _ in channel.consume(place.name, auto_ack=True, inactivity_timeout=1):
                if method is None or properties is None:
                    break
                told.add((method.redelivered, (properties.headers or {}).get("x-delivery-count", 0)))
            return told


class ClassicWorld(QuorumWorld):
    kind = "classic"


class StreamWorld(RabbitWorld):
    kind = "stream"
    stride = 20

    def small(self) -> Place:
        small: dict[str, Any] = {"x-max-length-bytes": 2_000_000, "x-stream-max-segment-size-bytes": 500_000}
        return self.declared(Place(self.url, name(), self.kind), **small)

    def overflow(self, place: Place) -> None:
        self.put(place, *[(b"x" * 200_000, (), None, "")] * 20)

    def state(self, place: Place) -> Any:
        """All of it once more; a stream keeps no note of its readers."""
        with self.connection.channel() as channel:
            channel.basic_qos(prefetch_count=500)
            seen = []
            offset = {"x-stream-offset": "first"}
            for method, properties, body in channel.consume(place.name, arguments=offset, inactivity_timeout=1):
                if method is None or properties is None:
                    break
                channel.basic_ack(method.delivery_tag or 0)
                seen.append((body, properties.headers, properties.message_id))
            return seen


class NatsWorld(World):
    broker = "nats"
    missing = "nowhere"
    cannot_carry = (
        *World.cannot_carry,
        *(Outgoing(b"{}", ((each, "x"),)) for each in ("", "two\r\nlines", "größe", "a name", "amqp:type", "nul\0")),
        Outgoing(b"{}", (("lines", "one\r\nNats-Rollup: all"),)),
        Outgoing(b"{}", (), None, "id\n2"),
        Outgoing(b"{}", (("stack", "x" * 70_000),)),
        Outgoing(b"x" * 1_048_570, (("header", "over the brim"),)),
        Outgoing(b"x" * 2_000_000),
    )

    def ask(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        async def within() -> Any:
            client = await nats.connect(self.url)
            try:
                return await act(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(within())

    def place(self) -> Place:
        stream = name().replace(".", "-")
        self.ask(lambda js: js.add_stream(StreamConfig(name=stream, subjects=[stream], duplicate_window=2)))
        return Place(self.url, stream)

    def put(self, place: Place, *messages: Message) -> None:
        async def all_of_them(js: Any) -> None:
            for body, headers, _, message_id in messages:
                given = {each: text_of(value) for each, value in headers}
                given |= {"Nats-Msg-Id": message_id} if message_id else {}
                await js.publish(place.name, body, headers=given or None)

        self.ask(all_of_them)

    def state(self, place: Place) -> Any:
        async def seen(js: Any) -> Any:
            info, readers = await js.stream_info(place.name), await js.consumers_info(place.name)
            first, last = info.state.first_seq, info.state.last_seq
            messages = [(await js.get_msg(place.name, seq)) for seq in range(first, min(last, first + 20) + 1)]
            told = (info.config, info.created, info.state, readers)
            return (told, [(each.data, each.headers) for each in messages])

        return self.ask(seen)

    def drop_first(self, place: Place, count: int) -> None:
        async def drop(js: Any) -> None:
            first = (await js.stream_info(place.name)).state.first_seq
            await js.purge_stream(place.name, seq=first + count)

        self.ask(drop)

    def small(self) -> Place:
        stream = name().replace(".", "-")
        self.ask(lambda js: js.add_stream(StreamConfig(name=stream, subjects=[stream], max_msgs=10)))
        return Place(self.url, stream)

    def overflow(self, place: Place) -> None:
        self.put(place, *[(b"x", (), None, "")] * 20)

    def made_anew(self, place: Place) -> Place:
        self.ask(lambda js: js.delete_stream(place.name))
        self.ask(lambda js: js.add_stream(StreamConfig(name=place.name, subjects=[place.name], duplicate_window=2)))
        return place


class KafkaWorld(World):
    broker = "kafka"
    cannot_carry = (
        *World.cannot_carry,
        Outgoing(b"x" * 1_500_000),
        Outgoing(b"{}", (("stack", "x" * 1_500_000),)),
        Outgoing(b"{}", (), b"x" * 1_500_000),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.others: list[Consumer] = []

    def place(self) -> Place:
        return self.made(Place(self.url, name()))

    def made(self, place: Place) -> Place:
        # The mock cluster makes every topic that a producer asks for, with four partitions.
        Producer({"bootstrap.servers": place.url}).list_topics(place.name, timeout=10)
        return place

    def made_anew(self, place: Place) -> Place:
        """At another cluster: the mock deletes no topic."""
        told: Any = {"bootstrap.servers": "unused", "group.id": "mock", "test.mock.num.brokers": 1, "log_level": 0}
        self.others.append(Consumer(told))
        [broker] = self.others[-1].list_topics(timeout=10).brokers.values()
        return self.made(Place(f"{broker.host}:{broker.port}", place.name))

    def of_old(self, cursor: str) -> str:
        return json.dumps({each: ended[0] for each, ended in json.loads(cursor).items()})

    def overflow(self, place: Place) -> None:
        """The mock cluster keeps five megabytes of a partition."""
        for _ in range(6):
            self.put(place, (b"x" * 900_000, (), None, ""))

    def close(self) -> None:
        for each in self.others:
            each.close()

    def put(self, place: Place, *messages: Message) -> None:
        producer = Producer({"bootstrap.servers": place.url})
        for body, headers, key, message_id in messages:
            given: Any = [(each, text_of(value).encode()) for each, value in headers]
            given += [("message-id", message_id.encode())] if message_id else []
            producer.produce(place.name, body, key, headers=given, partition=0 if key is None else -1)
        assert producer.flush(20) == 0

    def put_at(self, place: Place, body: bytes, milliseconds: int) -> None:
        """A message that says it was made then."""
        producer = Producer({"bootstrap.servers": place.url})
        producer.produce(place.name, body, partition=0, timestamp=milliseconds)
        assert producer.flush(20) == 0

    def put_values(self, place: Place, *values: tuple[bytes | None, Any]) -> None:
        """These values, None is none, and their headers."""
        producer = Producer({"bootstrap.servers": place.url})
        for value, headers in values:
            producer.produce(place.name, value, b"key", headers=list(headers), partition=0)
        assert producer.flush(20) == 0

    def values(self, place: Place) -> list[tuple[bytes | None, Any]]:
        """All that lies there, as Kafka's own client gives it."""
        consumer = Consumer({"bootstrap.servers": place.url, "group.id": "tests"})
        places = [TopicPartition(place.name, each, 0) for each in range(4)]
        count = sum(consumer.get_watermark_offsets(each, timeout=10)[1] for each in places)
        consumer.assign(places)
        found = consumer.consume(count, timeout=10)
        consumer.close()
        return [(each.value(), each.headers()) for each in found]

    def put_unreadable(self, place: Place) -> None:
        """A header whose name is no UTF-8: Python's client makes none, its C library does."""
        [library] = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*.so*")
        kafka = ctypes.CDLL(str(library))
        for each in (kafka.rd_kafka_conf_new, kafka.rd_kafka_new, kafka.rd_kafka_headers_new):
            each.restype = ctypes.c_void_p
        error, name = ctypes.create_string_buffer(512), "größe".encode("latin-1")
        settings = ctypes.c_void_p(kafka.rd_kafka_conf_new())
        kafka.rd_kafka_conf_set(settings, b"bootstrap.servers", self.url.encode(), error, 512)
        producer = ctypes.c_void_p(kafka.rd_kafka_new(0, settings, error, 512))
        headers = ctypes.c_void_p(kafka.rd_kafka_headers_new(1))
        kafka.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"x", ctypes.c_ssize_t(1))
        # Each given after the number of what it is: topic, partition, value, flags (copy it), headers, and the end.
        told = (1, place.name.encode(), 3, 0, 4, b"{}", ctypes.c_size_t(2), 7, 2, 10, headers, 0)
        assert kafka.rd_kafka_producev(producer, *told) == 0
        assert kafka.rd_kafka_flush(producer, 10_000) == 0
        kafka.rd_kafka_destroy(producer)

    def state(self, place: Place) -> Any:
        consumer = Consumer({"bootstrap.servers": self.url, "group.id": "integration-registry"})
        places = [TopicPartition(place.name, each) for each in range(4)]
        bounds = [consumer.get_watermark_offsets(each, timeout=10) for each in places]
        committed = [each.offset for each in consumer.committed(places, timeout=10)]
        consumer.close()
        return (bounds, committed)


class SqsWorld(World):
    broker, is_log, keeps_ids, carries_bytes = "sqs", False, False, False
    missing = "nowhere"
    many = 100
    """Amazon's stand-in takes seconds for a hundred."""
    cannot_carry = (
        *World.cannot_carry[:2],
        Outgoing(b""),
        Outgoing(b"\xff"),
        Outgoing(b"a\x01b"),
        Outgoing("\uffff".encode()),
        Outgoing(b"x" * 1_500_000),
        Outgoing(b"{}", (("a name", "x"),)),
        Outgoing(b"{}", tuple((f"header-{each}", "x") for each in range(11))),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url="http://" + url.split("@")[1].split("?")[0],
            region_name="eu-west-1",
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
        )

    def place(self) -> Place:
        made = Place(self.url, name().replace(".", "-"))
        self.client.create_queue(QueueName=made.name)
        return made

    def fifo(self) -> Place:
        made = Place(self.url, f"{name().replace('.', '-')}.fifo")
        self.client.create_queue(QueueName=made.name, Attributes={"FifoQueue": "true"})
        return made

    def put(self, place: Place, *messages: Message) -> None:
        entries: list[dict[str, Any]] = []
        for number, (body, headers, _, _) in enumerate(messages):
            given = {each: {"DataType": "String", "StringValue": text_of(value)} for each, value in headers}
            entries.append({"Id": str(number), "MessageBody": body.decode(), "MessageAttributes": given})
        queue = self.queue(place)
        for start in range(0, len(entries), 10):
            told = self.client.send_message_batch(QueueUrl=queue, Entries=entries[start : start + 10])
            assert not told.get("Failed")

    def state(self, place: Place) -> Any:
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return self.client.get_queue_attributes(QueueUrl=self.queue(place), AttributeNames=wanted)["Attributes"]

    def received(self, place: Place) -> list[dict[str, Any]]:
        """All that lies there, as SQS gives it."""
        received: list[dict[str, Any]] = []
        asked: Any = {
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 600,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        while some := self.client.receive_message(QueueUrl=self.queue(place), **asked).get("Messages"):
            received += some
        return received

    def handed_out(self, place: Place) -> Any:
        told = [int(each["Attributes"]["ApproximateReceiveCount"]) - 1 for each in self.received(place)]
        return {(bool(count), count) for count in told}

    def queue(self, place: Place) -> str:
        return str(self.client.get_queue_url(QueueName=place.name)["QueueUrl"])


def eventually(holds: Callable[[], bool]) -> None:
    """What is given back to a queue that is kept in three places is there a moment later."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
