"""The form as a tree: controls in groups and lists, each knowing all its template shows."""

from collections.abc import Iterator
from dataclasses import dataclass

from registry.record.findings import Finding, Problem, Severity

from .specs import Kind, Spec, section_spec, specs

WIDEST_TABLE = 7


@dataclass(frozen=True, slots=True)
class Control:
    """A field somebody fills in."""

    spec: Spec
    name: str
    pointer: str
    text: str
    problem: Problem | None = None
    findings: tuple[Finding, ...] = ()
    focused: bool = False
    fits: bool = False
    """Whether it is an example that was held to its schema and fits."""

    @property
    def is_stated(self) -> bool:
        """Whether anything was typed in it."""
        return bool(self.text.strip())

    @property
    def id(self) -> str:
        """The element's id; what belongs to it adds an ending."""
        return element_id(self.name)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.spec.label

    @property
    def kind(self) -> Kind:
        """Which control it is."""
        return self.spec.kind

    @property
    def range(self) -> str:
        """The range in words, where it helps to know it before typing."""
        low, high = self.spec.lowest, self.spec.highest
        return f"{low:,} to {high:,}" if low is not None and high is not None and high <= 100_000 else ""

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """The choices, with a value that is none of them kept at the end."""
        known = self.spec.choices
        return known if not self.text or self.text in dict(known) else (*known, (self.text, f"{self.text} (unknown)"))

    @property
    def yes_no(self) -> tuple[tuple[str, str], ...]:
        """Yes and no; what was posted instead of them stays."""
        known = (("yes", "Yes"), ("no", "No"))
        return known if self.text in ("yes", "no", "") else (*known, (self.text, f"{self.text} (unknown)"))

    @property
    def is_area(self) -> bool:
        """Whether it takes several lines."""
        return self.kind in ("prose", "code", "lines")

    @property
    def is_telling(self) -> bool:
        """Whether it says something in a word."""
        return self.kind in ("line", "choice") and 0 < len(self.text.strip()) <= 60

    @property
    def shown(self) -> str:
        """Its text as people read it."""
        return dict(self.spec.choices).get(self.text, self.text)

    @property
    def rows(self) -> int:
        """Lines a text area starts with."""
        least, most = {"code": (4, 18), "prose": (3, 10)}.get(self.kind, (2, 8))
        return max(least, min(most, self.text.count("\n") + 1 + len(self.text) // 90))

    @property
    def template(self) -> str:
        """The template that draws it."""
        return "console/edit/control.html"


@dataclass(frozen=True, slots=True)
class Group:
    """A part: fields that belong together. As an item of a list it has a place and can be moved."""

    spec: Spec
    name: str
    pointer: str
    fields: tuple["Field", ...]
    findings: tuple[Finding, ...] = ()
    problem: Problem | None = None
    title: str = ""
    index: int | None = None
    is_last: bool = False
    open_text: str = ""
    has_focus: bool = False
    act_focused: str = ""

    @property
    def id(self) -> str:
        """The element's id."""
        return element_id(self.name)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.title or self.spec.label

    @property
    def is_compact(self) -> bool:
        """Whether it can be a card in a grid: nothing but short fields."""
        return all(isinstance(each, Control) and each.spec.is_short for each in self.fields)

    @property
    def is_side_by_side(self) -> bool:
        """Whether several of its parts are compact, so that they stand beside one another."""
        return sum(isinstance(each, Group) and each.is_compact for each in self.fields) > 1

    @property
    def controls(self) -> tuple[Control, ...]:
        """Its own controls."""
        return tuple(each for each in self.fields if isinstance(each, Control))

    @property
    def parts(self) -> tuple["Group | Items", ...]:
        """Its parts and lists."""
        return tuple(each for each in self.fields if not isinstance(each, Control))

    @property
    def is_stated(self) -> bool:
        """Whether anything was typed in it."""
        return any(each.is_stated for each in self.fields)

    @property
    def is_of_protocol(self) -> bool:
        """Whether each of its fields belongs to one protocol only."""
        return all(each.spec.protocol for each in self.fields)

    @property
    def count(self) -> int:
        """Fields stated in it, however deep."""
        return sum(bool(each.text.strip()) if isinstance(each, Control) else each.count for each in self.fields)

    @property
    def notes(self) -> int:
        """Problems and findings in it, however deep."""
        return _own_notes(self) + sum(_own_notes(e) if isinstance(e, Control) else e.notes for e in self.fields)

    @property
    def worst(self) -> str:
        """The severity of the worst note in it."""
        return _worst(self)

    @property
    def heading(self) -> str:
        """The element of its heading."""
        return _heading(self.name)

    @property
    def has_problem(self) -> bool:
        """Whether a value in it cannot be kept."""
        return any(each.problem for each in walk(self))

    @property
    def opened(self) -> bool:
        """Whether its block stands open: as it was left, else where there is something to see."""
        if self.has_focus or self.has_problem:
            return True
        if self.open_text:
            return self.open_text == "1"
        return bool(self.count or self.notes) if self.index is None else self.index == 0 and self.is_last

    @property
    def gist(self) -> str:
        """What a closed block shows beside its title: the first few short values."""
        key = self.spec.inner.KEY
        texts = [each.shown for each in self.controls if each.spec.name != key and each.is_telling]
        return " · ".join(texts[:3])

    @property
    def template(self) -> str:
        """The template that draws it."""
        return "console/edit/group.html"


@dataclass(frozen=True, slots=True)
class Said:
    """What was just done to a list, and the sealed item that Undo would put back."""

    message: str
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list of parts: a table where each is a few short fields, else a stack of blocks."""

    spec: Spec
    name: str
    pointer: str
    items: tuple[Group, ...]
    findings: tuple[Finding, ...] = ()
    problem: Problem | None = None
    said: Said | None = None
    add_focused: bool = False

    @property
    def id(self) -> str:
        """The element's id."""
        return element_id(self.name)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.spec.label

    @property
    def one(self) -> str:
        """What people call one of them."""
        title = self.spec.inner.TITLE
        return title[:1].lower() + title[1:]

    @property
    def worst(self) -> str:
        """The severity of the worst note in it."""
        return _worst(self)

    @property
    def heading(self) -> str:
        """The element of its heading."""
        return _heading(self.name)

    @property
    def article(self) -> str:
        """What stands before one of them."""
        return "an" if self.one.startswith(("a", "e", "i", "o", "u")) else "a"

    @property
    def is_whole_section(self) -> bool:
        """Whether the page's own heading names it already."""
        return "." not in self.name

    @property
    def columns(self) -> tuple[Spec, ...]:
        """A table's columns."""
        return specs(self.spec.inner)

    @property
    def is_table(self) -> bool:
        """Whether each item fits in a row."""
        return is_table(self.spec)

    @property
    def is_stated(self) -> bool:
        """Whether it has items."""
        return bool(self.items)

    @property
    def count(self) -> int:
        """Fields stated in it, however deep."""
        return sum(each.count for each in self.items)

    @property
    def notes(self) -> int:
        """Problems and findings in it, however deep."""
        return _own_notes(self) + sum(each.notes for each in self.items)

    @property
    def template(self) -> str:
        """The template that draws it."""
        return "console/edit/table.html" if self.is_table else "console/edit/stack.html"


Field = Control | Group | Items


def is_table(spec: Spec) -> bool:
    """Whether each item of a list fits in a row."""
    columns = specs(spec.inner)
    return len(columns) <= WIDEST_TABLE and all(each.is_short for each in columns)


def _own_notes(field: Field) -> int:
    return len(field.findings) + (field.problem is not None)


def _worst(field: Field) -> str:
    """The severity of the worst note in it, however deep."""
    inside = list(walk(field))
    if any(each.problem for each in inside):
        return "error"
    severities = [finding.severity for each in inside for finding in each.findings]
    return min(severities, key=list(Severity).index, default=Severity.HINT).value


def _heading(name: str) -> str:
    """The heading's element: below the page's own, one level further in for each part it lies in."""
    section, *steps = name.split(".")
    is_list = section_spec(section).kind == "items"
    return f"h{min(2 + len(steps) - (not is_list), 6)}"


def element_id(name: str) -> str:
    """The id of the element of the field `name`."""
    return "f-" + name.replace(".", "-")


def walk(field: Field) -> Iterator[Field]:
    """`field` and everything in it, in the order of the page."""
    yield field
    for each in field.fields if isinstance(field, Group) else field.items if isinstance(field, Items) else ():
        yield from walk(each)


@dataclass(frozen=True, slots=True)
class Content:
    """A line of a long section's contents."""

    id: str
    label: str
    notes: int
    worst: str
    inside: tuple["Content", ...] = ()


def contents(field: Field) -> tuple[Content, ...]:
    """The contents of a section's form, two levels deep; a section of one level has none worth a list."""
    lines = tuple(Content(each.id, each.label, each.notes, each.worst, _parts_of(each)) for each in _blocks(field))
    return lines if isinstance(field, Group) or any(each.inside for each in lines) else ()


def _blocks(field: Field) -> tuple["Group | Items", ...]:
    if isinstance(field, Items):
        return () if field.is_table else field.items
    return field.parts if isinstance(field, Group) else ()


def _parts_of(block: "Group | Items") -> tuple[Content, ...]:
    if not isinstance(block, Group):
        return ()
    return tuple(Content(each.id, each.label, each.notes, each.worst) for each in block.parts)


def labels_of(field: Field, above: tuple[str, ...] = ()) -> Iterator[tuple[Field, tuple[str, ...]]]:
    """`field` and everything in it, each with the labels of the items it lies in."""
    yield field, above
    here = (*above, field.label) if isinstance(field, Group) and field.index is not None else above
    for each in field.fields if isinstance(field, Group) else field.items if isinstance(field, Items) else ():
        yield from labels_of(each, here)
