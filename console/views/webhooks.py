"""Webhooks, for administrators: who hears of what, and what became of each delivery."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from console.forms import WebhookForm, put_problems
from console.people import signed_in
from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import Delivery, Webhook, keyset
from registry.services import deliveries
from registry.services import webhooks as keeping


def webhooks(request: HttpRequest) -> HttpResponse:
    _require_administrator(request)
    return render(request, "console/webhooks/list.html", {"webhooks": Webhook.objects.select_related("created_by")})


@never_cache
def edit(request: HttpRequest, key: int = 0) -> HttpResponse:
    """Make one and show its secret, this once; or change one."""
    _require_administrator(request)
    held = get_object_or_404(Webhook, pk=key) if key else None
    form = WebhookForm(request.POST or None, initial=WebhookForm.initial_of(held) if held else None)
    if request.method == "POST" and form.is_valid():
        try:
            saved, secret = keeping.save(webhook=held, by=signed_in(request), **form.cleaned_data)
        except Invalid as refused:
            put_problems(form, refused)
        else:
            if secret:
                return _page(request, saved, {"secret": secret})
            messages.success(request, f"{saved.name} is saved.")
            return redirect("webhook", saved.pk)
    context = {"form": form, "held": held}
    return render(request, "console/webhooks/edit.html", context, status=422 if form.errors else 200)


def webhook(request: HttpRequest, key: int) -> HttpResponse:
    """One, with its deliveries, newest first."""
    _require_administrator(request)
    return _page(request, get_object_or_404(Webhook.objects.select_related("created_by"), pk=key), {})


def delivery(request: HttpRequest, key: int) -> HttpResponse:
    """What was sent and what each attempt came to; a post sends it again."""
    _require_administrator(request)
    found = get_object_or_404(Delivery.objects.select_related("webhook").prefetch_related("tries"), pk=key)
    if request.method == "POST":
        keeping.redeliver(found, by=signed_in(request))
        messages.success(request, "It is sent again, under the same id.")
        return redirect("delivery", key)
    return render(request, "console/webhooks/delivery.html", {"delivery": found, "tries": found.tries.all()})


def _page(request: HttpRequest, held: Webhook, more: dict[str, str]) -> HttpResponse:
    found = Delivery.objects.filter(webhook=held).defer("body")
    context = {
        "webhook": held,
        "kinds": [deliveries.KINDS[kind] for kind in held.kinds if kind in deliveries.KINDS],
        "page": keyset(found, order="-id", cursor=request.GET.get("cursor", "").replace("\x00", "")),
        **more,
    }
    return render(request, "console/webhooks/webhook.html", context)


def _require_administrator(request: HttpRequest) -> None:
    if not permissions.may_manage_catalog(signed_in(request)):
        raise NotAllowed("Only an administrator keeps webhooks.", "Ask an administrator.")
