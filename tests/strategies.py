"""Design records drawn from their types, so that whatever a record may hold is tried."""

import functools
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from registry.record import DesignRecord
from registry.record.base import (
    Code,
    Decimal,
    Duration,
    Line,
    Part,
    Percent,
    Port,
    Prose,
    Slug,
    Status,
    Url,
    Whole,
    YesNo,
)
from registry.record.contracts import StatusRange

NAMES = ("order-service", "payment-service", "production", "staging", "a")
LINES = (
    *NAMES,
    "orders.events",
    "orders.events.dlq",
    "tenantId",
    "Idempotency-Key",
    "odd ] name \\",
    "#1",
    "a@b.example",
    "é",
)
SIGNS = "-- ** __ ``` ~~~ -> — – → {{ {{NAME}} %% <br> <b> </p> <!-- &amp; &#13; &mdash; ![x](y) [^1] https://a.example"
WORDS = "YES NO N/A none null header end graph subgraph participant é ſ İ İi 漢字 שלום العربية 👩‍💻"
PIECES = (
    *"\\|<>*_`[](){}#+-=~&;:,.!?/'\"@$%^ \t1a",
    *SIGNS.split(),
    *WORDS.split(),
    *(" - ", " — ", " -> ", " | ", "| --- |", " + ", ", ", "a, b", "1. ", "10) ", "[x]: y", "Notes: ", "Happy path:"),
    *("for ", " for 5m", " and ", "Every ", "the ", "Verified: x", "headers forwarded", "dashboard: "),
    *"\u200f\u00a0\u2028\u0085\r",
)
"""What Markdown, Mermaid, HTML, YAML or a sentence of the document could take for its own."""
CODES = (
    'query { a(id: "{{id}}") }',
    "````\n## 1. Integration Overview\n````",
    "~~~\n```mermaid\n  indented\n\n\nthree",
    '{"type": "object", "properties": {"email": {"type": "string", "pattern": "(a+)+$"}}}',
    '{"specversion": "1.0", "id": "1", "source": "/orders", "type": "t", "data": {"email": "x"}}',
    '{"$ref": "#"}',
    '{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}',
    '{"$ref": "https://example.com/schema.json"}',
    '{"$ref": "#/$defs/none"}',
    '{"$id": "https://example.com/a", "$ref": "b"}',
    '{"pattern": "("}',
    '{"type": 3}',
    '{"properties": [], "required": 1, "$defs": 3}',
    '{"multipleOf": 1e-200, "uniqueItems": true}',
    '[{"a": 1, "a": 2}]',
    "[" * 70,
    "true",
    "null",
    "[]",
    "service Stock { rpc Get (Id) returns (Item); }",
    "type Query { a: Int }",
)
_TEXTS: list[tuple[Any, st.SearchStrategy[str]]] = [
    (Slug, st.sampled_from(NAMES)),
    (
        Line,
        st.sampled_from(LINES)
        | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
        | st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join).filter(str.strip),
    ),
    (
        Prose,
        st.sampled_from(("FIFO", "check first", "insert first", "Several\nlines"))
        | st.lists(st.sampled_from((*PIECES, "\n", "\n\n", "\n- ")), min_size=1, max_size=5)
        .map("".join)
        .filter(str.strip),
    ),
    (
        Code,
        st.sampled_from(CODES) | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30),
    ),
    (Url, st.sampled_from(("https://a.example/v1", "http://b.example", "http://localhost:1"))),
    (Duration, st.sampled_from(("PT0S", "PT15M", "P7D", "P99999D", "P2W"))),
    (Decimal, st.sampled_from(("0", "1", "2", "1.5", "999999999999"))),
    (Percent, st.sampled_from(("0", "99.95", "100"))),
    (StatusRange, st.sampled_from(("429", "5xx", "502/503", "500-504", "504-500", "4xx/404", "UNAVAILABLE", "401"))),
]


def parts(part: type[Part]) -> st.SearchStrategy[Any]:
    """Parts of a type: each field stated or not, within its range."""
    return st.builds(part, **{name: _field(name, info) for name, info in part.model_fields.items()})


def records() -> st.SearchStrategy[DesignRecord]:
    """Whole design records, complete or not, sensible or not."""
    return _records()


@functools.cache
def _records() -> st.SearchStrategy[DesignRecord]:
    return parts(DesignRecord)


def _field(name: str, info: FieldInfo) -> st.SearchStrategy[Any]:
    annotation = info.annotation
    if get_origin(annotation) is tuple:
        return st.lists(_value(get_args(annotation)[0], ()), max_size=3).map(tuple)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _value(annotation, ())
    inner = next(each for each in get_args(annotation) if each is not type(None))
    return st.none() | _value(inner, info.metadata)


def _value(annotation: Any, metadata: Any) -> st.SearchStrategy[Any]:
    for known, texts in _TEXTS:
        if annotation == known:
            return texts
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return parts(annotation)
    if annotation == YesNo:
        return st.booleans()
    if annotation == Status:
        return st.sampled_from((200, 401, 404, 429, 500, 503))
    if annotation in (Whole, Port):
        return _whole(metadata)
    raise TypeError(f"no strategy for {annotation!r}")


def _whole(metadata: Any) -> st.SearchStrategy[int]:
    low = next((each.ge for each in metadata if hasattr(each, "ge")), 0)
    high = next((each.le for each in metadata if hasattr(each, "le")), 10**9)
    return st.sampled_from((low, min(low + 3, high), min(500, high), high)) | st.integers(low, high)
