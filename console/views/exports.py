"""The record as files: to read here, to copy, to take away."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from console import subject
from console.people import signed_in
from registry.exporters import EXPORTERS
from registry.services import exports as leaving


def exports(request: HttpRequest, slug: str) -> HttpResponse:
    integration = subject.find(slug)
    revision = subject.revision(integration, request.GET.get("revision", ""))
    cover = leaving.cover(revision)
    written = [(each, each.write(revision.record, cover)) for each in EXPORTERS]
    context = subject.head(integration, by=signed_in(request), tab="exports") | {
        "revision": revision,
        "files": [(each, text, len(text.splitlines())) for each, text in written if text],
    }
    return render(request, "console/exports.html", context)


def export(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One file, to be saved."""
    exporter = next((each for each in EXPORTERS if each.name == name), None)
    if exporter is None:
        raise Http404(f"There is no export called {name!r}.")
    revision = subject.revision(subject.find(slug), request.GET.get("revision", ""))
    text = exporter.write(revision.record, leaving.cover(revision))
    if not text:
        raise Http404("This record has nothing to write there.")
    return HttpResponse(
        text,
        content_type=f"{exporter.media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{slug}-{revision.version}{exporter.ending}"'},
    )
