"""The words of a .proto source, as protoc's tokenizer cuts them."""

import re
from dataclasses import dataclass

from ..flaws import At, Flaw, Flawed, short

_TOKENS = re.compile(
    r"""(?P<space>[ \t\r\f\v]+)|(?P<line>\n)|(?P<comment>//[^\n]*|/\*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<float>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)
    |(?P<integer>0[xX][0-9a-fA-F]+|[0-9]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[\x21-\x7e])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = re.compile(
    r"\\(?:[abfnrtv\\?'\"]|[0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"
)
_BLOCK_LINE = re.compile(r"^[ \t]*\*?[ \t]?", re.MULTILINE)
LONGEST_NAME = 128
MEND = "Mend the .proto source there."


@dataclass(slots=True)
class Token:
    """One word. `comment` stands before it, `trailing` behind it on its line."""

    kind: str
    text: str
    at: At
    comment: str = ""
    trailing: str = ""


def scan(text: str) -> list[Token]:
    """All words of `text` and an end. Raises Flawed."""
    return _Scan(text).tokens


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.line, self.line_start, self.position = 1, 0, 0
        self.comment: list[str] = []
        self.gap = 0
        while self.position < len(text):
            self._step()
        self._put("end", "the end of the file")

    @property
    def at(self) -> At:
        return At(self.line, self.position - self.line_start + 1)

    def _step(self) -> None:
        found = _TOKENS.match(self.text, self.position)
        if found is None:
            sign = self.text[self.position]
            what = "this text never ends" if sign in "\"'" else f"{short(sign)} is not part of a .proto file"
            raise Flawed(Flaw(self.at, what, "Close it with a quotation mark." if sign in "\"'" else MEND))
        kind, word = found.lastgroup or "", found[0]
        match kind:
            case "space":
                self.position = found.end()
            case "line":
                self._break()
            case "comment":
                self._take_comment(word)
            case _:
                self._check(kind, word)
                self._put(kind, word)
                self.position = found.end()

    def _break(self) -> None:
        self.position += 1
        self.line, self.line_start = self.line + 1, self.position
        self.gap += 1
        if self.gap > 1:
            self.comment = []

    def _put(self, kind: str, word: str) -> None:
        if kind == "sign" and word in "\"'":
            raise Flawed(Flaw(self.at, "this text never ends", "Close it with a quotation mark on the same line."))
        self.tokens.append(Token(kind, word, self.at, "\n".join(self.comment).strip()))
        self.comment, self.gap = [], 0

    def _take_comment(self, word: str) -> None:
        begun = self.at
        if word == "/*":
            said = self._block()
        else:
            said = word.lstrip("/").strip()
            self.position += len(word)
        self.gap = 0
        if self.tokens and not self.comment and self.tokens[-1].at.line == begun.line:
            self.tokens[-1].trailing = self.tokens[-1].trailing or said
        else:
            self.comment.append(said)

    def _block(self) -> str:
        end = self.text.find("*/", self.position + 2)
        if end < 0:
            raise Flawed(Flaw(self.at, "this comment never ends", "Close it with */."))
        inside = self.text[self.position + 2 : end]
        if "/*" in inside:
            raise Flawed(
                Flaw(self.at, "a comment begins inside this comment", "Close the first one with */ before it.")
            )
        self.position = end + 2
        if breaks := inside.count("\n"):
            self.line += breaks
            self.line_start = self.text.rfind("\n", 0, end) + 1
        return _BLOCK_LINE.sub("", inside).strip()

    def _check(self, kind: str, word: str) -> None:
        """What is a word and yet cannot stand: half numbers, unknown escapes."""
        after = self.text[self.position + len(word) : self.position + len(word) + 1]
        if kind in ("integer", "float") and (after.isascii() and (after.isalnum() or after == "_" or after == ".")):
            raise Flawed(Flaw(self.at, f"{short(word + after)} is not a number", "Put a space behind the number."))
        if kind == "name" and len(word) > LONGEST_NAME:
            raise Flawed(Flaw(self.at, f"{short(word)} is longer than {LONGEST_NAME} characters", "Shorten the name."))
        if kind == "integer" and re.fullmatch(r"0[0-9]+", word) and not re.fullmatch(r"0[0-7]+", word):
            raise Flawed(Flaw(self.at, f"{short(word)} is not a number", "Remove the leading zero."))
        if kind == "string" and "\\" in _ESCAPES.sub("", word):
            raise Flawed(Flaw(self.at, "the text holds an escape that means nothing", "Write \\\\ for a backslash."))


def whole(text: str) -> int:
    """The number a word means: decimal, hexadecimal or octal."""
    base = 16 if text[1:2] in ("x", "X") else 8 if re.fullmatch("0[0-7]+", text) else 10
    # Python refuses to read more digits than it could in time; nothing here is that large.
    return int(text, base) if len(text) <= 400 else 10**400
