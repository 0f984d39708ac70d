"""What changed between any two versions of an integration."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from console import subject
from console.comparison import MOST_CHANGES, compared
from console.people import signed_in
from registry.models import Version, version_of
from registry.record import SECTIONS

VIEWS = ("inline", "side")
YEAR_SECONDS = 31_536_000


def difference(request: HttpRequest, slug: str) -> HttpResponse:
    """Two versions of an integration, each a revision or a text that was reviewed."""
    integration = subject.find(slug)
    asked = request.GET
    new = subject.version(integration, asked.get("to", ""))
    old = subject.version(integration, asked["from"]) if asked.get("from") else _before(new)
    view = _view(request)
    comparison = compared(
        old.record if old else None,
        new.record,
        section=asked["section"] if asked.get("section") in SECTIONS else "",
        only_breaking=asked.get("only") == "breaking",
        page=int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 9 else 1,
        apart=view == "side",
    )
    sides = {"from": old.number, "to": new.number} if old else {"to": new.number}
    context = subject.head(integration, by=signed_in(request), tab="history") | {
        "old": old,
        "new": new,
        "comparison": comparison,
        "view": view,
        "diff_url": f"?{urlencode(sides)}",
        "first": (comparison.page - 1) * MOST_CHANGES + 1,
    }
    answer = render(request, "console/diff.html", context)
    if asked.get("view") == view:
        answer.set_cookie(
            "diff", view, max_age=YEAR_SECONDS, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    return answer


def _before(new: Version) -> Version | None:
    """What a version is compared with unless somebody says otherwise: the one it grew out of."""
    base = new.revision.based_on
    return version_of(base) if base else None


def _view(request: HttpRequest) -> str:
    """As the address says, else as last time."""
    wanted = request.GET.get("view", request.COOKIES.get("diff", ""))
    return wanted if wanted in VIEWS else VIEWS[0]
