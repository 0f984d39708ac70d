"""JSON or YAML of other tools: its data, and the line each place stands on."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from ..untrusted import MOST_LONG_DIGITS, parse_long_yaml, parse_untrusted
from .base import Path

__all__ = ["Source", "read_source", "read_yaml"]

DEEPEST_LINE = 9
LARGEST_JSON = 2_000_000
_JSON_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[,]\s*|[\]{}:]|\n', re.DOTALL)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Source:
    """Plain data with the lines of its places; a place too deep to be known has the line of what holds it."""

    def __init__(self, value: Any, lines: Callable[[], dict[Path, int]]) -> None:
        self.value = value
        self._find = lines
        self._lines: dict[Path, int] | None = None

    def line_at(self, path: Path) -> int | None:
        """The line of a place, from 1."""
        if self._lines is None:
            self._lines = self._find()
        for length in range(min(len(path), DEEPEST_LINE), 0, -1):
            if (found := self._lines.get(path[:length])) is not None:
                return found
        return None

    def resolve(self, reference: str) -> tuple[Any, Path] | None:
        """What a local `$ref` such as #/components/schemas/Pet points at, and where that is."""
        if not reference.startswith("#"):
            return None
        here, path = self.value, []
        for raw in reference[1:].split("/")[1:]:
            step: str | int = _unescaped(raw)
            if isinstance(here, list) and raw.isdecimal() and len(raw) < 6 and int(raw) < len(here):
                step = int(raw)
            elif not isinstance(here, Mapping) or step not in here:
                return None
            here = here[step]
            path.append(step)
        return here, tuple(path)


def read_source(text: str) -> Source:
    """The data in `text`. Raises InvalidRecord with line and column."""
    if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        plain = text.removeprefix("\ufeff")
        value = parse_untrusted(plain, max_bytes=LARGEST_JSON, max_digits=MOST_LONG_DIGITS)
        return Source(value, lambda: dict(_json_lines(plain)))
    return read_yaml(text)


def read_yaml(text: str) -> Source:
    """The data in `text`, whatever it begins with. Raises InvalidRecord with line and column."""
    value = parse_long_yaml(text)
    return Source(value, lambda: dict(_yaml_lines(text)))


def _unescaped(step: str) -> str:
    plain = re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), step)
    return plain.replace("~1", "/").replace("~0", "~")


def _json_lines(text: str) -> Iterator[tuple[Path, int]]:
    """A pass over well-formed JSON that knows only where it is."""
    line, path, name = 1, list[str | int](), ""
    for token in _JSON_TOKENS.finditer(text):
        line += token[0].count("\n")
        match token[0].rstrip():
            case "":
                pass
            case "{":
                path.append("")
            case "[":
                path.append(0)
                yield from _place(path, line)
            case "}" | "]":
                path.pop()
            case ",":
                if path and isinstance(path[-1], int):
                    path[-1] += 1
                    yield from _place(path, line)
            case ":":
                path[-1] = name
                yield from _place(path, line)
            case string:
                name = _plain(string)


def _place(path: list[str | int], line: int) -> Iterator[tuple[Path, int]]:
    if len(path) <= DEEPEST_LINE:
        yield tuple(path), line


def _plain(string: str) -> str:
    return str(parse_untrusted(string)) if "\\" in string else string[1:-1]


def _yaml_lines(text: str) -> Iterator[tuple[Path, int]]:
    """A pass over the events of YAML that was read before."""
    path: list[str | int | None] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            path.pop()
            _end_value(path)
        elif isinstance(event, yaml.NodeEvent):
            if path and path[-1] is None:
                path[-1] = event.value if isinstance(event, yaml.ScalarEvent) else ""
                yield from _known(path, event)
                continue
            if path and isinstance(path[-1], int):
                path[-1] += 1
                yield from _known(path, event)
            _step(path, event)


def _step(path: list[str | int | None], event: yaml.NodeEvent) -> None:
    match event:
        case yaml.MappingStartEvent():
            path.append(None)
        case yaml.SequenceStartEvent():
            path.append(-1)
        case _:
            _end_value(path)


def _end_value(path: list[str | int | None]) -> None:
    """After a value a mapping wants its next name."""
    if path and isinstance(path[-1], str):
        path[-1] = None


def _known(path: list[str | int | None], event: yaml.NodeEvent) -> Iterator[tuple[Path, int]]:
    if len(path) <= DEEPEST_LINE:
        mark: Any = event.start_mark
        yield tuple(step if step is not None else "" for step in path), mark.line + 1
