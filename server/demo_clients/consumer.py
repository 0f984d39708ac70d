"""One consumer of the demo: pays for made-up orders through the SDK, and says what changes. A process of its own."""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from integration_registry import CircuitOpen, Integration, LimitReached, Registry

CALLS_PER_SECOND = 2
TELL_EVERY_S = 5


def say(what: str) -> None:
    print(json.dumps({"said": what}), flush=True)


class Consumer:
    """Calls, counts, and notices what is different from the round before."""

    def __init__(self, integration: Integration, contract: str, base_url: str | None) -> None:
        self.integration, self.contract = integration, contract
        self.client = integration.http(contract, base_url=base_url)
        self.outcomes: Counter[str] = Counter()
        self.seen: dict[str, Any] = {}
        self.breaker = "closed"
        self.refused: str | None = None

    def call(self) -> None:
        order = f"ord_{random.randbytes(5).hex()}"  # noqa: S311 - a made-up order
        try:
            response = self.client.post("payments", json={"orderId": order, "amountCents": 8745})
            verdict = response.extensions["integration_registry"]
            again = f" after {verdict.attempts} attempts" if verdict.attempts > 1 else ""
            self.outcomes[f"{response.status_code}{again}"] += 1
        except CircuitOpen:
            self.outcomes["not sent, circuit open"] += 1
        except LimitReached as full:
            self.outcomes[f"not sent, {full.limit} reached"] += 1
        except httpx.TimeoutException:
            self.outcomes["timed out"] += 1
        except httpx.TransportError:
            self.outcomes["no answer"] += 1

    def look(self) -> None:
        """Say what changed: the release, single settings, the breaker, a refusal."""
        held = self.integration.held
        assert held
        contract = held.settings.contracts[self.contract]
        seen = {"release": held.settings.release, **flat(asdict(contract))}
        if self.seen and seen != self.seen:
            names = sorted(name for name in {*seen, *self.seen} if seen.get(name) != self.seen.get(name))
            changes = [f"{name} {self.seen.get(name)} → {seen.get(name)}" for name in names if name != "release"]
            say(f"obeys release {held.settings.release} now: {'; '.join(changes) or 'nothing that matters here'}")
        self.seen = seen
        state, _ = self.integration.outlet(self.contract).line.breaker(contract)
        if state != self.breaker:
            say(f"circuit breaker: {self.breaker} → {state}")
            self.breaker = state
        if self.integration.refused != self.refused:
            self.refused = self.integration.refused
            say(f"refuses the newest release: {self.refused}" if self.refused else "refuses nothing any more")

    def tell(self) -> None:
        """One line about the last seconds."""
        told = ", ".join(f"{count} × {outcome}" for outcome, count in sorted(self.outcomes.items()))
        say(f"{sum(self.outcomes.values())} calls: {told}" if told else "no calls")
        self.outcomes.clear()


def flat(part: dict[str, Any], before: str = "") -> dict[str, str]:
    """The settings one by one, as names with dots."""
    found: dict[str, str] = {}
    for name, value in part.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = str(value)
    return found


def main() -> int:
    url, name, integration_name, contract, cache_dir, *rest = sys.argv[1:]
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, interrupt)
    try:
        with Registry(url, os.environ["REGISTRY_TOKEN"], instance=name, cache_dir=Path(cache_dir)) as registry:
            integration = registry.integration(integration_name, wait_s=5)
            if not has_settings(integration):
                say(f"the registry serves no settings of {integration_name} to this token; see above")
                return 1
            run(Consumer(integration, contract, rest[0] if rest else None))
    except KeyboardInterrupt:
        return 0
    return 0


def has_settings(integration: Integration) -> bool:
    held = integration.held
    if held is None:
        return False
    say(f"obeys release {held.settings.release} of {held.settings.environment}, from the {held.source}")
    return True


def run(consumer: Consumer) -> None:
    told_at = time.monotonic()
    while True:
        consumer.call()
        consumer.look()
        if time.monotonic() - told_at >= TELL_EVERY_S:
            consumer.tell()
            told_at = time.monotonic()
        time.sleep(random.uniform(0.5, 1.5) / CALLS_PER_SECOND)  # noqa: S311 - so that they do not call in step


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
