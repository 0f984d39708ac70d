"""What holds for every dialect: any settings are written, and what is not said as it is meant is owned up to."""

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.dialects import DIALECTS, Dialect, Rendering, find
from registry.dialects.base import NOT_FOR_LIBRARIES, WAITS, Loss
from registry.live.document import compile_settings
from registry.record import DesignRecord, documents
from registry.record.findings import Severity
from registry.record.policy import LIVE_PARTS
from registry.rules import check
from tests.registry.rules.sample import CATALOG, SAMPLE, spoiled
from tests.strategies import records

NAMES = [each.name for each in DIALECTS]
FORCED = st.sampled_from([None, "open", "closed"])


def said(name: str, changes: dict[str, Any] | None = None, environment: str = "production") -> Rendering:
    """The sample, spoiled in these places, in a dialect."""
    return written(name, compile_settings(documents.parse(spoiled(changes or {})), environment))


def written(name: str, served: dict[str, Any]) -> Rendering:
    dialect = find(name)
    assert dialect is not None
    return dialect.write(served)


def tree(rendering: Rendering) -> Any:
    return yaml.safe_load(rendering.text)


def losses(rendering: Rendering) -> dict[str, tuple[str, Severity]]:
    return {
        each.path.removeprefix("contracts[payments-api]."): (each.instead, each.severity) for each in rendering.losses
    }


@given(records(), FORCED)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_record_is_written_in_every_dialect(record: DesignRecord, forced: str | None) -> None:
    served = compile_settings(record, "production")
    for contract in served["contracts"].values():
        if forced:
            contract["circuit_breaker"] = {**contract.get("circuit_breaker", {}), "forced": forced}
    before = copy.deepcopy(served)
    for dialect in DIALECTS:
        rendering = dialect.write(served)
        assert_readable(dialect, rendering)
        assert all(each.said and each.instead.endswith(".") for each in rendering.losses)
        assert len({(each.path, each.instead) for each in rendering.losses}) == len(rendering.losses)
        gravities = [list(Severity).index(each.severity) for each in rendering.losses]
        assert gravities == sorted(gravities)
    assert served == before


def assert_readable(dialect: Dialect, rendering: Rendering) -> None:
    if dialect.media_type == "application/json":
        json.loads(rendering.text)
    elif dialect.media_type == "application/yaml":
        list(yaml.safe_load_all(rendering.text))
    rendering.text.encode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_no_value_is_dropped_in_silence(name: str, protocol: str) -> None:
    """Take a value away: either the file changes, or the loss that spoke of it goes."""
    whole = compile_settings(documents.parse(spoiled({"contracts.0.protocol": protocol})), "production")
    with_it = written(name, whole)
    contract = whole["contracts"]["payments-api"]
    if any(each.path == "contracts[payments-api]" for each in with_it.losses):
        return  # The library does not carry this protocol, and says so.
    for part in LIVE_PARTS:
        for field in contract[part]:
            path = f"{part}.{field}"
            if path in NOT_FOR_LIBRARIES or field in WAITS:
                continue
            without = copy.deepcopy(whole)
            del without["contracts"]["payments-api"][part][field]
            changed = written(name, without).text != with_it.text
            owned = any(each.path.endswith((f".{path}", f"].{part}")) for each in with_it.losses)
            assert changed or owned or is_without_effect(path), path


