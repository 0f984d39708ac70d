"""How names of fields, choices and settings read to people."""

from typing import Any

from .base import UNITS

_WORDS = {
    "rest": "REST/HTTPS",
    "grpc": "gRPC",
    "graphql": "GraphQL",
    "websocket": "WebSocket",
    "amqp": "AMQP",
    "file": "Files",
    "file_based": "File-based",
    "bearer_jwt": "Bearer JWT",
    "api_key": "API key",
    "oauth2_client_credentials": "OAuth 2 client credentials",
    "mtls": "Mutual TLS",
    "pagerduty": "PagerDuty",
    "csv": "CSV",
    "json": "JSON",
    "ndjson": "NDJSON",
    "xml": "XML",
    "edi": "EDI",
    "email": "E-mail",
    "reject_with_retry_after": "HTTP 429 with Retry-After",
    "reject_immediately": "HTTP 429 at once",
    "reject_and_contact_support": "HTTP 429, contact support",
    "wait": "Wait for a free slot",
    "best_effort": "Best effort",
    "processed_events": "Table of processed events",
    "back_off_retry_after": "Back off as Retry-After says",
    "retry_with_backoff": "Retry with back-off",
    "fail_fast": "Fail fast (circuit breaker)",
    "fix_request": "Log, do not retry: fix the request",
    "check_resource": "Log, do not retry: check the resource",
    "escalate": "Log, do not retry: escalate",
    "alert_and_stop": "Alert engineering, do not retry",
    "refresh_credentials_and_retry_once": "Refresh credentials, retry once",
    "skip_as_duplicate": "Log and skip: already done",
    "url": "URL",
    "sla": "Service levels",
    "base_urls": "Base URLs",
}
_UPPER = {"rto": "RTO", "rpo": "RPO", "url": "URL", "p99": "p99", "id": "ID", "http": "HTTP"}
_CHOSEN = {"protocol", "strategy", "jitter", "kind", "ordering", "forced"}
_UNIT_ENDINGS = ("_ms", "_seconds", "_percent")


def choice(value: str) -> str:
    """A choice as people read it: `oauth2_client_credentials` as "OAuth 2 client credentials"."""
    return _WORDS.get(value) or (value if value.isupper() else value.replace("_", " ").capitalize())


def field(name: str) -> str:
    """A field's name as people read it, without the unit that stands beside its value."""
    if name in _WORDS:
        return _WORDS[name]
    for ending in _UNIT_ENDINGS:
        name = name.removesuffix(ending)
    words = " ".join(_UPPER.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def setting(name: str, value: Any) -> str:
    """A setting's value as people read it, with the unit its name ends in."""
    unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _CHOSEN or name.endswith("_action"):
        return choice(str(value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {setting(key, inner)}" for key, inner in value.items())
    if isinstance(value, list):
        text = ", ".join(f"{each:,}" if isinstance(each, int) and unit else str(each) for each in value) or "none"
    else:
        text = f"{value:,}" if isinstance(value, int) else str(value)
    return f"{text} {unit}" if unit and text != "none" else text
