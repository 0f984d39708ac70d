"""The beginning of a new integration."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from console import imports
from console.people import signed_in
from console.views import imports as bringing
from registry import importers, permissions, skeletons
from registry.errors import Invalid, NotAllowed
from registry.models import Integration
from registry.record import documents
from registry.record.findings import Problem
from registry.services import integrations

MOST_TO_COPY = 200
"""In a menu; where there are more, the one to copy is typed."""


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """What to start from: a file, a template, a copy, or nothing."""
    by = signed_in(request)
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect begins an integration.", "Ask an architect, or to become one.")
    if request.method != "POST":
        copy = request.GET.get("copy", "")
        return _new_page(request, {"copy": copy, "start": "copy" if copy else "rest"})
    if "bring" in request.POST:
        brought = bringing.received(request)
        return redirect("import-new", brought.upload.pk) if brought.upload else _new_page(request, {}, brought=brought)
    return _begun(request)


def _begun(request: HttpRequest) -> HttpResponse:
    typed = {name: request.POST.get(name, "").strip() for name in ("name", "slug", "project", "start", "copy")}
    typed["slug"] = typed["slug"] or imports.suggested(typed["name"])
    try:
        made = integrations.create(
            name=typed["name"],
            slug=typed["slug"],
            project=typed["project"],
            document=_started(typed),
            by=signed_in(request),
        )
    except Invalid as invalid:
        return _new_page(request, typed, {each.path.split(".")[0]: each for each in invalid.problems}, status=422)
    messages.success(request, f"Draft 0.1 of {made.name} is open. Say first what it is for.")
    return redirect("edit", made.slug, "overview")


def _started(typed: dict[str, str]) -> dict[str, Any]:
    """The document a new integration begins with."""
    if typed["start"] in ("copy", "") and typed["copy"]:
        return _copied(typed["copy"])
    if typed["start"] == "copy" or typed["copy"]:
        mend = "Choose the one to copy." if typed["start"] == "copy" else "Tick “A copy”, or set the menu back."
        raise Invalid([Problem("copy", "and what is ticked do not go together", mend)])
    chosen = skeletons.template(typed["start"])
    return chosen.document(typed["slug"] or "integration") if chosen else {}


def _copied(slug: str) -> dict[str, Any]:
    source = Integration.objects.select_related("current").filter(slug=slug.replace("\x00", "")).first()
    if source is None or source.current is None:
        raise Invalid([Problem("copy", "is not there any more", "Choose another one, or start from a template.")])
    document: dict[str, Any] = documents.dump(source.current.record)
    return document


def _new_page(
    request: HttpRequest,
    typed: dict[str, str],
    problems: dict[str, Problem] | None = None,
    brought: bringing.Brought | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    others = list(Integration.objects.order_by("name").values_list("slug", "name")[: MOST_TO_COPY + 1])
    context = {
        "typed": {"start": "rest", **typed},
        "problems": problems or {},
        "others": others,
        "is_copy_typed": len(others) > MOST_TO_COPY,
        "templates": skeletons.TEMPLATES,
        "formats": importers.IMPORTERS,
        "brought": brought,
    }
    return render(request, "console/edit_new.html", context, status=422 if brought else status)
