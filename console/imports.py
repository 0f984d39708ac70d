"""What a file would make of a record: read, with the answers to what it does not say, merged, and compared."""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import QueryDict
from django.utils.text import slugify

from console import editing
from registry import diff, importers, skeletons
from registry.importers import Asked, Imported, Note, Role, Sides
from registry.merge import Conflict, Side
from registry.models import Revision, System, Upload
from registry.record import SECTIONS, DesignRecord, documents, labels
from registry.record.findings import Finding, Severity
from registry.services import uploads

MOST_CHANGES = 300
MOST_ITEMS = 12
LONGEST_SHOWN = 400
LONGEST_LINE = 160
MOST_LINES_OF_A_REASON = 5
LINES = ("name", "slug", "project", "purpose", "criticality", "impact", "rto", "rpo", "own", "other")
MENUS = ("described", "contract", "format")
CHOICES = {
    "criticality": (
        ("critical", "Critical: the business stops"),
        ("high", "High: many are hindered at once"),
        ("medium", "Medium: it is noticed within the day"),
        ("low", "Low: it can wait"),
    ),
    "rto": (
        ("PT5M", "5 minutes"),
        ("PT15M", "15 minutes"),
        ("PT1H", "1 hour"),
        ("PT4H", "4 hours"),
        ("P1D", "1 day"),
        ("P3D", "3 days"),
    ),
    "rpo": (
        ("PT0S", "Nothing"),
        ("PT1M", "1 minute"),
        ("PT15M", "15 minutes"),
        ("PT1H", "1 hour"),
        ("P1D", "1 day"),
    ),
}
"""What can be answered with one choice: the value in the record, and how it is said."""
LONGEST_ANSWER = 20_000
COMMON = ("api", "apis", "app", "service", "services", "kafka", "events", "rest", "grpc", "http", "svc", "server")
"""Words that a system's name in a file and in the catalog may differ by."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody said beside the file; "" where nothing was said yet."""

    name: str = ""
    slug: str = ""
    project: str = ""
    criticality: str = ""
    purpose: str = ""
    impact: str = ""
    rto: str = ""
    rpo: str = ""
    own: str = ""
    other: str = ""
    described: str = ""
    contract: str = ""
    format: str = ""
    only: tuple[str, ...] = ()
    usual: bool = True
    take: Mapping[str, Side] = field(default_factory=dict)

    @classmethod
    def of(cls, post: QueryDict) -> "Answers":
        """As the preview's form sends them."""
        given: dict[str, Any] = {
            name: post.get(name, "").replace("\x00", "").strip()[:LONGEST_ANSWER] for name in (*LINES, *MENUS)
        }
        given |= {name: suggested(given[name]) for name in ("own", "other", "contract")}
        for name, choices in CHOICES.items():
            given[name] = given[name] if given[name] in dict(choices) else ""
        only = tuple(each[:300] for each in post.getlist("only")[:200])
        every = post.get("all")
        take: dict[str, Side] = {
            name.removeprefix("take:"): "theirs" if (every or value) == "theirs" else "mine"
            for name, value in post.items()
            if name.startswith("take:")
        }
        return cls(**given, only=only, usual="usual" in post, take=take)

    @property
    def sides(self) -> Sides:
        role: Role = "consumer" if self.described == "consumer" else "provider"
        provider, consumer = (self.own, self.other) if role == "provider" else (self.other, self.own)
        return Sides(provider, consumer, role)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be saved, and how it came about."""

    upload: Upload
    answers: Answers
    found: Imported
    asks_sides: bool
    before: DesignRecord | None
    imported: DesignRecord
    merged: DesignRecord
    record: DesignRecord
    conflicts: tuple[Conflict, ...]

    @property
    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = documents.dump(self.record)
        return made

    @property
    def changes(self) -> list[diff.Change]:
        return diff.compare(self.before, self.record)

    @property
    def usual(self) -> list[diff.Change]:
        """What was filled in that neither the file nor the draft says."""
        return diff.compare(self.merged, self.record)

    @property
    def source(self) -> uploads.Source:
        """The file, for the trail."""
        touched = {each.section for each in self.changes}
        sections = tuple(each for each in SECTIONS if each in touched)
        return uploads.Source(self.upload.filename, self.upload.sha256, self.found.format, sections)


def preview(upload: Upload, answers: Answers | None, draft: Revision | None) -> Preview:
    """What the file would make, by the answers so far; None are the first look. Raises Invalid where it breaks."""
    before = draft.record if draft else None
    said = answers or Answers(format=upload.format, usual=draft is None)
    found = _read(upload, said)
    guessed = importers.guessed_sides(found)
    document = found.document
    if guessed is not None:
        said = said if answers else _first_answers(said, guessed, found, before)
        known = _known(said)
        if found.format == "asyncapi" and _would_differ(said, guessed, known):
            found = _read(upload, said, known)
            guessed = importers.guessed_sides(found) or guessed
        document = importers.with_sides(found.document, guessed, said.sides, known)
    if answers is None:
        purpose = "" if draft else document.get("overview", {}).get("purpose", "")
        said = replace(said, name=found.title, purpose=purpose, contract=_target(document, before))
    document = _with_answers(document, said, before)
    merged = importers.merge(documents.dump(before) if before else {}, document, take=said.take)
    slug = draft.integration.slug if draft else said.slug or suggested(said.name) or "integration"
    whole = skeletons.completed(merged.document, slug) if said.usual else merged.document
    return Preview(
        upload,
        said,
        found,
        guessed is not None,
        before,
        imported=documents.parse(document),
        merged=documents.parse(merged.document),
        record=documents.parse(whole),
        conflicts=merged.conflicts,
    )


def suggested(name: str) -> str:
    """An address made of a name; a plain name is itself."""
    if re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?", name):
        return name
    return re.sub(r"-+", "-", slugify(name.replace("→", " to "))).strip("-")[:100].strip("-")


def _read(upload: Upload, said: Answers, known: Mapping[str, Mapping[str, str]] | None = None) -> Imported:
    contacts = [(known or {}).get(each, {}).get("contact", "") for each in (said.own, said.other)]
    domain = next((found for each in contacts if (found := importers.owner(_mail(each), []))), "")
    asked = Asked(only=said.only, sides=said.sides if said.own else Sides(), domain=domain)
    return uploads.read(bytes(upload.content), upload.filename, said.format or upload.format, asked)


def _mail(contact: str) -> str:
    found = re.search(r"[\w.+-]{1,64}@[\w.-]{1,200}\w", contact)
    return found[0] if found else ""


def _would_differ(said: Answers, guessed: Sides, known: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether the answers change names that AsyncAPI's events are made of."""
    return said.sides != guessed or any(each.get("contact") for each in known.values())


