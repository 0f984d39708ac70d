"""Signing in and out, and the theme: what a browser remembers of a person."""

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from registry.services import passwords

YEAR_SECONDS = 365 * 24 * 60 * 60


class SignInForm(AuthenticationForm):
    """Name and password; says what to do when they do not match."""

    error_messages = {
        "invalid_login": "This name and password do not belong together. Check both; the password is case-sensitive.",
        "too_many": "Too many wrong passwords. Wait a quarter of an hour, then try again.",
        "inactive": "This account is closed. Ask an administrator to open it.",
    }

    def clean(self) -> dict[str, object]:
        # PostgreSQL keeps no NUL: such a name belongs to nobody.
        if "\x00" in "".join(str(value) for value in self.data.values()):
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")
        return super().clean()

    def get_invalid_login_error(self) -> ValidationError:
        door = passwords.sign_in_door(self.cleaned_data.get("username", ""))
        if passwords.is_closed(door, most=passwords.MOST_SIGN_INS):
            return ValidationError(self.error_messages["too_many"], code="too_many")
        return super().get_invalid_login_error()


sign_in = auth.LoginView.as_view(
    template_name="registration/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True
)
sign_out = auth.LogoutView.as_view()


def asked_to_sign_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Show the page to people who are signed in; lead others to the sign-in page, and tell a script so with a 401."""
    protected = login_required(view)

    @functools.wraps(view)
    def asked(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            return HttpResponse("Sign in first.", status=HTTPStatus.UNAUTHORIZED, content_type="text/plain")
        return protected(request, *args, **named)

    return asked


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie, so that the server writes the page in it from the start."""
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(back if is_ours else reverse("home"))
    chosen = request.POST.get("theme", "")
    if chosen in {"light", "dark"}:
        response.set_cookie(
            "theme", chosen, max_age=YEAR_SECONDS, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
