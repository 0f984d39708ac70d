"""Live settings: the bytes of the release in force, as they were signed. One statement, no framework around it.

The front answers the same from memory (server/front). This is what it falls back to, and where there is none.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from api import hot
from api.bearer import presented
from api.etags import unchanged
from api.problems import problem, token_needed
from registry.live import served, wire
from registry.live.served import Grant
from registry.record.findings import Problem

View = Callable[..., HttpResponseBase]


class NotedAfterwards(HttpResponse):
    """An answer that notes the token's use once it has been sent."""

    grant: Grant | None = None

    def close(self) -> None:
        if self.grant and self.grant.use_is_due:
            served.note_use(self.grant)
        super().close()


def reading(view: View) -> View:
    """GET and HEAD only, and never cached for another token."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, **place: str) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return problem(request, "method-not-allowed", headers={"Allow": "GET, HEAD"})
        response = view(request, **place) if "Authorization" in request.headers else token_needed(request)
        for name, value in hot.REFUSED_WITH.items():
            response.headers.setdefault(name, value)
        return response

    return guarded


@reading
def one(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The settings of one integration in the token's environment."""
    grant = served.one(_digest(request), slug)
    if refused := _refused(request, grant):
        return refused
    assert grant is not None
    if not grant.releases:
        return problem(request, "not-found", hot.NOT_SERVED)
    [release] = grant.releases
    headers = wire.sent_with(release.etag, key_id=release.key_id, signature=release.signature)
    return _answer(request, grant, release.body, headers, release.number)


@reading
def every(request: HttpRequest) -> HttpResponseBase:
    """The settings of every integration of the token's system, as one document."""
    grant = served.every(_digest(request))
    if refused := _refused(request, grant):
        return refused
    assert grant is not None
    body = wire.document(grant.system, grant.environment, [(each.integration, each.body) for each in grant.releases])
    newest = max((each.number for each in grant.releases), default=0)
    return _answer(request, grant, body, wire.sent_with(wire.etag_of_document(newest, body)), newest)


@reading
def stream(request: HttpRequest) -> HttpResponseBase:
    """Following is what the front does; a thread that waits would be missed elsewhere."""
    if refused := _refused(request, served.one(_digest(request), "")):
        return refused
    return problem(
        request, "not-ready", "Releases are followed through the front process.", headers={"Retry-After": "5"}
    )


def _digest(request: HttpRequest) -> str:
    return hashlib.sha256(presented(request.headers.get("Authorization", "")).encode(errors="replace")).hexdigest()


def _refused(request: HttpRequest, grant: Grant | None) -> HttpResponse | None:
    if grant is None or not grant.is_valid:
        return token_needed(request, hot.OPENS_NOTHING)
    if not grant.is_service:
        return problem(request, "not-allowed", hot.PERSONAL, mend=hot.PERSONAL_MEND)
    return None


def _answer(request: HttpRequest, grant: Grant, body: bytes, headers: dict[str, str], newest: int) -> HttpResponseBase:
    etag = headers["ETag"]
    try:
        wait = hot.wait_of(request.META.get("QUERY_STRING", ""))
    except hot.BadQuery as bad:
        return problem(request, "invalid", errors=[Problem(bad.name, bad.message, bad.mend)])
    is_old = wait is not None and not wait.is_over(newest, grant.counter)
    if is_old or unchanged(request.headers.get("If-None-Match"), etag):
        # Django would say that it has none; HTTP lets a 304 name only the length of the whole.
        length = {"Content-Length": str(len(body))}
        return held(grant, {**wire.unchanged_with(etag), **length})
    return whole(request, grant, body, "application/json", headers)


def whole(
    request: HttpRequest, grant: Grant, body: bytes, content_type: str, headers: Mapping[str, str]
) -> NotedAfterwards:
    """The body, or how long it is; the token's use is noted afterwards."""
    sent = b"" if request.method == "HEAD" else body
    response = NotedAfterwards(sent, content_type=content_type, headers={"Content-Length": str(len(body)), **headers})
    response.grant = grant
    return response


def held(grant: Grant, headers: Mapping[str, str]) -> NotedAfterwards:
    """304: the caller holds it; the token's use is noted afterwards."""
    response = NotedAfterwards(status=304, headers=dict(headers))
    del response.headers["Content-Type"]
    response.grant = grant
    return response
