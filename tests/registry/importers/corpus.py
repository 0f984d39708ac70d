"""Documents to import: small ones of our own, and real public ones where they are at hand."""

from pathlib import Path

import pytest

from registry.importers import Imported, read

OWN = Path(__file__).parents[2] / "corpus" / "importers"
REAL = next((found for each in Path(__file__).parents[4:6] if (found := each / "shared/data/import").is_dir()), OWN)


def own(name: str) -> str:
    """The text of a small document."""
    return (OWN / name).read_text()


def real(name: str) -> str:
    """The text of a real document; skips the test where it is not at hand."""
    if not (REAL / name).is_file():
        pytest.skip(f"{name} is not at hand")
    return (REAL / name).read_text()


def imported(name: str) -> Imported:
    """A small document, read."""
    return read(own(name), name)


def left(found: Imported) -> list[tuple[int | None, str]]:
    """What was left out, by line."""
    return [(note.line, note.text) for note in found.left_out]
