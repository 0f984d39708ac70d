"""A record as one web page that needs nothing else: styles and diagrams inside, no script; and how paper is framed."""

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ..record import DesignRecord
from ..record.documents import content_hash
from .glyphs import xml
from .markdown import Cover, markdown
from .saga import saga_svg
from .topology import topology_svg

__all__ = ["paper", "paper_rules"]

CSS = Path(__file__).parent / "css"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def paper(record: DesignRecord, cover: Cover) -> str:
    """The whole document. Its words are those of the Markdown, its pictures our own."""
    seal = content_hash(record)
    title = f"{cover.name} {cover.version}"
    tokens = _parser().parse(markdown(record, cover))
    outline = _outline(tokens)
    _draw(tokens, {"2": topology_svg(record), "5.2": saga_svg(record)})
    body = str(_parser().renderer.render(tokens, _parser().options, {}))
    body = body.replace("<table>", '<div class="table" tabindex="0"><table>').replace("</table>", "</table></div>")
    first = body.index("<h2")
    style = _style() + paper_rules(cover.name, f"Version {cover.version} · {cover.status}", seal)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{xml(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'{body[:first]}<p class="seal">Content hash of this version: {seal}</p>\n{outline}{body[first:]}'
        f"</main>\n</body>\n</html>\n"
    )


def paper_rules(name: str, version: str, seal: str) -> str:
    """What stands above and below each printed page: whose it is, which version, its hash, its number."""
    return (
        "@page {\n  margin: 20mm 16mm 18mm;\n"
        f"  @top-left {{ {_FACE} content: {_quoted(name)}; }}\n"
        f"  @top-right {{ {_FACE} content: {_quoted(version)}; }}\n"
        f"  @bottom-left {{ {_FACE} font-size: 6.5pt; content: {_quoted('sha256 ' + seal)}; }}\n"
        f'  @bottom-right {{ {_FACE} content: counter(page) " of " counter(pages); }}\n'
        "}\n@page :first { @top-left { content: none; } @top-right { content: none; } }\n"
    )


_FACE = "font: 8pt system-ui, sans-serif; color: #4a515a; white-space: nowrap;"


def _quoted(text: str) -> str:
    """Text as a CSS string, which nothing in it can end."""
    return '"' + re.sub(r"[^A-Za-z0-9 .·-]", lambda found: f"\\{ord(found[0]):x} ", text) + '"'


@cache
def _style() -> str:
    return (CSS / "paper.css").read_text() + (CSS / "diagrams.css").read_text()


@cache
def _parser() -> MarkdownIt:
    # The exporter escapes all but its own <br>, so text cannot become markup: see its tests.
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _outline(tokens: list[Token]) -> str:
    """A list of the headings down to the third level, each of which gets an id to be linked to."""
    items: list[str] = []
    depth = 0
    for place, token in enumerate(tokens):
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        if level not in (2, 3):
            continue
        token.attrSet("id", f"h{place}")
        if level == 3 and depth != 3:
            items.append("<ol>")
        elif level == 2 and depth == 3:
            items.append("</ol>")
        depth = level
        words = "".join(each.content for each in tokens[place + 1].children or ())
        items.append(f'<li><a href="#h{place}">{xml(words)}</a>')
    ending = "</ol>" if depth == 3 else ""
    return f'<nav aria-label="Contents"><ol>{"".join(items)}{ending}</ol></nav>\n'


def _draw(tokens: list[Token], pictures: dict[str, str]) -> None:
    """Puts our own drawings where the Markdown has their Mermaid text, and keeps captions with what they caption."""
    number = ""
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            number = tokens[place + 1].content.split(" ")[0].rstrip(".")
        elif token.type == "fence" and token.info == "mermaid":
            token.type, token.content = "html_block", f'<div class="diagram" tabindex="0">{pictures[number]}</div>\n'
        elif token.type == "paragraph_open" and tokens[place + 1].content.endswith(":**"):
            token.attrSet("class", "caption")
