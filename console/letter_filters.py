"""What the address of a list of letters asks for: filters and facts, in words, and back into an address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.http import QueryDict

from console import odd
from console.listed import MOST_CHOICES, Choice
from console.listings import plain
from console.views.releases import number
from registry.errors import Invalid
from registry.models import ME, NOBODY, DeadLetter, DeadLetterGroup, DeadLetterSource, Person
from registry.models.letters import DeadLetterQuerySet
from registry.record.findings import Problem
from registry.services import plans, sources
from registry.services.plans import AGES, Selector

LONGEST = 300
ERRORS_OFFERED = 50
State = DeadLetter.State
LABELS: Mapping[str, str] = {
    "q": "Holds",
    "state": "State",
    "age": "Dead for",
    "error_class": "Error",
    "event_type": "Event",
    "ordering_key": "Key",
    "assignee": "Assigned",
    "since": "Died since",
    "until": "Died until",
    "group": "Group",
    "wire_id": "Id",
    "letters": "Letters",
}
"""What letters are chosen by, for people."""
TEXTS = [each for each in LABELS if each != "letters"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Filters by name, "" asking for nothing, and values of searchable fields and headers."""

    texts: Mapping[str, str]
    facts: Mapping[str, str]
    nameless: str = ""
    """A value somebody typed without saying of which field."""
    marked: tuple[str, ...] = ()
    """Numbers of those that were marked; all that fit, where none was."""

    @classmethod
    def of(cls, query: QueryDict, source: DeadLetterSource) -> "Asked":
        """`fact=tenant=nl` for each fact; a form adds one as `fact_name` and `fact_value`."""
        facts = plans.facts((plain(each, longest=2 * LONGEST) for each in query.getlist("fact")), source)
        name, value = (plain(query.get(each, ""), longest=LONGEST) for each in ("fact_name", "fact_value"))
        facts |= {name: value} if name else {}
        texts = {each: plain(query.get(each, ""), longest=LONGEST) for each in TEXTS}
        return cls(texts, facts, "" if name else value, _numbers(query))

    @property
    def state(self) -> str:
        return self.texts["state"]

    @property
    def has_any(self) -> bool:
        return any(self.texts.values()) or bool(self.facts or self.marked)

    def selector(self, source: DeadLetterSource, by: Person) -> Selector:
        """Which letters of this source are meant, but for their state. Raises Invalid."""
        if self.state and self.state not in State.values:
            raise Invalid([Problem("state", "is no state of a letter", "Choose one of the list.")])
        if self.nameless:
            raise Invalid([Problem("fact_name", "is missing", "Choose the field or header whose value you typed.")])
        given: dict[str, Any] = {name: value for name, value in self.texts.items() if name != "state"}
        given |= {"facts": self.facts, "group": number(self.texts["group"]) or self.texts["group"]}
        given["letters"] = [number(each) or each for each in self.marked]
        return Selector.read(given, by=by).known_to(source)

    def letters(self, source: DeadLetterSource, by: Person) -> DeadLetterQuerySet:
        """Those that fit, in no order. Raises Invalid."""
        rows = self.selector(source, by).of(source)
        return rows.of_state(self.state) if self.state else rows

    @property
    def query(self) -> str:
        """The one way to write it into an address."""
        said = [(name, value) for name, value in self.texts.items() if value]
        said += [("letters", ",".join(self.marked))] if self.marked else []
        return urlencode(said + [("fact", each) for each in self.kept])

    @property
    def kept(self) -> list[str]:
        """The facts as an address says them."""
        return [f"{name}={value}" for name, value in self.facts.items()]

    def chips(self, group: DeadLetterGroup | None) -> Iterator[tuple[str, str]]:
        """Each filter in words, with the query without it."""
        for name, value in self.texts.items():
            if value:
                yield (
                    f"{LABELS[name]}: {in_words(name, value, group)}",
                    replace(self, texts={**self.texts, name: ""}).query,
                )
        if self.marked:
            yield f"Letters: {len(self.marked):,} by hand", replace(self, marked=()).query
        for name, value in self.facts.items():
            others = {each: told for each, told in self.facts.items() if each != name}
            yield f"{name}: {value}", replace(self, facts=others).query


def _numbers(query: QueryDict) -> tuple[str, ...]:
    """As `letters=1,2`, or one by one."""
    told = ",".join(query.getlist("letters"))
    return tuple(dict.fromkeys(each.strip() for each in told.split(",") if each.strip()))


def menus(source: DeadLetterSource, asked: Asked) -> dict[str, Any]:
    """What the controls of the list offer."""
    groups = DeadLetterGroup.objects.filter(source=source).exclude(error_class="").order_by("-last_at", "-pk")
    errors = groups.values_list("error_class", flat=True)[:ERRORS_OFFERED]
    return {
        "states": State.choices,
        "ages": [(value, label) for value, (label, *_) in AGES.items()],
        # An offer cannot hold a badge; what needs one is found by its group.
        "errors": dict.fromkeys(each for each in errors if odd.named(each) == each),
        "assignees": _assignees(source, asked.texts["assignee"]),
        "fact_names": sources.searched_by(source),
    }


def _assignees(source: DeadLetterSource, chosen: str) -> list[Choice]:
    held = DeadLetter.objects.filter(source=source, assignee=OuterRef("pk"))
    holding = Person.objects.filter(Exists(held)).order_by("username")[:MOST_CHOICES]
    known = {ME: "Me", NOBODY: "Nobody"} | {each.username: each.name for each in holding}
    return list(({chosen: chosen} | known if chosen and chosen not in known else known).items())


def in_words(name: str, value: Any, group: DeadLetterGroup | None) -> str:
    """What a filter asks for, for people."""
    if name == "state":
        return str(dict(State.choices).get(value, value)).lower()
    if name == "age":
        return AGES[value][0].lower() if value in AGES else value
    if name == "assignee" and value in (ME, NOBODY):
        return str(value)[1:]
    return str(group) if name == "group" and group else str(value)
