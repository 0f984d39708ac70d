"""Brokers: who uses which, for everybody; named, changed and tried by administrators."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from console.forms import put_problems
from console.people import signed_in
from console.source_forms import BrokerForm
from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import Broker, DeadLetterSource, Person
from registry.services import endpoints
from registry.services.endpoints import Tried


def brokers(request: HttpRequest) -> HttpResponse:
    used = DeadLetterSource.objects.select_related("integration").defer("integration__search_text", "sealed_key")
    found = Broker.objects.select_related("environment").prefetch_related(Prefetch("sources", used))
    context = {"brokers": found, "may_manage": permissions.may_manage_catalog(signed_in(request))}
    return render(request, "console/brokers/list.html", context)


@never_cache
def edit(request: HttpRequest, key: int = 0) -> HttpResponse:
    """Name one, change one, or try whether the one that is kept answers."""
    by = signed_in(request)
    if not permissions.may_manage_catalog(by):
        raise NotAllowed("Only an administrator names brokers.", "Ask an administrator.")
    held = get_object_or_404(Broker.objects.select_related("environment"), pk=key) if key else None
    posted = request.POST if request.method == "POST" else None
    tries = held is not None and posted is not None and posted.get("act") == "try"
    form = BrokerForm(None if tries else posted, held=held)
    if posted is not None and not tries and form.is_valid() and (saved := _saved(form, held, by)):
        messages.success(request, f"{saved.slug} in {saved.environment.name} is saved. Try whether it answers.")
        return redirect("broker-edit", saved.pk)
    context: dict[str, Any] = {"form": form, "held": held, "place": request.POST.get("place", "")}
    if tries and held:
        context |= _tried(held, request, by)
    status = 422 if form.errors or "refused" in context else 200
    return render(request, "console/brokers/edit.html", context, status=status)


def _tried(held: Broker, request: HttpRequest, by: Person) -> dict[str, Tried | Invalid]:
    try:
        return {"tried": endpoints.tried(held, request.POST.get("place", ""), by=by)}
    except Invalid as refused:
        return {"refused": refused}


def _saved(form: BrokerForm, held: Broker | None, by: Person) -> Broker | None:
    """The broker, if the service took it; if not, what it refused stands beside the fields."""
    try:
        return endpoints.save(**form.cleaned_data, broker=held, by=by)
    except Invalid as refused:
        put_problems(form, refused)
        return None
