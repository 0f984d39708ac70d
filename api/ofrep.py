"""Live settings by OpenFeature's remote evaluation: a flag is an integration, a contract of it, or one value."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from api import holders
from registry.live import wire
from registry.live.served import Grant, Served

STREAM = "/api/v1/settings/stream"
INACTIVITY_SECONDS = 120


class Evaluation(View):
    """What both evaluations have in common: POST only, and errors in the protocol's own shape."""

    http_method_names = ["post"]
    grant: Grant

    @method_decorator(csrf_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **place: Any) -> HttpResponse:
        if request.method != "POST":
            return refusal(405, "Send POST.", headers={"Allow": "POST"}, **place)
        try:
            grant = holders.grant(holders.digest(request, "X-API-Key"))
        except holders.NotHeard as refused:
            needed = {"WWW-Authenticate": 'Bearer realm="registry"'} if refused.status == 401 else {}
            return refusal(refused.status, refused.detail, headers=needed, **place)
        try:
            asked = holders.question(request)
        except ValueError as unreadable:
            return refusal(400, f"{str(unreadable).capitalize()}.", code="PARSE_ERROR", **place)
        if not isinstance(asked.get("context", {}), dict):
            return refusal(400, "The context is not an object.", code="INVALID_CONTEXT", **place)
        self.grant = grant
        return super().dispatch(request, *args, **place)  # type: ignore[return-value]


class One(Evaluation):
    """One flag."""

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        for release in self.grant.releases:
            if key == release.integration or key.startswith(f"{release.integration}."):
                settings = holders.settings(release)
                found = next((each for name, each in values(release.integration, settings) if name == key), None)
                if found is not None:
                    body = holders.written(flag(key, found, release, settings))
                    return sent(request, self.grant, body)
        return refusal(404, "No such setting is served to this token.", code="FLAG_NOT_FOUND", key=key)


class All(Evaluation):
    """Every flag."""

    def post(self, request: HttpRequest) -> HttpResponse:
        grant, flags = self.grant, []
        for release in grant.releases:
            settings = holders.settings(release)
            flags += [flag(key, each, release, settings) for key, each in values(release.integration, settings)]
        stream = {
            "type": "sse",
            "url": request.build_absolute_uri(STREAM),
            "inactivityDelaySec": INACTIVITY_SECONDS,
        }
        metadata = {"system": grant.system, "environment": grant.environment}
        body = holders.written({"flags": flags, "metadata": metadata, "eventStreams": [stream]})
        return sent(request, grant, body)


def values(integration: str, settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key with its value: the whole, each contract, each part of it, each setting."""
    yield integration, settings
    for name, contract in settings["contracts"].items():
        yield from _below(f"{integration}.{name}", contract)


def _below(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield key, value
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _below(f"{key}.{name}", each)


def flag(key: str, value: Any, release: Served, settings: dict[str, Any]) -> dict[str, Any]:
    """One evaluation: the variant is the release."""
    return {
        "key": key,
        "value": value,
        "reason": "STATIC",
        "variant": f"release-{release.number}",
        "metadata": {
            "release": release.number,
            "revision": settings["revision"],
            "contentHash": settings["content_hash"],
            "environment": settings["environment"],
        },
    }


def sent(request: HttpRequest, grant: Grant, body: bytes) -> HttpResponse:
    tag = wire.etag_of_document(holders.newest(grant), body)
    return holders.answer(request, grant, body, "application/json", tag, {"Vary": "Authorization, X-API-Key"})


def refusal(
    status: int, detail: str, *, code: str = "GENERAL", headers: dict[str, str] | None = None, **place: str
) -> HttpResponse:
    """An error as the protocol words it, with the key where one was asked for."""
    body = holders.written({**place, "errorCode": code, "errorDetails": detail})
    said = {"Cache-Control": "private, no-store", "Vary": "Authorization, X-API-Key", **(headers or {})}
    return HttpResponse(body, status=status, content_type="application/json", headers=said)
