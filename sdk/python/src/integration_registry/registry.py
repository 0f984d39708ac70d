"""The way in: a registry, its integrations, and the clients that obey their settings."""

import itertools
import logging
import os
import secrets
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx

from .acceptance import Held
from .calls import Answered, Verdict
from .client import AsyncClient, Client
from .credentials import Credentials
from .errors import NoSettings
from .follower import Follower, Keys
from .line import Line
from .remote import Away, Remote, Unauthorized
from .settings import Contract, Settings, Topic, Tracing, parse_defaults
from .stats import Stats
from .store import Store, read_kept
from .transport import AsyncPolicyTransport, PolicyTransport
from .version import SDK

log = logging.getLogger("integration_registry")
REPORT_S = 30.0
# Several things that change together are told together.
GATHER_S = 0.2
MOST_RESOLVED, MOST_TOLD, DIGITS = 10_000, 1_000, 15
STREAM_SLOW_S, STREAM_LONGEST_S, STREAM_WELL_S = 300.0, 60.0, 20.0


class Outlet:
    """One contract of an integration, as its clients see it."""

    def __init__(self, integration: "Integration", name: str, clock: Callable[[], float]) -> None:
        self.integration, self.name = integration, name
        self.line = Line(name, clock, integration.registry.report_soon)
        self.stats = Stats(clock)

    def contract(self) -> Contract:
        """What is in force at this moment."""
        self.integration.registry.start()
        found = self.integration.settings.contracts.get(self.name)
        if found is None:
            known = ", ".join(sorted(self.integration.settings.contracts)) or "none"
            raise NoSettings(f"{self.integration.name} has no contract {self.name!r}; it has: {known}")
        return found

    def tracing(self) -> Tracing:
        return self.integration.settings.tracing

    def endpoint(self) -> str:
        """The address that the settings name in this environment."""
        if found := self.contract().endpoint:
            return found
        where = self.integration.settings.environment or "this environment"
        raise NoSettings(f"{self.name} has no address in {where}; pass base_url=, or state one in the design record")

    def observe(self, verdict: Verdict | None, seconds: float) -> None:
        if verdict is None:
            self.stats.note("not_sent", failed=True, seconds=seconds)
        elif isinstance(verdict.result, Answered):
            status = verdict.result.status
            self.stats.note(str(status), failed=status >= 500 or status == 429, seconds=seconds)
        else:
            self.stats.note(verdict.result.problem, failed=True, seconds=seconds)


