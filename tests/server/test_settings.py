"""Production is strict, and says what it misses."""

import json
import os
import subprocess
import sys

import pytest

from server.places import PROJECT

SHOWN = """
import json
from django.conf import settings
print(json.dumps({name: getattr(settings, name, None) for name in %r}))
"""
PRODUCTION = {
    "MODE": "production",
    "SECRET_KEY": "k" * 60,
    "SIGNING_KEY": "00" * 32,
    "ALLOWED_HOSTS": "registry.example",
    "DATABASE_URL": "postgresql://db/registry",
    "REDIS_URL": "redis://cache/0",
}


def read_settings(*names: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "server.settings"}
    return subprocess.run(
        [sys.executable, "-c", SHOWN % (names,)],
        cwd=PROJECT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "SIGNING_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"])
def test_production_does_not_start_without(missing: str) -> None:
    done = read_settings("DEBUG", **{name: value for name, value in PRODUCTION.items() if name != missing})
    assert (done.returncode, f"Set {missing}, or {missing}_FILE" in done.stderr) == (1, True)


def test_production_is_strict_whatever_else_is_set() -> None:
    names = ("DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    done = read_settings(*names, **PRODUCTION, DEBUG="1")
    assert json.loads(done.stdout) == dict(zip(names, (False, True, True, True, 31_536_000), strict=True))


def test_an_unknown_mode_is_refused() -> None:
    done = read_settings("DEBUG", MODE="prod")
    assert "MODE is 'prod'; write development or production." in done.stderr