def _first_answers(said: Answers, guessed: Sides, found: Imported, before: DesignRecord | None) -> Answers:
    """The draft's own parties, else the file's guess, by the name it has in the catalog."""
    role: Role = guessed.described or "provider"
    stated = {each.role: each.system or "" for each in reversed(before.parties)} if before else {}
    own = stated.get(role) or closest(guessed.own, System.objects.values_list("slug", flat=True))
    other = stated.get("consumer" if role == "provider" else "provider", "")
    return replace(said, own=own, other=other, described=role)


def closest(guess: str, slugs: Iterable[str]) -> str:
    """The system of the catalog that a guess most likely means; the guess itself where none is near."""
    plain = {slug: _plain(slug) for slug in slugs}
    if guess in plain or not _plain(guess):
        return guess
    near = difflib.get_close_matches(_plain(guess), list(plain.values()), n=2, cutoff=0.85)
    named = [slug for slug, each in plain.items() if near and each == near[0]]
    return named[0] if len(named) == 1 else guess


def _plain(slug: str) -> str:
    return "-".join(each for each in slug.split("-") if each not in COMMON)


def _known(said: Answers) -> dict[str, dict[str, str]]:
    """Team and contact of the systems that are in the catalog."""
    rows = System.objects.filter(slug__in=[each for each in (said.own, said.other) if each]).select_related("team")
    return {
        each.slug: {"team": each.team.slug, **({"contact": each.team.contact} if each.team.contact else {})}
        for each in rows
        if each.team
    }


def _target(document: dict[str, Any], before: DesignRecord | None) -> str:
    """The contract of the draft that the file's one most likely means: by its name, else the only of its protocol."""
    contracts = document.get("contracts", [])
    if before is None or len(contracts) != 1:
        return ""
    alike = [each.name or "" for each in before.contracts if each.protocol == contracts[0].get("protocol")]
    return contracts[0]["name"] if contracts[0]["name"] in alike else alike[0] if len(alike) == 1 else ""


def _with_answers(document: dict[str, Any], said: Answers, before: DesignRecord | None) -> dict[str, Any]:
    made = dict(document)
    overview = {"criticality": said.criticality, "impact_if_down": said.impact}
    if before is None:
        # It was shown with what the file says, so what stands there now is meant, nothing too.
        made["overview"] = {name: value for name, value in made.get("overview", {}).items() if name != "purpose"}
        overview["purpose"] = said.purpose
    for section, values in (("overview", overview), ("sla", {"rto": said.rto, "rpo": said.rpo})):
        given = {name: value for name, value in values.items() if value}
        made |= {section: {**made.get(section, {}), **given}} if given else {}
    contracts = made.get("contracts", [])
    if said.contract and len(contracts) == 1:
        made["contracts"] = [{**contracts[0], "name": said.contract}]
    return made


# --- how it is shown --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was left out, and the lines it is about."""

    text: str
    kind: str
    count: int
    lines: tuple[tuple[int | None, str], ...]

    @property
    def more(self) -> int:
        """Lines that are not shown."""
        return self.count - len(self.lines)


