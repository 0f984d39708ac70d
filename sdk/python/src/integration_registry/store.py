"""The last known good settings on disk: one file per integration, always whole, however the process ends."""

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .acceptance import Answer
from .settings import Unusable, read_object

FORMAT = 1
LEFT_BEHIND_S = 60
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was believed, with the keys to check it by."""

    answer: Answer
    keys: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""


class Store:
    """A folder of such files; processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, integration: str) -> Path:
        if not _NAME.fullmatch(integration) or len(integration) > 100:
            raise ValueError(f"{integration[:100]!r} is not the name of an integration")
        return self.folder / f"{integration}.json"

    def load(self, integration: str) -> Kept | None:
        """What was kept, unjudged; None where there is no whole file."""
        return read_kept(self.path(integration))

    def save(self, integration: str, kept: Kept) -> None:
        """Replace the file in one step; a crash or a power cut leaves the old one or the new one."""
        path = self.path(integration)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone(integration):
            if not self._is_behind(path, kept):
                self.replace(path, written(kept))

    def sweep(self) -> None:
        """Remove what writers left that were killed."""
        with contextlib.suppress(OSError):
            for left in self.folder.glob(".*.tmp"):
                if time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
                    left.unlink(missing_ok=True)

    def replace(self, path: Path, content: bytes) -> None:
        """Write beside, flush to the disk, and rename."""
        temporary = self.folder / f".{path.stem}.{os.getpid()}.{threading.get_ident()}.tmp"
        try:
            with open(temporary, "wb", opener=_private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(self.folder)

    def _is_behind(self, path: Path, kept: Kept) -> bool:
        """Whether another process, sharing the folder, has kept something newer meanwhile."""
        there = read_kept(path)
        if there is None:
            return False
        mine, theirs = _order(kept), _order(there)
        return mine is not None and theirs is not None and mine[:2] == theirs[:2] and mine[2:] < theirs[2:]

    @contextlib.contextmanager
    def _alone(self, integration: str) -> Iterator[None]:
        if os.name != "posix":  # the order of two writers is not held there; the file is whole all the same
            yield
            return
        import fcntl

        with open(self.folder / f".{integration}.lock", "ab", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def read_kept(path: Path) -> Kept | None:
    try:
        whole = read_object(path.read_bytes())
    except (OSError, Unusable):
        return None
    texts = [whole.get(name) for name in ("body", "etag", "key_id", "signature")]
    keys = whole.get("keys")
    if whole.get("format") != FORMAT or not all(isinstance(each, str) for each in texts) or not isinstance(keys, dict):
        return None
    body, etag, key_id, signature = map(str, texts)
    answer = Answer(body.encode(errors="replace"), etag, key_id, signature)
    return Kept(answer, {str(name): str(key) for name, key in keys.items()}, str(whole.get("origin", "")))


def written(kept: Kept) -> bytes:
    """The file's content."""
    answer = kept.answer
    whole = {
        "format": FORMAT,
        "origin": kept.origin,
        "etag": answer.etag,
        "key_id": answer.key_id,
        "signature": answer.signature,
        "keys": dict(kept.keys),
        "body": answer.body.decode(),
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


def _order(kept: Kept) -> tuple[str, str, int, int] | None:
    """Registry, environment, epoch and number of what is kept."""
    try:
        body = read_object(kept.answer.body)
    except Unusable:
        return None
    environment, epoch, release = body.get("environment"), body.get("epoch"), body.get("release")
    if not isinstance(epoch, int) or not isinstance(release, int):
        return None
    return kept.origin, str(environment), epoch, release


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """So that the new name, too, survives a power cut; not every system lets a folder be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
