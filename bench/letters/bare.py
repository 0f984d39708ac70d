"""Each broker's own client used straight, as whoever knows only that one would: the same work at the broker, one
connection or channel throughout, and nothing kept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import nats
import pika
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from registry.brokers import Place
from tests.registry.brokers.worlds import SqsWorld, World

AT_ONCE = 500
PREFETCH = 250
AT_ONCE_SQS = 10
TIMEOUT_S = 10
Letter = tuple[bytes, str]
"""Body and id."""


class Bare:
    """A client that is open already: what connecting takes is no part of a rate."""

    def __init__(self, world: World, place: Place) -> None:
        self.place = place

    def read(self, count: int) -> None:
        """So many messages, copied or taken as a harvest copies or takes them."""
        raise NotImplementedError

    def send(self, letters: list[Letter]) -> None:
        """One by one, each known to be there before the next one goes."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class BareRedis(Bare):
    def __init__(self, world: World, place: Place) -> None:
        super().__init__(world, place)
        self.client = redis.Redis.from_url(place.url)

    def read(self, count: int) -> None:
        cursor, seen = "-", 0
        while seen < count:
            entries: Any = self.client.xrange(self.place.name, min=cursor, count=AT_ONCE)
            cursor, seen = f"({entries[-1][0].decode()}", seen + len(entries)

    def send(self, letters: list[Letter]) -> None:
        for body, message_id in letters:
            assert self.client.xadd(self.place.name, {"body": body, "message-id": message_id}, nomkstream=True)

    def close(self) -> None:
        self.client.close()


class BareRabbit(Bare):
    def __init__(self, world: World, place: Place) -> None:
        super().__init__(world, place)
        self.connection = pika.BlockingConnection(pika.URLParameters(place.url + "?heartbeat=0"))
        self.channel = self.connection.channel()

    def read(self, count: int) -> None:
        is_stream = self.place.kind == "stream"
        self.channel.basic_qos(prefetch_count=PREFETCH)
        arguments: Any = {"x-stream-offset": "first"} if is_stream else {}
        consumed: Iterator[Any] = self.channel.consume(self.place.name, exclusive=not is_stream, arguments=arguments)
        for number, (method, _, _) in enumerate(consumed, start=1):
            if number % (PREFETCH // 2) == 0 or number == count:
                self.channel.basic_ack(method.delivery_tag, multiple=True)
            if number == count:
                break
        self.channel.cancel()

    def send(self, letters: list[Letter]) -> None:
        self.channel.confirm_delivery()
        for body, message_id in letters:
            properties = pika.BasicProperties(message_id=message_id, delivery_mode=2)
            self.channel.basic_publish("", self.place.name, body, properties, mandatory=True)

    def close(self) -> None:
        self.connection.close()


class BareNats(Bare):
    def __init__(self, world: World, place: Place) -> None:
        super().__init__(world, place)
        self.loop = asyncio.new_event_loop()
        self.client = self.loop.run_until_complete(nats.connect(place.url))
        self.stream = self.client.jetstream(timeout=TIMEOUT_S)

    def read(self, count: int) -> None:
        async def all_of_them() -> None:
            first = (await self.stream.stream_info(self.place.name)).state.first_seq
            for sequence in range(first, first + count):
                await self.stream.get_msg(self.place.name, seq=sequence)

        self._do(all_of_them)

    def send(self, letters: list[Letter]) -> None:
        async def all_of_them() -> None:
            for body, message_id in letters:
                await self.stream.publish(self.place.name, body, headers={"Nats-Msg-Id": message_id})

        self._do(all_of_them)

    def close(self) -> None:
        self._do(self.client.close)
        self.loop.close()

    def _do(self, act: Callable[[], Awaitable[None]]) -> None:
        async def within() -> None:
            await act()

        self.loop.run_until_complete(within())


class BareKafka(Bare):
    def __init__(self, world: World, place: Place) -> None:
        super().__init__(world, place)
        self.consumer = Consumer(
            {"bootstrap.servers": place.url, "group.id": "bare", "enable.auto.commit": False, "fetch.wait.max.ms": 20}
        )
        self.producer = Producer({"bootstrap.servers": place.url, "acks": "all", "enable.idempotence": True})

    def read(self, count: int) -> None:
        partitions = self.consumer.list_topics(self.place.name, timeout=TIMEOUT_S).topics[self.place.name].partitions
        self.consumer.assign([TopicPartition(self.place.name, each, 0) for each in partitions])
        seen = 0
        while seen < count:
            seen += len(self.consumer.consume(AT_ONCE, timeout=0.05))

    def send(self, letters: list[Letter]) -> None:
        for body, message_id in letters:
            self.producer.produce(self.place.name, body, headers=[("message-id", message_id.encode())])
            assert self.producer.flush(TIMEOUT_S) == 0

    def close(self) -> None:
        self.consumer.close()


class BareSqs(Bare):
    def __init__(self, world: World, place: Place) -> None:
        super().__init__(world, place)
        assert isinstance(world, SqsWorld)
        self.client, self.queue = world.client, world.queue(place)

    def read(self, count: int) -> None:
        seen = 0
        while seen < count:
            found = self.client.receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=AT_ONCE_SQS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
            if entries:
                self.client.delete_message_batch(QueueUrl=self.queue, Entries=entries)
            seen += len(found)

    def send(self, letters: list[Letter]) -> None:
        for body, message_id in letters:
            named = {"message-id": {"DataType": "String", "StringValue": message_id}}
            self.client.send_message(QueueUrl=self.queue, MessageBody=body.decode(), MessageAttributes=named)

    def close(self) -> None:
        """The client is the world's."""


CLIENTS: dict[str, type[Bare]] = {
    "redis-streams": BareRedis,
    "rabbitmq": BareRabbit,
    "nats": BareNats,
    "kafka": BareKafka,
    "sqs": BareSqs,
}


def client(world: World, place: Place) -> Bare:
    """The one for this broker, connected."""
    return CLIENTS[world.broker](world, place)
