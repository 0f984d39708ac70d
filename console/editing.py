"""What the editor tells about a record while it is written: how complete it is, and what there is to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from console import fields, saving
from registry.models import Integration
from registry.record import SECTIONS, DesignRecord, documents
from registry.record.findings import Finding, Severity
from registry.rules.completeness import TABLE
from registry.services import revisions

COMPLETENESS = frozenset(each.code for each in TABLE)
_WORST_FIRST = ("problem", "error", "warning", "hint")
_NAMES = {"problem": "value that cannot be kept", "error": "error", "warning": "warning", "hint": "hint"}
_ICONS = {"problem": "error"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One section in the rail."""

    section: str
    label: str
    url: str
    is_here: bool
    stated: int
    missing: int
    errors: int
    warnings: int
    hints: int

    @property
    def needed(self) -> int:
        """Fields stated and fields that must still be."""
        return self.stated + self.missing

    @property
    def percent(self) -> int:
        """How much of what is needed is stated."""
        return 100 * self.stated // self.needed if self.needed else 0

    @property
    def state(self) -> str:
        """How far it is, in a word."""
        if self.errors:
            return "error"
        if self.warnings or self.missing:
            return "warning"
        return "complete" if self.stated else "empty"


def rail(integration: Integration, record: DesignRecord, findings: Sequence[Finding], here: str) -> list[Entry]:
    """The sections in the document's order, each with how complete it is."""
    return [_entry(integration, record, [f for f in findings if f.section == each], each, here) for each in SECTIONS]


def _entry(integration: Integration, record: DesignRecord, findings: list[Finding], section: str, here: str) -> Entry:
    severities = [each.severity for each in findings]
    return Entry(
        section,
        fields.section_spec(section).label,
        reverse("edit", args=[integration.slug, section]),
        section == here,
        _count(documents.dump(getattr(record, section))),
        sum(each.code in COMPLETENESS and each.severity != Severity.HINT for each in findings),
        severities.count(Severity.ERROR),
        severities.count(Severity.WARNING),
        severities.count(Severity.HINT),
    )


def _count(value: Any) -> int:
    """Values stated in plain data; a list of scalars is one."""
    if isinstance(value, dict):
        return sum(_count(each) for each in value.values())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(_count(each) for each in value)
    return 0 if value in (None, "", []) else 1


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the summary above a section: what there is to look at, and where."""

    severity: str
    id: str
    message: str

    @property
    def icon(self) -> str:
        """The drawing beside it."""
        return _ICONS.get(self.severity, self.severity)


def summary(form: fields.Field) -> list[Remark]:
    """Every problem and finding of the section, the worst first."""
    remarks = [each for field, above in fields.labels_of(form) for each in _remarks(field, above)]
    return sorted(remarks, key=lambda each: _WORST_FIRST.index(each.severity))


def _remarks(field: fields.Field, above: tuple[str, ...]) -> Iterator[Remark]:
    place = "".join(f"{each}: " for each in above[:1])
    if field.problem:
        yield Remark("problem", field.id, f"{place}{field.label} {field.problem.message}.")
    for each in field.findings:
        yield Remark(each.severity, field.id, f"{place}{each.message}")


def tally(remarks: Sequence[Remark]) -> list[Remark]:
    """How many remarks of each severity, in words."""
    counts = {each: sum(remark.severity == each for remark in remarks) for each in _WORST_FIRST}
    return [Remark(each, "", _counted(count, _NAMES[each])) for each, count in counts.items() if count]


def _counted(count: int, what: str) -> str:
    noun, _, rest = what.partition(" ")
    return f"{count} {noun}{'' if count == 1 else 's'}{' ' if rest else ''}{rest}"


def writers(work: saving.Work) -> str:
    """Who saved meanwhile, as the subject of a sentence."""
    names = revisions.others_since(work.draft, work.base.etag, than=work.by, section=work.section)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "You, in another window,"


def field_url(integration: Integration, path: str) -> str:
    """Where the editor shows the field at `path`; the section's page finds the element."""
    section = path.split(".")[0].split("[")[0]
    if section not in SECTIONS:
        return reverse("edit", args=[integration.slug, SECTIONS[0]])
    return reverse("edit", args=[integration.slug, section], query={"at": path})


@dataclass(frozen=True, slots=True)
class Line:
    """One section in a few words: how much it states, and what its items are called."""

    section: str
    label: str
    stated: int
    names: tuple[str, ...]


def outline(record: DesignRecord) -> list[Line]:
    """The stated sections of a record, for somebody who sees it for the first time."""
    return [line for section in SECTIONS if (line := _line(section, getattr(record, section))).stated]


def _line(section: str, value: Any) -> Line:
    items = value if isinstance(value, tuple) else ()
    names = tuple(each.item_key for each in items if each.item_key)
    return Line(section, fields.section_spec(section).label, _count(documents.dump(value)), names)