def reasons(notes: Iterable[Note], lines: list[str]) -> list[Reason]:
    """What was left out, by why: each with its first lines as they stand in the file."""
    grouped: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for note in notes:
        grouped[note.kind, note.text].append(note.line)
    return [
        Reason(text, kind, len(set(at)), tuple(_shown_lines(sorted(set(at), key=lambda each: each or 0), lines)))
        for (kind, text), at in grouped.items()
    ]


def _shown_lines(numbers: list[int | None], lines: list[str]) -> Iterator[tuple[int | None, str]]:
    for number in numbers[:MOST_LINES_OF_A_REASON]:
        text = lines[number - 1].strip() if number and number <= len(lines) else ""
        yield number, text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


@dataclass(frozen=True, slots=True)
class Understood:
    """One section of the record: what was understood of it, in the order of the file."""

    section: str
    label: str
    names: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def guesses(self) -> tuple[Note, ...]:
        """What somebody should look at."""
        return tuple(each for each in self.notes if each.kind == "guessed")


def understood(found: Imported, record: DesignRecord) -> list[Understood]:
    """The sections the file says something of, with what each holds."""
    notes: dict[str, list[Note]] = defaultdict(list)
    for note in found.understood:
        notes[re.split(r"[.\[]", note.target_pointer, maxsplit=1)[0]].append(note)
    return [
        Understood(each.section, each.label, each.names or _stated(record, each.section), tuple(notes[each.section]))
        for each in editing.outline(record)
    ]


def _stated(record: DesignRecord, section: str) -> tuple[str, ...]:
    """The fields of a section that is no list."""
    part = documents.dump(getattr(record, section))
    return tuple(labels.field(name) for name in part) if isinstance(part, dict) else ()


def brief(changes: list[diff.Change]) -> list[diff.Change]:
    """The first changes, long texts and lists cut short: enough to see what they are."""
    return [replace(each, before=_brief(each.before), after=_brief(each.after)) for each in changes[:MOST_CHANGES]]


def _brief(value: Any) -> Any:
    if isinstance(value, str) and (len(value) > LONGEST_SHOWN or value.count("\n") > MOST_ITEMS):
        return f"{' '.join(value[:LONGEST_SHOWN].split())[:LONGEST_LINE]} … ({len(value):,} characters)"
    if isinstance(value, dict):
        return {name: _brief(each) for name, each in value.items()}
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        more = f"{len(value) - MOST_ITEMS:,} more"
        rest = {"further": more} if isinstance(value[-1], dict) else f"… {more}"
        return [*map(_brief, value[:MOST_ITEMS]), rest]
    if isinstance(value, list):
        return [*map(_brief, value)]
    return value


@dataclass(frozen=True, slots=True)
class Share:
    """A section and what is said of it, in a few words."""

    label: str
    count: int
    words: tuple[str, ...]


def by_section(changes: Iterable[diff.Change]) -> list[Share]:
    """How much changes in each section, and what: a field of many items is named once, with how many."""
    fields: dict[str, Counter[str]] = defaultdict(Counter)
    items: dict[str, list[str]] = defaultdict(list)
    for each in changes:
        name = each.label.rpartition(" › ")[2]
        fields[each.section][name] += 0 if isinstance(each.after, dict) else 1
        items[each.section] += [name] if isinstance(each.after, dict) else []
    return [
        Share(labels.field(section), counts.total() + len(items[section]), _counted(counts, items[section]))
        for section, counts in fields.items()
    ]


def _counted(fields: Counter[str], items: list[str]) -> tuple[str, ...]:
    counted = [
        f"{word} ({count} times)" if count > 1 else word for word, count in fields.most_common(MOST_ITEMS) if count
    ]
    named, more = ", ".join(items[:3]), len(items) - 3
    return (*counted, *([f"{named} and {more} more" if more > 0 else named] if items else []))


def missing(findings: Iterable[Finding], severity: Severity) -> list[Share]:
    """What is still to be said, section by section."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for each in findings:
        if each.severity == severity:
            grouped[each.section].append(each.message)
    return [
        Share(labels.field(section) or "The whole", len(words), tuple(dict.fromkeys(words))[:MOST_ITEMS])
        for section, words in grouped.items()
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, and what became of what stands on it."""

    number: int
    text: str
    notes: tuple[Note, ...]


def with_notes(found: Imported, lines: list[str], first: int, last: int) -> list[Line]:
    """The lines from `first` to `last`, each with its notes."""
    notes: dict[int | None, list[Note]] = defaultdict(list)
    for each in (*found.understood, *found.left_out):
        notes[each.line].append(each)
    return [
        Line(number, lines[number - 1][:1_000], tuple(notes[number][:MOST_ITEMS])) for number in range(first, last + 1)
    ]