class Integration:
    """One integration, with the settings that are obeyed now."""

    def __init__(self, registry: "Registry", follower: Follower, clock: Callable[[], float]) -> None:
        self.registry, self.name = registry, follower.integration
        self._follower, self._clock = follower, clock
        self._outlets: dict[str, Outlet] = {}
        self._lock = threading.Lock()
        self._resolved: deque[int] = deque(maxlen=MOST_RESOLVED)

    @property
    def settings(self) -> Settings:
        """What is in force at this moment; each call sees one whole release."""
        held = self._follower.held
        if held is None:
            raise NoSettings(f"nothing is known of {self.name} yet: no default, no file, no answer of the registry")
        return held.settings

    @property
    def held(self) -> Held | None:
        """The settings with where they came from; None while nothing is known."""
        return self._follower.held

    @property
    def refused(self) -> str | None:
        """Why the registry's newest release is not obeyed; None where it is."""
        return self._follower.refusal.reason if self._follower.refusal else None

    def confirmed_seconds_ago(self) -> float | None:
        """How long ago the registry last answered for it; None if it never has."""
        at = self._follower.last_answer_at
        return None if at is None else self._clock() - at

    def http(
        self,
        contract: str,
        *,
        base_url: str | None = None,
        credentials: Credentials | None = None,
        transport: httpx.BaseTransport | None = None,
        **options: Any,
    ) -> Client:
        """An httpx.Client for this contract. `options` are httpx's own: headers, auth, event_hooks …"""
        outlet = self.outlet(contract)
        obeying = PolicyTransport(outlet, credentials=credentials, inner=transport)
        return Client(_address(outlet, base_url), obeying, **options)

    def async_http(
        self,
        contract: str,
        *,
        base_url: str | None = None,
        credentials: Credentials | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        **options: Any,
    ) -> AsyncClient:
        """An httpx.AsyncClient for this contract. The breaker and the limits are one with those of `http`."""
        outlet = self.outlet(contract)
        obeying = AsyncPolicyTransport(outlet, credentials=credentials, inner=transport)
        return AsyncClient(_address(outlet, base_url), obeying, **options)

    def topic(self, name: str) -> Topic:
        """Where events travel: dead letters, order, how long handled ids are kept."""
        found = self.settings.topics.get(name)
        if found is None:
            raise NoSettings(f"{self.name} has no topic {name!r}")
        return found

    def outlet(self, contract: str) -> Outlet:
        """The contract's breaker, limits and counts."""
        with self._lock:
            if contract not in self._outlets:
                self._outlets[contract] = Outlet(self, contract, self._clock)
            return self._outlets[contract]

    def resolved(self, attempt: str | bytes | int | None) -> None:
        """Say that a dead letter that was sent again is processed, or was known: its header `x-registry-attempt`.

        Any other message has no such header: None, and whatever is no number, says nothing. The registry hears of it
        with the next report, which is soon; where it does not, it presumes so after a while.
        """
        text = attempt.decode("ascii", "replace") if isinstance(attempt, bytes) else str(attempt)
        if text.isascii() and text.isdigit() and len(text) <= DIGITS:
            self._resolved.append(int(text))
            self.registry.report_soon()

    def tell_resolved(self, remote: Remote) -> None:
        """Tell the registry what was said; what it does not hear is told again."""
        while self._resolved:
            told = list(itertools.islice(self._resolved, MOST_TOLD))
            remote.resolved(self.name, told)
            for _ in told:
                self._resolved.popleft()

    def outlets(self) -> list[Outlet]:
        with self._lock:
            return list(self._outlets.values())

    def begin_anew(self) -> None:
        """In a forked process: locks may have been held by threads that are not here, counts are the parent's."""
        self._lock = threading.Lock()
        self._resolved.clear()  # the parent tells them
        for each in self._outlets.values():
            each.line = Line(each.name, self._clock, self.registry.report_soon)
            each.stats = Stats(self._clock)

    def wait_for_answer(self, seconds: float) -> bool:
        """Whether the registry answered, or failed to, within that time."""
        return self._follower.answered.wait(seconds)

    @property
    def is_served(self) -> bool:
        """Whether the registry serves it to this token; it takes no report of anything else."""
        return self._follower.last_answer_at is not None

    def report(self) -> dict[str, Any]:
        """What the registry is told of this integration."""
        follower, now = self._follower, datetime.now(UTC)
        held = follower.held
        obeyed = held.settings if held and held.settings.release else None
        contracts = held.settings.contracts if held else {}
        breakers = {}
        for each in self.outlets():
            if each.name in contracts:
                state, seconds = each.line.breaker(contracts[each.name])
                breakers[each.name] = {"state": state, "since": _iso(now - timedelta(seconds=seconds))}
        return {
            "release": obeyed.release if obeyed else None,
            "content_hash": obeyed.content_hash if obeyed else None,
            "applied_at": _iso(follower.applied_at) if obeyed and follower.applied_at else None,
            "refused": follower.refusal and {"release": follower.refusal.release, "reason": follower.refusal.reason},
            "breakers": breakers,
            "counters": {each.name: each.line.counters() for each in self.outlets()},
        }


