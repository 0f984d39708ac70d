"""An integration's revisions in time, and how an older one is taken up again."""

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from console import subject, timeline
from console.comparison import compared
from console.people import signed_in
from console.views.editor import no_draft
from registry import permissions
from registry.errors import DomainError, Invalid, NotAllowed, Stale
from registry.models import Integration, Review, Revision, Version, keyset
from registry.record import labels
from registry.services import revisions

MOST_REVISIONS = 25
STALE = (
    "The draft was saved again since you opened this page, so nothing was restored. This is what it would change now."
)


def history(request: HttpRequest, slug: str) -> HttpResponse:
    """The revisions, newest first, each with its rounds of review and where it was served."""
    integration = subject.find(slug)
    rounds = Review.objects.select_related("submitted_by", "ended_by").defer(*timeline.UNREAD)
    found = (
        integration.revisions.select_related("created_by", "based_on")
        .defer("document", "section_hashes", "based_on__document", "based_on__section_hashes")
        .prefetch_related(Prefetch("reviews", rounds), "reviews__sign_offs")
    )
    page = keyset(found, order="-number", cursor=request.GET.get("cursor", ""), size=MOST_REVISIONS)
    context = subject.head(integration, by=signed_in(request), tab="history") | {
        "page": page,
        "entries": timeline.entries(integration, page.rows),
    }
    context["may_restore"] = context["may_edit"] and not _is_frozen(integration)
    return render(request, "console/history.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    """What an older version would change in the draft, and the choice of its sections."""
    integration = subject.find(slug)
    version = subject.version(integration, request.GET.get("from", "in-force"))
    if not permissions.may_edit(signed_in(request), integration):
        raise NotAllowed("Only an architect writes design records.", "Ask an architect, or to become one.")
    if request.method != "POST":
        return _restore_page(request, integration, version)
    sections, etag = request.POST.getlist("section"), request.POST.get("etag", "")
    if not sections:
        return _restore_page(request, integration, version, "Choose at least one section.", status=422)
    try:
        draft = revisions.restore(integration, version, by=signed_in(request), sections=sections, if_match=etag)
    except DomainError as refused:
        notice = STALE if isinstance(refused, Stale) else f"Nothing was restored. {refused.message} {refused.mend}"
        status = 422 if isinstance(refused, Invalid) else 409
        return _restore_page(request, subject.find(slug), version, notice, status=status)
    messages.success(request, f"Restored from {version}: {_named(sections)}. This is draft {draft.version}.")
    return redirect("edit", slug, sections[0])


def _restore_page(
    request: HttpRequest, integration: Integration, version: Version, notice: str = "", *, status: int = 200
) -> HttpResponse:
    if _is_frozen(integration):
        return no_draft(request, integration, status=409)
    draft = integration.current if integration.current_id != integration.in_force_id else None
    target = draft or integration.in_force
    assert target is not None
    comparison = compared(target.record, version.record)
    ticked = request.POST.getlist("section") if request.method == "POST" else None
    context = subject.head(integration, by=signed_in(request), tab="history") | {
        "version": version,
        "draft": draft,
        "target": target,
        "comparison": comparison,
        "sections": [(each, ticked is None or each.name in ticked) for each in comparison.contents],
        "notice": notice,
    }
    return render(request, "console/restore.html", context, status=status)


def _is_frozen(integration: Integration) -> bool:
    """Whether no draft can be written now: it is retired, or the newest text is in review."""
    current = integration.current
    in_review = current is not None and current.state == Revision.State.IN_REVIEW
    return in_review or integration.state == Integration.State.RETIRED


def _named(sections: list[str]) -> str:
    return ", ".join(labels.field(each).lower() for each in sections)
