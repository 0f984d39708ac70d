"""What a service refuses becomes a page that says what happened and what to do next."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from registry.errors import Conflict, DomainError, Invalid, NotAllowed
from registry.record.findings import Problem

STATUSES: tuple[tuple[type[DomainError], HTTPStatus], ...] = (
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (Invalid, HTTPStatus.BAD_REQUEST),
    (Conflict, HTTPStatus.CONFLICT),
    (DomainError, HTTPStatus.BAD_REQUEST),
)

TOO_LARGE = DomainError(
    "That is more than this page can take at once, which is 2 MB.",
    "Go back, where it still stands, and take long examples out of it.",
)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer to a form or an address that cannot be read."""
    if not isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if request.headers.get("HX-Request"):
        return HttpResponse(TOO_LARGE.message, status=status, content_type="text/plain")
    return render(request, "400.html", {"refusal": TOO_LARGE}, status=status)


def problems_of(refused: DomainError) -> list[Problem]:
    """What a form shows of a refusal: its problems by field, else one of no field."""
    return refused.problems if isinstance(refused, Invalid) else [Problem("", refused.message, refused.mend)]


def sentences(refused: DomainError, labels: Mapping[str, str]) -> list[str]:
    """What a page says of a refusal: each problem with its field as the page labels it."""
    if not isinstance(refused, Invalid):
        return [f"{refused.message} {refused.mend}".strip()]
    return [f"“{labels.get(each.path, each.path)}” {each.message}. {each.mend}".strip() for each in refused.problems]


def status_of(refused: DomainError) -> HTTPStatus:
    """The status of the page that shows it."""
    return next(code for kind, code in STATUSES if isinstance(refused, kind))


class Refusals:
    """Answers for console views that let a DomainError through."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.respond(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        status = status_of(exception)
        return render(request, f"{status}.html", {"refusal": exception}, status=status)