class Registry:
    """A registry and the token of one system in one environment.

    Three daemon threads do the rest: one asks for settings, one listens for hints, one reports. They begin with the
    first integration, end with `close`, and begin anew in a process that was forked.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        cache_dir: str | Path | None = None,
        bootstrap_dir: str | Path | None = None,
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
        public_keys: Mapping[str, str] | None = None,
        instance: str | None = None,
        report: bool = True,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.instance = (instance or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}")[:200]
        self.started_at = datetime.now(UTC)
        self._defaults = {name: parse_defaults(name, document) for name, document in (defaults or {}).items()}
        self._bootstrap = Store(Path(bootstrap_dir)) if bootstrap_dir is not None else None
        self._store = Store(Path(cache_dir)) if cache_dir is not None else None
        self._remote = Remote(url, token, SDK, transport)
        self._keys = Keys(public_keys, self._remote)
        self._clock, self._random = clock, random or Random()  # noqa: S311 - chance that spreads, not that hides
        self._reports = report
        self._integrations: dict[str, Integration] = {}
        self._followers: dict[str, Follower] = {}
        self._lock = threading.Lock()
        self._wake, self._tell, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._pid = os.getpid()
        if self._store:
            self._store.sweep()
        _REGISTRIES.add(self)

    def integration(self, name: str, *, wait_s: float = 2.0) -> Integration:
        """The integration, once the registry has answered for it; after `wait_s` with what is known without."""
        with self._lock:
            found = self._integrations.get(name)
            if found is None:
                follower = self._followers[name] = self._follower(name)
                found = self._integrations[name] = Integration(self, follower, self._clock)
        self.start()
        self._wake.set()
        found.wait_for_answer(wait_s)
        return found

    def integrations(self) -> list[Integration]:
        with self._lock:
            return list(self._integrations.values())

    def start(self) -> None:
        """Begin the threads, unless they run."""
        if self._threads or self._stop.is_set():
            return
        with self._lock:
            if not self._threads:
                work = [self._follow, self._listen, *([self._report] if self._reports else [])]
                self._threads = [
                    threading.Thread(target=each, name=f"registry{each.__name__}", daemon=True) for each in work
                ]
                for each in self._threads:
                    each.start()

    def close(self) -> None:
        """Stop following; clients go on with the settings they have."""
        self._stop.set()
        self._wake.set()
        self._tell.set()
        self._remote.close()
        for each in self._threads:
            each.join(timeout=1)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def report_soon(self) -> None:
        """Something changed that the registry should hear of."""
        self._tell.set()

    def report_document(self) -> dict[str, Any]:
        """What the registry is told of this process."""
        return {
            "instance": self.instance,
            "sdk": SDK,
            "started_at": _iso(self.started_at),
            "integrations": {each.name: each.report() for each in self.integrations() if each.is_served},
        }

    def turn(self) -> float:
        """Ask for whatever is due; seconds until something is due again. The thread's work, one round of it."""
        now = self._clock()
        with self._lock:
            followers = list(self._followers.values())
        return min((each.turn(now) for each in followers), default=1.0)

    def _follower(self, name: str) -> Follower:
        default = self._defaults.get(name)
        follower = Follower(
            name,
            remote=self._remote,
            keys=self._keys,
            store=self._store,
            held=Held(default, None, "defaults") if default else None,
            random=self._random,
            changed=self.report_soon,
        )
        if self._bootstrap and (kept := read_kept(self._bootstrap.path(name))):
            follower.take_kept(kept, "bootstrap")
        if self._store and (kept := self._store.load(name)):
            follower.take_kept(kept, "last known good")
        return follower

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                wait_s = self.turn()
            except Exception:
                # Nothing that comes over the network may end the following of settings.
                log.exception("an answer of the registry could not be handled")
                wait_s = 5.0
            self._wake.wait(wait_s)
            self._wake.clear()

    def _listen(self) -> None:
        """Hints make changes arrive at once; without them they arrive with the next question."""
        failures, wait_s = 0, 0.5
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                for hint in self._remote.hints(self._look_again):
                    self._hint(hint.integration, hint.etag)
            except Unauthorized:
                wait_s = STREAM_SLOW_S * self._random.uniform(0.8, 1.2)
            except Exception as problem:
                failures = failures + 1 if time.monotonic() - began < STREAM_WELL_S else 1
                ceiling = min(STREAM_LONGEST_S, 2.0 ** min(failures, 10))
                wait_s = max(self._random.uniform(0, ceiling), 0.5)
                if not isinstance(problem, Away) and not self._stop.is_set():
                    log.exception("the stream of hints could not be read")
            self._stop.wait(wait_s)

    def _look_again(self) -> None:
        """After each connection: what was said meanwhile was not heard."""
        for each in self.integrations():
            self._hint(each.name, "")

    def _hint(self, integration: str, etag: str) -> None:
        with self._lock:
            follower = self._followers.get(integration)
        if follower:
            follower.hint(etag, self._clock())
            self._wake.set()

    def _report(self) -> None:
        every_s, failures = REPORT_S, 0
        while not self._stop.is_set():
            self._tell.wait(every_s if not failures else min(every_s * 2 ** min(failures, 4), 300.0))
            self._stop.wait(GATHER_S)
            self._tell.clear()
            if self._stop.is_set() or not any(each.is_served for each in self.integrations()):
                continue
            try:
                every_s, failures = self._remote.report(self.report_document()), 0
                for each in self.integrations():
                    each.tell_resolved(self._remote)
            except (Away, Unauthorized) as problem:
                failures += 1
                log.info("the report was not taken: %s", problem)
            except Exception:
                failures += 1
                log.exception("the report could not be made")
            if failures:
                self._stop.wait(1.0)

    def _begin_anew(self) -> None:
        """In a forked process: its threads, locks and connections are not ours any more."""
        self._threads = []
        self._lock = threading.Lock()
        self._wake, self._tell, self._stop = threading.Event(), threading.Event(), threading.Event()
        self.instance = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"[:200]
        self.started_at = datetime.now(UTC)
        self._remote.begin_anew()
        for follower in self._followers.values():
            follower.begin_anew()
        for integration in self._integrations.values():
            integration.begin_anew()


def _address(outlet: Outlet, base_url: str | None) -> Callable[[], str]:
    return outlet.endpoint if base_url is None else lambda: base_url


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


_REGISTRIES: "weakref.WeakSet[Registry]" = weakref.WeakSet()


def _after_fork() -> None:
    for each in list(_REGISTRIES):
        each._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
