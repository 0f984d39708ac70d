"""The board of everything: what each environment serves of each integration, and what its instances say."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.listings import LONGEST_CURSOR, plain
from registry.models import Environment, Integration, Override, Page, Release, ScheduledRelease, keyset
from registry.services import board

MOST_ROWS = 25
MOST_SIDE_BY_SIDE = 6
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One integration in one environment."""

    environment: Environment
    release: Release | None
    uptake: board.Uptake
    is_overridden: bool


def everything(request: HttpRequest) -> HttpResponse:
    """The page; for htmx, the table that is asked for again every few seconds."""
    show = "look" if request.GET.get("show") == "look" else "all"
    words = plain(request.GET.get("q", ""))
    found = Integration.objects.listing(search=words).filter(in_force__isnull=False)
    if show == "look":
        found = found.filter(board.wanting_a_look())
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    page = keyset(found, order="name", cursor=cursor, size=MOST_ROWS)
    places = list(Environment.objects.all()[:MOST_SIDE_BY_SIDE])
    context = {"page": page, "places": places, "rows": _rows(page, places), "show": show, "q": words}
    if request.headers.get("HX-Target") == "board":
        return render(request, "console/live/everything.html", context)
    overrides = Override.objects.select_related("integration", "environment", "begun_by")
    scheduled = ScheduledRelease.objects.waiting().select_related("integration", "environment", "revision")
    context |= {
        "running": overrides.running().order_by("expires_at")[:MOST_TOLD],
        "to_review": overrides.to_review().order_by("ended_at")[:MOST_TOLD],
        "scheduled": scheduled.defer("revision__document")[:MOST_TOLD],
    }
    return render(request, "console/board.html", context)


def _rows(page: Page[Integration], places: list[Environment]) -> list[tuple[Integration, list[Cell]]]:
    newest = Release.objects.filter(environment__in=places, integration__in=page.rows).in_force()
    releases = list(newest.select_related("revision").defer("body", "revision__document"))
    served = {(each.integration_id, each.environment_id): each for each in releases}
    uptakes = board.of(releases)

    def cell(integration: Integration, place: Environment) -> Cell:
        release = served.get((integration.pk, place.pk))
        uptake = uptakes.get((integration.pk, place.pk), board.Uptake())
        return Cell(place, release, uptake, release is not None and release.override_id is not None)

    return [(each, [cell(each, place) for place in places]) for each in page.rows]
