"""Records what real brokers write: `python -m tests.registry.deaths.record`. RabbitMQ and moto's SQS must be there."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pika

from registry import brokers, deaths
from registry.brokers import Found, Place
from tests.registry.brokers import servers
from tests.registry.deaths import samples

DEAD = "orders.dead"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        rabbitmq(Path(home))
        sqs(Path(home))


def rabbitmq(home: Path) -> None:
    with servers.rabbitmq(home) as url, channel(url) as on:
        told = f"recorded from RabbitMQ {server_version(on)}"
        dying: dict[str, Any] = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD}
        on.queue_declare(DEAD)
        for name, arguments, kill in (
            ("rabbitmq-rejected", {}, reject),
            ("rabbitmq-expired", {"x-message-ttl": 1}, wait),
            ("rabbitmq-maxlen", {"x-max-length": 1}, crowd),
            ("rabbitmq-retried", {"x-dead-letter-routing-key": "orders.wait"}, retry),
            ("rabbitmq-delivery-limit", {"x-queue-type": "quorum", "x-delivery-limit": 2}, give_back),
        ):
            on.queue_declare(name, durable=True, arguments=dying | arguments)
            on.basic_publish("", name, b"{}", pika.BasicProperties(headers={"x-tenant": "nl"}))
            kill(on, name)
            write(name, told, taken(brokers.connect("rabbitmq", Place(url, DEAD, "classic"))))
            on.queue_purge(DEAD)


@contextmanager
def channel(url: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        connection.close()


def server_version(on: Any) -> str:
    return str(on.connection._impl.server_properties["version"])


def reject(on: Any, name: str) -> None:
    on.basic_reject(delivered(on, name), requeue=False)


def wait(on: Any, name: str) -> None:
    time.sleep(0.2)


def crowd(on: Any, name: str) -> None:
    on.basic_publish("", name, b"{}")


def give_back(on: Any, name: str) -> None:
    for _ in range(3):
        on.basic_reject(delivered(on, name), requeue=True)


def retry(on: Any, name: str) -> None:
    """Rejected three times into a queue to wait in, then given up by its consumer, which keeps the headers."""
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name, "x-message-ttl": 1}
    on.queue_declare("orders.wait", arguments=back)
    for _ in range(3):
        reject(on, name)
    while True:
        method, properties, body = on.basic_get(name, auto_ack=True)
        if method:
            break
        time.sleep(0.02)
    on.basic_publish("", DEAD, body, properties)


def delivered(on: Any, name: str) -> int:
    while True:
        method, _, _ = on.basic_get(name)
        if method:
            return int(method.delivery_tag)
        time.sleep(0.02)


def sqs(home: Path) -> None:
    with servers.sqs(home) as url:
        told = {"region_name": "eu-west-1", "aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
        client = boto3.client("sqs", endpoint_url=url.partition("?")[0].replace("tests:tests@", ""), **told)
        dead = client.create_queue(QueueName="orders-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
        alive = client.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        tenant = {"x-tenant": {"DataType": "String", "StringValue": "nl"}}
        client.send_message(QueueUrl=alive, MessageBody="{}", MessageAttributes=tenant)
        for _ in range(3):
            client.receive_message(QueueUrl=alive, VisibilityTimeout=0)
        found = taken(brokers.connect("sqs", Place(url, "orders-dead")))
        write("sqs-redrive-policy", f"recorded from moto's SQS {version('moto')}", found)


def taken(broker: brokers.Broker) -> Found:
    deadline = time.monotonic() + 10
    try:
        while time.monotonic() < deadline:
            with broker.take(1) as custody:
                if custody.messages:
                    custody.settle()
                    return custody.messages[0]
            time.sleep(0.05)
    finally:
        broker.close()
    raise SystemExit("Nothing died.")


def write(name: str, made_by: str, found: Found) -> None:
    written = {
        "made_by": made_by,
        "headers": [[each, samples.written(value)] for each, value in found.headers],
        "death": told(deaths.read(found.headers)),
    }
    (samples.HERE / f"{name}.json").write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")
    print(f"{name}: {made_by}")


def told(death: deaths.Death) -> dict[str, Any]:
    """What a death says, as a sample has it: without what it does not say."""
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(death).items()}
    return {name: samples.written(value) for name, value in found.items() if value not in ("", None, [], {})}


if __name__ == "__main__":
    main()
