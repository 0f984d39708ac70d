"""Environments: what each serves now, and every release it ever had."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from registry import permissions
from registry.models import Environment, Integration, Page, Release, counted, keyset

COUNTED_UP_TO = 1_000
MOST_SIDE_BY_SIDE = 6


def environments(request: HttpRequest) -> HttpResponse:
    served = Release.objects.filter(environment=OuterRef("pk")).order_by().values("integration").distinct()
    places = list(
        Environment.objects.select_related("counter", "promoted_from").annotate(
            served=counted(served, up_to=COUNTED_UP_TO)
        )
    )
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    context = {
        "environments": places,
        "counted_up_to": COUNTED_UP_TO,
        "may_manage": permissions.may_manage_catalog(signed_in(request)),
        **_everywhere(places[:MOST_SIDE_BY_SIDE], cursor),
    }
    return render(request, "console/catalog/environments.html", context)


def environment(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Environment.objects.select_related("counter", "promoted_from"), slug=slug)
    show = "releases" if request.GET.get("show") == "releases" else "served"
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    context = {
        "environment": found,
        "show": show,
        **(_history(found, cursor) if show == "releases" else _served(found, cursor)),
        "may_manage": permissions.may_manage_catalog(signed_in(request)),
    }
    return render(request, "console/catalog/environment.html", context)


def _everywhere(places: Sequence[Environment], cursor: str) -> dict[str, Any]:
    """Integrations in force by name, each with what every environment serves of it."""
    approved = Integration.objects.listing().filter(in_force__isnull=False)
    page: Page[Integration] = keyset(approved, order="name", cursor=cursor)
    newest = Release.objects.filter(environment__in=places, integration__in=page.rows).in_force()
    releases = newest.select_related("revision").defer("body", "revision__document")
    served = {(each.integration_id, each.environment_id): each for each in releases}
    rows = [(each, [(place, served.get((each.pk, place.pk))) for place in places]) for each in page.rows]
    return {"page": page, "places": places, "rows": rows}


def _history(environment: Environment, cursor: str) -> dict[str, Any]:
    releases = Release.objects.filter(environment=environment).defer("body")
    shown = releases.select_related("integration", "revision", "released_by").defer(
        "body", "revision__document", "integration__search_text"
    )
    return {"page": keyset(shown, order="-id", cursor=cursor)}


def _served(environment: Environment, cursor: str) -> dict[str, Any]:
    """Integrations by name, each with the release that is served here."""
    released = Exists(Release.objects.filter(integration=OuterRef("pk"), environment=environment))
    page: Page[Integration] = keyset(Integration.objects.listing().filter(released), order="name", cursor=cursor)
    newest = Release.objects.filter(environment=environment, integration__in=page.rows).in_force()
    releases = newest.select_related("revision", "released_by").defer("body", "revision__document")
    served = {each.integration_id: each for each in releases}
    return {"page": page, "rows": [(each, served[each.pk]) for each in page.rows if each.pk in served]}
