"""The last snapshot on local disk: one file, replaced whole, believed only if its checksum is right."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from .reading import Held, Mark, Marks
from .snapshot import TokenRow
from .wire import Release

log = logging.getLogger(__name__)

FORMAT = "registry settings 1"


def save(path: Path, held: Held) -> None:
    """Replace the file. Whoever is killed on the way leaves the former one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    found = hashlib.sha256()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for line in _lines(held):
            found.update(line)
            file.write(line)
        file.write(found.hexdigest().encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def confirm(path: Path) -> None:
    """Note that what the file holds is still so."""
    if path.exists():
        os.utime(path)


def load(path: Path) -> tuple[Held, float] | None:
    """What the file holds, and when that was last known to be so; None if there is none that can be believed."""
    try:
        verified_at = path.stat().st_mtime
        content = path.read_bytes()
        return _read(content), verified_at
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        log.warning("the snapshot in %s cannot be used: %s", path, problem)
        return None


def _lines(held: Held) -> Iterator[bytes]:
    environments = {name: asdict(mark) for name, mark in held.marks.environments.items()}
    yield _line({"format": FORMAT, "tokens": held.marks.tokens, "environments": environments})
    for token in held.tokens:
        yield _line({"token": {**asdict(token), "ends_at": str(token.ends_at)}})
    for release in held.releases.values():
        plain = {**asdict(release), "parties": sorted(release.parties), "body": release.body.decode()}
        yield _line({"release": plain})


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _read(content: bytes) -> Held:
    lines, _, checksum = content.rpartition(b"\n")
    if hashlib.sha256(lines + b"\n").hexdigest().encode() != checksum:
        raise ValueError("its checksum is wrong")
    first, *rest = map(json.loads, lines.split(b"\n"))
    if first["format"] != FORMAT:
        raise ValueError("it was written by another version")
    environments = {name: Mark(**mark) for name, mark in first["environments"].items()}
    tokens = tuple(_token(each["token"]) for each in rest if "token" in each)
    releases = [_release(each["release"]) for each in rest if "release" in each]
    if not all(each.is_whole for each in releases):
        raise ValueError("a release is not what its hash says")
    by_key = {(each.environment, each.integration): each for each in releases}
    return Held(Marks(first["tokens"], environments), by_key, tokens)


def _token(plain: dict[str, str]) -> TokenRow:
    ends_at = float(plain["ends_at"])
    return TokenRow(int(plain["id"]), plain["digest"], plain["system"], plain["environment"], ends_at)


def _release(plain: dict[str, object]) -> Release:
    body, parties = plain["body"], plain["parties"]
    assert isinstance(body, str) and isinstance(parties, list)
    return Release(**(plain | {"body": body.encode(), "parties": frozenset(parties)}))  # type: ignore[arg-type]
