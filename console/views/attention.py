"""What somebody is told, how, and who signs for them while they are away."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.forms import AwayForm, put_problems
from console.people import signed_in
from console.views.account import page as account_page
from registry.errors import Invalid
from registry.models import Delegation, Notice, keyset
from registry.services import approvals, people
from registry.services import notices as telling

MOST_COUNTED = 99
STOP_POLLING = 286
"""Tells htmx to put this in place and to ask no more."""


def notices(request: HttpRequest) -> HttpResponse:
    """Everything one was told, newest first; a post marks some or all as read."""
    by = signed_in(request)
    if request.method == "POST":
        telling.mark_read(by, [int(key) for key in request.POST.getlist("notice") if _is_key(key)] or None)
        return redirect("notices")
    cursor = request.GET.get("cursor", "").replace("\x00", "")
    page = keyset(Notice.objects.filter(person=by), order="-id", cursor=cursor)
    return render(request, "console/notices.html", {"page": page, "unread": _unread(request)})


@require_safe
def count(request: HttpRequest) -> HttpResponse:
    """The number in the bar, asked for by itself so that no page waits for it.

    Whoever was signed out meanwhile is told so, once: nothing else on the page asked for it, so it is no error.
    """
    if not request.user.is_authenticated and "HX-Request" not in request.headers:
        return redirect_to_login(reverse("notices"))
    if not request.user.is_authenticated:
        return render(request, "console/notices_ended.html", status=STOP_POLLING)
    return render(request, "console/notices_count.html", {"unread": _unread(request), "most": MOST_COUNTED})


@require_POST
def mail(request: HttpRequest) -> HttpResponse:
    """Whether notices come by e-mail too."""
    wanted = "wants_mail" in request.POST
    people.choose_mail(signed_in(request), wanted=wanted)
    messages.success(
        request, "Notices come by e-mail too." if wanted else "Notices stay on the page; no e-mail is sent."
    )
    return redirect("account")


@require_POST
def away(request: HttpRequest) -> HttpResponse:
    """Let somebody sign in one's place."""
    by = signed_in(request)
    form = AwayForm(request.POST, by=by)
    if form.is_valid():
        try:
            given = approvals.delegate(by=by, **form.as_said())
        except Invalid as refused:
            put_problems(form, refused)
        else:
            until = f"{given.ends_at:%d %B %Y}"
            messages.success(request, f"{given.delegate.name} signs for you until {until}. Their signature says so.")
            return redirect("account")
    return account_page(request, {"away_form": form}, status=422)


@require_POST
def end(request: HttpRequest, key: int) -> HttpResponse:
    """End a delegation now."""
    held = get_object_or_404(Delegation.objects.select_related("holder", "delegate"), pk=key)
    approvals.end_delegation(held, by=signed_in(request))
    messages.success(request, f"{held.delegate.name} signs no more for {held.holder.name}. What was signed stands.")
    return redirect("account")


def _unread(request: HttpRequest) -> int:
    found = Notice.objects.filter(person=signed_in(request), read_at__isnull=True)
    return found[: MOST_COUNTED + 1].count()


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
