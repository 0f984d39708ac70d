"""Live settings in the shape of a Spring Cloud Config server, so that its clients read them as they are."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from api import holders
from registry.dialects import resilience4j
from registry.live import wire
from registry.live.served import Grant, Served

WITH_ORIGINS = "application/vnd.spring-cloud.config-server.v2+json"
PREFIX = "registry"
FORMS = {"yml": "text/plain", "yaml": "text/plain", "properties": "text/plain", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants: the applications, and what it repeats to itself."""

    names: list[str]
    profiles: list[str]
    label: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """The properties of one release."""

    name: str
    release: Served
    settings: dict[str, Any]
    properties: dict[str, Any]


@csrf_exempt
def environment(request: HttpRequest, name: str, profiles: str, label: str = "") -> HttpResponseBase:
    """The property sources of an application, the one that prevails first."""
    asked = Asked(_listed(name), _listed(profiles), _unwrapped(label) or None)
    return _answered(request, [asked.names], lambda grant, sources: _environment(request, grant, sources, asked, name))


@csrf_exempt
def file(request: HttpRequest, joined: str, form: str, label: str = "") -> HttpResponseBase:
    """The same as one file, its name and profile joined by a hyphen: orders-to-payments-production.yml."""
    return _answered(request, list(_names(joined)), lambda grant, sources: _file(request, grant, sources, form))


def _answered(request: HttpRequest, wanted: list[list[str]], answer: Any) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return _refusal(request, 405, "This address is only read.", {"Allow": "GET, HEAD"})
    try:
        grant = holders.grant(holders.digest(request, "X-Config-Token"))
    except holders.NotHeard as refused:
        needed = {"WWW-Authenticate": 'Basic realm="registry"'} if refused.status == 401 else {}
        return _refusal(request, refused.status, refused.detail, needed)
    for names in wanted:
        if sources := _sources(grant, names):
            made: HttpResponseBase = answer(grant, sources)
            return made
    return _refusal(request, 404, "Nothing is served under this name to this token.", {})


def _sources(grant: Grant, names: list[str]) -> list[Source]:
    """The releases these names stand for: an integration's own, or all of the token's system by its name."""
    chosen = [each for each in grant.releases if each.integration in names or grant.system in names]
    read = [(each, holders.settings(each)) for each in chosen]
    times = Counter(contract for _, settings in read for contract in settings["contracts"])
    return [
        Source(f"{PREFIX}:{release.integration}-{grant.environment}", release, settings, _properties(settings, times))
        for release, settings in read
    ]


def _properties(settings: dict[str, Any], times: Counter[str]) -> dict[str, Any]:
    """What resilience4j and Feign obey by the contract's name, and everything as it is served under `registry`.

    Where two integrations name a contract alike, the integration's name goes before it: neither takes the other's.
    """
    integration = settings["integration"]
    named = {
        name if times[name] == 1 else f"{integration}-{name}": each for name, each in settings["contracts"].items()
    }
    tree, _ = resilience4j.configuration(settings | {"contracts": named})
    flat = dict(_flat(tree, ""))
    return flat | dict(_flat(settings, f"{PREFIX}{_step(integration, first=False)}"))


def _flat(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _flat(each, at + _step(name, first=not at))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _flat(each, f"{at}[{index}]")
    else:
        yield at, _escaped(value)


def _step(name: str, *, first: bool) -> str:
    if name.startswith("["):
        return name
    plain = all(letter.isalnum() or letter in "-_" for letter in name)
    return (name if first else f".{name}") if plain else f"[{name}]"


def _escaped(value: Any) -> Any:
    """Text that Spring would take for a placeholder says that it is none."""
    return value.replace("${", "\\${") if isinstance(value, str) else value


def _environment(request: HttpRequest, grant: Grant, sources: list[Source], asked: Asked, name: str) -> HttpResponse:
    with_origins = WITH_ORIGINS in request.headers.get("Accept", "")
    body = holders.written(
        {
            "name": name,
            "profiles": asked.profiles,
            "label": asked.label,
            "version": ",".join(dict.fromkeys(str(each.settings["revision"]) for each in sources)),
            "state": _state(sources),
            "propertySources": [
                {"name": each.name, "source": _with_origins(each) if with_origins else each.properties}
                for each in sources
            ],
        }
    )
    content_type = WITH_ORIGINS if with_origins else "application/json"
    return _sent(request, grant, body, content_type)


def _with_origins(source: Source) -> dict[str, Any]:
    release, revision = source.release.number, source.settings["revision"]
    origin = f"{source.release.integration} {revision}, release {release}"
    return {name: {"value": value, "origin": origin} for name, value in source.properties.items()}


def _state(sources: list[Source]) -> str:
    """Changes with any of the releases: clients refresh when it does."""
    if len(sources) == 1:
        return f"sha256:{sources[0].release.sha256}"
    return f"sha256:{hashlib.sha256(' '.join(each.release.sha256 for each in sources).encode()).hexdigest()}"


def _file(request: HttpRequest, grant: Grant, sources: list[Source], form: str) -> HttpResponse:
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        merged |= source.properties
    if form == "properties":
        text = "".join(f"{_property(name)}: {_property(value)}\n" for name, value in sorted(merged.items()))
    elif form == "json":
        text = json.dumps(_nested(merged), ensure_ascii=False)
    else:
        text = yaml.safe_dump(_nested(merged), allow_unicode=True, width=120)
    return _sent(request, grant, text.encode(), f"{FORMS[form]}; charset=utf-8")


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted names as levels; lists and names in brackets as they are written."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *steps, last = _levels(name)
        level = tree
        for step in steps:
            level = level.setdefault(step, {})
        level[last] = value
    nested: dict[str, Any] = _with_lists(tree)
    return nested


def _levels(name: str) -> list[str]:
    levels, depth = [""], 0
    for letter in name:
        if letter == "." and not depth:
            levels.append("")
            continue
        if letter == "[":
            depth += 1
            if levels[-1]:
                levels.append("")
        levels[-1] += letter
        depth -= letter == "]"
    return [each for each in levels if each]


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(each) for name, each in value.items()}
    if inner and all(name.startswith("[") and name[1:-1].isdigit() for name in inner):
        return [inner[f"[{index}]"] for index in range(len(inner))]
    return inner


def _property(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "".join(letter if letter.isascii() else _unicode(letter) for letter in escaped)


def _unicode(letter: str) -> str:
    """Java reads these files as Latin-1."""
    units = letter.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _names(joined: str) -> Iterator[list[str]]:
    """What may be the name in `name-profile`, the longest first."""
    plain = _unwrapped(joined)
    for at in range(len(plain) - 1, 0, -1):
        if plain[at] == "-":
            yield [plain[:at]]


def _listed(text: str) -> list[str]:
    return [_unwrapped(each.strip()) for each in text.split(",") if each.strip()]


def _unwrapped(text: str) -> str:
    """Clients write a slash in a name or label as (_)."""
    return text.replace("(_)", "/")


def _sent(request: HttpRequest, grant: Grant, body: bytes, content_type: str) -> HttpResponse:
    tag = wire.etag_of_document(holders.newest(grant), body)
    return holders.answer(request, grant, body, content_type, tag, {"Vary": "Authorization, X-Config-Token, Accept"})


def _refusal(request: HttpRequest, status: int, detail: str, headers: dict[str, str]) -> HttpResponse:
    body = holders.written({"status": status, "error": detail, "path": request.path})
    sent = {"Cache-Control": "private, no-store", "Vary": "Authorization, X-Config-Token", **headers}
    return HttpResponse(body, status=status, content_type="application/json", headers=sent)
