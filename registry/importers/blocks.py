"""Markdown cut into headings, tables, code blocks, labelled values and text, each with its line. Nothing is lost."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Block", "Fence", "Heading", "Pair", "Table", "Text", "blocks", "listed", "plain"]

MOST_PAIRS = 100
"""Labelled values on one line; what has more is loose text."""
EMPTY = "&#8203;"
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([\w+-]*)([^`]*)")
_BOLD_PAIR = re.compile(r"\*\*([^*:\\]{1,60}):?\*\*:?")
_PAIR = re.compile(r"(?:[-*•]\s+)?([A-Z][^:*|`{}\"<>\\]{0,60}?):(?:\s+(.*))?")
_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?")
_CELL = re.compile(r"((?:\\.|[^\\|])*)(?:\||$)")
_MARKED = re.compile(r"\\([!-/:-@\[-`{-~])|(<br\s*/?>)|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,31});")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; its number, such as 3.1, apart from its title."""

    line: int
    level: int
    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block; `info` is what its first line says besides the language."""

    line: int
    language: str
    text: str
    info: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells as they were written."""

    line: int
    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and its value; the value as it was written. `text` is their line, where they stand on it alone."""

    line: int
    label: str
    value: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Any other line."""

    line: int
    text: str


Block = Heading | Fence | Table | Pair | Text


def blocks(text: str) -> Iterator[Block]:
    """What stands in `text`, in its order."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at].rstrip()
        if fence := _FENCE.fullmatch(line):
            end = _end_of_fence(lines, at + 1, fence[1])
            yield Fence(at + 1, fence[2].lower(), "\n".join(lines[at + 1 : end]).strip(), fence[3].strip())
            at = end + 1
        elif "|" in line and at + 1 < len(lines) and "-" in lines[at + 1] and _RULE.fullmatch(lines[at + 1].strip()):
            end = at + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            rows = tuple((number + 1, _cells(lines[number])) for number in range(at + 2, end))
            yield Table(at + 1, tuple(plain(each) for each in _cells(line)), rows)
            at = end
        else:
            yield from _line(line.strip(), at + 1)
            at += 1


def _end_of_fence(lines: list[str], start: int, fence: str) -> int:
    close = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}\s*")
    return next((at for at in range(start, len(lines)) if close.fullmatch(lines[at])), len(lines))


def _line(line: str, number: int) -> Iterator[Block]:
    if not line or re.fullmatch(r"[-*_]{3,}", line):
        return
    if heading := _HEADING.fullmatch(line):
        title = re.fullmatch(r"(?:(\d+(?:\.\d+)*)\.?\s+)?(.*)", heading[2], re.DOTALL)
        yield Heading(number, len(heading[1]), (title and title[1]) or "", (title and title[2]) or "")
    elif pairs := list(_pairs(line, number)):
        yield from pairs
    else:
        yield Text(number, line)


def _pairs(line: str, number: int) -> Iterator[Pair]:
    if line.count("**") > MOST_PAIRS or line.count(" | ") > MOST_PAIRS:
        return
    start = re.sub(r"^[-*•]\s+", "", line)
    bold = list(_BOLD_PAIR.finditer(start))
    if bold and bold[0].start() == 0 and ":" in bold[0][0]:
        ends = [each.start() for each in bold[1:]] + [len(start)]
        for each, end in zip(bold, ends, strict=True):
            value = start[each.end() : end].strip()
            yield Pair(number, each[1].strip(), value.removesuffix(" |") if end < len(start) else value)
        return
    parts = _split(line, " | ")
    for part in parts:
        found = _PAIR.fullmatch(part.strip())
        if found is None:
            return
        yield Pair(number, found[1].strip(), (found[2] or "").strip(), line if len(parts) == 1 else "")


def _split(line: str, sign: str) -> list[str]:
    """`a: 1 | b: 2` as two, if both are labelled; alternatives such as `Type: x | y` stay one."""
    parts = line.split(sign)
    return parts if all(_PAIR.fullmatch(each.strip()) for each in parts) else [line]


def _cells(row: str) -> tuple[str, ...]:
    inner = row.strip().removeprefix("|")
    cells = [found[1].strip() for found in _CELL.finditer(inner) if found[0]]
    return tuple(cells)


def plain(written: str) -> str:
    """A cell or value without its Markdown: marks around the whole, escapes, line breaks."""
    text = written.strip()
    for mark in ("**", "`", "*"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            inner = text[len(mark) : -len(mark)]
            text = inner if mark[0] not in inner and not inner.endswith("\\") else text
    return _MARKED.sub(_unmarked, text).strip()


def _unmarked(found: re.Match[str]) -> str:
    return found[1] or ("\n" if found[2] else html.unescape(found[0]))


def listed(written: str) -> list[str]:
    """The items of a list with commas; a comma inside an item is written with a backslash, an empty item as EMPTY."""
    found = [each.strip() for each in re.findall(r"((?:\\.|[^\\,])*)(?:,|$)", written)]
    return ["" if each == EMPTY else text for each in found if each not in ("—", "-") and (text := plain(each))]
