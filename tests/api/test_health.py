"""Health: live answers for the process alone, ready for all it needs."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client


def test_live_asks_nobody(db: None, client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz/live").json() == {"status": "live"}


def test_ready_when_everything_is(db: None, client: Client) -> None:
    answer = client.get("/healthz/ready")
    assert answer.json() == {"status": "ready", "checks": {"postgresql": "ok", "migrations": "ok", "valkey": "ok"}}
    assert answer["Cache-Control"] == "no-store"


def test_not_ready_without_valkey(db: None, client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json()["checks"] == {"postgresql": "ok", "migrations": "ok", "valkey": "down (ConnectionError)"}


def test_not_ready_without_postgresql(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {**connection.get_connection_params(), "host": "127.0.0.1", "port": "1"}
    monkeypatch.setattr(connection, "get_connection_params", lambda: nowhere)
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "Not ready: postgresql, migrations."
    assert answer.json()["checks"]["postgresql"] == "down (OperationalError)"


def test_not_ready_while_a_migration_is_to_apply(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from api import health

    known = health.known_migrations() | {("registry", "9999_tomorrow")}
    monkeypatch.setattr(health, "known_migrations", lambda: known)
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "1 to apply"
