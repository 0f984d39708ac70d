"""The lists of the console, and what the address of one asks for: filters, order, columns. The address says it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from registry.models import ME, NOBODY, ListPreference, Person, SavedView
from registry.record import labels

LONGEST_VALUE = 200
LONGEST_CURSOR = 2_001


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be chosen; `order` is what a click on its head asks for."""

    name: str
    label: str
    order: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its filters, its columns and which are usual, and its orders by the field each goes by."""

    page: str
    first: str
    """The head of the column that is always there."""
    placeholder: str
    """What the search looks at."""
    filters: tuple[str, ...]
    columns: tuple[Column, ...]
    usual: tuple[str, ...]
    orders: Mapping[str, str] = field(default_factory=lambda: {"name": "name"})

    def named(self, names: list[str]) -> tuple[Column, ...]:
        """Its columns of these names in the list's own order; the usual ones where none is known."""
        chosen = tuple(each for each in self.columns if each.name in names)
        return chosen or tuple(each for each in self.columns if each.name in self.usual)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks of a list; "" asks for nothing."""

    listing: Listing
    filters: dict[str, str]
    order: str
    columns: tuple[Column, ...]
    cursor: str

    @classmethod
    def of(cls, listing: Listing, query: QueryDict) -> "Asked":
        filters = {name: plain(query.get(name, "")) for name in listing.filters}
        order = query.get("order", "")
        known = order.removeprefix("-") in listing.orders
        columns = listing.named(query.get("columns", "").split(","))
        cursor = plain(query.get("cursor", ""), longest=LONGEST_CURSOR)
        return cls(listing, filters, order if known else "name", columns, cursor)

    @property
    def field(self) -> str:
        """The field the rows are ordered by, as `keyset` takes it."""
        sign = "-" if self.is_falling else ""
        return f"{sign}{self.listing.orders[self.order.removeprefix('-')]}"

    @property
    def is_falling(self) -> bool:
        return self.order.startswith("-")

    @property
    def has_filters(self) -> bool:
        return any(self.filters.values())

    @property
    def column_names(self) -> str:
        """The columns as the address says them; "" for the usual ones."""
        names = [each.name for each in self.columns]
        return "" if set(names) == set(self.listing.usual) else ",".join(names)

    @property
    def query(self) -> str:
        """The one way to write this list into an address; what goes without saying is left out."""
        order = "" if self.order == "name" else self.order
        said = {**self.filters, "order": order, "columns": self.column_names}
        return urlencode({name: value for name, value in said.items() if value})

    def without(self, name: str) -> str:
        """The query without one filter."""
        return Asked(self.listing, {**self.filters, name: ""}, self.order, self.columns, "").query

    def chips(self) -> list[dict[str, str]]:
        """What is asked for in words, each with the query without it."""
        return [
            {"words": _words(name, value), "without": self.without(name)}
            for name, value in self.filters.items()
            if value
        ]

    def for_reader(self, by: Person) -> dict[str, str]:
        """The filters as the domain takes them: words to search by, and the reader's own name for "me"."""
        asked = {"search" if name == "q" else name: value for name, value in self.filters.items()}
        return asked | {"owner": by.username} if asked.get("owner") == ME else asked


def elsewhere(request: HttpRequest, asked: Asked, by: Person) -> str | None:
    """The query that says what the bare address leaves out: this person's default view, and their columns."""
    preference = (
        ListPreference.objects.filter(person=by, page=asked.listing.page).select_related("default_view").first()
    )
    if preference is None:
        return None
    wanted = asked
    if not request.GET and preference.default_view:
        wanted = Asked.of(asked.listing, QueryDict(preference.default_view.query))
    if "columns" not in request.GET and not wanted.column_names and preference.columns:
        columns = asked.listing.named(preference.columns)
        wanted = Asked(wanted.listing, wanted.filters, wanted.order, columns, wanted.cursor)
    if wanted.query == asked.query:
        return None
    return f"{wanted.query}&{urlencode({'cursor': asked.cursor})}" if asked.cursor else wanted.query


