"""The saga as a sequence: steps forward, and back in reverse."""

from xml.etree import ElementTree

from registry.exporters.saga import saga_mermaid, saga_svg
from registry.record import documents

ORDER = documents.parse(
    {
        "saga": {
            "orchestrator": "order-service",
            "steps": [
                {"name": "Reserve", "service": "stock", "action": "POST /r", "compensation": "DELETE /r"},
                {"name": "Count", "service": "stats", "compensation": "none needed"},
                {"name": "Note", "service": "order-service", "compensation": "strike out"},
                {"name": "Pay <now>", "service": "payments", "compensation": "void"},
            ],
        }
    }
)


def test_what_was_done_is_undone_in_reverse_and_what_needs_no_undoing_is_left() -> None:
    assert saga_mermaid(ORDER).splitlines() == [
        "sequenceDiagram",
        "    autonumber",
        "    participant O as order-service",
        "    participant S1 as stock",
        "    participant S2 as stats",
        "    participant S3 as payments",
        "",
        "    O->>S1: Reserve: POST /r",
        "    S1-->>O: done",
        "    O->>S2: Count",
        "    S2-->>O: done",
        "    O->>O: Note",
        "    O->>S3: Pay #60;now#62;",
        "    S3-->>O: fails",
        "    Note over O: Compensating transactions (reverse order)",
        "    O->>O: Undo: Note: strike out",
        "    O->>S1: Undo: Reserve: DELETE /r",
        "    S1-->>O: undone",
    ]


def test_the_picture_is_well_formed_and_says_in_words_what_it_shows() -> None:
    root = ElementTree.fromstring(saga_svg(ORDER))
    assert root[1].text == (
        "Steps: 1. Reserve by stock; 2. Count by stats; 3. Note by order-service; 4. Pay <now> by payments. "
        "Undone in reverse: Note by strike out; Reserve by DELETE /r."
    )


def test_without_a_saga_there_is_no_picture() -> None:
    assert (saga_svg(documents.parse({})), saga_mermaid(documents.parse({}))) == ("", "")
