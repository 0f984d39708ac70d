"""OpenAPI 3.0 and 3.1 → one REST contract: addresses, authentication, operations, and what to do on each failure."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..record.base import LONGEST_LIST
from ..record.findings import InvalidRecord, Problem
from .base import Asked, Group, Imported, Importer, Ledger, Path
from .failures import Failures
from .fitting import METHODS, kebab, line, prose, slug, system_name, text_of, unique, url
from .hints import policy_hints
from .schemas import Schemas, misfit
from .source import Source, read_source

__all__ = ["OPENAPI", "environment_of"]

ENVIRONMENTS = {
    "local": r"localhost|127\.0\.0\.1|\blocal\b",
    "staging": r"stag|\bstg\b|pre-?prod|uat|acceptance",
    "sandbox": r"sandbox",
    "test": r"\btest|\bqa\b",
    "development": r"\bdev",
    "production": r"prod|live|main",
}
IDEMPOTENCY = re.compile(r"(?:x-)?idempotency-?(?:key|id|token)", re.IGNORECASE)
TRACING = ("x-request-id", "x-correlation-id", "traceparent", "tracestate", "b3", "x-b3-traceid")
READING = ("get", "head", "options")
MOST_GROUPS = 60
_VERBS = tuple(each.lower() for each in METHODS)
Operation = tuple[str, str, dict[str, Any], list[Any]]
"""Verb, path, operation, and the parameters all operations of the path share."""


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord for what is not OpenAPI 3."""
    source = read_source(text)
    _check(source)
    return _Reading(source, asked).imported()


def _check(source: Source) -> None:
    value = source.value
    if not isinstance(value, dict):
        raise InvalidRecord(
            [Problem("", "line 1, column 1: is not OpenAPI: no named fields", "Begin with openapi: 3.1.0.")]
        )
    if "swagger" in value:
        at = source.line_at(("swagger",))
        message = f"line {at}, column 1: is Swagger {text_of(value['swagger'])[:10]}, the format before OpenAPI 3"
        raise InvalidRecord([Problem("", message, "Convert it to OpenAPI 3 first; editors and generators do that.")])
    version = text_of(value.get("openapi"))
    if not version.startswith("3."):
        at = source.line_at(("openapi",)) or 1
        raise InvalidRecord([Problem("", f"line {at}, column 1: names no OpenAPI version 3", "Write openapi: 3.1.0.")])
    if not isinstance(value.get("paths", value.get("webhooks", {})), dict):
        at = source.line_at(("paths",)) or 1
        raise InvalidRecord(
            [Problem("", f"line {at}, column 1: paths is not a group of fields", "Write one path below it.")]
        )


