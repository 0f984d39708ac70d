"""The stretch of a text that answers a question, with what was found in it marked. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from registry.search import words
from registry.search.question import Term

WIDTH = 160
BEFORE = 50
"""Characters shown before the first word that was found."""
MOST_CHUNKS = 4_000

Marked = list[tuple[str, bool]]
"""Text in stretches, each with whether it was found."""


@dataclass(frozen=True, slots=True)
class Match:
    """What of a text was found."""

    spans: tuple[tuple[int, int], ...] = ()
    terms: frozenset[str] = frozenset()
    """The texts of the terms that occur."""


def match(text: str, terms: Sequence[Term]) -> Match:
    """Where the terms occur in a plain text."""
    found = list(islice(words.chunks(text), MOST_CHUNKS))
    row = [word for chunk in found for word in chunk.words]
    whole = [words.Word(each.joined, each.words[0].start, each.words[-1].end) for each in found if each.joined]
    spans: set[tuple[int, int]] = set()
    met = set()
    for term in terms:
        for reading in term.readings:
            if places := [*_runs(row, reading, is_whole=term.is_whole), *_runs(whole, reading, is_whole=True)]:
                spans.update(places)
                met.add(term.text)
    return Match(tuple(sorted(spans)), frozenset(met))


def _runs(row: Sequence[words.Word], reading: tuple[str, ...], *, is_whole: bool) -> Iterator[tuple[int, int]]:
    """Where these words stand one after the other; the last of them may only begin so."""
    *first, last = reading
    length = len(first)
    for at in range(len(row) - length):
        end = row[at + length]
        if (end.text == last or (not is_whole and end.text.startswith(last))) and all(
            row[at + place].text == word for place, word in enumerate(first)
        ):
            yield row[at].start, end.end


def marked(text: str, spans: Iterable[tuple[int, int]], *, width: int = 0) -> Marked:
    """A text with the spans marked; cut to about `width` characters around the first of them."""
    ordered = list(spans)
    start, end = _window(text, ordered, width) if width and len(text) > width else (0, len(text))
    parts: Marked = [("…", False)] if start else []
    at = start
    for begins, ends in ordered:
        if begins < at or ends > end:
            continue
        parts += [(text[at:begins], False), (text[begins:ends], True)]
        at = ends
    parts += [(text[at:end], False)]
    parts += [("…", False)] if end < len(text) else []
    return [each for each in parts if each[0]]


def _window(text: str, spans: list[tuple[int, int]], width: int) -> tuple[int, int]:
    first = spans[0][0] if spans else 0
    start = max(0, min(first - BEFORE, len(text) - width))
    if start and (space := text.find(" ", start, first)) >= 0:
        start = space + 1
    end = min(len(text), start + width)
    if end < len(text) and (space := text.rfind(" ", first + 1, end)) > first:
        end = space
    return start, end