def head(asked: Asked, by: Person) -> dict[str, Any]:
    """What components/list_head.html needs: the views this person may use, and the columns to choose from."""
    shown = {each.name for each in asked.columns}
    return {
        "views": SavedView.objects.open_to(by, asked.listing.page),
        "columns_offered": [(each, each.name in shown) for each in asked.listing.columns],
    }


def plain(text: str, longest: int = LONGEST_VALUE) -> str:
    return text.replace("\x00", "").strip()[:longest]


def _words(name: str, value: str) -> str:
    if name == "q":
        return f"“{value}”"
    if value in (ME, NOBODY):
        return f"{labels.field(name)}: {value[1:]}"
    shown = labels.choice(value).lower() if name in CHOICES else value
    return f"{LABELS.get(name) or labels.field(name)}: {shown}"


CHOICES = {"state", "revision_state", "type", "criticality", "role", "findings", "kind"}
LABELS = {"revision_state": "Newest revision", "finding": "Rule"}

INTEGRATIONS = Listing(
    page="integrations",
    first="Integration",
    placeholder="Name, purpose, system, contract, topic",
    filters=(
        "q",
        "state",
        "revision_state",
        "type",
        "criticality",
        "findings",
        "tag",
        "owner",
        "team",
        "system",
        "role",
        "finding",
    ),
    columns=(
        Column("parties", "Consumer → provider"),
        Column("project", "Project"),
        Column("type", "Type"),
        Column("criticality", "Criticality", order="criticality"),
        Column("state", "State"),
        Column("revision", "Newest revision"),
        Column("findings", "Findings", order="findings"),
        Column("tags", "Tags"),
        Column("owner", "Owner"),
        Column("created", "Begun", order="created"),
        Column("updated", "Changed", order="updated"),
    ),
    usual=("parties", "criticality", "state", "revision", "findings", "tags", "updated"),
    orders={
        "name": "name",
        "criticality": "criticality_rank",
        "findings": "findings_rank",
        "created": "created_at",
        "updated": "updated_at",
    },
)

SYSTEMS = Listing(
    page="systems",
    first="System",
    placeholder="Name",
    filters=("q", "team"),
    columns=(
        Column("team", "Team"),
        Column("description", "What it is"),
        Column("provides", "Provider in", is_number=True),
        Column("consumes", "Consumer in", is_number=True),
        Column("tokens", "Tokens", is_number=True),
    ),
    usual=("team", "description", "provides", "consumes", "tokens"),
)

TEAMS = Listing(
    page="teams",
    first="Team",
    placeholder="Name",
    filters=("q",),
    columns=(
        Column("leads", "Leads"),
        Column("contact", "Contact"),
        Column("people", "People", is_number=True),
        Column("systems", "Systems", is_number=True),
        Column("integrations", "Integrations", is_number=True),
    ),
    usual=("leads", "contact", "people", "systems", "integrations"),
)

TOPICS = Listing(
    page="topics",
    first="Topic or queue",
    placeholder="Name",
    filters=("q", "kind", "broker", "producer"),
    columns=(
        Column("kind", "Kind"),
        Column("broker", "Broker"),
        Column("producers", "Written by"),
        Column("groups", "Read by group"),
        Column("integrations", "Integrations", is_number=True),
        Column("differing", "Differences"),
    ),
    usual=("kind", "broker", "producers", "groups", "integrations", "differing"),
)

EVENTS = Listing(
    page="events",
    first="Event",
    placeholder="Type",
    filters=("q", "publisher", "consumer"),
    columns=(
        Column("names", "Short name"),
        Column("publishers", "Published by"),
        Column("consumers", "Read by"),
        Column("integrations", "Integrations", is_number=True),
        Column("schemas", "Schemas", is_number=True),
    ),
    usual=("names", "publishers", "consumers", "integrations", "schemas"),
    orders={"name": "type"},
)

LISTINGS = {each.page: each for each in (INTEGRATIONS, SYSTEMS, TEAMS, TOPICS, EVENTS)}
