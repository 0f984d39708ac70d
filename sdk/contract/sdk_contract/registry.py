"""A registry that can be told to lie: releases signed with a key of its own, and every way an answer can be wrong."""

import base64
import copy
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .serving import Handler, Serving

TOKEN = "reg_contract0_" + "a" * 43
INTEGRATION = "orders-to-payments"

CONTRACT: dict[str, Any] = {
    "protocol": "rest",
    "idempotent": True,
    "idempotency_header": "Idempotency-Key",
    "retry": {
        "max_retries": 2,
        "retry_on_statuses": [429, 500, 502, 503],
        "retry_on_network_errors": True,
        "strategy": "explicit",
        "delays_ms": [20, 40],
        "jitter": "none",
        "attempt_timeout_ms": 4_000,
    },
    "circuit_breaker": {
        "failure_percent": 50,
        "window_seconds": 10,
        "minimum_calls": 1_000,
        "open_seconds": 1,
        "half_open_calls": 1,
    },
    "timeouts": {"connect_ms": 2_000, "read_ms": 3_000, "total_ms": 5_000},
    "errors": [
        {"status": "400", "code": "VALIDATION_ERROR", "action": "fix_request"},
        {"status": "401", "code": "UNAUTHORIZED", "action": "refresh_credentials_and_retry_once"},
        {"status": "403", "code": "FORBIDDEN", "action": "alert_and_stop"},
        {"status": "404", "code": "NOT_FOUND", "action": "check_resource"},
        {"status": "409", "code": "CONFLICT", "action": "skip_as_duplicate"},
        {"status": "422", "code": "BUSINESS_RULE", "action": "escalate"},
        {"status": "429", "code": "RATE_LIMITED", "action": "back_off_retry_after"},
        {"status": "500", "code": "INTERNAL_ERROR", "action": "retry_with_backoff"},
        {"status": "502/503", "code": "UNAVAILABLE", "action": "fail_fast"},
    ],
}


class Key:
    """An Ed25519 key and its id."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        raw = self._key.public_key().public_bytes_raw()
        self.public, self.id = raw.hex(), hashlib.sha256(raw).hexdigest()[:16]

    def sign(self, body: bytes) -> str:
        return base64.b64encode(self._key.sign(body)).decode()


@dataclass
class Release:
    """A release's bytes and what goes with them; change a field to make it lie."""

    number: int
    body: bytes
    etag: str
    key_id: str
    signature: str
    content_type: str = "application/json"
    truncate: bool = False
    status: int = 200
    more: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": self.content_type,
            "ETag": self.etag,
            "X-Settings-Key-Id": self.key_id,
            "X-Settings-Signature": self.signature,
            **self.more,
        }


