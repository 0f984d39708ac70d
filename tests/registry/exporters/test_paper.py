"""The record as one web page that needs nothing else, and whatever it says harms nobody."""

import re
from html.parser import HTMLParser

from hypothesis import HealthCheck, given, settings

from registry.exporters.markdown import Cover
from registry.exporters.paper import paper, paper_rules
from registry.record import DesignRecord, documents
from tests.registry.exporters.test_markdown import HEADINGS, SEED
from tests.strategies import records

COVER = Cover("Orders </style><script>", "1.0", "2026-01-02", "Ann", "Approved")
TAGS = (
    "html head meta title style body main nav h1 h2 h3 h4 p br strong ul ol li a div pre code "
    "table thead tbody tr th td svg desc g rect path line polygon text"
)


class Reading(HTMLParser):
    """What a browser finds: tags, their attributes, and the text of headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.headings: list[str] = []
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open = tag
        if re.fullmatch("h[1-4]", tag):
            self.headings.append("#" * int(tag[1]) + " ")

    def handle_data(self, data: str) -> None:
        if re.fullmatch("h[1-4]", self.open):
            self.headings[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.open = ""


def test_the_page_has_the_templates_headings_and_the_diagrams() -> None:
    page = Reading(paper(documents.parse(SEED), COVER))
    assert page.headings == HEADINGS
    assert page.tags.count("svg") == 2


def test_the_page_needs_nothing_else_and_names_its_content() -> None:
    record = documents.parse(SEED)
    text = paper(record, COVER)
    assert not re.search(r"<(script|link|img|iframe|object)|\bon\w+=|@import|url\(", text)
    assert f"Content hash of this version: {documents.content_hash(record)}" in text


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_whatever_a_record_says_is_text(record: DesignRecord) -> None:
    page = Reading(paper(documents.parse(documents.dump(record)), COVER))
    assert set(page.tags) <= set(TAGS.split())
    assert not [each for each in page.attributes if each.startswith("on") or each in ("style", "src")]


def test_a_name_cannot_end_the_rules_of_paper() -> None:
    rules = paper_rules('a"} </style>\n@import \\', "1.0", "ab")
    assert r'content: "a\22 \7d  \3c \2f style\3e \a \40 import \5c "' in rules
    assert rules.count("{") == rules.count("}") == 8
