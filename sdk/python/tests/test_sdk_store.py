"""The file on disk is always one whole release, however its writer ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from integration_registry.acceptance import Answer, judge
from integration_registry.store import Kept, Store
from sdk_contract.registry import INTEGRATION, Registry, Release

KILLS = int(os.environ.get("SIGKILLS", "50"))
"""SIGKILLS=500 tries longer."""
REGISTRY = Registry()

NURSERY = """
    import json, os, sys
    from pathlib import Path
    from integration_registry.acceptance import Answer
    from integration_registry.store import Kept, Store, written

    store = Store(Path(sys.argv[1]))
    rows = json.loads(Path(sys.argv[2]).read_text())
    contents = [written(Kept(Answer(**row | {"body": row["body"].encode()}))) for row in rows]
    for _ in sys.stdin:
        writer = os.fork()
        while not writer:
            for content in contents:
                store.replace(store.path("orders-to-payments"), content)
        print(writer, flush=True)
        os.waitpid(writer, 0)
"""


def kept(release: Release, origin: str = "") -> Kept:
    return Kept(Answer(release.body, release.etag, release.key_id, release.signature), REGISTRY.keys, origin)


def number(store: Store) -> int:
    found = store.load(INTEGRATION)
    assert found
    held = judge(found.answer, integration=INTEGRATION, keys=REGISTRY.keys, held=None, source="last known good")
    return held.settings.release


def test_what_is_kept_is_found_again_byte_for_byte(tmp_path: Path) -> None:
    store, release = Store(tmp_path), REGISTRY.release(3, endpoint="https://grünmarkt.example/".replace("ü", "u"))
    store.save(INTEGRATION, kept(release))
    assert store.load(INTEGRATION) == kept(release)
    assert oct(store.path(INTEGRATION).stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b'{"format":1,"etag":1}', b"\xff" * 100])
def test_a_file_that_is_something_else_is_no_settings(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    store.path(INTEGRATION).write_bytes(content)
    assert store.load(INTEGRATION) is None


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "A", "x" * 101])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an integration"):
        Store(tmp_path).path(name)


def test_a_slower_process_that_shares_the_folder_does_not_put_an_older_release_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(INTEGRATION, kept(REGISTRY.release(5)))
    store.save(INTEGRATION, kept(REGISTRY.release(4)))
    assert number(store) == 5
    store.save(INTEGRATION, kept(REGISTRY.release(4, epoch=2)))
    assert number(store) == 4
    store.save(INTEGRATION, kept(REGISTRY.release(1), origin="https://another.example"))
    assert number(store) == 1


def test_leftovers_of_writers_that_were_killed_are_removed_once_they_are_old(tmp_path: Path) -> None:
    old, new = tmp_path / ".orders-to-payments.1.1.tmp", tmp_path / ".orders-to-payments.2.2.tmp"
    for each in (old, new):
        each.write_text("{")
    os.utime(old, (time.time() - 3_600,) * 2)
    Store(tmp_path).sweep()
    assert [each.exists() for each in (old, new)] == [False, True]


def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.save(INTEGRATION, kept(REGISTRY.release(3)))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.save(INTEGRATION, kept(REGISTRY.release(4)))
    assert number(store) == 3
    assert not list(tmp_path.glob(".*.tmp"))


def test_it_survives_being_killed_at_any_moment_of_a_write(tmp_path: Path) -> None:
    """A process that does nothing but write is killed again and again; each time the file is whole and verifies."""
    folder, source = tmp_path / "kept", tmp_path / "releases.json"
    folder.mkdir()
    padding = {f"setting-{index}": "x" * 1_000 for index in range(300)}
    releases = [kept(REGISTRY.release(each, more=padding)).answer for each in (1, 2)]
    fields = [
        {"body": each.body.decode(), "etag": each.etag, "key_id": each.key_id, "signature": each.signature}
        for each in releases
    ]
    source.write_text(json.dumps(fields), encoding="utf-8")
    store, seen, torn, left = Store(folder), set(), 0, 0
    store.save(INTEGRATION, kept(REGISTRY.release(1, more=padding)))
    command = [sys.executable, "-c", textwrap.dedent(NURSERY), str(folder), str(source)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, env=_environment()) as nursery:  # type: ignore[call-overload]
        for kill in range(KILLS):
            print("another", file=nursery.stdin, flush=True)
            writer = int(nursery.stdout.readline())
            time.sleep(0.002 + (kill % 25) * 0.0007)
            os.kill(writer, signal.SIGKILL)
            time.sleep(0.005)
            left += len(list(folder.glob(".*.tmp")))
            for each in folder.glob(".*.tmp"):
                each.unlink()
            try:
                seen.add(number(store))
            except Exception:
                torn += 1
        nursery.stdin.close()
    print(f"{KILLS} kills, {left} in the middle of a write, {torn} torn files")
    assert torn == 0
    assert left > KILLS // 5, "the kills must meet writes"
    assert seen <= {1, 2}


def _environment() -> dict[str, str]:
    source = Path(sys.modules["integration_registry"].__file__ or "").parents[1]
    return os.environ | {"PYTHONPATH": str(source)}
