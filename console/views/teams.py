"""Teams, and what one answers for: its systems and people, the agreements it signs, the reviews that wait for it."""

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from console import listed
from console.listings import TEAMS, Asked
from console.people import signed_in
from registry import permissions
from registry.models import IndexedParty, Integration, Page, Review, System, Team, counted, keyset

COUNTED_UP_TO = 1_000
MOST_USES = 100


def teams(request: HttpRequest) -> HttpResponse:
    may_manage = permissions.may_manage_catalog(signed_in(request))

    def found(asked: Asked) -> dict[str, Any]:
        page = keyset(_matching(asked), order=asked.field, cursor=asked.cursor)
        return {"page": page, "counted_up_to": COUNTED_UP_TO, "systems_of": _systems(page), "may_manage": may_manage}

    def whole() -> dict[str, Any]:
        return {"new": {"url": "team-new", "label": "New team"} if may_manage else None}

    return listed.answer(request, TEAMS, found=found, whole=whole)


def team(request: HttpRequest, slug: str) -> HttpResponse:
    """What the records say of a team; one that is named there but not in the catalog has a page as well."""
    found = Team.objects.prefetch_related("memberships__person", "systems").filter(slug=slug).first()
    listing = Integration.objects.listing(team=slug).prefetch_related("current__indexed_parties")
    integrations = list(listing.order_by("name", "id")[:MOST_USES])
    if found is None and not integrations:
        get_object_or_404(Team, slug=slug)
    context = {
        "slug": slug,
        "team": found,
        "integrations": integrations,
        "most": MOST_USES,
        "reviews": list(Review.objects.waiting_for_team(slug)[:MOST_USES]),
        "may_manage": permissions.may_manage_catalog(signed_in(request)),
    }
    return render(request, "console/catalog/team.html", context)


def _matching(asked: Asked) -> QuerySet[Team]:
    named_in = IndexedParty.objects.current().filter(team_slug=OuterRef("slug")).order_by()
    count = counted(named_in.values("revision").distinct(), up_to=COUNTED_UP_TO)
    found = Team.objects.prefetch_related("memberships__person").annotate(integrations=count)
    if words := asked.filters["q"]:
        found = found.filter(Q(name__icontains=words) | Q(slug__icontains=words))
    return found


def _systems(page: Page[Team]) -> dict[int, int]:
    rows = System.objects.filter(team__in=page.rows).order_by()
    return dict(rows.values("team").annotate(count=Count("pk")).values_list("team", "count"))