class Registry(Serving):
    """Settings, keys, hints and instances, for one token."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.key = Key()
        self.keys = {self.key.id: self.key.public}
        self.held: dict[str, Release] = {}
        self.status: int | None = None
        """Where set, every question for settings is answered so."""
        self.answer_after_s = 0.0
        self.reports: list[dict[str, Any]] = []
        self.resolved: list[dict[str, Any]] = []
        self.resolved_status = 200
        self.asked: list[tuple[float, str, int]] = []
        """When, with which If-None-Match, and the status it got."""
        self.streams = 0
        self.has_stream = True
        self._said = threading.Condition()
        self._events: list[tuple[int, str]] = []
        self._generation = 0

    def release(
        self,
        number: int,
        *,
        epoch: int = 1,
        integration: str = INTEGRATION,
        environment: str = "production",
        contract: dict[str, Any] | None = None,
        key: Key | None = None,
        **changes: Any,
    ) -> Release:
        """A genuine release; `changes` are merged into the contract payments-api."""
        merged = merge(CONTRACT if contract is None else contract, changes)
        document = {
            "contracts": {"payments-api": merged},
            "topics": {"orders.events": {"dead_letter": "orders.events.dlq", "deduplication_window": "P14D"}},
            "tracing": {"headers": ["X-Request-ID", "traceparent"], "sampling_percent": "100"},
            "integration": integration,
            "environment": environment,
            "release": number,
            "revision": f"1.{number}",
            "content_hash": hashlib.sha256(str(number).encode()).hexdigest(),
            "epoch": epoch,
            "published_at": "2026-11-24T09:00:00.000000+00:00",
        }
        return self.signed(document, key)

    def signed(self, document: dict[str, Any], key: Key | None = None) -> Release:
        body = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        key, number = key or self.key, document["release"]
        return Release(number, body, f'"{number}-{hashlib.sha256(body).hexdigest()}"', key.id, key.sign(body))

    def serve(self, release: Release, integration: str = INTEGRATION) -> None:
        """Answer with this from now on, and hint at it."""
        self.held[integration] = release
        with self._said:
            data = json.dumps({"integration": integration, "release": release.number, "etag": release.etag})
            self._events.append((release.number, data))
            self._said.notify_all()

    def publish(self, number: int, **changes: Any) -> Release:
        made = self.release(number, **changes)
        self.serve(made, changes.get("integration", INTEGRATION))
        return made

    def cut_streams(self) -> None:
        with self._said:
            self._generation += 1
            self._said.notify_all()

    def stop(self) -> None:
        self.cut_streams()
        super().stop()

    def answer(self, request: Handler) -> None:
        body = request.read_body()
        path = request.path.partition("?")[0]
        if path == "/api/v1/keys":
            keys = [{"id": each, "algorithm": "Ed25519", "key": key} for each, key in self.keys.items()]
            request.send(200, json.dumps({"keys": keys}).encode(), {"Content-Type": "application/json"})
        elif request.headers.get("Authorization") != f"Bearer {TOKEN}":
            request.send(401, b"{}", {"Content-Type": "application/problem+json"})
        elif path == "/api/v1/settings/stream":
            self._stream(request)
        elif path == "/api/v1/instances" and request.command == "POST":
            self.reports.append(json.loads(body))
            request.send(200, b'{"report_every_seconds": 30}', {"Content-Type": "application/json"})
        elif path == "/api/v1/dead-letters/resolved" and request.command == "POST":
            self.resolved.append(json.loads(body))
            request.send(self.resolved_status, b'{"resolved": 1}', {"Content-Type": "application/json"})
        elif path.startswith("/api/v1/settings/"):
            self._settings(request, path.removeprefix("/api/v1/settings/"))
        else:
            request.send(404, b"{}", {"Content-Type": "application/problem+json"})

    def _settings(self, request: Handler, integration: str) -> None:
        time.sleep(self.answer_after_s)
        etag, found = request.headers.get("If-None-Match", ""), self.held.get(integration)
        status = self.status or (404 if found is None else 304 if etag == found.etag else found.status)
        self.asked.append((time.monotonic(), etag, status))
        if self.status is not None or found is None:
            request.send(status, b'{"title": "no"}', {"Content-Type": "application/problem+json"})
        elif status == 304:
            request.send(304, headers={"ETag": found.etag})
        elif found.truncate:
            request.close_connection = True
            half = found.body[: len(found.body) // 2]
            request.send(status, half, found.headers | {"Content-Length": str(len(found.body))})
        else:
            request.send(status, found.body, found.headers)

    def _stream(self, request: Handler) -> None:
        if not self.has_stream or self.status is not None:
            request.send(self.status or 404, b"{}")
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        self.streams += 1
        after, generation = int(request.headers.get("Last-Event-ID") or 0), self._generation
        sent = 0 if after else len(self._events)
        while (news := self._news(sent, generation)) is not None:
            sent += len(news)
            lines = [f"event: release\nid: {each}\ndata: {data}\n\n" for each, data in news if each > after]
            request.wfile.write(("".join(lines) or ": still here\n\n").encode())
            request.wfile.flush()

    def _news(self, sent: int, generation: int) -> list[tuple[int, str]] | None:
        """What was said since, or nothing after a while; None once streams were cut."""
        with self._said:
            self._said.wait_for(lambda: len(self._events) > sent or self._generation != generation, timeout=15)
            return None if self._generation != generation else self._events[sent:]


def merge(into: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch: objects are merged, null removes."""
    merged = copy.deepcopy(into)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        else:
            merged[name] = value
    return merged
