"""What services obey: approved, served and reported for each environment, and what can be done about it."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console import settings_table, subject
from console.people import signed_in
from registry import permissions
from registry.models import Integration, Override, Person, Release
from registry.services import board
from registry.services.board import Standing

MOST_PAST = 5
MOST_INSTANCES = 50


def live(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; for htmx, the board that is asked for again every few seconds."""
    integration = subject.find(slug)
    served = board.everywhere(integration)
    chosen = request.GET.get("environment", "")
    nearest = min(served, key=lambda each: each.environment.distance, default=None)
    shown = next((each for each in served if each.environment.slug == chosen), nearest)
    context: dict[str, Any] = {
        "integration": integration,
        "served": served,
        "shown": shown,
        "most_instances": MOST_INSTANCES,
        **(_reported(integration, shown) if shown else {}),
    }
    if request.headers.get("HX-Target") == "board":
        return render(request, "console/live/board.html", context)
    by = signed_in(request)
    past = Release.objects.filter(integration=integration).select_related("revision", "released_by", "environment")
    context |= subject.head(integration, by=by, tab="live") | {
        "past": past.defer("body", "revision__document").order_by("-id")[:MOST_PAST],
        "may_release": _may_release(integration, by),
        "may_override": permissions.may_override(by) and integration.state != Integration.State.RETIRED,
        "to_review": Override.objects.to_review().filter(integration=integration).select_related("environment"),
        "url": request.build_absolute_uri(f"/api/v1/settings/{integration.slug}"),
    }
    if shown and shown.release:
        body = json.loads(bytes(shown.release.body))
        context |= {"groups": settings_table.groups(body), "body": json.dumps(body)}
    return render(request, "console/live.html", context)


def _reported(integration: Integration, shown: Standing) -> dict[str, Any]:
    """What the instances of one environment say, and how their calls fare."""
    place = shown.environment
    breakers = board.breakers(integration, place)
    traffic = {each.contract: each for each in board.traffic(integration, place)}
    return {
        "lines": board.lines(integration, place, shown.release, most=MOST_INSTANCES),
        "contracts": [(name, breakers.get(name, []), traffic.get(name)) for name in sorted({*breakers, *traffic})],
    }


def _may_release(integration: Integration, by: Person) -> bool:
    """Whether this person may serve a revision somewhere: approving it said it may be."""
    may_be_served = integration.in_force is not None and integration.state != Integration.State.RETIRED
    return may_be_served and permissions.may_release(by)
