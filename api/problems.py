"""What went wrong, as RFC 9457 `application/problem+json`: one kind per way to go wrong, each with its page."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from registry.record.findings import Problem

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to go wrong: its status, its title, and what to do about it."""

    status: int
    title: str
    mend: str


KINDS = {
    "malformed": Kind(400, "The request cannot be read", "Mend the place named in the errors and send it again."),
    "token-needed": Kind(401, "A token is needed", "Send the header `Authorization: Bearer reg_…` with a valid token."),
    "not-allowed": Kind(403, "Not allowed", "Ask somebody who may, or ask an administrator for the permission."),
    "not-found": Kind(404, "Nothing is here", "Check the address. What a token may not see is not found either."),
    "method-not-allowed": Kind(405, "This address does not do that", "Use a method named in the Allow header."),
    "not-acceptable": Kind(406, "No such format", "Ask for application/json, or application/yaml where it is offered."),
    "conflict": Kind(409, "Not in the state things are in now", "Read it again, then decide."),
    "stale": Kind(
        412,
        "Somebody changed it meanwhile",
        "The problem holds `current_etag` and `current`, the document as it is now. Merge your change into it, and "
        "send that with `If-Match: <current_etag>`.",
    ),
    "too-large": Kind(413, "Too large", "Send less; a design record has at most 2,000,000 bytes."),
    "unsupported-type": Kind(
        415, "This type is not read here", "Send application/json, or application/yaml where offered."
    ),
    "invalid": Kind(422, "Some values cannot be kept", "Each entry of `errors` names a field and how to mend it."),
    "if-match-needed": Kind(
        428, "Say which version you changed", "GET it first, and send the ETag it came with as `If-Match`."
    ),
    "too-many": Kind(429, "Too many requests", "Wait as long as the Retry-After header says."),
    "unexpected": Kind(500, "Something broke here", "Try again. If it stays, give the operator the X-Request-ID."),
    "not-ready": Kind(503, "Not ready", "Try again soon. What is down is named in the body."),
}
BY_STATUS = {kind.status: name for name, kind in reversed(KINDS.items())}


class Refused(Exception):
    """An endpoint refuses by itself: the name of a problem, and what to say."""

    def __init__(self, name: str, detail: str = "", *, mend: str = "", errors: "Iterable[Problem]" = ()) -> None:
        super().__init__(detail)
        self.name, self.detail, self.mend, self.errors = name, detail, mend, list(errors)


def problem(
    request: HttpRequest,
    name: str,
    detail: str = "",
    *,
    mend: str = "",
    errors: "Iterable[Problem]" = (),
    headers: Mapping[str, str] | None = None,
    status: int | None = None,
    **more: Any,
) -> HttpResponse:
    """The answer that says what went wrong, and what to do next."""
    text = document(name, request.path, detail, mend=mend, errors=errors, status=status, **more)
    number = status or KINDS[name].status
    return HttpResponse(text, status=number, content_type=MEDIA_TYPE, headers=dict(headers or {}))


def document(
    name: str,
    path: str,
    detail: str = "",
    *,
    mend: str = "",
    errors: "Iterable[Problem]" = (),
    status: int | None = None,
    **more: Any,
) -> bytes:
    """What went wrong at an address, as it is sent."""
    kind = KINDS[name]
    body: dict[str, Any] = {
        "type": f"/api/problems/{name}",
        "title": kind.title,
        "status": status or kind.status,
        "detail": detail or f"{kind.title}.",
        "mend": mend or kind.mend,
        "instance": path,
        **more,
    }
    if told := [{"pointer": each.path, "detail": each.message, "mend": each.mend} for each in errors]:
        body["errors"] = told
    # What was sent may hold half a character; it is shown, not passed on.
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def token_needed(request: HttpRequest, detail: str = "This address needs a token.") -> HttpResponse:
    """401, with the header it takes to do better. What was presented is never repeated."""
    return problem(request, "token-needed", detail, headers={"WWW-Authenticate": 'Bearer realm="registry"'})


class ProblemsUnderApi:
    """Turns the errors Django itself answers under /api, such as 404 for an unknown address, into problems."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.respond(request)
        ours = request.path.startswith("/api/") and response.status_code >= 400
        if not ours or response.get("Content-Type") == MEDIA_TYPE or (settings.DEBUG and response.status_code >= 500):
            return response
        status = response.status_code
        name = BY_STATUS.get(status) or ("unexpected" if status >= 500 else "malformed")
        kept = {header: response[header] for header in ("Allow", "Retry-After", "Vary") if header in response}
        answer = problem(request, name, _said(response), headers=kept, status=status)
        answer.cookies = response.cookies
        return answer


def _said(response: HttpResponseBase) -> str:
    phrase = responses.get(response.status_code)
    return f"{phrase}." if phrase else ""


def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address under /api."""
    return problem(request, "not-found")


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """What one kind of problem means: the address that `type` names."""
    if name not in KINDS:
        raise Http404
    kind = KINDS[name]
    return HttpResponse(f"{kind.title} ({kind.status})\n\n{kind.mend}\n", content_type="text/plain; charset=utf-8")
