"""The brokers that dead letters are read from and sent back to; each is loaded when it is needed."""

from importlib import import_module

from .base import (
    ATTEMPT,
    MESSAGE_ID,
    MOST_BYTES,
    Broker,
    BrokerError,
    Busy,
    Depth,
    Found,
    Headers,
    IdKind,
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
)

__all__ = [
    "ATTEMPT",
    "BROKERS",
    "MESSAGE_ID",
    "MOST_BYTES",
    "Broker",
    "BrokerError",
    "Busy",
    "Depth",
    "Found",
    "Headers",
    "IdKind",
    "Looked",
    "Mode",
    "NoSuchPlace",
    "NotPossible",
    "Outcome",
    "Outgoing",
    "Place",
    "Sent",
    "Taken",
    "Unreachable",
    "Value",
    "connect",
    "first",
    "text_of",
]

BROKERS = {
    "kafka": "registry.brokers.kafka.Kafka",
    "nats": "registry.brokers.nats.JetStream",
    "rabbitmq": "registry.brokers.rabbitmq.RabbitMQ",
    "redis-streams": "registry.brokers.redis_streams.RedisStreams",
    "sqs": "registry.brokers.sqs.SQS",
}


def connect(broker: str, place: Place) -> Broker:
    """Hold `place` open. Raises KeyError for a broker not named in BROKERS, BrokerError where it cannot be asked."""
    module, _, name = BROKERS[broker].rpartition(".")
    made: Broker = getattr(import_module(module), name)(place)
    return made
