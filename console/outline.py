"""The contents of the document: headings in the template's order and numbering, each with its findings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.record import DesignRecord
from registry.record.findings import Finding, Severity

_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document and the headings below it."""

    number: str
    title: str
    anchor: str
    findings: tuple[Finding, ...] = ()
    below: tuple["Heading", ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The gravest of the findings."""
        return min((each.severity for each in self.findings), key=_WORST_FIRST.index, default=None)


# number, title, anchor, the sections of the record that are written there
_CHAPTERS = (
    ("", "Document history", "document-history", ()),
    ("1", "Integration overview & context", "overview", ("overview", "sla", "parties")),
    ("2", "Integration topology diagram", "topology", ("topology",)),
    ("3", "Service contracts", "contracts", ("contracts",)),
    ("4", "Event-driven integrations", "events", ()),
    ("5", "Data consistency patterns", "consistency", ()),
    ("6", "Integration testing strategy", "testing", ("testing",)),
    ("7", "Monitoring & alerting", "monitoring", ("monitoring",)),
    ("", "Approval", "approval", ()),
)
_BELOW: dict[str, tuple[tuple[str, str, str, tuple[str, ...]], ...]] = {
    "events": (
        ("4.1", "Event schemas", "event-schemas", ("events",)),
        ("4.2", "Topics / queues", "topics", ("topics",)),
        ("4.3", "Ordering guarantees", "ordering", ("ordering",)),
        ("4.4", "Idempotency strategy", "deduplication", ("deduplication",)),
    ),
    "consistency": (
        ("5.1", "Consistency model", "consistency-model", ("consistency",)),
        ("5.2", "Saga pattern", "saga", ("saga",)),
    ),
    "testing": (
        ("6.1", "Contract testing (Pact)", "pact", ()),
        ("6.2", "Test environments", "test-environments", ()),
        ("6.3", "Test scenarios", "scenarios", ()),
    ),
    "monitoring": (
        ("7.1", "Key metrics", "metrics", ()),
        ("7.2", "Distributed tracing", "tracing", ()),
        ("7.3", "Alert routing", "alert-routes", ()),
    ),
}


def of(record: DesignRecord, findings: Sequence[Finding]) -> list[Heading]:
    """The contents of this record, with the findings of each section."""
    return [
        Heading(number, title, anchor, _within(sections, findings), _below(anchor, record, findings))
        for number, title, anchor, sections in _CHAPTERS
    ]


def anchor_of(path: str) -> str:
    """Where in a document the section of a pointer begins."""
    section = path.split(".")[0].split("[")[0]
    headings = (*_CHAPTERS, *(each for below in _BELOW.values() for each in below))
    return next((anchor for _, _, anchor, sections in headings if section in sections), "")


def _below(chapter: str, record: DesignRecord, findings: Sequence[Finding]) -> tuple[Heading, ...]:
    if chapter == "contracts":
        return tuple(
            Heading(f"3.{place}", contract.name or "Unnamed contract", f"contract-{place}")
            for place, contract in enumerate(record.contracts, start=1)
        )
    return tuple(
        Heading(number, title, anchor, _within(sections, findings))
        for number, title, anchor, sections in _BELOW.get(chapter, ())
    )


def _within(sections: Iterable[str], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(each for each in findings if each.section in sections)
