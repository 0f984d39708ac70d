"""Search over everything: one page, and the same as a short list in the dialog that Ctrl-K opens."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.people import signed_in
from registry.search import finder, question

PARTS = {"search-found": "console/search/found.html", "jump-found": "console/search/jump.html"}
"""What htmx asks for, by the place it is put."""
IN_DIALOG = 3
"""Of each kind."""


def search(request: HttpRequest) -> HttpResponse:
    part = request.headers.get("HX-Target", "")
    asked = question.read(request.GET.get("q", ""))
    per_kind = IN_DIALOG if part == "jump-found" else finder.PER_KIND
    context = {
        "answer": finder.find(asked, by=signed_in(request), per_kind=per_kind),
        "asked": asked,
        "kinds": question.KINDS.values(),
        "longest": question.LONGEST,
    }
    return render(request, PARTS.get(part, "console/search/page.html"), context)
