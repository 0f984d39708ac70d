"""Live settings as a library's configuration: the file, its ETag, and what is lost."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.dialects import DIALECTS, Dialect, find
from registry.models import Integration, Release
from tests.api.checked import CheckedClient
from tests.api.conftest import Issue, with_token

ADDRESS = "/api/v1/settings/orders-to-payments/as"


@pytest.fixture
def service(approved: Integration, issue: Issue) -> CheckedClient:
    """The order service in production."""
    return with_token(issue("order-service", "production")[1])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_the_file_is_the_release_in_that_dialect(service: CheckedClient, dialect: Dialect) -> None:
    release = Release.objects.get(environment__slug="production")
    written = dialect.write(json.loads(bytes(release.body)))
    answer = service.get(f"{ADDRESS}/{dialect.name}")
    assert answer.status_code == 200
    assert answer.content.decode() == written.text
    assert answer["Content-Type"] == f"{dialect.media_type}; charset=utf-8"
    assert answer["ETag"].startswith(f'"{release.number}-')
    assert answer["Link"] == f'<{ADDRESS}/{dialect.name}/losses>; rel="describedby"; type="application/json"'
    losses = service.get(f"{ADDRESS}/{dialect.name}/losses").json()
    assert [each["path"] for each in losses["losses"]] == [each.path for each in written.losses]
    assert answer["X-Settings-Losses"] == str(len(written.losses))
    assert losses["applies"] == dialect.applies


@pytest.mark.parametrize("address", [f"{ADDRESS}/dotnet", f"{ADDRESS}/dotnet/losses"])
def test_what_the_service_holds_is_not_sent_again(service: CheckedClient, address: str) -> None:
    etag = service.get(address)["ETag"]
    assert service.get(address, headers={"If-None-Match": etag}).status_code == 304
    assert service.get(address, headers={"If-None-Match": '"1-other"'}).status_code == 200
    assert service.head(address)["ETag"] == etag


def test_each_dialect_has_an_etag_of_its_own(service: CheckedClient) -> None:
    tags = {service.get(f"{ADDRESS}/{each.name}")["ETag"] for each in DIALECTS}
    assert len(tags) == len(DIALECTS)


def test_one_contract_can_be_asked_for(service: CheckedClient) -> None:
    assert "payments-api" in service.get(f"{ADDRESS}/kong?contract=payments-api").content.decode()
    assert service.get(f"{ADDRESS}/kong?contract=other").status_code == 404


def test_an_unknown_dialect_is_told_the_known_ones(service: CheckedClient) -> None:
    answer = service.get(f"{ADDRESS}/cobol")
    assert answer.status_code == 404
    assert all(each.name in answer.json()["mend"] for each in DIALECTS)


def test_a_foreign_integration_is_answered_like_none(approved: Integration, foreign: str) -> None:
    stranger = with_token(foreign)
    there, nowhere = stranger.get(f"{ADDRESS}/envoy"), stranger.get("/api/v1/settings/none/as/envoy")
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert there.json()["detail"] == nowhere.json()["detail"]


def test_a_read_is_one_statement(service: CheckedClient) -> None:
    service.get(f"{ADDRESS}/envoy")
    with CaptureQueriesContext(connection) as statements:
        service.get(f"{ADDRESS}/envoy")
    assert len(statements) == 1


def test_the_environment_is_the_tokens(approved: Integration, issue: Issue) -> None:
    staging = with_token(issue("order-service", "staging")[1]).get(f"{ADDRESS}/envoy").content.decode()
    assert "payments.staging.example.com" in staging


def test_the_description_names_every_dialect(service: CheckedClient) -> None:
    text = json.dumps(service.get("/api/schema/").json()["paths"]["/api/v1/settings/{slug}/as/{dialect}"])
    assert all(f'"{each.name}"' in text for each in DIALECTS)
    assert find("cobol") is None


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_files_are_only_read(service: CheckedClient, method: str) -> None:
    answer: Any = getattr(service, method)(f"{ADDRESS}/envoy")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
