"""Live settings as the configuration of a library, and what that library cannot say."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api import holders
from api.live import reading
from api.problems import problem, token_needed
from registry import dialects
from registry.dialects import Dialect, Rendering
from registry.live import wire
from registry.live.served import Grant, Served


@reading
def file(request: HttpRequest, slug: str, dialect: str) -> HttpResponseBase:
    """The settings of one integration as a dialect's own file."""
    found = _found(request, slug, dialect)
    if isinstance(found, HttpResponse):
        return found
    grant, release, chosen, rendering = found
    body = rendering.text.encode()
    headers = {
        "Link": f'<{request.path}/losses>; rel="describedby"; type="application/json"',
        "Content-Disposition": f'inline; filename="{slug}{chosen.ending}"',
        "X-Settings-Losses": str(len(rendering.losses)),
    }
    content_type = f"{chosen.media_type}; charset=utf-8"
    return holders.answer(request, grant, body, content_type, wire.etag_of_document(release.number, body), headers)


@reading
def losses(request: HttpRequest, slug: str, dialect: str) -> HttpResponseBase:
    """What the library does otherwise than these settings say."""
    found = _found(request, slug, dialect)
    if isinstance(found, HttpResponse):
        return found
    grant, release, chosen, rendering = found
    body = holders.written(
        {
            "dialect": chosen.name,
            "applies": chosen.applies,
            "how": chosen.how,
            "release": release.number,
            "losses": [
                {"path": each.path, "said": each.said, "instead": each.instead, "severity": each.severity}
                for each in rendering.losses
            ],
        }
    )
    return holders.answer(request, grant, body, "application/json", wire.etag_of_document(release.number, body))


def _found(request: HttpRequest, slug: str, dialect: str) -> HttpResponse | tuple[Grant, Served, Dialect, Rendering]:
    try:
        grant = holders.grant(holders.digest(request))
    except holders.NotHeard as refused:
        if refused.status == 401:
            return token_needed(request, refused.detail)
        return problem(request, "not-allowed", refused.detail)
    release = next((each for each in grant.releases if each.integration == slug), None)
    if release is None:
        return problem(request, "not-found", "No settings of this integration are served to this token.")
    chosen = dialects.find(dialect)
    if chosen is None:
        mend = f"Known here: {', '.join(each.name for each in dialects.DIALECTS)}."
        return problem(request, "not-found", "There is no such dialect.", mend=mend)
    settings = holders.settings(release)
    contract = request.GET.get("contract", "")
    if contract:
        if contract not in settings["contracts"]:
            return problem(request, "not-found", "These settings have no contract of that name.")
        settings["contracts"] = {contract: settings["contracts"][contract]}
    return grant, release, chosen, chosen.write(settings)
