"""Whether this process lives, and whether it can work."""

from collections.abc import Callable

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from api.problems import problem

WAIT_SECONDS = 2
FRESH = {"Cache-Control": "no-store"}


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nobody else, so that a supervisor never kills it for another's fault."""
    return JsonResponse({"status": "live"}, headers=FRESH)


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """PostgreSQL, Valkey and the migrations are in order; 503 says which is not."""
    states = {name: _state(look) for name, look in LOOKS.items()}
    down = [name for name, state in states.items() if state != "ok"]
    if down:
        detail = f"Not ready: {', '.join(down)}."
        return problem(request, "not-ready", detail, headers={**FRESH, "Retry-After": "5"}, checks=states)
    return JsonResponse({"status": "ready", "checks": states}, headers=FRESH)


def _state(look: Callable[[], str]) -> str:
    try:
        return look() or "ok"
    except (psycopg.Error, redis.RedisError, OSError) as fault:
        # The kind of fault only: its text may name hosts and users, and this page is open.
        return f"down ({type(fault).__name__})"


def _postgresql() -> str:
    with _fresh_connection() as database:
        database.execute("SELECT 1")
    return ""


def _migrations() -> str:
    with _fresh_connection() as database:
        applied = set(database.execute("SELECT app, name FROM django_migrations"))
    missing = len(known_migrations() - applied)
    return f"{missing} to apply" if missing else ""


def _valkey() -> str:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=WAIT_SECONDS, socket_connect_timeout=WAIT_SECONDS
    ) as client:
        client.ping()
    return ""


def _fresh_connection() -> psycopg.Connection[tuple[object, ...]]:
    """A connection of its own: one that is held already could hang for as long as the server does."""
    wanted = connection.get_connection_params()
    kept = {name: wanted[name] for name in ("dbname", "user", "password", "host", "port") if wanted.get(name)}
    limits = f"-c statement_timeout={WAIT_SECONDS * 1000}"
    return psycopg.connect(**kept, connect_timeout=WAIT_SECONDS, options=limits, autocommit=True)


def known_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)


LOOKS: dict[str, Callable[[], str]] = {"postgresql": _postgresql, "migrations": _migrations, "valkey": _valkey}
