"""Compiles what services obey out of a design record: one plain document per environment. Pure."""

from collections.abc import Mapping
from typing import Any

from ..record import DesignRecord
from ..record.contracts import Contract
from ..record.documents import dump
from ..record.monitoring import Monitoring
from ..record.policy import LIVE_PARTS, Retry
from ..record.topics import Topic

__all__ = ["compile_settings", "served_part"]


_SERVED = ("name", "protocol", "consumer", "provider", "idempotent", "idempotency_header", "errors")
_NOT_FORCED: Mapping[str, str] = {}


def compile_settings(
    record: DesignRecord, environment: str, *, forced: Mapping[str, str] = _NOT_FORCED
) -> dict[str, Any]:
    """The live settings of `record` in `environment`: whole numbers and text only, units in the names.

    Shape: {"contracts": {name: {...}}, "topics": {name: {...}}, "tracing": {...}}. What the record does not state is
    left out; nothing is made up. `forced` names contracts whose breaker an override keeps open or closed.
    """
    contracts = {each.name: _contract(each, environment) for each in record.contracts if each.name}
    for name, state in forced.items():
        contracts[name]["circuit_breaker"] = {**contracts[name].get("circuit_breaker", {}), "forced": state}
    topics = {each.name: _topic(each, record) for each in record.topics if each.name}
    return {"contracts": contracts, "topics": topics, "tracing": _tracing(record, environment)}


def served_part(record: DesignRecord, environment: str) -> DesignRecord:
    """What of a record its settings in an environment are made from, and nothing else: what releases differ by."""
    contracts = (
        Contract(
            **{name: getattr(each, name) for name in _SERVED},
            base_urls=tuple(url for url in each.base_urls if url.environment == environment),
            policy=each.policy.inside(environment),
        )
        for each in record.contracts
        if each.name
    )
    tracing = record.monitoring.tracing
    sampling = tuple(each for each in tracing.sampling if each.environment == environment)
    return DesignRecord(
        contracts=tuple(contracts),
        topics=record.topics,
        ordering=record.ordering,
        deduplication=record.deduplication,
        monitoring=Monitoring(tracing=tracing.model_copy(update={"sampling": sampling})),
    )


def _contract(contract: Contract, environment: str) -> dict[str, Any]:
    policy = contract.policy.inside(environment)
    endpoint = next((each.url for each in contract.base_urls if each.environment == environment), None)
    stated = {
        "protocol": contract.protocol,
        "consumer": contract.consumer,
        "provider": contract.provider,
        "endpoint": endpoint,
        "idempotent": contract.idempotent,
        "idempotency_header": contract.idempotency_header,
        **{name: dump(getattr(policy, name)) for name in LIVE_PARTS},
        "errors": [_error(row) for row in dump(contract.errors)],
    }
    stated["retry"] |= _waits(policy.retry)
    return _present(stated)


def _error(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("status", "code", "action") if name in row}


def _waits(retry: Retry) -> dict[str, Any]:
    """The waits worked out, so that a client need not know the three strategies."""
    waits = retry.waits_ms()
    return {} if waits is None else {"delays_ms": list(waits)}


def _topic(topic: Topic, record: DesignRecord) -> dict[str, Any]:
    order = next((each for each in record.ordering if each.topic == topic.name), None)
    return _present(
        {
            "broker": topic.broker,
            "kind": topic.kind,
            "key": topic.key,
            "dead_letter": topic.dead_letter,
            "ordering": order and order.guarantee,
            "ordering_scope": order and order.scope,
            "deduplication_window": record.deduplication.window,
        }
    )


def _tracing(record: DesignRecord, environment: str) -> dict[str, Any]:
    tracing = record.monitoring.tracing
    percent = next((each.percent for each in tracing.sampling if each.environment == environment), None)
    return _present({"headers": list(tracing.headers), "sampling_percent": percent})


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}
