"""The Python SDK behind the suite's line protocol; the example for harnesses in other languages."""

import asyncio
import json
import sqlite3
import sys
from typing import Any

import httpx
from integration_registry import (
    BearerToken,
    CircuitOpen,
    LimitReached,
    NoSettings,
    Registry,
    __version__,
    process_once,
    schema,
    tracing,
)

CAN = ["public_keys", "credentials", "context", "events"]


class Harness:
    """Holds one SDK at a time."""

    def __init__(self) -> None:
        self.registry: Registry | None = None
        self.integration: Any = None
        self.client: Any = None
        self.face = "sync"
        self.loop = asyncio.new_event_loop()
        self.database = sqlite3.connect(":memory:")
        self.database.execute(schema())
        self.database.commit()

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.stop({})
        self.face = asked.get("face", "sync")
        self.registry = Registry(
            asked["url"],
            asked["token"],
            cache_dir=asked["cache_dir"],
            instance=asked["instance"],
            public_keys=asked.get("public_keys"),
        )
        self.integration = self.registry.integration(asked["integration"])
        tokens = iter(asked.get("credentials", ()))
        credentials = BearerToken(lambda: next(tokens)) if "credentials" in asked else None
        make = self.integration.async_http if self.face == "async" else self.integration.http
        self.client = make("payments-api", credentials=credentials)
        return {}

    def stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.client is not None:
            self.loop.run_until_complete(self.client.aclose()) if self.face == "async" else self.client.close()
        if self.registry is not None:
            self.registry.close()
        self.registry = self.client = None
        return {}

    def call(self, asked: dict[str, Any]) -> dict[str, Any]:
        context = asked.get("context", {})
        try:
            with tracing(request_id=context.get("request_id"), traceparent=context.get("traceparent")):
                response = self.sent(asked)
        except CircuitOpen:
            return {"error": "circuit_open"}
        except LimitReached:
            return {"error": "limit_reached"}
        except httpx.TimeoutException:
            return {"error": "timeout"}
        except httpx.TransportError:
            return {"error": "network"}
        except NoSettings:
            return {"error": "no_settings"}
        return {"status": response.status_code, "body": response.text}

    def sent(self, asked: dict[str, Any]) -> httpx.Response:
        made = self.client.request(asked["method"], asked["path"], headers=asked.get("headers"))
        response: httpx.Response = self.loop.run_until_complete(made) if self.face == "async" else made
        return response

    def state(self, asked: dict[str, Any]) -> dict[str, Any]:
        told = self.integration.report()
        breakers = {name: each["state"] for name, each in told["breakers"].items()}
        return {"release": told["release"], "refused": self.integration.refused, "breakers": breakers}

    def process(self, asked: dict[str, Any]) -> dict[str, Any]:
        def effect(cursor: Any) -> None:
            if asked.get("fail"):
                raise RuntimeError("asked to fail")
            if asked.get("roll_back"):
                self.database.rollback()

        try:
            return {"result": process_once(self.database, asked["event_id"], asked["group"], effect)}
        except RuntimeError:
            return {"result": "failed"}


def main() -> None:
    harness = Harness()
    print(json.dumps({"sdk": f"Python {__version__}", "can": CAN}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"ok": getattr(harness, asked["do"])(asked)}
        except Exception as problem:
            answer = {"failed": repr(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
