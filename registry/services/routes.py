"""The way back of dead letters as the design in force has it: topic, limits, breakers, and what is not retried."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import CharField, Func, Value
from django.db.models.functions import Coalesce, Concat

from registry.models import DeadLetterSource, Release
from registry.record import DesignRecord
from registry.record.base import seconds
from registry.record.contracts import Contract, ErrorRow
from registry.record.topics import Topic
from registry.services import board, releases
from registry.services.board import Breaker

NO_RETRY = frozenset({"fix_request", "alert_and_stop", "check_resource", "skip_as_duplicate", "escalate"})
"""Actions of an error table after which sending the same again changes nothing."""
IN_WORDS = {
    "fix_request": "fix the request",
    "alert_and_stop": "alert and stop",
    "check_resource": "check the resource",
    "skip_as_duplicate": "skip it as a duplicate",
    "escalate": "escalate",
}
SHARE_PERCENT = 50
"""Of the contract's own limit; the rest is for those who are alive."""
RATE_PER_MINUTE = 60
"""Where the design states no limit."""
OPEN = ("open", "forced_open")
# A number is a status where something says so: `HTTP 422`, `status code: 422`, `(422)`, `422 Client Error`.
_SAID = r"(?:\m(?:http\w*|\w*status\w*|\w*code|answered|returned)\M[^0-9a-z]{0,12})"
_MORE = r"(?:\m(?:status|code|error|[12](?:\.[01])?)\M[^0-9a-z]{1,6})*"
_STATUS = rf"(?i)(?:{_SAID}{_MORE}|[(\[]|^)([1-5][0-9][0-9])\M(?!\s*(?:ms|s|%))"
_THEN = "client error|server error|bad request|unprocessable|not found|conflict|gone"
_STATUS_THEN = rf"(?i)\m([1-5][0-9][0-9])\M:? (?:{_THEN})"


@dataclass(frozen=True, slots=True)
class Clause:
    """A row of an error table: what the consumer does after such a failure."""

    contract: str
    status: str
    code: str
    action: str

    @property
    def forbids(self) -> bool:
        """Whether sending the same again changes nothing."""
        return self.action in NO_RETRY

    def __str__(self) -> str:
        return f"{self.contract}: {' '.join(filter(None, (self.status, self.code)))}, {IN_WORDS[self.action]}"


