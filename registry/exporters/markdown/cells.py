"""Markdown's pieces: text that cannot become markup, lists, tables, labelled lines, code blocks.

What is written here is read back by registry.importers.blocks without loss; a Markdown reader shows the text itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...record import labels
from ...record.base import in_words

__all__ = [
    "UNSTATED", "Written", "begun", "bullets", "choice", "duration", "fence", "guarded", "heading", "lines", "listed",
    "quantity", "table", "text", "titled",
]  # fmt: skip

UNSTATED = "—"
PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}")
_MARKUP = re.compile(r"[\\|<*`\[~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<=\{)\{")
_DASHES = {"—": "&mdash;", "–": "&ndash;"}


class Written(str):
    """Text that is Markdown already."""

    __slots__ = ()


def text(value: Any) -> Written:
    """A value on one line, safe anywhere but at a line's beginning; a dash for what is not stated."""
    if value in (None, "", ()):
        return Written(UNSTATED)
    if isinstance(value, Written):
        return value
    plain = str(value)
    if re.fullmatch("-+", plain):
        return Written(f"\\{plain}")
    escaped = _DASHES.get(plain) or _MARKUP.sub(r"\\\g<0>", plain)
    return Written(escaped.replace("\r", "&#13;").replace("\n", "<br>"))


def begun(value: Any) -> Written:
    """A value at the beginning of a line or a list item, where more signs mean something."""
    written = text(value)
    numbered = re.match(r"\d{1,9}(?=[.)])", written)
    at = numbered.end() if numbered else 0
    return Written(f"{written[:at]}\\{written[at:]}") if numbered or written[0] in "#>+-=" else written


def titled(value: Any) -> Written:
    """A value at the end of a heading, where signs # would be dropped."""
    return Written(re.sub("#+$", lambda found: "\\#" * len(found[0]), text(value)))


def guarded(value: Any, words: str) -> Written:
    """A value in which the `words` of the sentence around it are written so that they are not read as its own."""
    return Written(re.sub(words, lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", text(value)))


def listed(values: Iterable[Any]) -> Written:
    """Values with commas between them; a comma inside one is escaped, an empty one a space without width."""
    return Written(", ".join(text(each).replace(",", "\\,") if each != "" else "&#8203;" for each in values))


def choice(value: str | None) -> str | None:
    return labels.choice(value) if value else None


def quantity(value: Any, unit: str) -> str | None:
    return None if value is None else f"{value}{unit}"


def duration(value: str | None) -> str | None:
    """`7 days (P7D)`: for people, and exactly."""
    return f"{in_words(value)} ({value})" if value else None


def heading(level: int, title: str, name: Any = None, *, named: bool = False) -> str:
    return f"{'#' * level} {title}{titled(name) if named else ''}"


def lines(*pairs: tuple[str, Any]) -> str:
    """Labelled values, one a line."""
    return "  \n".join(f"**{name}:** {text(value)}" for name, value in pairs)


def bullets(*pairs: tuple[str, Any]) -> str:
    """Labelled values that are stated, one a bullet."""
    return "\n".join(f"- {name}: {text(value)}" for name, value in pairs if value not in (None, ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, more: Sequence[str] = ()) -> str:
    """A table with the template's `columns`, and those of `more` in which a row states something."""
    found: list[list[str]] = [[text(cell) for cell in row] for row in rows]
    heads = [*columns, *more]
    kept = [at for at in range(len(heads)) if at < len(columns) or any(row[at] != UNSTATED for row in found)]
    shown = [[heads[at] for at in kept], *([row[at] for at in kept] for row in found)]
    head, *body = (f"| {' | '.join(cells)} |" for cells in shown)
    return "\n".join([head, "|" + " --- |" * len(kept), *body])


def fence(language: str, source: str | None, caption: str = "") -> Iterator[str]:
    """A code block below its caption, fenced by more backticks than it holds; nothing where there is no code."""
    if not source:
        return
    if caption:
        yield f"**{caption}:**"
    longest = max((len(run) for run in re.findall("`+", source)), default=0)
    ticks = "`" * max(3, longest + 1)
    told = " verbatim" if PLACEHOLDER.search(source) else ""
    yield f"{ticks}{language}{told}\n{source.strip()}\n{ticks}"
