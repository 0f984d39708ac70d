"""What makes a message a CloudEvent where its file does not say: type and source guessed, an envelope around data."""

import re
from typing import Any

from ..definitions import schemas
from .fitting import kebab, slug, text_of

__all__ = ["envelope", "event_source", "event_type", "owner", "payload_of"]

MAIL_PROVIDERS = ("gmail", "googlemail", "outlook", "hotmail", "live", "yahoo", "icloud", "proton", "protonmail", "gmx")
CLOUDS = ("amazonaws.com", "azure.com", "windows.net", "confluent.cloud", "googleapis.com", "aivencloud.com")
_HOST = re.compile(r"^(?:[a-z+]+://)?(?:[^@/]*@)?([a-z0-9.-]{1,253})(?::|/|$)", re.IGNORECASE)


def owner(mail: Any, hosts: list[str]) -> str:
    """The domain that publishes, its last part first: `com.example`; "" where nothing tells."""
    return next((found for each in [text_of(mail).rpartition("@")[2], *hosts] if (found := _reversed(each))), "")


def _reversed(address: str) -> str:
    found = _HOST.match(address.strip())
    parts = found[1].lower().strip(".").split(".") if found else []
    if len(parts) < 2 or not re.fullmatch("[a-z]{2,20}", parts[-1]) or parts[-2] in MAIL_PROVIDERS:
        return ""
    if ".".join(parts[-2:]) in CLOUDS or not parts[-2]:
        return ""
    return f"{parts[-1]}.{parts[-2]}"


def event_type(domain: str, system: str, name: str) -> str | None:
    """`com.example.order-events.order.placed`."""
    words = [slug(system), *(kebab(each) for each in name.split("."))]
    return ".".join([domain, *filter(None, words)]) if domain and any(words[1:]) else None


def event_source(identifier: Any, system: str) -> str | None:
    """The application's own identifier where it is a URI, else a path of its name."""
    stated = text_of(identifier).strip()
    if re.fullmatch(r"[a-z][a-z0-9+.-]{1,20}:[\w.,:/@#?=&%+-]{2,200}", stated, re.ASCII):
        return stated
    return f"/{system}" if system else None


def payload_of(example: Any) -> Any:
    """The payload of a message's example: as data, as JSON in a text, or one level down as AsyncAPI 2.0 has it."""
    if not isinstance(example, dict):
        return None
    if "payload" not in example:
        inner = [each for each in example.values() if isinstance(each, dict) and "payload" in each]
        return payload_of(inner[0]) if inner else None
    found = example["payload"]
    if not isinstance(found, str):
        return found
    read = schemas.read(found[:50_000])
    return found if read.problem else read.value


def envelope(event: dict[str, Any], data: Any, content_type: str) -> dict[str, Any]:
    """A whole CloudEvents envelope around the data of an event that has its type and source."""
    return {
        "specversion": "1.0",
        "type": event["type"],
        "source": event["source"],
        "id": "3f2b9c1e-6a54-4d0e-9b7a-0c1d2e3f4a5b",
        "time": "2026-01-31T12:00:00Z",
        "datacontenttype": content_type if "json" in content_type else "application/json",
        "data": data,
    }
