"""Names of files: placeholders, dates and wildcards in them, and names as they come out."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from ..record.contracts import Definition

__all__ = ["Name", "encoding_flaw", "examples", "extension", "fits", "read"]

_PARTS = re.compile(
    r"(?P<place>\$?\{(?P<name>[^{}]*)\})|(?P<angle><(?P<word>[^<>]*)>)|(?P<date>%[-_]?.?)|(?P<class>\[!?\]?[^\]]*\])"
    r"|(?P<any>\*+|\?)|(?P<loose>[{}<>\[\]])|(?P<plain>[^{}<>%*?\[\]$]+|\$)",
    re.DOTALL,
)
_DIRECTIVES = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "s": "", "e": "%d"}
_KNOWN = frozenset("aAbBcdDeFfGHIjmMpsSTuUVwWxXyYzZ%")
_LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S",
    "SSS": "", "YYYY": "%Y", "YY": "%y", "DD": "%d", "MI": "%M", "SS": "%S", "T": "T", "'T'": "T", "Z": "Z",
}  # fmt: skip
_LETTER_RUN = re.compile("(" + "|".join(sorted(map(re.escape, _LETTERS), key=len, reverse=True)) + r"|[-_.: ])")
_NAMED = {
    "date": "%Y-%m-%d", "day": "%d", "month": "%m", "year": "%Y", "hour": "%H", "minute": "%M", "second": "%S",
    "time": "%H%M%S", "datetime": "%Y%m%dT%H%M%SZ", "timestamp": "%Y%m%dT%H%M%SZ", "week": "%V",
}  # fmt: skip
_NUMBERS = re.compile(r"(?:run|seq\w*|number|no|nr|n|count\w*|index|part|batch)", re.IGNORECASE)
_UUID = "7f4d2a10-5c1b-4e0f-9a53-0d6c1c5b7e21"
_ENDINGS: dict[str, tuple[str, ...]] = {
    "csv": ("csv", "tsv", "txt", "dat"),
    "json": ("json",),
    "ndjson": ("ndjson", "jsonl", "json"),
    "xml": ("xml",),
    "parquet": ("parquet", "pq"),
    "avro": ("avro",),
    "fixed_width": ("txt", "dat", "fix", "fwf"),
    "edi": ("edi", "edifact", "x12", "txt", "dat"),
}
_WRAPPED = ("gz", "zip", "bz2", "xz", "zst", "pgp", "gpg", "asc")


@dataclass(frozen=True, slots=True)
class Name:
    """A pattern of names as it was read."""

    parts: tuple[tuple[str, str], ...] = ()
    """Kind and text of each part."""
    wrong: tuple[tuple[str, str], ...] = ()
    """What cannot be, each with its mend."""

    @property
    def varies(self) -> bool:
        """Whether two files can have two names."""
        return any(kind != "plain" for kind, _ in self.parts)


@lru_cache(maxsize=256)
def read(pattern: str) -> Name:
    """The parts of a pattern, and what is wrong with it."""
    parts: list[tuple[str, str]] = []
    wrong: list[tuple[str, str]] = []
    for found in _PARTS.finditer(pattern):
        kind = found.lastgroup or "plain"
        if found["place"] is not None or found["angle"] is not None:
            kind, text = "place", (found["name"] if found["place"] is not None else found["word"]).strip()
        else:
            text = found[0]
        parts.append((kind, text))
        wrong += _wrong(kind, text)
    if re.search(r"[/\\]", _PARTS.sub(lambda each: each[0] if each["plain"] else "", pattern)):
        wrong.append(("it names a folder", "Put the folder into the location."))
    return Name(tuple(parts), tuple(dict.fromkeys(wrong)))


def _wrong(kind: str, text: str) -> Iterator[tuple[str, str]]:
    match kind:
        case "loose":
            yield f"“{text}” has no partner", "Close the placeholder, or remove it."
        case "place" if not text:
            yield "a placeholder has no name", "Name it, such as {date}."
        case "place" if ":%" in text:
            for directive in re.findall("%.?", text):
                yield from _wrong("date", directive)
        case "date" if text.lstrip("%-_") not in _KNOWN or text == "%":
            yield f"{text} is no part of a date", "Write %Y, %m, %d, %H, %M or %S; %% is a percent sign."
        case _:
            pass


def examples(pattern: str, now: datetime) -> list[str]:
    """Two names as they come out: one of today, one of tomorrow; one where nothing in it changes."""
    found = read(pattern)
    names = [
        "".join(_shown(kind, text, now + timedelta(days=later), later + 1) for kind, text in found.parts)
        for later in (0, 1)
    ]
    return list(dict.fromkeys(names))


def _shown(kind: str, text: str, moment: datetime, count: int) -> str:
    match kind:
        case "place":
            return _place(text, moment, count)
        case "date":
            return _dated(text, moment)
        case "any":
            return str(count)
        case "class":
            inside = text[1:-1]
            return "0" if inside.startswith("!") else inside[:1]
        case _:
            return text


def _place(text: str, moment: datetime, count: int) -> str:
    name, _, form = text.partition(":")
    if "," in text:
        return text.split(",")[0].strip()
    if "%" in form:
        return re.sub(r"%[-_]?.", lambda found: _dated(found[0], moment), form)
    if letters := _by_letters(form or name):
        return moment.strftime(letters)
    if name.lower() in _NAMED:
        return moment.strftime(_NAMED[name.lower()])
    if name.lower() in ("uuid", "guid", "id"):
        return _UUID
    if _NUMBERS.fullmatch(name):
        digits = re.search(r"\d+", form)
        return str(count).zfill(min(int(digits[0]), 20) if digits else 1)
    return name


def _dated(directive: str, moment: datetime) -> str:
    letter = directive.lstrip("%-_")
    if letter == "s":
        return str(int(moment.timestamp()))
    return moment.strftime(_DIRECTIVES.get(letter) or f"%{letter}") if letter in _KNOWN else directive


def _by_letters(form: str) -> str:
    """`yyyyMMdd` as strftime writes it; "" for anything else."""
    pieces = _LETTER_RUN.findall(form)
    if "".join(pieces) != form or not any(each in _LETTERS and len(each) > 1 for each in pieces):
        return ""
    return "".join(_LETTERS.get(each, each) for each in pieces)


def extension(pattern: str) -> str:
    """The ending that tells the format, in small letters: of settlement-{date}.csv.gz it is csv."""
    found = read(pattern)
    tail = found.parts[-1][1].lower() if found.parts and found.parts[-1][0] == "plain" else ""
    endings = tail.split(".")[1:]
    while endings and endings[-1] in _WRAPPED:
        endings.pop()
    return endings[-1] if endings else ""


def fits(definition: Definition) -> bool:
    """Whether the name's ending can be one of its format."""
    if definition.file_pattern is None or definition.file_format is None:
        return True
    ending = extension(definition.file_pattern)
    known = {each for endings in _ENDINGS.values() for each in endings}
    return ending not in known or ending in _ENDINGS[definition.file_format]


def encoding_flaw(name: str) -> str:
    """Why nobody knows this encoding; "" where it is known."""
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return f"{name[:40]} is no known encoding"
    return ""
