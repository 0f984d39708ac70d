"""JSON and YAML from outside, read within bounds: size, depth, digits, names once, nothing but plain data. Pure."""

import json
import math
import re
from itertools import accumulate
from typing import Any, Literal, NoReturn

import yaml

from .record.findings import InvalidRecord, Problem

__all__ = ["parse_long_yaml", "parse_untrusted"]

LARGEST_YAML = 500_000
"""Bytes. YAML is read in pure Python, about thirty times slower than JSON; the largest real design seen has 60,000."""
MOST_YAML_VALUES = 30_000
LONGEST_YAML = 2_000_000
"""Bytes, where a file may be long: read by the C parser's events, sixteen times faster, without its recursion."""
MOST_LONG_YAML_VALUES = 150_000
MOST_BRACKETS = 250_000
MOST_DIGITS = 18
MOST_LONG_DIGITS = 20
"""Schemas of other tools state the bounds of 64-bit numbers."""

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"?'  # always matches up to the end, so an open quote costs one pass and not many
_TOKENS = re.compile(
    rf"(?P<strings>{_STRING}(?:[\s,:]*+{_STRING})*+)|(?P<brackets>[\[{{\]}}][\[{{\]}}\s,]*)"
    rf"|(?P<constant>-?(?:NaN|Infinity))"
    rf"|(?P<number>[0-9]{{{MOST_DIGITS + 1},}}|[-+.0-9eE]{{41,}}|[0-9.]{{1,40}}[eE]\+?[0-9]{{3,}})",
    re.DOTALL,
)
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_LONE_ESCAPES = re.compile(
    r"\\(?:\\|u0000|u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_HIDDEN = re.compile("[\x00\ud800-\udfff]")
_MENDS = {
    "Expecting value": "Write a value: text in double quotes, a number, true, false, null, a list or an object.",
    "Expecting ',' delimiter": "Put a comma between items, or close the bracket.",
    "Expecting ':' delimiter": "Put a colon between a name and its value.",
    "Expecting property name enclosed in double quotes": "Write the name in double quotes, without a comma before }.",
    "Extra data": "Remove what follows the end.",
    "Unterminated string starting at": "Close the text with a double quote.",
}


def parse_untrusted(
    text: str | bytes,
    format: Literal["json", "yaml"] = "json",  # noqa: A002
    *,
    max_bytes: int = 2_000_000,
    max_depth: int = 60,
    max_digits: int = MOST_DIGITS,
) -> Any:
    """The plain data in `text`. Raises InvalidRecord with one problem that names line and column."""
    limit = max_bytes if format == "json" else min(max_bytes, LARGEST_YAML)
    readable = _decoded(text, limit)
    return _json(readable, max_depth, max_digits) if format == "json" else _yaml(readable, max_depth)


def parse_long_yaml(text: str | bytes, *, max_depth: int = 60) -> Any:
    """As `parse_untrusted`, for files of other tools that may be long. Raises InvalidRecord likewise."""
    readable = _decoded(text, LONGEST_YAML)
    return _yaml(readable, max_depth, _LongComposer if hasattr(yaml, "CSafeLoader") else _Composer)


def _decoded(text: str | bytes, limit: int) -> str:
    # A character is a byte or more: text longer than the limit need not be encoded to be refused.
    size = len(text) if isinstance(text, bytes) or len(text) > limit else len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        message = f"is {size:,} bytes long; the limit is {limit:,}"
        raise InvalidRecord([Problem("", message, "Move large examples out of it.")])
    readable = _from_utf8(text) if isinstance(text, bytes) else text
    found = _HIDDEN.search(readable)
    if found:
        _refuse(_hidden(found[0]), "Remove it.", readable, found.start())
    return readable


def _from_utf8(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8", "replace")
        _refuse("is not UTF-8 text", "Save the file as UTF-8.", before, len(before))


def _hidden(character: str) -> str:
    return f"holds a character that cannot be shown (U+{ord(character):04X})"


def _refuse(message: str, mend: str, text: str, position: int) -> NoReturn:
    line = text.count("\n", 0, position) + 1
    _refuse_at(message, mend, line, position - text.rfind("\n", 0, position))


def _refuse_at(message: str, mend: str, line: int, column: int) -> NoReturn:
    raise InvalidRecord([Problem("", f"line {line}, column {column}: {message}", mend, line=line)]) from None


class _RepeatedName(Exception):
    """A JSON object holds a name twice; where, a second look tells."""


def _json(text: str, max_depth: int, max_digits: int) -> Any:
    _check_tokens(text, max_depth, max_digits)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _RepeatedName:
        _refuse_repeated(text)
    except json.JSONDecodeError as error:
        mend = _MENDS.get(error.msg, "Mend the JSON there.")
        _refuse_at(error.msg[:1].lower() + error.msg[1:], mend, error.lineno, error.colno)


def _check_tokens(text: str, max_depth: int, max_digits: int) -> None:
    """What the JSON reader itself would accept, or fail at: depth, huge numbers, NaN, half characters."""
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        _refuse(f"holds more than {MOST_BRACKETS:,} lists and objects", "Split it.", text, 0)
    depth = 0
    for token in _TOKENS.finditer(text):
        match token.lastgroup:
            case "brackets":
                depth = _depth_after(text, token, depth, max_depth)
            case "number" if not (token[0].isdecimal() and len(token[0]) <= max_digits):
                _refuse("a number is too large or too exact to be kept", "Put it in quotes.", text, token.start())
            case "constant":
                _refuse(f"{token[0]} is not JSON", "Write a number or null.", text, token.start())
            case "strings":
                _check_escapes(text, token)


def _depth_after(text: str, token: re.Match[str], depth: int, max_depth: int) -> int:
    """How deep it is after a run of brackets, which is looked at as a whole: there may be very many."""
    depths = list(accumulate([_STEPS[each] for each in token[0] if each in _STEPS], initial=depth))
    if max(depths) > max_depth:
        brackets = [at for at, each in enumerate(token[0], token.start()) if each in _STEPS]
        too_deep = next(at for at, each in zip(brackets, depths[1:], strict=True) if each > max_depth)
        _refuse(f"is nested more than {max_depth} deep", "Flatten it.", text, too_deep)
    return depths[-1]


def _check_escapes(text: str, token: re.Match[str]) -> None:
    if "\\u" not in token[0]:
        return
    for found in _LONE_ESCAPES.finditer(token[0]):
        if len(found[0]) == 6:
            position = token.start() + found.start()
            _refuse(f"{found[0]} is no character that can be shown", "Remove it.", text, position)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedName
    return found


def _refuse_repeated(text: str) -> NoReturn:
    """Find the name that an object holds twice. The text is known to be well-formed up to the end of that object."""
    names: list[set[str]] = []
    for token in re.finditer(rf"({_STRING})(\s*:)?|[\[\]{{}}]", text, re.DOTALL):
        if token[0] in ("{", "["):
            names.append(set())
        elif token[0] in ("}", "]"):
            names.pop()
        elif token[2]:
            name = json.loads(token[1])
            if name in names[-1]:
                _refuse(f"{_short(name)} is written twice", "Keep one of the two.", text, token.start())
            names[-1].add(name)
    raise AssertionError("a repeated name was reported and not found")


def _short(name: str) -> str:
    return f"“{name[:40]}…”" if len(name) > 40 else f"“{name}”"


def _yaml(text: str, max_depth: int, composer: "type[_Composer] | None" = None) -> Any:
    try:
        return (composer or _Composer)(max_depth).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        _refuse_at(error.problem or "cannot be read", "Mend the YAML there.", line, column)
    except yaml.reader.ReaderError as error:
        position = min(error.position, len(text) - 1)
        _refuse(_hidden(text[position]), "Remove it.", text, position)
    except InvalidRecord:
        raise
    except (ValueError, OverflowError):
        # An escape such as \UFFFFFFFF, or a %YAML version of a thousand digits: the library says no place.
        _refuse_at("holds an escape or a number that cannot be read", "Remove it.", 1, 1)


class _Composer:
    """Builds plain data from YAML events without recursion; anchors, aliases and tags are refused, dates stay text."""

    LOADER: Any = yaml.SafeLoader
    MOST_VALUES = MOST_YAML_VALUES
    MOST_DIGITS = MOST_DIGITS

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._open: list[_Mapping | list[Any]] = []
        self._roots: list[Any] = []
        self._values = 0

    def compose(self, text: str) -> Any:
        for event in yaml.parse(text, Loader=self.LOADER):
            self._take(event)
        return self._roots[0] if self._roots else None

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                _refuse_mark("an alias (*) is not allowed", "Write the value out.", event)
            case yaml.ScalarEvent():
                self._check(event)
                self._put(_scalar(event, self.MOST_DIGITS) if not self._wants_name() else _text(event), event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._check(event)
                self._start([] if isinstance(event, yaml.SequenceStartEvent) else _Mapping(), event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
            case yaml.DocumentStartEvent() if self._roots:
                _refuse_mark("a second document begins", "Keep one document in a file.", event)
            case _:
                pass

    def _check(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._values += 1
        if self._values > self.MOST_VALUES:
            _refuse_mark(f"holds more than {self.MOST_VALUES:,} values", "Send it as JSON, or split it.", event)
        if event.anchor is not None:
            _refuse_mark("an anchor (&) is not allowed", "Write the value out where it is used.", event)
        if event.tag is not None:
            _refuse_mark(f"the tag {_short(event.tag)} is not allowed", "Remove it; put text in quotes.", event)

    def _wants_name(self) -> bool:
        top = self._open[-1] if self._open else None
        return isinstance(top, _Mapping) and top.name is None

    def _start(self, value: "_Mapping | list[Any]", event: yaml.Event) -> None:
        if self._wants_name():
            _refuse_mark("a name must be plain text", "Write text before the colon; quote text with { or [.", event)
        if len(self._open) >= self._max_depth:
            _refuse_mark(f"is nested more than {self._max_depth} deep", "Flatten it.", event)
        self._put(value.values if isinstance(value, _Mapping) else value, event)
        self._open.append(value)

    def _put(self, value: Any, event: yaml.Event) -> None:
        top = self._open[-1] if self._open else None
        if isinstance(top, list):
            top.append(value)
        elif top is None:
            self._roots.append(value)
        elif top.name is None:
            if value in top.values:
                _refuse_mark(f"{_short(value)} is written twice", "Keep one of the two.", event)
            top.name = value
        else:
            top.values[top.name] = value
            top.name = None


class _LongComposer(_Composer):
    """The same from the events of the C parser."""

    LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    MOST_VALUES = MOST_LONG_YAML_VALUES
    MOST_DIGITS = MOST_LONG_DIGITS


class _Mapping:
    """A mapping being read; `name` waits for its value."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.name: str | None = None


_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d{1,3})?")
_NOT_NUMBERS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def _scalar(event: yaml.ScalarEvent, most_digits: int) -> Any:
    """A value by YAML 1.2's own few words: `no` and `2024-01-01` are text, `true`, `3` and `1.5` are not."""
    text = _text(event)
    if not event.implicit[0]:
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_NUMBERS.fullmatch(text):
        _refuse_mark(f"{text} is not a number that can be kept", "Write a number, or quote it.", event)
    whole = _INTEGER.fullmatch(text)
    if not whole and not _FLOAT.fullmatch(text):
        return text
    if len(text) > (most_digits if whole else 40) or math.isinf(float(text)):
        _refuse_mark("a number is too large or too exact to be kept", "Put it in quotes.", event)
    return int(text) if whole else float(text)


def _text(event: yaml.ScalarEvent) -> str:
    text: str = event.value
    found = _HIDDEN.search(text)
    if found:
        _refuse_mark(_hidden(found[0]), "Remove it.", event)
    return text


def _refuse_mark(message: str, mend: str, event: yaml.Event) -> NoReturn:
    mark = event.start_mark
    _refuse_at(message, mend, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)
