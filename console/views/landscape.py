"""The map of all systems and what runs between them, and what depends on one."""

from typing import Any, get_args

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from console import landscape as maps
from registry.exporters.landscape import landscape_mermaid
from registry.models import Environment, Integration, System, Team
from registry.models.landscape import Wanted
from registry.record import labels
from registry.record.overview import Criticality, IntegrationType

LONGEST = 100
MOST_CHOICES = 200


def landscape(request: HttpRequest) -> HttpResponse:
    wanted, system = _wanted(request), _asked(request, "system")
    shown = maps.shown(wanted, system)
    places = shown.graph.places
    context = {
        "shown": shown,
        "system": system,
        "lines": [(maps.line_id(each), each, places[each.start], places[each.end]) for each in shown.graph.links],
        # Drawn by our own exporter, which escapes what it writes.
        "map": mark_safe(maps.drawn(shown, maps.address)) if places else "",  # noqa: S308
        "systems": System.objects.values_list("slug", "name")[:MOST_CHOICES],
        "menus": _menus(wanted),
        "is_filtered": wanted != Wanted() or bool(system),
        "query": request.GET.urlencode(),
    }
    return render(request, "console/landscape.html", context)


def mermaid(request: HttpRequest) -> HttpResponse:
    """The same map as text, to be saved."""
    text = landscape_mermaid(maps.shown(_wanted(request), _asked(request, "system")).graph)
    headers = {"Content-Disposition": 'attachment; filename="landscape.mmd"'}
    return HttpResponse(text, content_type="text/vnd.mermaid; charset=utf-8", headers=headers)


def _wanted(request: HttpRequest) -> Wanted:
    return Wanted(**{name: _asked(request, name) for name in ("team", "criticality", "type", "state", "environment")})


def _asked(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:LONGEST]


def _menus(wanted: Wanted) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """Each filter with its choices; what is asked for is among them, even where it is not."""
    menus: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
        ("team", "Team", _named(Team.objects.all())),
        ("criticality", "Criticality", [(each, labels.choice(each)) for each in get_args(Criticality)]),
        ("type", "Type", [(each, labels.choice(each)) for each in get_args(IntegrationType)]),
        ("state", "State", list(Integration.State.choices)),
        ("environment", "Served in", _named(Environment.objects.all())),
    )
    found = []
    for name, label, choices in menus:
        chosen = getattr(wanted, name)
        more = [] if not chosen or chosen in dict(choices) else [(chosen, chosen)]
        found.append((name, label, [*choices, *more], chosen))
    return found


def _named(found: QuerySet[Any]) -> list[tuple[str, str]]:
    return list(found.values_list("slug", "name")[:MOST_CHOICES])
