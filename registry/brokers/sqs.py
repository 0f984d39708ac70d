"""Amazon SQS: every look is a receive and is counted, so messages are taken into our custody or left alone."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from .base import (
    MESSAGE_ID,
    MOST_BYTES,
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
    first,
    text_of,
    unwritable,
)

CUSTODY_S = 120
"""How long nobody else sees what we took. Shorter than it takes to commit would be two owners."""
SYSTEM = "sqs:"
TYPE = "sqs-type:"
"""Headers of this beginning say of which type an attribute is that is more than a string or bytes. They go along."""
PLAIN = frozenset({"", "String", "Binary"})
AT_ONCE = 10
KNOWN_BY = ("ce_id", "ce-id", "cloudevents:id", "cloudevents_id", MESSAGE_ID)
"""What a consumer may know a message by: SQS itself gives each sending another id."""
MOST_ATTRIBUTES = 10
NAME = re.compile(r"(?!aws\.|amazon\.)[a-z0-9_.-]{1,256}", re.IGNORECASE | re.ASCII)
"""What a header may be called here."""
UNFIT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What may not stand in a body: the characters that XML has no way to write."""
TIMEOUT_S = 10
UNFIT_CODES = frozenset({"InvalidMessageContents", "InvalidParameterValue"})
NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class SQS(Broker):
    """A queue by its name. The url is the endpoint, with key and secret as user and password, and ?region=."""

    modes = frozenset({Mode.COUNTS, Mode.CONSUME})

    def __init__(self, place: Place) -> None:
        parts = urlsplit(place.url)
        if not (parts.username and parts.password):
            # The client would look for others of this machine, and ask its cloud for some.
            raise Unreachable("SQS needs a key and its secret: name where they stand as credentials, as key:secret.")
        asked = parse_qs(parts.query)
        care = Config(
            # The client would send again where it missed an answer: the message would be there twice.
            retries={"total_max_attempts": 1},
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            # Nothing of what this machine is told of proxies, or of asking its cloud where it stands.
            proxies={},
            defaults_mode="legacy",
        )
        self.client: Any = boto3.client(
            "sqs",
            endpoint_url=urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
            region_name=asked.get("region", ["us-east-1"])[0],
            aws_access_key_id=unquote(parts.username),
            aws_secret_access_key=unquote(parts.password),
            config=care,
        )
        self.name = place.name
        self.queue: str = self._ask("get_queue_url", QueueName=place.name)["QueueUrl"]

    def depth(self, *, reads: bool = False) -> Depth:
        wanted = "ApproximateNumberOfMessages"
        answer = self._ask("get_queue_attributes", QueueUrl=self.queue, AttributeNames=[wanted])
        return Depth(int(answer["Attributes"][wanted]))

    def look(self, cursor: str, most: int) -> Looked:
        raise NotPossible("SQS counts every look as a receive. Messages are taken, or left.")

    def take(self, most: int, *, once_alone: Callable[[], None] | None = None) -> AbstractContextManager[Taken]:
        return self._take(most)

    @contextmanager
    def _take(self, most: int) -> Iterator[Taken]:
        custody = _Custody(self)
        try:
            self._fill(custody, most)
            yield custody
        finally:
            custody.give_back()

    def send(self, message: Outgoing) -> Outcome:
        try:
            body = message.body.decode()
        except UnicodeDecodeError:
            return Outcome(Sent.UNFIT, "SQS carries text, and this body is not UTF-8.")
        details = _details(message, self.queue)
        if why := unwritable(message) or _unfit(body, details["MessageAttributes"]):
            return Outcome(Sent.UNFIT, why)
        try:
            self.client.send_message(QueueUrl=self.queue, MessageBody=body, **details)
        except ClientError as refused:
            return Outcome(_known(refused), refused.response["Error"].get("Message", str(refused)))
        except ParamValidationError as refused:
            return Outcome(Sent.UNFIT, str(refused))
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

    def _fill(self, custody: "_Custody", most: int) -> None:
        while len(custody.handles) < most and sum(len(each.body) for each in custody.messages) < MOST_BYTES:
            answer = self._ask(
                "receive_message",
                QueueUrl=self.queue,
                MaxNumberOfMessages=min(AT_ONCE, most - len(custody.handles)),
                VisibilityTimeout=CUSTODY_S,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                break
            custody.handles += [each["ReceiptHandle"] for each in answer["Messages"]]
            custody.messages += [_found(each) for each in answer["Messages"]]


class _Custody:
    """Messages nobody else sees until they are deleted, given back, or our time is over."""

    def __init__(self, queue: SQS) -> None:
        self.queue = queue
        self.handles: list[str] = []
        self.messages: list[Found] = []
        self.is_all = False

    def settle(self) -> bool:
        self._each("delete_message_batch")
        self.handles = []
        return True

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
    types = {name: each.get("DataType", "") for name, each in message.get("MessageAttributes", {}).items()}
    kept += tuple((TYPE + name, each) for name, each in types.items() if each not in PLAIN)
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
    types = {name.removeprefix(TYPE): text_of(each) for name, each in message.headers if name.startswith(TYPE)}
    given = {name: value for name, value in message.headers if not name.startswith((SYSTEM, TYPE))}
    if message.message_id and not first(message.headers, *KNOWN_BY):
        given[MESSAGE_ID] = message.message_id
    named = {name: _attribute(value, types.get(name, "")) for name, value in given.items()}
    details: dict[str, Any] = {"MessageAttributes": {name: each for name, each in named.items() if each}}
    if queue.endswith(".fifo"):
        details["MessageGroupId"] = (message.key or b"-").decode(errors="replace")
        # For five minutes SQS leaves out what has the id of another, and says it has it: one for each letter we send.
        once = "/".join(filter(None, (message.once, message.message_id)))
        details |= {"MessageDeduplicationId": hashlib.sha256(once.encode()).hexdigest()} if once else {}
    return details


def _unfit(body: str, attributes: dict[str, Any]) -> str:
    """What of it SQS cannot carry, in words; "" if it can. It says so itself where it is a matter of size."""
    if not body:
        return "SQS carries no empty body."
    if found := UNFIT.search(body):
        return f"SQS carries no body with the character U+{ord(found[0]):04X}."
    if (name := next((each for each in attributes if not NAME.fullmatch(each)), None)) is not None:
        return f"SQS cannot carry a header called {name!r}."
    if len(attributes) > MOST_ATTRIBUTES:
        return f"SQS carries {MOST_ATTRIBUTES} headers, and it has {len(attributes)} with those that tell our sending."
    return ""


def _known(answer: ClientError) -> Sent:
    """What an error tells of the message it was told for: where SQS itself failed, nothing."""
    if int(answer.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500:
        return Sent.UNKNOWN
    return Sent.UNFIT if answer.response["Error"].get("Code") in UNFIT_CODES else Sent.REFUSED


def _attribute(value: Value, told: str) -> dict[str, Any] | None:
    """The value as SQS carries it, of the type it was `told` to be of if it may be."""
    is_bytes = isinstance(value, bytes)
    usual = "Binary" if is_bytes else "String"
    kind = told if told and told.startswith("Binary") == is_bytes else usual
    content = value if is_bytes else text_of(value)
    return {"DataType": kind, "BinaryValue" if is_bytes else "StringValue": content} if content else None