class _Reading:
    def __init__(self, source: Source, asked: Asked) -> None:
        self.source = source
        self.asked = asked
        self.all = list(_all_operations(source.value))
        self.ledger = Ledger(source.line_at)
        self.schemas = Schemas(source, self.ledger)
        info = source.value.get("info")
        self.info: dict[str, Any] = info if isinstance(info, dict) else {}
        self.name = system_name(self.info.get("title")) or "api"
        self.system = asked.sides.own or self.name
        self.at = f"contracts[{self.name}]"
        self.tracing: list[str] = []
        self.idempotency: str | None = None
        self.credential = self.authentication()
        self.failures = Failures(self.at, self.credential, self.schemas, self.ledger)

    def imported(self) -> Imported:
        contract = {
            "name": self.name,
            "protocol": "rest",
            "provider": self.system,
            "authentication": self.credential,
            "base_urls": list(self.base_urls()),
            "operations": list(self.operations()),
        }
        contract |= {"errors": list(self.failures.rows()), **self.idempotent(), "policy": self.policy()}
        self.leave_rest()
        document = {
            "overview": self.overview(),
            "parties": list(self.parties()),
            "contracts": [contract],
            "monitoring": {"tracing": {"headers": self.tracing}},
        }
        title = line(self.info.get("title"), 100) or ""
        return self.ledger.imported("openapi", document, title=title, groups=_groups(self.all))

    def overview(self) -> dict[str, Any]:
        self.ledger.took(("openapi",), "overview.type", "A REST API is called: synchronous.")
        purpose = prose(self.info.get("description"))
        if purpose:
            self.ledger.guessed(("info", "description"), "overview.purpose", "The API's description: reword it.")
        return {"type": "synchronous", "purpose": purpose}

    def parties(self) -> Iterator[dict[str, Any]]:
        contact = self.info.get("contact")
        contact = contact if isinstance(contact, dict) else {}
        reach = line(contact.get("email")) or line(contact.get("url")) or line(contact.get("name"))
        self.ledger.guessed(("info", "title"), f"parties[{self.system}]", f"{self.system} answers: it is the provider.")
        yield {"role": "provider", "system": self.system, "contact": reach}

    def base_urls(self) -> Iterator[dict[str, Any]]:
        taken: set[str] = set()
        for index, server in enumerate(_list(self.source.value.get("servers"))):
            path: Path = ("servers", index)
            address = url(_filled(server)) if isinstance(server, dict) else None
            if address is None:
                self.ledger.left(path, "This server has no whole web address (https://…): state base URLs by hand.")
                continue
            environment = unique(environment_of(f"{address} {text_of(server.get('description'))}"), taken)
            target = f"{self.at}.base_urls[{environment}]"
            self.ledger.guessed(path, target, f"{environment} is {line(address)}, by address and description.")
            yield {"environment": environment, "url": address}

    def authentication(self) -> dict[str, Any]:
        components = _dict(self.source.value.get("components"))
        known = _dict(components.get("securitySchemes"))
        wanted = self._wanted_schemes()
        chosen = next((name for name in (*wanted, *known) if name in known), None)
        for name in known:
            if name != chosen:
                self.ledger.left(("components", "securitySchemes", name), "A contract has one way to authenticate.")
        if chosen is None:
            return self._open_to_all()
        scheme, path = self.schemas.follow(known[chosen], ("components", "securitySchemes", chosen))
        target = f"{self.at}.authentication"
        made = _authentication(_dict(scheme), wanted.get(chosen, ()))
        if made:
            self.ledger.took(path, target, f"Authentication by {chosen[:100]}.")
        else:
            self.ledger.left(path, "This kind of authentication has no place in a contract.", target)
        return made

    def _open_to_all(self) -> dict[str, Any]:
        """`security: []` says that nobody is asked who they are; silence does not."""
        if self.source.value.get("security") == []:
            self.ledger.took(("security",), f"{self.at}.authentication", "Open to everybody.")
            return {"type": "none"}
        self.ledger.left(("info",), "How callers prove who they are is not said.", f"{self.at}.authentication")
        return {}

    def _wanted_schemes(self) -> dict[str, tuple[str, ...]]:
        """Names of schemes, the one for the whole API first, with their scopes."""
        found: dict[str, tuple[str, ...]] = {}
        stated = [self.source.value.get("security")]
        stated += [each.get("security") for _, _, each, _ in self.all]
        for each in stated:
            for requirement in _list(each):
                for name, scopes in _dict(requirement).items():
                    found.setdefault(name, tuple(filter(None, (line(scope) for scope in _list(scopes)))))
        return found

    def operations(self) -> Iterator[dict[str, Any]]:
        taken: set[str] = set()
        beyond: list[Path] = []
        for verb, template, operation, shared in self.all:
            path: Path = ("paths", template, verb)
            if not self._is_selected(template, operation):
                self.ledger.passed(path, "Not in the selection.")
            elif len(taken) == LONGEST_LIST:
                beyond.append(path)
            else:
                yield self._operation(verb, template, operation, shared, taken)
        for path in beyond:
            self.ledger.left(path, f"A contract holds {LONGEST_LIST} operations: choose by tag or path.")

    def _is_selected(self, template: str, operation: dict[str, Any]) -> bool:
        tags = {text_of(each) for each in _list(operation.get("tags"))}
        return not self.asked.only or any(
            each in tags or (each[:1] == "/" and template.startswith(each)) for each in self.asked.only
        )

    def _operation(
        self, verb: str, template: str, operation: dict[str, Any], shared: list[Any], taken: set[str]
    ) -> dict[str, Any]:
        path: Path = ("paths", template, verb)
        name = unique(kebab(operation.get("operationId")) or slug(f"{verb}-{template}") or verb, taken)
        made: dict[str, Any] = {"name": name, "method": verb.upper(), "path": line(template)}
        made["summary"] = line(operation.get("summary")) or line(operation.get("description"))
        made["headers"] = list(self._headers(path, [*shared, *_list(operation.get("parameters"))]))
        made |= self._request(path, operation)
        made["responses"] = list(self._responses(path, operation))
        self.ledger.took(path, f"{self.at}.operations[{name}]", f"{verb.upper()} {template[:200]}")
        for field in ("callbacks", "servers"):
            if operation.get(field):
                self.ledger.left((*path, field), f"{field.capitalize()} of one operation have no place in a contract.")
        if operation.get("deprecated") is True:
            self.ledger.left((*path, "deprecated"), f"{name} is marked as deprecated: better use another.")
        return made

    def _headers(self, path: Path, parameters: list[Any]) -> Iterator[dict[str, Any]]:
        others = []
        seen = set()
        for raw in parameters:
            parameter = _dict(self.schemas.follow(raw, (*path, "parameters"))[0])
            name = line(parameter.get("name"), 100)
            if name and parameter.get("in") == "header" and name not in seen:
                seen.add(name)
                value = line(parameter.get("description")) or line(_dict(parameter.get("schema")).get("type"))
                self._note_header(name, path)
                yield {"name": name, "value": value, "required": parameter.get("required") is True}
            elif name and parameter.get("in") in ("query", "cookie"):
                others.append(f"{parameter['in']} {name}")
        if others:
            self.ledger.passed((*path, "parameters"), f"No place for parameters: {line(', '.join(others))}.")

    def _note_header(self, name: str, path: Path) -> None:
        """Headers that mean more than themselves."""
        at = (*path, "parameters")
        if IDEMPOTENCY.fullmatch(name) and self.idempotency is None:
            self.idempotency = name
            self.ledger.guessed(at, f"{self.at}.idempotency_header", f"{name} makes a call safe to repeat.")
        if name.lower() in TRACING and name not in self.tracing:
            self.tracing.append(name)
            self.ledger.took(at, "monitoring.tracing.headers", f"{name} is passed on.")

    def idempotent(self) -> dict[str, Any]:
        if self.idempotency:
            return {"idempotent": True, "idempotency_header": self.idempotency}
        taken = [verb for verb, template, operation, _ in self.all if self._is_selected(template, operation)]
        if taken and all(verb in READING for verb in taken):
            self.ledger.guessed(("paths",), f"{self.at}.idempotent", "Only reads: a call may be repeated.")
            return {"idempotent": True}
        return {}

    def policy(self) -> dict[str, Any]:
        """What extensions of the whole API, its servers or its operations say of retries, limits and timeouts."""
        made: dict[str, dict[str, Any]] = {}
        holders: list[tuple[Path, Any]] = [((), self.source.value), (("info",), self.info)]
        holders += [(("servers", index), each) for index, each in enumerate(_list(self.source.value.get("servers")))]
        holders += [(("paths", template, verb), each) for verb, template, each, _ in self.all]
        for path, holder in holders:
            for name, hints in policy_hints(_dict(holder)):
                at: Path = (*path, name)
                fresh = [hint for hint in hints if hint[1] not in made.get(hint[0], {})]
                for part, field, value in fresh:
                    made.setdefault(part, {})[field] = value
                    shown = f"{field.replace('_', ' ')}: {line(value) or value}"
                    self.ledger.took(at, f"{self.at}.policy.{part}.{field}", f"{name}, {shown}")
                if not hints:
                    self.ledger.left(at, f"{name} looks like a setting, but was not understood.")
                elif not fresh and path[:1] == ("paths",):
                    self.ledger.left(at, f"{name} of one operation: a contract has one policy, stated before.")
        return made

    def _request(self, path: Path, operation: dict[str, Any]) -> dict[str, Any]:
        if "requestBody" not in operation:
            return {}
        body, at = self.schemas.follow(operation["requestBody"], (*path, "requestBody"))
        schema, example = self._content(_dict(body), at)
        return {"request_schema": schema, "request_example": example}

    def _responses(self, path: Path, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for status, raw in _dict(operation.get("responses")).items():
            at: Path = (*path, "responses", status)
            response, place = self.schemas.follow(raw, at)
            if re.fullmatch("[45](?:[0-9]{2}|[xX]{2})", status):
                self.failures.add(status.lower(), _dict(response), at)
            elif status == "default":
                self.failures.usual = self.failures.usual or at
            elif re.fullmatch("[1-3][0-9]{2}", status):
                schema, example = self._content(_dict(response), place)
                yield {"status": int(status), "body_schema": schema, "body_example": example}
            else:
                self.ledger.left(at, f"The answer “{status[:40]}” names no status; add it to the error table by hand.")

    def _content(self, holder: dict[str, Any], path: Path) -> tuple[str | None, str | None]:
        """Schema and example of a body, of its JSON form where there are several."""
        content = _dict(holder.get("content"))
        kinds = sorted(content, key=lambda kind: ("json" not in kind, kind))
        for kind in kinds[1:]:
            said = f"{kind[:100]}: a body is described once, as {kinds[0][:100]}."
            self.ledger.passed((*path, "content", kind), said)
        media = _dict(content.get(kinds[0])) if kinds else {}
        at: Path = (*path, "content", *kinds[:1])
        schema = self.schemas.code(media["schema"], (*at, "schema")) if "schema" in media else None
        return schema, self._example(media, schema, at)

    def _example(self, media: dict[str, Any], schema: str | None, path: Path) -> str | None:
        """The first example that is stated, if it fits the schema beside it."""
        stated: list[tuple[Any, Path]] = [(media["example"], (*path, "example"))] if "example" in media else []
        for name, raw in list(_dict(media.get("examples")).items())[:1]:
            value = _dict(self.schemas.follow(raw, (*path, "examples", name))[0])
            stated += [(value["value"], (*path, "examples", name))] if "value" in value else []
        for value, at in stated[:1]:
            text = self.schemas.text(value, at, "example")
            why = misfit(schema, text) if text else ""
            if not why:
                return text
            self.ledger.left(at, f"The example does not fit its schema: {why[:200]}.")
        return None

    def leave_rest(self) -> None:
        value = self.source.value
        for name in _dict(value.get("webhooks")):
            self.ledger.left(("webhooks", name), "Webhooks are calls the other way: make a contract of their own.")
        for template, item in _dict(value.get("paths")).items():
            for field in ("trace", "query"):
                if isinstance(item, dict) and field in item:
                    self.ledger.left(("paths", template, field), f"{field.upper()} is not a method of a contract.")
        for field in ("termsOfService", "license", "version"):
            if field in self.info:
                self.ledger.passed(("info", field), f"The {field} of an API has no place in a design record.")
        for field in ("tags", "externalDocs"):
            if field in value:
                self.ledger.passed((field,), f"{field} have no place in a design record.")


def _all_operations(value: dict[str, Any]) -> Iterator[Operation]:
    for template, item in _dict(value.get("paths")).items():
        for verb, operation in _dict(item).items():
            if verb in _VERBS and isinstance(operation, dict):
                yield verb, template, operation, _list(item.get("parameters"))


def _groups(operations: list[Operation]) -> list[Group]:
    """Tags; where operations have none, the beginnings of their paths. None where there is nothing to choose."""
    tags = Counter(line(tag, 100) or "" for _, _, each, _ in operations for tag in _list(each.get("tags")))
    bare = [template for _, template, each, _ in operations if not _list(each.get("tags"))]
    beginnings: Counter[str] = Counter()
    for depth in (1, 2, 3, 4):
        beginnings = Counter(_beginning(template, depth) for template in bare)
        if len(beginnings) > 3:
            break
    found = [*tags.most_common(MOST_GROUPS), *beginnings.most_common(MOST_GROUPS)]
    return [Group(name, count) for name, count in sorted(found) if name] if len(found) > 1 else []


def _beginning(template: str, depth: int) -> str:
    steps = template.split("/")[1 : depth + 1]
    fixed = list(itertools.takewhile(lambda step: "{" not in step, steps))
    return line("/" + "/".join(fixed), 200) or "/"


def _authentication(scheme: dict[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
    kind, how = scheme.get("type"), text_of(scheme.get("scheme")).lower()
    if kind == "apiKey":
        where, name = text_of(scheme.get("in")), text_of(scheme.get("name"))
        return {"type": "api_key", "header": line(name if where == "header" else f"{where} parameter {name}")}
    if kind == "http" and how == "bearer":
        return {"type": "bearer_jwt", "header": "Authorization: Bearer <token>"}
    if kind == "http" and how == "basic":
        return {"type": "basic", "header": "Authorization: Basic <credentials>"}
    if kind == "mutualTLS":
        return {"type": "mtls"}
    if kind == "openIdConnect":
        return {"type": "bearer_jwt", "header": "Authorization: Bearer <token>", "scopes": list(scopes)}
    flow = _dict(_dict(scheme.get("flows")).get("clientCredentials"))
    if kind == "oauth2" and flow:
        named: list[str | None] = [*scopes] or [line(each) for each in _dict(flow.get("scopes"))]
        return {
            "type": "oauth2_client_credentials",
            "header": "Authorization: Bearer <access token>",
            "scopes": [each for each in named if each],
            "token_endpoint": url(flow.get("tokenUrl")),
        }
    if kind == "oauth2":
        return {"type": "bearer_jwt", "header": "Authorization: Bearer <access token>", "scopes": list(scopes)}
    return {}


def environment_of(text: str) -> str:
    """The environment an address and its description speak of; production where nothing hints at another."""
    plain = text[:3_000].lower()
    return next((name for name, hints in ENVIRONMENTS.items() if re.search(hints, plain)), "production")


def _filled(server: dict[str, Any]) -> str:
    """A server's address with its variables' defaults."""
    address = text_of(server.get("url"))
    for name, variable in _dict(server.get("variables")).items():
        address = address.replace("{" + name + "}", text_of(_dict(variable).get("default")))[:4_000]
    return address


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _accepts(filename: str, head: str) -> bool:
    return bool(re.search(r"""^[\s{]*["']?(?:openapi|swagger)["']?\s*:""", head, re.MULTILINE))


OPENAPI = Importer("openapi", "OpenAPI 3.0 or 3.1", _accepts, read)
