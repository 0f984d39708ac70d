"""The design record of one revision, as a document to read."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from console import outline, subject
from console.people import signed_in
from registry.exporters.paper import paper_rules
from registry.exporters.saga import saga_svg
from registry.exporters.topology import topology_svg
from registry.models import Review, Revision, Role, SignOff, Version
from registry.services import revisions

OPEN = (Revision.State.DRAFT, Revision.State.IN_REVIEW)
WIDEST_SHRUNK = 1_250
"""A diagram up to this wide stays legible when it is made to fit the page; a wider one scrolls."""


def document(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest text, or that of `?revision=`: one that was only reviewed and then written on, too."""
    integration = subject.find(slug)
    version = subject.version(integration, request.GET.get("revision", ""))
    version.revision.integration = integration
    record = version.record
    findings = revisions.findings(version.revision) if version.state in OPEN else []
    topology = topology_svg(record)
    context = subject.head(integration, by=signed_in(request), tab="design") | {
        "version": version,
        "revision": version.revision,
        "record": record,
        "outline": outline.of(record, findings),
        "findings": findings,
        "past": integration.revisions.select_related("created_by").order_by("number"),
        # Both are drawn by our own exporters, which escape what they write.
        "topology": mark_safe(topology),  # noqa: S308
        "topology_fits": _width(topology) <= WIDEST_SHRUNK,
        "saga": mark_safe(saga_svg(record)) if record.saga.steps else "",  # noqa: S308
        "sign_offs": _sign_offs(version),
    }
    return render(request, "console/document/page.html", context)


def paper(request: HttpRequest, slug: str) -> HttpResponse:
    """What printed pages of a version bear above and below; its address changes with whatever it says."""
    integration = subject.find(slug)
    version = subject.version(integration, request.GET.get("revision", ""))
    said = f"Version {version.number} · {(version.review or version.revision).get_state_display()}"
    return HttpResponse(
        paper_rules(integration.name, said, version.content_hash),
        content_type="text/css; charset=utf-8",
        headers={"Cache-Control": "private, max-age=31536000, immutable"},
    )


@require_POST
def start_draft(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin a draft from the newest revision and go to write it."""
    revisions.start_draft(subject.find(slug), by=signed_in(request))
    return redirect("edit", slug, "overview")


def _width(svg: str) -> float:
    found = re.search(r'<svg[^>]* width="([\d.]+)', svg)
    return float(found[1]) if found else 0


def _sign_offs(version: Version) -> list[tuple[str, list[SignOff]]]:
    """The five roles, each with the signatures of its round, else of the newest; voided ones too."""
    rounds = Review.objects.filter(revision=version.revision).prefetch_related("sign_offs")
    review = version.review or rounds.order_by("-round").first()
    signed = list(review.sign_offs.all()) if review else []
    return [(role.label, [each for each in signed if each.role == role]) for role in Role]
