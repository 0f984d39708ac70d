"""Live settings by Envoy's xDS over REST: clusters and routes of what a system calls, and what Envoy made of them."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from api import holders
from registry.dialects import envoy
from registry.errors import Invalid
from registry.live import wire
from registry.live.served import Grant, Served
from registry.models import Environment, System
from registry.services import instances
from registry.services.instances import Refused, Reported

TYPES = {"clusters": envoy.CLUSTER, "routes": envoy.ROUTES}
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A discovery request, read."""

    version: str
    node: str
    agent: str
    names: tuple[str, ...]
    refusal: str


class Discovery(View):
    """One kind of resource. 304 where Envoy holds it already."""

    http_method_names = ["post"]

    @method_decorator(csrf_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **place: Any) -> HttpResponse:
        if request.method != "POST":
            return refusal(405, "Send POST.", {"Allow": "POST"})
        return super().dispatch(request, *args, **place)  # type: ignore[return-value]

    def post(self, request: HttpRequest, kind: str) -> HttpResponse:
        try:
            body = holders.question(request)
            asked = _read(body, TYPES[kind])
        except ValueError as unreadable:
            return refusal(400, f"{str(unreadable).capitalize()}.")
        try:
            # Envoy's REST fetcher sends no headers of one's own; what it knows of itself it does send.
            grant = holders.grant(holders.digest(request) or holders.digest_of(_token(body)))
        except holders.NotHeard as refused:
            needed = {"WWW-Authenticate": 'Bearer realm="registry"'} if refused.status == 401 else {}
            return refusal(refused.status, refused.detail, needed)
        found = _resources(grant, kind)
        version = f"{holders.newest(grant)}-{hashlib.sha256(holders.written(found)).hexdigest()[:16]}"
        try:
            _note(grant, kind, asked, version)
        except Invalid as wrong:
            return refusal(400, f"{wrong.problems[0].path} {wrong.problems[0].message}.")
        if asked.version == version and not asked.refusal:
            return HttpResponse(status=304, headers=wire.CACHING)
        wanted = [each for each in found if not asked.names or each["name"] in asked.names]
        answer = holders.written(
            {
                "version_info": version,
                "resources": wanted,
                "type_url": TYPES[kind],
                "nonce": version,
                "control_plane": {"identifier": "integration-registry"},
            }
        )
        return holders.answer(request, grant, answer, "application/json", f'"{version}"')


def _read(body: dict[str, Any], type_url: str) -> Asked:
    """The request in either spelling of its names. Raises ValueError with what is wrong."""
    node = body.get("node") or {}
    if not isinstance(node, dict):
        raise ValueError("the node is not an object")
    told = body.get("type_url", body.get("typeUrl")) or type_url
    if told != type_url:
        raise ValueError(f"this address has resources of type {type_url}")
    names = body.get("resource_names", body.get("resourceNames")) or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ValueError("the resource_names are not a list of names")
    error = body.get("error_detail", body.get("errorDetail")) or {}
    if not isinstance(error, dict):
        raise ValueError("the error_detail is not an object")
    return Asked(
        str(body.get("version_info", body.get("versionInfo")) or "")[:LONGEST],
        str(node.get("id") or "")[:LONGEST],
        _agent(node),
        tuple(each for each in names if each != "*"),
        str(error.get("message") or f"code {error.get('code')}")[:500] if error else "",
    )


def _agent(node: dict[str, Any]) -> str:
    name = str(node.get("user_agent_name") or node.get("userAgentName") or "envoy")
    build = node.get("user_agent_build_version") or node.get("userAgentBuildVersion") or {}
    version = build.get("version") if isinstance(build, dict) else None
    if isinstance(version, dict):
        numbers = (version.get(part, 0) for part in ("major_number", "minor_number", "patch"))
        name += f" {'.'.join(map(str, numbers))}"
    return name[:100]


def _token(body: dict[str, Any]) -> str:
    node = body.get("node")
    metadata = node.get("metadata") if isinstance(node, dict) else None
    token = metadata.get("registry_token") if isinstance(metadata, dict) else None
    return token if isinstance(token, str) else ""


def _resources(grant: Grant, kind: str) -> list[dict[str, Any]]:
    documents = [_called(grant, holders.settings(each)) for each in grant.releases]
    clusters, routes = envoy.resources(documents)
    return clusters if kind == "clusters" else routes


def _called(grant: Grant, settings: dict[str, Any]) -> dict[str, Any]:
    """Only the contracts by which the token's system calls another: what an Envoy beside it carries."""
    own = {name: each for name, each in settings["contracts"].items() if each.get("consumer") in (None, grant.system)}
    return settings | {"contracts": own}


def _note(grant: Grant, kind: str, asked: Asked, version: str) -> None:
    """An ACK repeats our version; a NACK says what was wrong. Whoever names no node could not be told from another."""
    if not asked.node or not grant.releases or not (asked.refusal or asked.version == version):
        return
    now = timezone.now()
    said = {each.integration: _said(each, asked.refusal) for each in grant.releases}
    instances.report(
        system=System.objects.get(slug=grant.system),
        environment=Environment.objects.get(slug=grant.environment),
        instance=f"{asked.node} {kind}",
        sdk=f"{asked.agent}, xDS",
        started_at=now,
        integrations=said,
        now=now,
    )


def _said(release: Served, refusal: str) -> Reported:
    if refusal:
        return Reported(refused=Refused(release.number, refusal))
    return Reported(release=release.number, content_hash=release.sha256)


def refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """An error in words; Envoy logs them."""
    said = {"Cache-Control": "private, no-store", "Vary": "Authorization", **(headers or {})}
    return HttpResponse(
        holders.written({"message": detail}), status=status, content_type="application/json", headers=said
    )
