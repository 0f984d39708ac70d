"""The end of an integration: nobody should begin to use it, or it is over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from console import subject
from console.people import signed_in
from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import Integration, Person
from registry.services import integrations


class Act(Protocol):
    def __call__(self, integration: Integration, *, by: Person, reason: str) -> Integration: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end, and what it will do, in words."""

    act: Act
    verb: str
    consequences: tuple[str, ...]


DEPRECATE = Ending(
    integrations.deprecate,
    "Deprecate",
    (
        "It is marked as deprecated wherever it is shown, so that nobody begins to use it.",
        "Its settings are served as before, and its record can still be changed and approved.",
    ),
)
RETIRE = Ending(
    integrations.retire,
    "Retire",
    (
        "Its record stays readable, and nothing of it can be changed any more.",
        "Services that still ask get the last released settings; nothing new is released.",
        "It cannot be taken back.",
    ),
)


def page_of(ending: Ending) -> Callable[[HttpRequest, str], HttpResponse]:
    """The page that says what will happen and asks for the reason."""

    def page(request: HttpRequest, slug: str) -> HttpResponse:
        by, integration = signed_in(request), subject.find(slug)
        if not permissions.may_edit(by, integration):
            raise NotAllowed("Only an architect changes the state of an integration.", "Ask an architect.")
        reason, problem = request.POST.get("reason", ""), None
        if request.method == "POST":
            try:
                moved = ending.act(integration, by=by, reason=reason)
            except Invalid as refused:
                problem = refused
            else:
                messages.success(request, f"{moved.name} is {moved.get_state_display().lower()}.")
                return redirect("integration", slug)
        context = {"integration": integration, "ending": ending, "reason": reason, "problem": problem}
        return render(request, "console/ending.html", context, status=400 if problem else 200)

    return page


deprecate, retire = page_of(DEPRECATE), page_of(RETIRE)
