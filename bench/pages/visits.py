"""The pages that are measured, each as the address somebody would open."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from bench.pages import records
from registry.models import IndexedEvent, IndexedTopic, Integration, Revision, keyset

FAR_PAGE = 400
PAGE_SIZE = 50
WHOLE, IN_REVIEW, WITH_DRAFT = 180, 18, 36
"""Integrations with a whole document: one in force, one in review, one with a draft of 1.1 (see bench.pages.load)."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page: what it is called, and its address in the registry that is connected now."""

    name: str
    address: Callable[[], str]
    user: str = "ann"
    part: str = ""
    """The place htmx would put the answer in; "" for a whole page."""


def all_visits() -> list[Visit]:
    """Every page that is measured."""
    whole = _slug(WHOLE)
    return [
        Visit("home, an architect's", _at("home")),
        Visit("home, a lead's inbox", _at("home"), user="cora"),
        Visit("list", _at("integrations")),
        Visit("list, by change", _at("integrations", order="-updated")),
        Visit("list, one team's", _at("integrations", team=records.team_slug(3))),
        Visit("list, one system's", _at("integrations", system=records.system_slug(5))),
        Visit("list, critical and active", _at("integrations", criticality="critical", state="active")),
        Visit("list, one tag's", _at("integrations", tag="tag-20")),
        Visit("list, a common word", _at("integrations", q="order")),
        Visit("list, a word in three", _at("integrations", q=records.MARKER)),
        Visit("list, a word nobody wrote", _at("integrations", q="zzqqxx")),
        Visit("list, one rare letter", _at("integrations", q="q")),
        Visit(f"list, page {FAR_PAGE} or the last", _far_page),
        Visit("search, a common word", _at("search", q="order")),
        Visit("search, a very common word", _at("search", q="error")),
        Visit("search, two words", _at("search", q="order not_found")),
        Visit("search, a word in three", _at("search", q=records.MARKER)),
        Visit("search, a name", _at("search", q=whole)),
        Visit("search, a path", _at("search", q="POST /orders")),
        Visit("search, mistyped", _at("search", q="quetzzal")),
        Visit("search, two letters", _at("search", q="or")),
        Visit("search, one kind, narrowed", _at("search", q="order in:operations criticality:critical")),
        Visit("search, a hash", _hash),
        Visit("search, as one types", _at("search", q="ord"), part="jump-found"),
        Visit("board of everything", _at("board")),
        Visit("board, what wants a look", _at("board", show="look")),
        Visit("releases", _at("releases", whole)),
        Visit("document", _at("integration", whole)),
        Visit("history", _at("history", whole)),
        Visit("difference", _difference),
        Visit("review, open", _at("review", _slug(IN_REVIEW))),
        Visit("live settings", _at("live", whole)),
        Visit("editor, contracts", _at("edit", _slug(WITH_DRAFT), "contracts")),
        Visit("new integration", _at("integration-new")),
        Visit("systems", _at("systems")),
        Visit("one system", _at("system", records.system_slug(5))),
        Visit("teams", _at("teams")),
        Visit("one team", _at("team", records.team_slug(3))),
        Visit("environments", _at("environments")),
        Visit("one environment", _at("environment", "production")),
        Visit("topics", _at("topics")),
        Visit("one topic", _topic),
        Visit("events", _at("events")),
        Visit("one event", _event),
        Visit("tags", _at("tags")),
        Visit("trail", _at("trail")),
        Visit("trail of one integration", _at("trail", chain=whole)),
        Visit("findings across integrations", _at("findings")),
        Visit("verification of a hash", _verification),
        Visit("notices", _at("notices")),
        Visit("landscape", _at("landscape")),
        Visit("landscape around one system", _at("landscape", system=records.system_slug(5))),
    ]


def _slug(number: int) -> str:
    """The slug of an integration, which does not depend on how many there are."""
    return records.design(number, systems=20, teams=10).slug


def _at(name: str, *where: str, **query: str) -> Callable[[], str]:
    return lambda: reverse(name, args=where) + (f"?{urlencode(query)}" if query else "")


def _far_page() -> str:
    count = Integration.objects.count()
    before = min((FAR_PAGE - 1) * PAGE_SIZE, count - PAGE_SIZE)
    page = keyset(Integration.objects.only("name"), order="name", size=before)
    return f"{reverse('integrations')}?{urlencode({'cursor': page.next})}"


def _hash() -> str:
    return f"{reverse('search')}?{urlencode({'q': _newest_hash()[:12]})}"


def _verification() -> str:
    return reverse("verify", args=[_newest_hash()])


def _topic() -> str:
    return reverse("topic", args=[IndexedTopic.objects.order_by("revision").values_list("name", flat=True)[0]])


def _event() -> str:
    return reverse("event", args=[IndexedEvent.objects.order_by("revision").values_list("type", flat=True)[0]])


def _newest_hash() -> str:
    return Revision.objects.order_by("-pk").values_list("content_hash", flat=True)[0]


def _difference() -> str:
    return reverse("diff", args=[_slug(WITH_DRAFT)]) + "?from=1.0&to=1.1"
