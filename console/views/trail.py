"""The searchable log of every act."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.models import Event, keyset
from registry.services import acts
from registry.services import trail as trails

LONGEST = 300


def trail(request: HttpRequest) -> HttpResponse:
    asked = {name: _plain(request.GET.get(name, "")) for name in ("chain", "kind", "actor", "subject", "request")}
    each = "each" in request.GET or bool(asked["request"])
    found = Event.objects.listing(**asked)
    cursor = request.GET.get("cursor", "").replace("\x00", "")
    page = keyset(found if each else found.folded(), order="-id", cursor=cursor)
    context = {
        "asked": asked,
        "kinds": acts.WORDS,
        "each": each,
        "page": page,
        "verdict": trails.verify(chain=asked["chain"]) if asked["chain"] else None,
        "is_filtered": any(asked.values()),
    }
    return render(request, "console/trail.html", context)


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()[:LONGEST]
