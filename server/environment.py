"""What the process is told from outside: variables, files that hold secrets, addresses of servers."""

import contextlib
import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


class BadEnvironment(Exception):
    """A variable is missing or cannot be understood; the message says which, and what to write."""


def env(name: str, default: str | None = None) -> str:
    """The value of NAME, or what the file named by NAME_FILE holds."""
    if (value := os.environ.get(name)) is not None:
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise BadEnvironment(f"{name}_FILE names {path}, which cannot be read: {problem.strerror}") from None
    if default is None:
        raise BadEnvironment(f"Set {name}, or {name}_FILE to a file that holds it.")
    return default


def flag(name: str, *, default: bool) -> bool:
    value = env(name, "1" if default else "0").strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise BadEnvironment(f"{name} is {value!r}; write 1 or 0.")


def number(name: str, *, default: int) -> int:
    value = env(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise BadEnvironment(f"{name} is {value!r}; write a whole number.") from None


def words(name: str, *, default: str | None = "") -> list[str]:
    return [word.strip() for word in env(name, default).split(",") if word.strip()]


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(word) for word in words(name)]
    except ValueError as problem:
        raise BadEnvironment(f"{name}: {problem}. Write networks such as 10.1.0.0/16, with commas.") from None


def doors(name: str, default: str = "") -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int | None]]:
    """Networks with a port, as in 10.1.0.0/16:5672 or [fd00::/8]:5672; * is any port."""
    found = []
    for word in words(name, default=default):
        network, _, port = word.rpartition(":")
        try:
            found.append((ipaddress.ip_network(network.strip("[]")), None if port == "*" else int(port)))
        except ValueError as problem:
            raise BadEnvironment(
                f"{name}: {problem}. Write networks with a port such as 10.1.0.0/16:5672, with commas."
            ) from None
    return found


def kept_secret(path: Path) -> str:
    """A secret made at first use and kept in a file that only its owner reads; for development."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        # Two processes may begin at once: the first link stays, and nobody reads half a secret.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def database(url: str) -> dict[str, Any]:
    """Django's settings for postgresql://user:password@host:port/name?option=value; a socket's folder is the host."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise BadEnvironment(
            "DATABASE_URL must begin with postgresql://, as in postgresql://user:password@host:5432/name"
        )
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise BadEnvironment("DATABASE_URL names no database; end it with one, as in postgresql://host/registry")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": options.pop("user", unquote(parts.username or "")),
        "PASSWORD": options.pop("password", unquote(parts.password or "")),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(_port(parts.netloc, "DATABASE_URL") or "")),
        "OPTIONS": options,
    }


@dataclass(frozen=True)
class RedisAddress:
    """One server in the two spellings our clients want: redis-py's and Celery's."""

    client: str
    celery: str


def redis_address(url: str) -> RedisAddress:
    """Read `redis://host:port/0`, `rediss://…` or `unix:///path/to/socket?db=0`."""
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"} and parts.hostname:
        _port(parts.netloc, "REDIS_URL")
        return RedisAddress(client=url, celery=url)
    if parts.scheme in {"unix", "redis+socket"} and parts.path not in {"", "/"}:
        query = dict(parse_qsl(parts.query))
        chosen = query.get("db", query.get("virtual_host", "0"))
        place = f"{parts.netloc}{parts.path}"
        return RedisAddress(
            client=f"unix://{place}?db={chosen}", celery=f"redis+socket://{place}?virtual_host={chosen}"
        )
    raise BadEnvironment("REDIS_URL must look like redis://host:6379/0 or unix:///path/to/socket")


def mail(url: str) -> dict[str, Any]:
    """Django's EMAIL_* settings for smtp://user:password@host:587 (with STARTTLS), smtps://… or smtp+plain://…"""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps", "smtp+plain"} or not parts.hostname:
        raise BadEnvironment("EMAIL_URL must look like smtp://user:password@host:587")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": _port(parts.netloc, "EMAIL_URL") or {"smtp": 587, "smtps": 465, "smtp+plain": 25}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def _port(netloc: str, variable: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError:
        raise BadEnvironment(f"{variable} has a port that is not a number from 1 to 65535.") from None
