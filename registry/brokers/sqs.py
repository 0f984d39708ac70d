"""Amazon SQS: every look is a receive and is counted, so messages are taken into our custody or left alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .base import (
    Broker,
    BrokerError,
    Depth,
    Found,
    Headers,
    Looked,
    Mode,
    NoSuchPlace,
    NotPossible,
    Outcome,
    Outgoing,
    Place,
    Sent,
    Taken,
    Unreachable,
    Value,
    text_of,
)

CUSTODY_S = 120
"""How long nobody else sees what we took. Shorter than it takes to commit would be two owners."""
SYSTEM = "sqs:"
AT_ONCE = 10
TIMEOUT_S = 10
NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class SQS(Broker):
    """A queue by its name. The url is the endpoint, with key and secret as user and password, and ?region=."""

    modes = frozenset({Mode.COUNTS, Mode.CONSUME})

    def __init__(self, place: Place) -> None:
        parts = urlsplit(place.url)
        asked = parse_qs(parts.query)
        # The client would send again where it missed an answer: the message would be there twice.
        care = Config(retries={"total_max_attempts": 1}, connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S)
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url=urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
            region_name=asked.get("region", ["us-east-1"])[0],
            aws_access_key_id=unquote(parts.username) if parts.username else None,
            aws_secret_access_key=unquote(parts.password) if parts.password else None,
            config=care,
        )
        self.name = place.name
        self.queue: str = self._ask("get_queue_url", QueueName=place.name)["QueueUrl"]

    def depth(self) -> Depth:
        wanted = "ApproximateNumberOfMessages"
        answer = self._ask("get_queue_attributes", QueueUrl=self.queue, AttributeNames=[wanted])
        return Depth(int(answer["Attributes"][wanted]))

    def look(self, cursor: str, most: int) -> Looked:
        raise NotPossible("SQS counts every look as a receive. Messages are taken, or left.")

    def take(self, most: int, *, once_alone: Callable[[], None] | None = None) -> AbstractContextManager[Taken]:
        return self._take(most)

    @contextmanager
    def _take(self, most: int) -> Iterator[Taken]:
        custody = _Custody(self, self._received(most))
        try:
            yield custody
        finally:
            custody.give_back()

    def send(self, message: Outgoing) -> Outcome:
        try:
            body = message.body.decode()
        except UnicodeDecodeError:
            return Outcome(Sent.REFUSED, "SQS carries text, and this body is not UTF-8.")
        try:
            self.client.send_message(QueueUrl=self.queue, MessageBody=body, **_details(message, self.queue))
        except ClientError as refused:
            return Outcome(Sent.REFUSED, refused.response["Error"].get("Message", str(refused)))
        except BotoCoreError as lost:
            return Outcome(Sent.UNKNOWN, str(lost))
        return Outcome(Sent.CONFIRMED)

    def close(self) -> None:
        self.client.close()

    def _ask(self, name: str, **words: Any) -> Any:
        try:
            return getattr(self.client, name)(**words)
        except ClientError as refused:
            error = refused.response["Error"]
            kind = NoSuchPlace if error.get("Code") in NO_QUEUE else BrokerError
            raise kind(f"SQS, {self.name}: {error.get('Message', error.get('Code'))}") from None
        except BotoCoreError as problem:
            raise Unreachable(f"SQS does not answer: {problem}") from None

    def _received(self, most: int) -> list[tuple[str, Found]]:
        received: list[tuple[str, Found]] = []
        while len(received) < most:
            answer = self._ask(
                "receive_message",
                QueueUrl=self.queue,
                MaxNumberOfMessages=min(AT_ONCE, most - len(received)),
                VisibilityTimeout=CUSTODY_S,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                break
            received += [(each["ReceiptHandle"], _found(each)) for each in answer["Messages"]]
        return received


class _Custody:
    """Messages nobody else sees until they are deleted, given back, or our time is over."""

    def __init__(self, queue: SQS, received: Sequence[tuple[str, Found]]) -> None:
        self.queue = queue
        self.handles = [handle for handle, _ in received]
        self.messages = [message for _, message in received]

    def settle(self) -> None:
        self._each("delete_message_batch")
        self.handles = []

    def give_back(self) -> None:
        if self.handles:
            self._each("change_message_visibility_batch", VisibilityTimeout=0)

    def _each(self, name: str, **more: Any) -> None:
        for start in range(0, len(self.handles), AT_ONCE):
            some = self.handles[start : start + AT_ONCE]
            entries = [{"Id": str(number), "ReceiptHandle": handle, **more} for number, handle in enumerate(some)]
            failed = self.queue._ask(name, QueueUrl=self.queue.queue, Entries=entries).get("Failed")
            if failed:
                raise BrokerError(f"SQS did not take back {len(failed)} of {len(some)}: {failed[0].get('Message', '')}")


def _found(message: dict[str, Any]) -> Found:
    system = message.get("Attributes", {})
    headers: Headers = tuple((name, _value(each)) for name, each in message.get("MessageAttributes", {}).items())
    kept = tuple((SYSTEM + name, value) for name, value in sorted(system.items()))
    sent_at = int(system.get("SentTimestamp", 0))
    group = system.get("MessageGroupId")
    receives = system.get("ApproximateReceiveCount")
    return Found(
        position=message["MessageId"],
        body=message["Body"].encode(),
        headers=(*headers, *kept),
        key=group.encode() if group else None,
        message_id=message["MessageId"],
        placed_at=datetime.fromtimestamp(sent_at / 1000, UTC) if sent_at else None,
        delivered=int(receives) - 1 if receives else None,
    )


def _value(attribute: dict[str, Any]) -> Value:
    value: Value = attribute.get("BinaryValue", attribute.get("StringValue"))
    return value


def _details(message: Outgoing, queue: str) -> dict[str, Any]:
    named = {name: _attribute(value) for name, value in message.headers if not name.startswith(SYSTEM)}
    details: dict[str, Any] = {"MessageAttributes": {name: each for name, each in named.items() if each}}
    if queue.endswith(".fifo"):
        details["MessageGroupId"] = (message.key or b"-").decode(errors="replace")
        details |= {"MessageDeduplicationId": message.message_id} if message.message_id else {}
    return details


def _attribute(value: Value) -> dict[str, Any] | None:
    if isinstance(value, bytes):
        return {"DataType": "Binary", "BinaryValue": value} if value else None
    text = text_of(value)
    return {"DataType": "String", "StringValue": text} if text else None
