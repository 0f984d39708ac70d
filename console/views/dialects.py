"""As your library reads it: settings as a library's own configuration, and what it does instead."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from console import dialects, subject
from console.people import signed_in
from registry.dialects import DIALECTS, Dialect, find
from registry.live.document import compile_settings
from registry.models import Environment, Integration, Release


@dataclass(frozen=True, slots=True)
class Asked:
    """Which settings: those served in an environment, or those a revision would serve there."""

    environment: Environment
    settings: dict[str, Any]
    version: str
    """The revision's; empty for what is served."""
    origin: str
    """Where the settings are from, in words."""


def readings(request: HttpRequest, slug: str) -> HttpResponse:
    """Every library in brief."""
    integration = subject.find(slug)
    asked = _asked(request, integration)
    context = _head(request, integration, asked) | {"readings": dialects.readings(asked.settings) if asked else []}
    return render(request, "console/dialects/every.html", context)


def reading(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One library: what it does instead, and the file."""
    integration = subject.find(slug)
    asked, chosen = _asked(request, integration), _dialect(name)
    if asked is None:
        raise Http404("There are no environments.")
    [found] = dialects.readings(asked.settings, [chosen])
    context = _head(request, integration, asked) | {
        "reading": found,
        "several": len(asked.settings["contracts"]) > 1,
        "url": request.build_absolute_uri(f"/api/v1/settings/{slug}/as/{name}"),
    }
    return render(request, "console/dialects/one.html", context)


def file(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The file, to be saved."""
    integration = subject.find(slug)
    asked, chosen = _asked(request, integration), _dialect(name)
    if asked is None:
        raise Http404("There are no environments.")
    return HttpResponse(
        chosen.write(asked.settings).text,
        content_type=f"{chosen.media_type}; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{slug}-{asked.environment.slug}-{name}{chosen.ending}"'
        },
    )


def _head(request: HttpRequest, integration: Integration, asked: Asked | None) -> dict[str, Any]:
    return subject.head(integration, by=signed_in(request), tab="live") | {
        "asked": asked,
        "dialects": DIALECTS,
        "environments": Environment.objects.all(),
        "newest": integration.current,
    }


def _dialect(name: str) -> Dialect:
    found = find(name)
    if found is None:
        raise Http404(f"There is no dialect {name!r}.")
    return found


def _asked(request: HttpRequest, integration: Integration) -> Asked | None:
    """What is served, where something is and no revision is named; else what a revision says. None: nowhere."""
    environment = _environment(request.GET.get("environment", ""))
    if environment is None:
        return None
    version = request.GET.get("revision", "")
    if not version:
        issued = Release.objects.filter(integration=integration, environment=environment)
        release = issued.select_related("revision").order_by("-number").first()
        if release is not None:
            origin = f"release {release.number}, from {release.revision.version}"
            return Asked(environment, json.loads(bytes(release.body)), "", origin)
    revision = subject.revision(integration, version)
    settings = compile_settings(revision.record, environment.slug)
    return Asked(environment, settings, revision.version, f"version {revision.version}, as written")


def _environment(slug: str) -> Environment | None:
    if slug:
        return get_object_or_404(Environment, slug=slug.replace("\x00", ""))
    return min(Environment.objects.all(), key=lambda each: each.distance, default=None)
