"""A real registry, front and web as processes on the test's own database; the SDK; and a provider that fails."""

import copy
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import setup_databases
from integration_registry import Integration as Obeyed
from integration_registry import Registry
from sdk_contract.provider import Provider

from registry.models import Environment, Integration, Person, Release, Revision, System
from registry.services import integrations, revisions, tokens
from server.processes import dying_with_parent, stop_all
from tests import landscape

SLUG = "orders-to-payments"
HERE = "local"
"""The environment whose address in the record is that of the provider that fails."""
OBEYED_WITHIN_S = 1.0


@dataclass
class Change:
    """Changes settings the way people do: a draft, its submission, five signatures."""

    integration: Integration
    document: dict[str, Any]
    ann: Person
    sign: Callable[..., None]
    is_changed: bool = False

    def __call__(self, **changes: Any) -> float:
        """Approve these changes of the policy, of the contract, or of whole sections; when they were signed."""
        document = copy.deepcopy(self.newest().revision.document)
        [contract] = document["contracts"]
        for part, values in changes.items():
            if part in contract["policy"]:
                contract["policy"][part] |= values
            elif part in contract:
                contract[part] = values
            else:
                document[part] = values
        self.is_changed = True
        return self.approve(document)

    def take_back(self) -> None:
        """Approve what was agreed at first, so that the next test begins there."""
        if self.is_changed:
            self.approve(self.document)
            self.is_changed = False

    def approve(self, document: dict[str, Any]) -> float:
        self.integration.refresh_from_db()
        draft = revisions.start_draft(self.integration, by=self.ann)
        draft = revisions.save(draft, document, by=self.ann, if_match=draft.etag)
        return self.submit(draft)

    def submit(self, draft: Revision) -> float:
        reasons = {each.key: "As agreed." for each in revisions.findings(draft)}
        self.sign(
            revisions.submit(draft, by=self.ann, if_match=draft.etag, change_note="As tried", justifications=reasons)
        )
        return time.monotonic()

    def newest(self) -> Release:
        """The release in force here."""
        found = Release.objects.filter(integration=self.integration, environment__slug=HERE).order_by("-number").first()
        assert found
        return found


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database for a whole module: a registry that is started for it would have to be started anew otherwise."""
    with django_db_blocker.unblock():
        if not connection.settings_dict["NAME"].startswith("test_"):
            # It is made only where a test asks for it by a fixture of pytest-django's; alone, none of ours does.
            setup_databases(verbosity=0, interactive=False, keepdb=True)
        yield
        call_command("flush", verbosity=0, interactive=False)
        connection.close()


@pytest.fixture(scope="module")
def failing() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def agreed(database: None, failing: Provider) -> Change:
    """Version 1.0 in force, whose address is the provider's."""
    ada = landscape.person("ada", "Ada Adams", group="administrators")
    ann = landscape.person("ann", "Ann Archer", group="architects")
    zoe = landscape.person("zoe", "Zoe Zimmer", group="approvers")
    cora, paul, ivy = (landscape.person(each, each.title()) for each in ("cora", "paul", "ivy"))
    landscape.catalog(by=ada, cora=cora, paul=paul, ivy=ivy)
    document = landscape.document()
    [contract] = document["contracts"]
    contract["base_urls"][0]["url"] = f"{failing.url}/v1"
    contract["policy"]["retry"] |= {"base_delay_ms": 20, "jitter": "none", "retry_on_statuses": [500, 502, 503, 429]}
    contract["policy"]["circuit_breaker"] |= {"minimum_calls": 10}
    integration = integrations.create(name="Orders to payments", slug=SLUG, document=document, by=ann)
    signers = {"author": ann, "consumer_lead": cora, "provider_lead": paul, "platform": ivy, "approver": zoe}
    made = Change(integration, document, ann, landscape.signer(signers))
    assert integration.current
    made.submit(integration.current)
    return made


@pytest.fixture(scope="module")
def registry_url(agreed: Change, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two processes as in a deployment; nothing of them runs in this one."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "STATE_DIR": str(folder),
        "WEB_SOCKET": str(folder / "web.sock"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with (folder / "registry.log").open("wb") as log:
        processes = [
            subprocess.Popen(
                dying_with_parent([sys.executable, "-m", module], signal.SIGTERM),
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for module in ("server.web", "server.front")
        ]
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: is_ready(url), 30)
            yield url
        finally:
            stop_all([(each, signal.SIGTERM) for each in processes])


@pytest.fixture
def provider(failing: Provider) -> Provider:
    failing.forget()
    return failing


@pytest.fixture
def change(agreed: Change) -> Iterator[Change]:
    """`change(retry={...})` has it signed; afterwards 1.0 is agreed again."""
    yield agreed
    agreed.take_back()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz/live").status_code == 200
    except httpx.HTTPError:
        return False


def is_served(url: str, token: str, number: int) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    etag: str = httpx.get(f"{url}/api/v1/settings/{SLUG}", headers=headers).headers.get("ETag", "")
    return etag.startswith(f'"{number}-')


@pytest.fixture
def obeyed(registry_url: str, change: Change, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Obeyed]:
    """The integration as the SDK holds it, under what is agreed, listening to hints."""
    system, place = System.objects.get(slug="order-service"), Environment.objects.get(slug=HERE)
    ada = Person.objects.get(username="ada")
    _, token = tokens.issue_service(name="orders", system=system, environment=place, by=ada)
    wait_until(lambda: is_served(registry_url, token, change.newest().number))
    with Registry(registry_url, token, cache_dir=tmp_path / "kept", instance=request.node.name) as registry:
        integration = registry.integration(SLUG, wait_s=5)
        assert integration.settings.environment == HERE
        wait_until(lambda: registry._remote._stream_socket is not None)
        time.sleep(0.6)  # the question that follows the connection
        yield integration


@pytest.fixture
def holds(change: Change, obeyed: Obeyed) -> Callable[[float], float]:
    """`holds(change(...))`: the SDK obeys the newest release, within a second of its last signature."""

    def checked(signed_at: float) -> float:
        number = change.newest().number
        wait_until(lambda: obeyed.settings.release == number, 5)
        took = time.monotonic() - signed_at
        assert took < OBEYED_WITHIN_S, f"obeyed after {took:.2f} s"
        return took

    return checked


def wait_until(true: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.005)


def database_url() -> str:
    """The test's own database, as another process connects to it."""
    wanted = connection.get_connection_params()
    names = {"host": "host", "port": "port", "user": "user", "password": "password"}
    options = "&".join(f"{name}={quote(str(wanted[name]), safe='')}" for name in names if wanted.get(name))
    return f"postgresql:///{quote(str(wanted['dbname']))}?{options}"
