"""What happens around every request: its id, its line in the log, and the headers a browser obeys."""

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from registry import origin

log = logging.getLogger("server.request")

Respond = Callable[[HttpRequest], HttpResponseBase]

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}")

STRICT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
QUIET_PATHS = ("/static/", "/healthz/", "/metrics")


class RequestLine:
    """Gives each request an id, tells the domain where it came from, and logs one line when it is answered."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = request_id_of(request)
        token = origin.current.set(origin.Origin(ip=client_ip(request), request_id=request_id))
        try:
            response = self.respond(request)
        finally:
            origin.current.reset(token)
        response["X-Request-ID"] = request_id
        self.write_line(request, response, request_id, milliseconds=(time.perf_counter() - started) * 1000)
        return response

    def write_line(
        self, request: HttpRequest, response: HttpResponseBase, request_id: str, *, milliseconds: float
    ) -> None:
        if response.status_code < 400 and request.path.startswith(QUIET_PATHS):
            return
        facts = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "duration_ms": round(milliseconds, 1),
            "request_id": request_id,
            "ip": client_ip(request),
        }
        level = logging.ERROR if response.status_code >= 500 else logging.INFO
        log.log(level, "%s %s %s", request.method, request.path, response.status_code, extra=facts)


class SecurityHeaders:
    """A content security policy without inline script or style, and no features of the device."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.respond(request)
        # A page that needs another one brings it, as those of the API's description do.
        response.headers.setdefault("Content-Security-Policy", STRICT_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


def request_id_of(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if SANE_REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def client_ip(request: HttpRequest) -> str:
    """The caller's address; behind a proxy the last one it added, since earlier ones are the caller's own words."""
    claimed = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        claimed = request.headers.get("X-Forwarded-For", claimed).rsplit(",", 1)[-1].strip()
    try:
        return str(ipaddress.ip_address(claimed))
    except ValueError:
        return ""
