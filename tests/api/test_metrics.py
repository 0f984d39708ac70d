"""Metrics: what they count, and who may see them."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from registry.models import DeadLetterSource, Environment, Integration, LedgerReading, Person, Review
from registry.services import ledger
from tests import letters
from tests.api.checked import CheckedClient
from tests.api.conftest import Issue, with_token


def numbers(client: Client) -> dict[str, float]:
    text = client.get("/metrics").content.decode()
    return {
        f"{sample.name}{{{','.join(f'{k}={v}' for k, v in sample.labels.items())}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_in_the_registry_is_told(approved: Integration, client: Client) -> None:
    told = numbers(client)
    assert {
        name: told[name] for name in told if name.startswith(("registry_i", "registry_re", "registry_outbox_w"))
    } == {
        "registry_integrations{state=active}": 1,
        "registry_reviews_open{}": 0,
        "registry_reviews_oldest_open_seconds{}": 0,
        "registry_releases_served{environment=local}": 1,
        "registry_releases_served{environment=staging}": 1,
        "registry_releases_served{environment=production}": 1,
        "registry_release_number{environment=local}": 1,
        "registry_release_number{environment=staging}": 1,
        "registry_release_number{environment=production}": 1,
        "registry_outbox_waiting{}": told["registry_outbox_waiting{}"],
    }
    assert told["registry_outbox_waiting{}"] > 0


def test_an_open_review_has_an_age(review: Review, client: Client) -> None:
    told = numbers(client)
    assert told["registry_reviews_open{}"] == 1
    assert told["registry_reviews_oldest_open_seconds{}"] >= 0


def test_dead_letters_are_counted_and_the_books_checked(approved: Integration, ops: Person, client: Client) -> None:
    at = letters.broker(Environment.objects.get(slug="production"))
    source = letters.source(approved, at, by=ops, place="orders.dead", depth=7, looked_at=timezone.now())
    source.oldest_at = timezone.now() - timedelta(hours=1)
    source.trouble = "RabbitMQ does not answer."
    source.save()
    letters.letter(source)
    ledger.check()
    told = numbers(client)
    place = "environment=production,integration=orders-to-payments"
    assert told["registry_ledger_imbalance{}"] == 0
    assert told[f"registry_dead_letters{{{place},state=open}}"] == 1
    assert told[f"registry_dead_letter_depth{{{place},place=orders.dead}}"] == 7
    assert told[f"registry_dead_letter_oldest_seconds{{{place},place=orders.dead}}"] == pytest.approx(3_600, abs=60)
    assert told[f"registry_dead_letter_source_up{{{place},place=orders.dead}}"] == 0
    DeadLetterSource.objects.update(harvested=3)
    assert ledger.check() == 2
    assert numbers(client)["registry_ledger_imbalance{}"] == 2


def test_how_old_the_count_of_dead_letters_is_stands_beside_it(
    approved: Integration, ops: Person, client: Client
) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    at = letters.broker(Environment.objects.get(slug="production"))
    source = letters.source(approved, at, by=ops, created_at=hour_ago)
    assert numbers(client)["registry_ledger_checked_seconds{}"] == pytest.approx(3_600, abs=60)
    ledger.check()
    assert numbers(client)["registry_ledger_checked_seconds{}"] < 60
    # What beat does not check any more is told as it was, and that it is old.
    letters.letter(source)
    LedgerReading.objects.update(at=hour_ago)
    told = numbers(client)
    assert told["registry_ledger_checked_seconds{}"] == pytest.approx(3_600, abs=60)
    assert not [name for name in told if name.startswith("registry_dead_letters{")]


def test_a_scrape_counts_no_letters(approved: Integration, client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(14) as asked:
        client.get("/metrics")
    read = " ".join(each["sql"] for each in asked.captured_queries)
    assert not re.search(r"registry_(deadletter|ledger)\b", read)


def test_reads_of_settings_are_counted_by_result(approved: Integration, client: Client, issue: Issue) -> None:
    before = numbers(client)
    service = with_token(issue("order-service", "production")[1])
    etag = service.get("/api/v1/settings/orders-to-payments")["ETag"]
    service.get("/api/v1/settings/orders-to-payments", headers={"If-None-Match": etag})
    service.get("/api/v1/settings/other")
    CheckedClient().get("/api/v1/settings")
    after = numbers(client)
    grown = {
        result: after[key] - before.get(key, 0)
        for result in ("sent", "not_modified", "not_found", "token_refused")
        for key in [f"registry_settings_requests_total{{result={result}}}"]
    }
    assert grown == {"sent": 1, "not_modified": 1, "not_found": 1, "token_refused": 1}


def test_requests_are_counted_by_route_and_never_by_address(db: None, client: Client) -> None:
    for number in range(5):
        client.get(f"/api/v1/integrations/some-{number}")
    client.generic("BREW", "/healthz/live")
    told = numbers(client)
    key = "registry_http_requests_total{method=GET,route=api/v1/integrations/<name:slug>,status=401}"
    assert told[key] >= 5
    assert not any("some-1" in name for name in told)
    assert any("method=other" in name for name in told)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, 403),
        ("127.0.0.1", {"X-Real-IP": "10.0.0.7"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
    ],
)
def test_only_this_machine_sees_them_unless_told_otherwise(
    db: None, client: Client, address: str, headers: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address, headers=headers).status_code == status


def test_a_token_opens_them_to_its_holder_alone(db: None, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "let-me-see"
    for header, status in [("Bearer let-me-see", 200), ("Bearer other", 403), ("Bearer é", 403)]:
        assert client.get("/metrics", headers={"Authorization": header}).status_code == status
    assert client.get("/metrics").status_code == 403


def test_they_can_be_opened_to_everybody(db: None, client: Client, settings: Any) -> None:
    settings.METRICS_OPEN = True
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 200


def test_requests_are_told_even_while_the_database_is_down(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def refuse(*given: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        text = client.get("/metrics").content.decode()
    assert "registry_http_requests_total" in text
    assert re.search("^# .*the database does not answer$", text, re.M)


def test_counts_of_several_processes_are_summed(tmp_path: Path) -> None:
    script = "from api.metrics import SETTINGS; SETTINGS.labels('sent').inc(2)"
    read = "from api.metrics import counted; print(counted().decode())"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "server.settings"}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    told = subprocess.run([sys.executable, "-c", read], env=environment, check=True, capture_output=True, text=True)
    assert 'registry_settings_requests_total{result="sent"} 4.0' in told.stdout