@dataclass(frozen=True)
class Route:
    """Where letters of a source go back to, and what the design in force there says of it."""

    source: DeadLetterSource
    release: Release | None
    record: DesignRecord

    @cached_property
    def topic(self) -> Topic | None:
        return next((each for each in self.record.topics if each.name == self.source.topic), None)

    @cached_property
    def refusal(self) -> str:
        """Why nothing may be sent, "" if it may. What a header says of where to send never counts."""
        source, place = self.source, self.source.broker.environment.name
        if self.release is None:
            return f"Nothing of {source.integration.name} is served in {place}, so no design names {source.topic}."
        if self.topic is None:
            return f"The design in force in {place} no longer names {source.topic}."
        if not (source.is_active and source.broker.is_active):
            return "This source, or its broker, is switched off."
        if not source.reads:
            return "This source is only counted now, so nobody would see what comes back. See its settings."
        return ""

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        """Those whose consumer reads the topic, by the design's events; all where it does not say."""
        writer = self.topic.producer if self.topic else None
        readers = {each for event in self.record.events if event.published_by == writer for each in event.consumed_by}
        named = tuple(each for each in self.record.contracts if each.name)
        return tuple(each for each in named if each.consumer in readers) or named

    @cached_property
    def is_idempotent(self) -> bool:
        """Whether a letter that arrives twice has the effect of one."""
        if self.contracts:
            return all(each.idempotent for each in self.contracts)
        return self.record.deduplication.strategy not in (None, "none")

    @cached_property
    def window(self) -> timedelta | None:
        """How long consumers know what they have done."""
        stated = self.record.deduplication.window
        return timedelta(seconds=seconds(stated)) if stated else None

    @cached_property
    def is_ordered(self) -> bool:
        order = next((each for each in self.record.ordering if each.topic == self.source.topic), None)
        return order is not None and order.guarantee not in (None, "none")

    @cached_property
    def limit(self) -> tuple[int, str] | None:
        """The least a contract allows per minute as it is served now, overrides included, and whose it is."""
        if self.release is None:
            return None
        served: dict[str, Any] = json.loads(bytes(self.release.body))["contracts"]
        stated = [
            (limit, each.name or "")
            for each in self.contracts
            if (limit := served.get(each.name or "", {}).get("rate_limit", {}).get("requests_per_minute"))
        ]
        return min(stated, default=None)

    @property
    def rate_per_minute(self) -> int:
        return max(1, self.limit[0] * SHARE_PERCENT // 100) if self.limit else RATE_PER_MINUTE

    @property
    def rate_because(self) -> str:
        if self.limit is None:
            return "The design states no limit."
        return f"{SHARE_PERCENT} % of the {self.limit[0]:,} requests per minute {self.limit[1]} allows."

    def breakers(self) -> dict[str, list[Breaker]]:
        """How the breakers of its contracts stand in the instances that report."""
        found = board.breakers(self.source.integration, self.source.broker.environment)
        return {each.name: found[each.name] for each in self.contracts if each.name and each.name in found}

    def open_breaker(self) -> str:
        """Which breaker is open, in words; "" if none is."""
        for contract, states in self.breakers().items():
            count = sum(each.instances for each in states if each.state in OPEN)
            if count:
                of = sum(each.instances for each in states)
                return f"The breaker of {contract} is open in {count} of {of} {'instance' if of == 1 else 'instances'}."
        return ""

    @property
    def forbids(self) -> bool:
        """Whether its error tables say of anything not to retry it."""
        return any(row.action in NO_RETRY for each in self.contracts for row in each.errors)

    @property
    def silence(self) -> str:
        """Why the design says nothing of any failure; "" if it has an error table."""
        if self.release is None:
            return "No design is in force here, so nothing is said of any failure."
        has_table = any(each.errors for each in self.contracts)
        return "" if has_table else "The design in force has no error table, so it says nothing of any failure."

    def says(self, status: str | None, code: str | None) -> Clause | None:
        """The clause about what failed with this; None where the design says nothing of it."""
        for contract in self.contracts:
            row = _row(contract, status, code)
            if row is not None:
                return Clause(contract.name or "", row.status or "", row.code or "", row.action) if row.action else None
        return None

    def clause(self, status: str | None, code: str | None) -> Clause | None:
        """The clause against sending again what failed with this; None where the design would retry."""
        said = self.says(status, code)
        return said if said and said.forbids else None

    def failures(self) -> dict[str, Any]:
        """Annotations for letters: `failed_status` and `failed_code`, as their error's words have them."""
        text = Concat("reason", Value(" "), "error_class", Value(" "), "message", output_field=CharField())
        status = Coalesce(_found(text, _STATUS), _found(text, _STATUS_THEN))
        codes = sorted({spelt for each in self.contracts for row in each.errors for spelt in _spellings(row)})
        named = "|".join(map(re.escape, codes))
        return {
            "failed_status": status,
            "failed_code": _found(text, rf"(?i)\m({named})\M") if codes else Value(None, output_field=CharField()),
        }


def of(source: DeadLetterSource) -> Route:
    """The way back as it is now."""
    release = releases.in_force(source.integration, source.broker.environment)
    return Route(source, release, release.revision.record if release else DesignRecord())


def _row(contract: Contract, status: str | None, code: str | None) -> ErrorRow | None:
    if code:
        plain = _plain(code)
        for row in contract.errors:
            if plain in {_plain(each) for each in _spellings(row)}:
                return row
    return contract.error_for(int(status)) if status else None


def _spellings(row: ErrorRow) -> set[str]:
    """What an error's text may call a row by: its code, a gRPC status as it is or run together."""
    words = {each for each in (row.code, row.status) if each and re.fullmatch(r"[A-Za-z]\w{3,}", each)}
    return words | {each.replace("_", "") for each in words}


def _plain(word: str) -> str:
    return word.replace("_", "").lower()


def _found(text: Any, pattern: str) -> Func:
    return Func(text, Value(pattern), function="substring", output_field=CharField())
