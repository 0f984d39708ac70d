"""The demo's dead letters: made up, and the same each time but for the moments they died at. Pure."""

import json
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from .files import HERE

Fields = dict[str, bytes | str]


@dataclass(frozen=True, slots=True)
class Made:
    """An entry of the stream."""

    died_at: datetime
    fields: Fields


def told() -> dict[str, Any]:
    """The file: where they lie, what is hidden, and what they died of."""
    found: dict[str, Any] = yaml.safe_load((HERE / "letters.yaml").read_text())
    return found


def letters(now: datetime) -> list[Made]:
    """All of them, the oldest first."""
    about, chance = told(), random.Random(20_261_104)  # noqa: S311 - made-up orders, the same each time
    made = [each for cause in about["causes"] for each in _of(cause, about, chance, now)]
    return sorted(made, key=lambda each: each.died_at)


def order(cause: Mapping[str, Any], about: Mapping[str, Any], chance: random.Random, at: datetime) -> Fields:
    """The event of an order that was delivered, alive and well."""
    return _alive(_event(cause, about, chance, at), cause, chance)


def _of(cause: Mapping[str, Any], about: Mapping[str, Any], chance: random.Random, now: datetime) -> Iterator[Made]:
    begun, ended = cause["hours_ago"]
    for _ in range(cause["letters"]):
        died_at = now - timedelta(hours=chance.uniform(ended, begun))
        event = _event(cause, about, chance, died_at)
        said = {"tenant": about["tenants"][cause["tenant"]], "order": event["subject"], "n": chance.randint(128, 255)}
        message = cause["message"].format(**said, total=event["data"]["totalCents"])
        yield Made(died_at, _alive(event, cause, chance) | dead(about, cause["error"], message))


def _event(
    cause: Mapping[str, Any], about: Mapping[str, Any], chance: random.Random, died_at: datetime
) -> dict[str, Any]:
    order, cents = _id(chance), chance.randint(900, 21_000)
    customer = chance.choice(["Anke", "Bram", "Chloé", "Daan", "Eline", "Finn", "Gwen", "Hugo", "Ilse", "Jules"])
    data: dict[str, Any] = {
        "entityId": order,
        "tenantId": about["tenants"][cause["tenant"]],
        "actorId": _id(chance),
        "customerId": _id(chance),
        "customerEmail": f"{customer.lower()}.{chance.randint(10, 99)}@mail.example",
        "totalCents": cents,
        "previousState": "on_the_way",
        "newState": "delivered",
    }
    if "total" in cause:
        data["totalCents"] = cause["total"].format(euros=cents // 100, cents=cents % 100)
    if "note" in cause:
        data["note"] = cause["note"]
    sent_at = died_at - timedelta(seconds=chance.randint(20, 90))
    return {
        "specversion": "1.0",
        "type": about["type"],
        "source": about["source"],
        "id": _id(chance),
        "time": sent_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "subject": order,
        "data": data,
    }


def _alive(event: Mapping[str, Any], cause: Mapping[str, Any], chance: random.Random) -> Fields:
    text = json.dumps(event, ensure_ascii=False)
    body = text.replace("on_the_way", "onderweg – café").encode("cp1252") if "body" in cause else text.encode()
    return {
        "body": body,
        "message-id": event["id"],
        "content-type": "application/cloudevents+json",
        "traceparent": f"00-{chance.randbytes(16).hex()}-{chance.randbytes(8).hex()}-01",
    }


def dead(about: Mapping[str, Any], error: str, message: str) -> Fields:
    """The headers a consumer built with SmallRye adds to what it could not process."""
    return {
        "dead-letter-reason": message,
        "dead-letter-exception-class-name": error,
        "dead-letter-topic": about["topic"],
    }


def _id(chance: random.Random) -> str:
    return str(uuid.UUID(bytes=chance.randbytes(16), version=4))
