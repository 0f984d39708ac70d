"""The text in a file that somebody sent, or what kind of file it is instead. Nothing is ever unpacked. Pure."""

import codecs
from typing import NoReturn

from ..record.findings import InvalidRecord, Problem

__all__ = ["LARGEST_FILE", "text_in"]

LARGEST_FILE = 2_000_000
"""Bytes."""
_MARKS = (
    (b"\x1f\x8b", "a gzip archive", "Unpack it, and choose the file inside."),
    (b"PK\x03\x04", "a zip archive, or an Office document, which is one", "Unpack it or save it as text."),
    (b"PK\x05\x06", "an empty zip archive", "Choose another file."),
    (b"BZh", "a bzip2 archive", "Unpack it, and choose the file inside."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it, and choose the file inside."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it, and choose the file inside."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it, and choose the file inside."),
    (b"%PDF-", "a PDF", "Choose the file it was made from, such as its Markdown or YAML."),
    (b"\x89PNG", "a picture", "Choose the text it shows."),
    (b"\xff\xd8\xff", "a picture", "Choose the text it shows."),
    (b"GIF8", "a picture", "Choose the text it shows."),
    (b"\x7fELF", "a program", "Choose a text file."),
    (b"MZ", "a program", "Choose a text file."),
    (b"SQLite format 3", "a database", "Choose a text file."),
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_in(content: bytes) -> str:
    """The text, from UTF-8 or marked UTF-16. Raises InvalidRecord that says what it is instead, or where it breaks."""
    if len(content) > LARGEST_FILE:
        _refuse(f"is {len(content):,} bytes long; the limit is {LARGEST_FILE:,}", "Leave out what is not needed.")
    if not content.strip():
        _refuse("is empty", "Choose a file with something in it, or paste its text.")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse_kind(content)
        before = content[: error.start].decode("utf-8", "replace")
        at = f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
        _refuse(f"{at}: is not UTF-8 text", "Save the file as UTF-8.")
    if "\x00" in text:
        _refuse_kind(content)
        at = f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}"
        _refuse(f"{at}: holds zero bytes, so it is no text", "Choose a text file; if it is one, save it as UTF-8.")
    return text.replace("\r\n", "\n")


def _refuse_kind(content: bytes) -> None:
    for mark, kind, mend in _MARKS:
        if content.startswith(mark):
            _refuse(f"is {kind}, not text", mend)


def _refuse(message: str, mend: str) -> NoReturn:
    raise InvalidRecord([Problem("", message, mend)]) from None
