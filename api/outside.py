"""How the API description shows the shapes of other protocols, which are answered outside the framework."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import shapes
from api.auth import TokenAuthentication
from api.described import ETAG, IF_NONE_MATCH
from api.places import PATH_TYPES
from api.problems import KINDS, MEDIA_TYPE
from registry.dialects import DIALECTS

Endpoints = list[tuple[str, str, type[APIView]]]
OBJECT = {"type": "object"}
SLUG = OpenApiParameter("slug", PATH_TYPES["name"], OpenApiParameter.PATH, description="The integration.")
DIALECT = OpenApiParameter(
    "dialect", str, OpenApiParameter.PATH, enum=[each.name for each in DIALECTS], description="The library or proxy."
)
CONTRACT = OpenApiParameter("contract", str, OpenApiParameter.QUERY, description="Only this contract.")
LINK = OpenApiParameter("Link", str, OpenApiParameter.HEADER, response=[200], description="Where the losses are told.")
REFUSED = {
    (KINDS[name].status, MEDIA_TYPE): OpenApiResponse(shapes.Problem, KINDS[name].title)
    for name in ("token-needed", "not-allowed", "not-found")
}
NOT_MODIFIED = {304: OpenApiResponse(description="What you hold is still right.")}
KEYS = {
    "name": "An integration, or the token's system for all of its integrations.",
    "profiles": "Any profiles, separated by commas; the environment is the token's.",
    "label": "Repeated in the answer, and not used.",
    "joined": "The name and a profile, joined by a hyphen.",
    "form": "The kind of file.",
    "key": "An integration, `<integration>.<contract>`, or a setting below that.",
}


def _place(name: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=KEYS[name], **more)


def _plain(*statuses: int) -> dict[int, OpenApiResponse]:
    """Refusals in the protocol's own shape."""
    return {status: OpenApiResponse(OBJECT, "Refused, in this protocol's own words.") for status in statuses}


class Outside(APIView):
    """Describes a plain view."""

    authentication_classes = [TokenAuthentication]


class Rendered(Outside):
    """Describes `api.renderings.file`."""

    @extend_schema(
        responses={
            (200, "application/json"): OBJECT,
            (200, "application/yaml"): OBJECT,
            (200, "text/plain"): str,
            **NOT_MODIFIED,
            **REFUSED,
        },
        parameters=[SLUG, DIALECT, CONTRACT, IF_NONE_MATCH, ETAG, LINK],
        operation_id="read_settings_as",
        tags=["settings"],
    )
    def get(self, request: Request, slug: str, dialect: str) -> Response:
        """The settings of one integration as the configuration of a library or proxy, ready to be used."""
        raise NotImplementedError


class Losses(Outside):
    """Describes `api.renderings.losses`."""

    @extend_schema(
        responses={200: shapes.DialectLosses, **NOT_MODIFIED, **REFUSED},
        parameters=[SLUG, DIALECT, CONTRACT, IF_NONE_MATCH, ETAG],
        operation_id="read_losses",
        tags=["settings"],
    )
    def get(self, request: Request, slug: str, dialect: str) -> Response:
        """What that library does otherwise than the settings say, value by value."""
        raise NotImplementedError


def _spring(operation: str, *places: str) -> type[Outside]:
    class Environment(Outside):
        """Describes `api.spring.environment`."""

        @extend_schema(
            responses={
                (200, "application/json"): OBJECT,
                (200, "application/vnd.spring-cloud.config-server.v2+json"): OBJECT,
                **NOT_MODIFIED,
                **_plain(401, 403, 404),
            },
            parameters=[*map(_place, places), IF_NONE_MATCH, ETAG],
            operation_id=operation,
            tags=["spring cloud config"],
        )
        def get(self, request: Request, **place: str) -> Response:
            """Property sources as Spring Cloud Config serves them. The token is sent as Bearer, as X-Config-Token,
            or as the password of Basic."""
            raise NotImplementedError

    return Environment


def _spring_file(operation: str, *places: str) -> type[Outside]:
    class File(Outside):
        """Describes `api.spring.file`."""

        @extend_schema(
            responses={
                (200, "text/plain"): str,
                (200, "application/json"): OBJECT,
                **NOT_MODIFIED,
                **_plain(401, 403, 404),
            },
            parameters=[
                *map(_place, places),
                _place("form", enum=["yml", "yaml", "properties", "json"]),
                IF_NONE_MATCH,
                ETAG,
            ],
            operation_id=operation,
            tags=["spring cloud config"],
        )
        def get(self, request: Request, **place: str) -> Response:
            """All properties as one file: YAML, properties or JSON."""
            raise NotImplementedError

    return File


class Flag(Outside):
    """Describes `api.ofrep.One`."""

    @extend_schema(
        request=shapes.EvaluationAsked,
        responses={200: shapes.Evaluation, **NOT_MODIFIED, **_plain(400, 401, 403, 404)},
        parameters=[_place("key"), IF_NONE_MATCH, ETAG],
        operation_id="evaluate_flag",
        tags=["openfeature"],
    )
    def post(self, request: Request, key: str) -> Response:
        """One value, by OpenFeature's remote evaluation protocol. The token is sent as Bearer or as X-API-Key."""
        raise NotImplementedError


class Flags(Outside):
    """Describes `api.ofrep.All`."""

    @extend_schema(
        request=shapes.EvaluationAsked,
        responses={200: shapes.Evaluations, **NOT_MODIFIED, **_plain(400, 401, 403)},
        parameters=[IF_NONE_MATCH, ETAG],
        operation_id="evaluate_flags",
        tags=["openfeature"],
    )
    def post(self, request: Request) -> Response:
        """Every value of the token's system at once, and where to hear of changes."""
        raise NotImplementedError


def _discovery(operation: str, kind: str) -> type[Outside]:
    class Discovery(Outside):
        """Describes `api.xds.Discovery`."""

        @extend_schema(
            request=shapes.DiscoveryAsked,
            responses={200: shapes.Discovered, **NOT_MODIFIED, **_plain(400, 401, 403)},
            operation_id=operation,
            description=f"The {kind} of what the token's system calls, as Envoy's xDS over REST. A request with our "
            "version accepts it, one with an error refuses it; both are kept. The token is sent as Bearer, or as "
            "`registry_token` in the node's metadata.",
            tags=["envoy"],
        )
        def post(self, request: Request) -> Response:
            raise NotImplementedError

    return Discovery


OUTSIDE: Endpoints = [
    ("/api/v1/settings/{slug}/as/{dialect}", "GET", Rendered),
    ("/api/v1/settings/{slug}/as/{dialect}/losses", "GET", Losses),
    ("/spring/{name}/{profiles}", "GET", _spring("read_spring", "name", "profiles")),
    ("/spring/{name}/{profiles}/{label}", "GET", _spring("read_spring_of_label", "name", "profiles", "label")),
    ("/spring/{joined}.{form}", "GET", _spring_file("read_spring_file", "joined")),
    ("/spring/{label}/{joined}.{form}", "GET", _spring_file("read_spring_file_of_label", "label", "joined")),
    ("/ofrep/v1/evaluate/flags/{key}", "POST", Flag),
    ("/ofrep/v1/evaluate/flags", "POST", Flags),
    ("/v3/discovery:clusters", "POST", _discovery("discover_clusters", "clusters")),
    ("/v3/discovery:routes", "POST", _discovery("discover_routes", "routes")),
]
"""Path, method, and the view that describes it."""
