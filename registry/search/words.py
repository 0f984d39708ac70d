"""Words as they are compared: small letters, no accents, identifiers taken apart. `createPayment` is create + payment.

A piece's words are kept as the text of a PostgreSQL tsvector. A sign before a word tells where it stands, so that the
index alone decides: `^word` in the title, `~word` in the integration's name, `+word` is an identifier without joints,
`=all words` the title as a whole, and `@name=value` a mark such as `@in=contract`. Words hold letters and digits only,
so no text can make a sign.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST_WORD = 60
LONGEST_JOINED = 40
LONGEST_TITLE = 200
MOST_WORDS = 4_000
MOST_PLACES = 20
"""Of one word in one piece; more tells nothing."""
GAP = 10
"""Places between two texts, so that no phrase reaches from one into the next."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_MARKS = "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
"""Accents and vowels written apart, which stand inside a word."""
_WORD = re.compile(rf"(?:[^\W_]|[{_MARKS}])+")
_RUN = rf"(?:[^\W_{_IDEOGRAPHS}]|[{_MARKS}])+"
_CHUNK = re.compile(rf"[{_IDEOGRAPHS}]|{_RUN}(?:[-._]+{_RUN})*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_KNOWN = re.compile(r"'([^\W\d_]{2,30})':")
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands in its text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is written in one go: one word, or an identifier of several."""

    words: tuple[Word, ...]

    @property
    def joined(self) -> str:
        """An identifier as it is typed by who leaves out the joints; "" for a single word."""
        return _joined(tuple(each.text for each in self.words))


def plain(text: str) -> str:
    """Text with each letter and its accents as one character, so that places in it mean what they seem to."""
    return unicodedata.normalize("NFC", text)


def chunks(text: str) -> Iterator[Chunk]:
    """The words of a plain text, in order."""
    for found in _CHUNK.finditer(text):
        at = found.start()
        words = tuple(Word(word, at + start, at + end) for word, start, end in _parts(found[0]))
        if words:
            yield Chunk(words)


def of(text: str) -> tuple[str, ...]:
    """The words of any text, as they are compared."""
    return tuple(word for chunk in _CHUNK.findall(plain(text)) for word in _folded(chunk)[0])


@lru_cache(maxsize=20_000)
def _folded(chunk: str) -> tuple[tuple[str, ...], str]:
    """The words of a chunk, and all of them as one where there are several."""
    words = tuple(word for word, _, _ in _parts(chunk))
    return words, _joined(words)


def _joined(words: tuple[str, ...]) -> str:
    text = "".join(words) if len(words) > 1 else ""
    return text if len(text) <= LONGEST_JOINED else ""


def _parts(chunk: str) -> Iterator[tuple[str, int, int]]:
    """The words of a chunk, each with where it begins and ends."""
    for found in _WORD.finditer(chunk):
        start = found.start()
        for part in _HUMP.split(found[0]):
            if folded := fold(part):
                yield folded, start, start + len(part)
            start += len(part)


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """A word without capitals and accents."""
    if not word.isascii():
        marked = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
        word = "".join(each for each in marked if each.isalnum())
    return word.lower()[:LONGEST_WORD]


def known(vector: str) -> list[str]:
    """The words of a vector that somebody may know in part, or mistype: of letters alone, and not too long."""
    return _KNOWN.findall(vector)


def vector(title: str, texts: Iterable[str], *, context: str = "", marks: Iterable[str] = ()) -> str:
    """The words of one piece as the text of a tsvector."""
    row = _Row()
    whole = row.take(title, weight="A", signs=("", "^"))
    for text in texts:
        row.take(text)
    row.take(context, signs=("~",))
    exact = [f"={' '.join(whole)[:LONGEST_TITLE]}"] if whole else []
    return " ".join([*row.written(), *(f"'{each}'" for each in (*exact, *marks))])


class _Row:
    """Words in a row, text after text, each with its places from 1."""

    def __init__(self) -> None:
        self.places: dict[str, list[str]] = {}
        self.at = 0

    def take(self, text: str, *, weight: str = "", signs: tuple[str, ...] = ("",)) -> list[str]:
        """Puts down the words of a text, with each of the signs; gives them back."""
        met: list[str] = []
        for chunk in _CHUNK.findall(plain(text)):
            if self.at > MOST_WORDS:
                break
            found, joined = _folded(chunk)
            for place, word in enumerate(found, start=self.at + 1):
                self._put(word, f"{place}{weight}", signs)
            if joined:
                # The identifier as a whole stands where its first word does.
                self._put(f"+{joined}", f"{self.at + 1}{weight}", signs)
            self.at += len(found)
            met += found
        self.at += GAP
        return met

    def _put(self, word: str, place: str, signs: tuple[str, ...]) -> None:
        for sign in signs:
            held = self.places.setdefault(sign + word, [])
            if len(held) < MOST_PLACES:
                held.append(place)

    def written(self) -> list[str]:
        return [f"'{word}':{','.join(places)}" for word, places in self.places.items()]
