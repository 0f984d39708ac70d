"""A file is text, or it is said what it is instead."""

import gzip
import io
import time
import zipfile

import pytest

from registry.importers import LARGEST_FILE, text_in
from registry.record.findings import InvalidRecord


def zipped(size: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("openapi.yaml", b"a" * size)
    return held.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidRecord) as caught:
        text_in(content)
    [problem] = caught.value.problems
    assert problem.mend
    return problem.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (gzip.compress(b"openapi: 3.1.0", mtime=0), "is a gzip archive, not text"),
        (zipped(100), "is a zip archive, or an Office document, which is one, not text"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "is a PDF, not text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a picture, not text"),
        (b"\x7fELF\x02\x01\x01\x00", "is a program, not text"),
        (b"openapi: 3.1.0\ninfo: \xff", "line 2, column 7: is not UTF-8 text"),
        ("openapi: 3.1.0".encode("utf-16-le"), "line 1: holds zero bytes, so it is no text"),
        (b"a: 1\nb: \x00", "line 2: holds zero bytes, so it is no text"),
        (b"a" * (LARGEST_FILE + 1), "is 2,000,001 bytes long; the limit is 2,000,000"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, said: str) -> None:
    assert refusal(content) == said


def test_an_archive_is_never_unpacked_however_much_it_would_grow() -> None:
    bomb = zipped(200_000_000)
    begun = time.process_time()
    assert "zip archive" in refusal(bomb)
    assert "gzip" in refusal(gzip.compress(b"a" * 50_000_000, mtime=0)[:1_000])
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_it_names(encoding: str) -> None:
    assert text_in("title: Größe\r\nb: 1".encode(encoding)) == "title: Größe\nb: 1"
