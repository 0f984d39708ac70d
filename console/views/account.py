"""One's own account: tokens, and the theme."""

from collections.abc import Mapping
from datetime import timedelta

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from console.forms import AwayForm, PersonalTokenForm, ServiceTokenForm
from console.people import signed_in
from registry import permissions
from registry.models import Delegation, Person, Token
from registry.services import tokens

MOST_TOKENS = 200


def account(request: HttpRequest) -> HttpResponse:
    return page(request, {})


def page(request: HttpRequest, more: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    """The account with `more` in it, such as a form that was refused."""
    return render(request, "console/account.html", {**_context(signed_in(request)), **more}, status=status)


@never_cache
@require_POST
def issue(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once, in the answer itself: it is never stored in a session or a message."""
    by = signed_in(request)
    is_service = request.POST.get("kind") == Token.Kind.SERVICE
    form = ServiceTokenForm(request.POST) if is_service else PersonalTokenForm(request.POST)
    if not form.is_valid():
        shown = {"service_form" if is_service else "personal_form": form}
        return page(request, shown, status=400)
    given = form.cleaned_data
    expires_at = timezone.now() + timedelta(days=given["days"]) if given["days"] else None
    if is_service:
        token, plain = tokens.issue_service(
            name=given["name"],
            system=given["system"],
            environment=given["environment"],
            by=by,
            expires_at=expires_at,
        )
    else:
        token, plain = tokens.issue_personal(name=given["name"], person=by, by=by, expires_at=expires_at)
    return page(request, {"issued": token, "plain": plain})


@require_POST
def revoke(request: HttpRequest, key: int) -> HttpResponse:
    by = signed_in(request)
    token = get_object_or_404(_tokens(by), pk=key)
    tokens.revoke(token, by=by)
    messages.success(request, f"Token {token.name} is revoked. Whoever still shows it is refused from now on.")
    return redirect("account")


def _tokens(by: Person) -> QuerySet[Token]:
    mine = Q(person=by) | Q(created_by=by)
    if permissions.may_issue_tokens(by):
        mine |= Q(kind=Token.Kind.SERVICE)
    return Token.objects.filter(mine).select_related("system", "environment", "person")


def _context(by: Person) -> dict[str, object]:
    may_issue = permissions.may_issue_tokens(by)
    return {
        "tokens": _tokens(by)[:MOST_TOKENS],
        "personal_form": PersonalTokenForm(),
        "service_form": ServiceTokenForm() if may_issue else None,
        "now": timezone.now(),
        "away_form": AwayForm(by=by),
        "delegations": Delegation.objects.filter(Q(holder=by) | Q(delegate=by), ends_at__gt=timezone.now())
        .filter(revoked_at__isnull=True)
        .select_related("holder", "delegate")
        .order_by("starts_at", "id"),
        "memberships": by.memberships.select_related("team"),
    }
