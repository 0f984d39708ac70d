"""What the domain and the framework refuse, turned into problems."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from api.problems import BY_STATUS, Refused, problem, token_needed
from registry import errors
from registry.record.findings import InvalidRecord

OF_DJANGO: dict[type[Exception], str] = {
    Http404: "not-found",
    PermissionDenied: "not-allowed",
    RequestDataTooBig: "too-large",
    SuspiciousOperation: "malformed",
}


def handler(refusal: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """The problem a refusal comes to; None for what nobody expected."""
    set_rollback()
    request = context["request"]._request
    return _of_domain(request, refusal) or _of_framework(request, refusal)


def _of_domain(request: HttpRequest, refusal: Exception) -> HttpResponse | None:
    match refusal:
        case Refused():
            return problem(request, refusal.name, refusal.detail, mend=refusal.mend, errors=refusal.errors)
        case errors.Invalid():
            return problem(request, "invalid", refusal.message, mend=refusal.mend, errors=refusal.problems)
        case InvalidRecord():
            return problem(request, "invalid", "This is no design record.", errors=refusal.problems)
        case errors.NotAllowed():
            return problem(request, "not-allowed", refusal.message, mend=refusal.mend)
        case errors.Stale():
            return problem(
                request,
                "stale",
                refusal.message,
                mend=refusal.mend,
                headers={"ETag": refusal.current_etag},
                current_etag=refusal.current_etag,
                current=refusal.current_document,
            )
        case errors.DomainError():
            return problem(request, "conflict", refusal.message, mend=refusal.mend)
    return None


def _of_framework(request: HttpRequest, refusal: Exception) -> HttpResponse | None:
    match refusal:
        case exceptions.NotAuthenticated():
            return token_needed(request)
        case exceptions.AuthenticationFailed():
            return token_needed(request, str(refusal.detail))
        case exceptions.Throttled():
            return problem(request, "too-many", headers={"Retry-After": str(int(getattr(refusal, "wait", None) or 1))})
        case exceptions.APIException() if refusal.status_code in BY_STATUS:
            return problem(request, BY_STATUS[refusal.status_code], str(refusal.detail))
    for kind, name in OF_DJANGO.items():
        if isinstance(refusal, kind):
            return problem(request, name)
    return None
