"""The snapshot on disk: what is written is read, and what was torn or altered is not believed."""

from pathlib import Path

import pytest

from registry.live import kept
from registry.live.reading import Held, Mark, Marks
from registry.live.snapshot import TokenRow
from tests.registry.live.test_snapshot import release

RELEASES = [release("orders", 4, "shop", "bank"), release("stock", 7, "shop", epoch=2, environment="staging")]
HELD = Held(
    Marks(12, {"production": Mark(4, 1), "staging": Mark(7, 2)}),
    {(each.environment, each.integration): each for each in RELEASES},
    (TokenRow(1, "a" * 64, "shop", "production", float("inf")), TokenRow(2, "b" * 64, "", "", 0.0)),
)


def test_what_is_kept_is_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    kept.save(file, HELD)
    found = kept.load(file)
    assert found is not None
    assert found[0] == HELD
    assert found[1] == pytest.approx(file.stat().st_mtime)
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["snapshot"]


def test_a_file_that_is_not_there_is_no_snapshot(tmp_path: Path) -> None:
    assert kept.load(tmp_path / "snapshot") is None


def test_a_torn_or_altered_file_is_never_believed(tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    kept.save(file, HELD)
    whole = file.read_bytes()
    altered = [whole[:at] for at in range(0, len(whole), 37)]
    altered += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 23)]
    altered += [whole + b"\n", whole + whole, b"\n", whole.replace(b"settings 1", b"settings 2")]
    for content in altered:
        file.write_bytes(content)
        assert kept.load(file) is None


def test_a_release_that_is_not_what_its_hash_says_is_never_believed(tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    forged = dict(HELD.releases)
    key = ("production", "orders")
    other = release("orders", 5)
    forged[key] = type(other)(**{name: getattr(forged[key], name) for name in other.__slots__} | {"body": b"{}"})
    kept.save(file, Held(HELD.marks, forged, HELD.tokens))
    assert kept.load(file) is None