def is_without_effect(path: str) -> bool:
    """What changes nothing where it is stated as libraries do it anyway."""
    return path in {"circuit_breaker.half_open_calls", "retry.retry_on_network_errors", "retry.jitter"} or (
        path.endswith("_action")
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_no_library_does_is_said_in_each(name: str) -> None:
    paths = {each.path for each in said(name).losses}
    assert {"topics", "tracing"} <= paths


@pytest.mark.parametrize("name", NAMES)
def test_settings_without_contracts_are_an_empty_file(name: str) -> None:
    assert written(name, {"contracts": {}, "topics": {}, "tracing": {}}).losses == ()


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
def test_every_dialect_says_how_it_is_taken_in(dialect: Dialect) -> None:
    assert dialect.applies in ("live", "restart")
    assert dialect.how.endswith(".")
    assert documents.parse({"contracts": [{"name": dialect.name}]})  # the name is part of an address


def test_an_attempt_is_not_a_retry() -> None:
    """Two retries are three attempts where the first call is counted."""
    assert tree(said("resilience4j"))["resilience4j"]["retry"]["instances"]["payments-api"]["maxAttempts"] == 3
    assert tree(said("dotnet"))["Resilience"]["payments-api"]["Retry"]["MaxRetryAttempts"] == 2
    grpc = tree(said("grpc-service-config", {"contracts.0.protocol": "grpc"}))
    assert grpc["methodConfig"][0]["retryPolicy"]["maxAttempts"] == 3
    assert "proxy_next_upstream_tries 3;" in said("nginx").text
    assert tree(said("kong"))["services"][0]["retries"] == 2
    assert tree(said("urllib3"))["payments-api"]["retry"]["total"] == 2


def test_grpc_makes_five_attempts_at_most_and_says_so() -> None:
    rendering = said("grpc-service-config", {"contracts.0.protocol": "grpc", "contracts.0.policy.retry.max_retries": 7})
    assert tree(rendering)["methodConfig"][0]["retryPolicy"]["maxAttempts"] == 5
    assert losses(rendering)["retry.max_retries"] == (
        "Makes 5 attempts at most, the first one counted.",
        Severity.WARNING,
    )


def test_waits_that_are_no_curve_are_told_as_the_library_waits() -> None:
    changes = {"strategy": "explicit", "delays_ms": [100, 1_000, 1_500], "max_retries": 3, "multiplier": None}
    rendering = said("grpc-service-config", {"contracts.0.protocol": "grpc", **of_retry(changes)})
    assert losses(rendering)["retry.delays_ms"] == ("Waits 100, 387, 1,500 ms.", Severity.WARNING)


def test_exponential_waits_are_said_as_they_are() -> None:
    assert "retry.delays_ms" not in losses(said("resilience4j"))
    assert "retry.delays_ms" not in losses(said("envoy"))
    capped = of_retry({"max_retries": 5, "max_delay_ms": 1_000})
    assert "retry.delays_ms" not in losses(said("resilience4j", capped))
    assert "retry.delays_ms" in losses(said("envoy", of_retry({"multiplier": "3"})))


@pytest.mark.parametrize(
    ("changes", "path", "file"),
    [
        (
            {"circuit_breaker.minimum_calls": 1},
            "circuit_breaker.minimum_calls",
            ("CircuitBreaker", "MinimumThroughput", 2),
        ),
        ({"retry.max_retries": 0}, "retry.max_retries", ("Retry", "MaxRetryAttempts", 1)),
        ({"retry.attempt_timeout_ms": 5}, "retry.attempt_timeout_ms", ("AttemptTimeout", "Timeout", "00:00:00.01")),
        ({"retry.attempt_timeout_ms": 9_000}, "retry.attempt_timeout_ms", ("AttemptTimeout", "Timeout", "00:00:08")),
        (
            {"circuit_breaker.window_seconds": 3},
            "circuit_breaker.window_seconds",
            ("CircuitBreaker", "SamplingDuration", "00:00:04"),
        ),
    ],
    ids=["minimum", "no retry", "tiny attempt", "attempt above total", "short window"],
)
def test_what_dotnet_refuses_is_an_error_and_the_file_has_the_nearest_it_takes(
    changes: dict[str, Any], path: str, file: tuple[str, str, Any]
) -> None:
    rendering = said("dotnet", {f"contracts.0.policy.{name}": value for name, value in changes.items()})
    assert rendering.is_refused
    assert losses(rendering)[path][1] == Severity.ERROR
    section = tree(rendering)["Resilience"]["payments-api"]
    assert section[file[0]][file[1]] == file[2]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_dotnet_takes_every_file_and_refuses_no_policy_that_can_be_approved(data: st.DataObject) -> None:
    """Its validators, as its sources have them, held against files of any policy."""
    policy = {
        "retry": data.draw(
            some({"max_retries": (0, 10), "base_delay_ms": (1, 60_000), "attempt_timeout_ms": (1, 90_000)})
        ),
        "circuit_breaker": data.draw(
            some({"minimum_calls": (1, 200), "window_seconds": (1, 120), "open_seconds": (1, 600)})
        ),
        "timeouts": data.draw(some({"total_ms": (1, 300_000)})),
    }
    document = spoiled({"contracts.0.policy": policy})
    record = documents.parse(document)
    rendering = written("dotnet", compile_settings(record, "production"))
    section = tree(rendering)["Resilience"]["payments-api"]
    assert_dotnet_takes(section)
    approvable = not [each for each in check(record, CATALOG) if each.severity == "error"]
    refused = [each for each in rendering.losses if each.severity == Severity.ERROR]
    never = [each for each in refused if each.path.endswith("retry.max_retries")]
    assert not approvable or refused == never, refused


def some(fields: dict[str, tuple[int, int]]) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries({}, optional={name: st.integers(low, high) for name, (low, high) in fields.items()})


def assert_dotnet_takes(section: dict[str, Any]) -> None:
    attempt = ms(section.get("AttemptTimeout", {}).get("Timeout", "00:00:10"))
    total = ms(section.get("TotalRequestTimeout", {}).get("Timeout", "00:00:30"))
    retry, breaker = section.get("Retry", {}), section.get("CircuitBreaker", {})
    sampling = ms(breaker.get("SamplingDuration", "00:00:30"))
    assert 10 <= attempt <= total <= 86_400_000
    assert 500 <= sampling <= 86_400_000 and sampling >= 2 * attempt
    assert breaker.get("MinimumThroughput", 100) >= 2
    assert ms(breaker.get("BreakDuration", "00:00:05")) >= 500
    assert retry.get("MaxRetryAttempts", 3) >= 1
    assert 0 <= ms(retry.get("Delay", "00:00:02")) <= 86_400_000


def ms(timespan: str) -> int:
    days, _, clock = (
        timespan.rpartition(".") if timespan.count(".") and ":" in timespan.split(".")[1] else ("", "", timespan)
    )
    hours, minutes, seconds = clock.split(":")
    return round(((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60_000 + float(seconds) * 1_000)


def test_a_minimum_nobody_states_is_told_with_the_librarys_own() -> None:
    without = {"contracts.0.policy.circuit_breaker.minimum_calls": None}
    for name in ("resilience4j", "dotnet"):
        assert "100 calls" in losses(said(name, without))["circuit_breaker.minimum_calls"][0]


def test_a_name_with_dots_is_one_level() -> None:
    rendering = said("resilience4j", {"contracts.0.name": "payments.api"})
    assert list(tree(rendering)["resilience4j"]["retry"]["instances"]) == ["[payments.api]"]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("envoy", "max_requests: 0"),
        ("nginx", "return 503;"),
        ("resilience4j", "initialState: FORCED_OPEN"),
    ],
)
def test_a_breaker_forced_open_lets_nothing_through_where_that_can_be_said(name: str, there: str) -> None:
    served = compile_settings(documents.parse(SAMPLE), "production")
    served["contracts"]["payments-api"]["circuit_breaker"]["forced"] = "open"
    assert there in written(name, served).text
    assert there not in said(name).text


@pytest.mark.parametrize("name", ["dotnet", "opossum", "smallrye", "istio", "kong"])
def test_where_it_cannot_be_said_it_is_a_loss(name: str) -> None:
    served = compile_settings(documents.parse(SAMPLE), "production")
    served["contracts"]["payments-api"]["circuit_breaker"]["forced"] = "open"
    assert "circuit_breaker.forced" in losses(written(name, served))


def test_a_contract_a_library_does_not_carry_is_told() -> None:
    rendering = said("nginx", {"contracts.0.protocol": "amqp"})
    assert rendering.losses[0] == Loss("contracts[payments-api]", "AMQP", "nginx does not carry it.", Severity.WARNING)


def of_retry(changes: dict[str, Any]) -> dict[str, Any]:
    return {f"contracts.0.policy.retry.{name}": value for name, value in changes.items()}
