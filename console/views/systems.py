"""Systems, and who uses what of one: its agreements on either side, contracts, topics, events, neighbours."""

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from console import listed
from console.listings import SYSTEMS, Asked
from console.people import signed_in
from registry import permissions
from registry.models import (
    IndexedContract,
    IndexedEvent,
    IndexedParty,
    IndexedTopic,
    Integration,
    Page,
    System,
    Team,
    Token,
    counted,
    keyset,
    keyset_values,
)

COUNTED_UP_TO = 1_000
MOST_USES = 100
MOST_UNKNOWN = 20


def systems(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    may_manage = permissions.may_manage_catalog(by)
    may_add = may_manage or permissions.may_add_system(by)

    def found(asked: Asked) -> dict[str, Any]:
        page = keyset(_matching(asked), order=asked.field, cursor=asked.cursor)
        return {"page": page, "counted_up_to": COUNTED_UP_TO, "tokens": _tokens(page), "may_manage": may_manage}

    def whole() -> dict[str, Any]:
        unknown = IndexedParty.objects.living().filter(system__isnull=True).exclude(system_slug="")
        return {
            "new": {"url": "system-new", "label": "New system"} if may_add else None,
            "unknown": keyset_values(unknown, field="system_slug", size=MOST_UNKNOWN),
        }

    menus = (("team", "Team", lambda: listed.named(Team.objects.all())),)
    return listed.answer(request, SYSTEMS, found=found, menus=menus, whole=whole)


def system(request: HttpRequest, slug: str) -> HttpResponse:
    """What the records say of a system; one that is named there but not in the catalog has a page as well."""
    by = signed_in(request)
    may_manage = permissions.may_manage_catalog(by)
    found = System.objects.select_related("team").filter(slug=slug).first()
    provides, consumes = (_integrations(slug, role) for role in ("provider", "consumer"))
    if found is None and not provides and not consumes:
        get_object_or_404(System, slug=slug)
    named = IndexedParty.objects.filter(system_slug=slug).current()
    context = {
        "slug": slug,
        "system": found,
        "sides": (("provider", "Provides", provides), ("consumer", "Uses", consumes)),
        "most": MOST_USES,
        "contracts": _of_revision(
            IndexedContract.objects.filter(Q(consumer_slug=slug) | Q(provider_slug=slug)), order="name"
        ),
        "writes": _of_revision(IndexedTopic.objects.filter(producer=slug), order="name"),
        "reads": _of_revision(_read_by(slug), order="name"),
        "publishes": _of_revision(IndexedEvent.objects.filter(publisher_slug=slug), order="type"),
        "receives": _of_revision(IndexedEvent.objects.filter(consumer_slugs__contains=[slug]), order="type"),
        "neighbours": _neighbours(slug),
        "contacts": list(
            named.exclude(contact="").order_by("contact").values_list("contact", flat=True).distinct()[:10]
        ),
        "tokens": _valid_tokens().filter(system__slug=slug).count(),
        "may_manage": may_manage,
        "may_add": may_manage or permissions.may_add_system(by),
    }
    return render(request, "console/catalog/system.html", context)


def _matching(asked: Asked) -> QuerySet[System]:
    found = System.objects.select_related("team").annotate(
        provides=counted(_named_as("provider"), up_to=COUNTED_UP_TO),
        consumes=counted(_named_as("consumer"), up_to=COUNTED_UP_TO),
    )
    if words := asked.filters["q"]:
        found = found.filter(Q(name__icontains=words) | Q(slug__icontains=words))
    if team := asked.filters["team"]:
        found = found.filter(team__slug=team)
    return found


def _named_as(role: str) -> Any:
    """The newest revisions that name the system one level out in this role."""
    rows = IndexedParty.objects.current().filter(system_slug=OuterRef("slug"), role=role)
    return rows.order_by().values("revision").distinct()


def _tokens(page: Page[System]) -> dict[int, int]:
    rows = _valid_tokens().filter(system__in=page.rows).order_by()
    return dict(rows.values("system").annotate(count=Count("pk")).values_list("system", "count"))


def _valid_tokens() -> QuerySet[Token]:
    now = timezone.now()
    return Token.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)


def _integrations(slug: str, role: str) -> list[Integration]:
    found = Integration.objects.listing(system=slug, role=role).prefetch_related("current__indexed_parties")
    return list(found.order_by("name", "id")[:MOST_USES])


def _of_revision(rows: Any, *, order: str) -> list[Any]:
    """Rows of newest revisions, each with its integration, without what is large."""
    found = rows.current().select_related("revision__integration")
    found = found.defer("revision__document", "revision__integration__search_text")
    return list(found.order_by(order, "id")[:MOST_USES])


def _read_by(slug: str) -> Any:
    """Topics of records that bind the system and that another writes; where failures go is nobody's reading."""
    parties = IndexedParty.objects.filter(system_slug=slug, role="consumer").values("revision")
    return IndexedTopic.objects.filter(revision__in=parties).exclude(producer=slug).exclude(consumer_groups=[])


def _neighbours(slug: str) -> list[dict[str, Any]]:
    """Systems it has agreements with: how many in which it is their consumer, and their provider."""
    own = IndexedParty.objects.filter(system_slug=slug).living().values("revision")
    rows = IndexedParty.objects.filter(revision__in=own).exclude(system_slug__in=("", slug))
    shared = rows.values("system_slug", "role").annotate(count=Count("revision__integration", distinct=True))
    found: dict[str, dict[str, Any]] = {}
    for row in shared.order_by("system_slug")[: 2 * MOST_USES]:
        entry = found.setdefault(row["system_slug"], {"slug": row["system_slug"], "provider": 0, "consumer": 0})
        if row["role"]:
            entry[row["role"]] = row["count"]
    return list(found.values())
