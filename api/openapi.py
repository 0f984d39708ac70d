"""The API's description in OpenAPI 3.1, and the two pages that show it."""

import functools
import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import outside, shapes
from api.auth import TokenAuthentication
from api.described import ETAG, IF_NONE_MATCH, described
from api.etags import unchanged
from api.hot import LONGEST_WAIT_S
from api.places import PATH_TYPES
from api.problems import MEDIA_TYPE as MEDIA_PROBLEM
from api.schemas import for_readers

MEDIA_TYPE = "application/vnd.oai.openapi+json"
# These pages set styles on elements while they run; scripts come from us alone, none of them inline.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Endpoints = list[tuple[str, str, str, Any]]

CACHED = OpenApiParameter(
    "Cache-Control",
    str,
    OpenApiParameter.HEADER,
    response=[200, 304],
    description="Ask again before each use, and go on with what you hold for a day while the registry is down.",
)
SLUG = OpenApiParameter("slug", PATH_TYPES["name"], OpenApiParameter.PATH, description="The integration.")
AFTER = OpenApiParameter(
    "after", int, OpenApiParameter.QUERY, description="The release you hold: only a newer one is sent, else 304."
)
WAIT = OpenApiParameter(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_S},
    OpenApiParameter.QUERY,
    description="How many seconds to wait for a newer one before answering 304.",
)
KEY_ID = OpenApiParameter(
    "X-Settings-Key-Id",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="The key that signed the body; `/api/v1/keys` has its public half.",
)
SIGNATURE = OpenApiParameter(
    "X-Settings-Signature",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="The Ed25519 signature of exactly the body's bytes, in base64.",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The last id seen: what was released since comes first.",
)
READ_WITH = (AFTER, WAIT, IF_NONE_MATCH, ETAG, CACHED)
reading = functools.partial(described, not_modified=True, tags=["settings"])


class AllSettings(APIView):
    """Describes `api.live.every`, which is answered outside this framework."""

    authentication_classes = [TokenAuthentication]

    @reading(shapes.AllLiveSettings, "invalid", operation_id="read_all_settings", parameters=READ_WITH)
    def get(self, request: Request) -> Response:
        """The settings of every integration of the service token's system, in the token's environment."""
        raise NotImplementedError


class OneSettings(APIView):
    """Describes `api.live.one`, which is answered outside this framework."""

    authentication_classes = [TokenAuthentication]

    @reading(
        shapes.LiveSettings,
        "not-found",
        "invalid",
        operation_id="read_settings",
        parameters=(SLUG, *READ_WITH, KEY_ID, SIGNATURE),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The settings of one integration, byte for byte as released, in the service token's environment.

        Send the ETag you hold as If-None-Match: 304 means go on with it. An integration the token's system is no party
        to, or that is not released in that environment, is not found. While the database is down,
        `X-Settings-Stale` and `Age` say how many seconds ago this was last known to be in force.
        """
        raise NotImplementedError


class SettingsStream(APIView):
    """Describes what the front answers."""

    authentication_classes = [TokenAuthentication]

    @extend_schema(
        responses={
            (200, "text/event-stream"): {
                "type": "string",
                "description": "Server-sent events.",
            },
            (401, MEDIA_PROBLEM): shapes.Problem,
            (403, MEDIA_PROBLEM): shapes.Problem,
            (503, MEDIA_PROBLEM): shapes.Problem,
        },
        parameters=[LAST_EVENT_ID],
        operation_id="follow_settings",
        tags=["settings"],
    )
    def get(self, request: Request) -> Response:
        """Hints of what is released in the token's environment to its system: read the settings when one comes.

        `event: release`, its `id` the release, its data `{"integration", "release", "etag"}`. `event: bookmark` only
        moves the id on. A comment comes every fifteen seconds. Whoever reads too slowly is cut off, and resumes.
        """
        raise NotImplementedError


class RecordSchema(APIView):
    """Describes `api.schemas.design_record`."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        responses={
            (200, "application/schema+json"): {"type": "object", "description": "A JSON Schema (2020-12)."},
            304: None,
        },
        parameters=[IF_NONE_MATCH, ETAG],
        operation_id="read_record_schema",
        tags=["schemas"],
    )
    def get(self, request: Request) -> Response:
        """The JSON Schema of a design record."""
        raise NotImplementedError


class SigningKeys(APIView):
    """Describes `api.verification.keys`."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses={200: shapes.Keys}, operation_id="list_keys", tags=["verify"])
    def get(self, request: Request) -> Response:
        """The public keys that signatures are checked with, the present one first."""
        raise NotImplementedError


OUTSIDE = {
    "/api/v1/settings": AllSettings,
    "/api/v1/settings/stream": SettingsStream,
    "/api/v1/settings/{slug}": OneSettings,
    "/api/v1/keys": SigningKeys,
    "/api/schemas/design-record.json": RecordSchema,
}


def with_plain_views(endpoints: Endpoints) -> Endpoints:
    """Adds the views that are answered outside the framework, by the classes that describe them."""
    plain: list[tuple[str, str, type[APIView]]] = [
        *((path, "GET", view) for path, view in OUTSIDE.items()),
        *outside.OUTSIDE,
    ]
    return [*endpoints, *((path, f"^{path}$", method, view.as_view()) for path, method, view in plain)]


def finished(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Gives the components their units, and plain objects that hold a component its name."""
    schemas = result["components"]["schemas"]
    for schema in schemas.values():
        for name, each in schema.get("properties", {}).items():
            if component := each.pop("x-component", ""):
                kept = {"description": each["description"], "$ref": f"#/components/schemas/{component}"}
                schema["properties"][name] = kept
    result["components"]["schemas"] = {name: for_readers(schema) for name, schema in schemas.items()}
    return result


@functools.cache
def description() -> dict[str, Any]:
    """The description; the same for everybody, made once."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@require_safe
def document(request: HttpRequest) -> HttpResponse:
    """The description as JSON."""
    body, etag = _written()
    headers = {"ETag": etag, "Cache-Control": "public, no-cache"}
    if unchanged(request.headers.get("If-None-Match"), etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type=MEDIA_TYPE, headers=headers)


@require_safe
def swagger(request: HttpRequest) -> HttpResponse:
    """The description as a page to try requests from."""
    return _page(request, "api/swagger.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """The description as a page to read."""
    return _page(request, "api/redoc.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    page = render(request, template)
    page["Content-Security-Policy"] = PAGE_POLICY
    return page


@functools.cache
def _written() -> tuple[bytes, str]:
    body = json.dumps(description(), ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
