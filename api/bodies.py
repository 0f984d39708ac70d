"""Request bodies, read within bounds, and answers as JSON or YAML."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import yaml
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from pydantic import BaseModel, ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.problems import Refused
from registry.record.findings import InvalidRecord, Problem
from registry.untrusted import parse_untrusted

Shape = TypeVar("Shape", bound=BaseModel)
Format = Literal["json", "yaml"]
LARGEST_BODY = 2_000_000
JSON: Mapping[str, Format] = {"application/json": "json"}
JSON_OR_YAML: Mapping[str, Format] = {**JSON, "application/yaml": "yaml", "application/x-yaml": "yaml"}


def data(request: Request, types: Mapping[str, Format] = JSON) -> dict[str, Any]:
    """The object in the body. Refuses another type, too many bytes, unreadable text, and anything but an object."""
    plain: HttpRequest = request._request
    format = types.get(plain.content_type or "")  # noqa: A001
    if format is None:
        raise Refused("unsupported-type", mend=f"Set the header Content-Type to {' or '.join(list(types)[:2])}.")
    try:
        found = parse_untrusted(content(plain), format, max_bytes=LARGEST_BODY)
    except InvalidRecord as unreadable:
        raise Refused("malformed", "The body cannot be read.", errors=unreadable.problems) from None
    if not isinstance(found, dict):
        raise Refused("malformed", "The body is not an object.", mend='Send named fields, as in {"overview": {…}}.')
    return found


def shaped(request: Request, shape: type[Shape]) -> Shape:
    """The body as `shape`. Refuses what does not fit, field by field."""
    try:
        return shape.model_validate(data(request))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [Problem(".".join(map(str, each["loc"])), _words(each["msg"]), _mend(shape)) for each in found[:100]]
        raise Refused("invalid", errors=problems) from None


def content(request: HttpRequest) -> bytes:
    """The body as it came."""
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise Refused("too-large", f"The body is larger than {LARGEST_BODY:,} bytes.")
    return body


def _words(message: str) -> str:
    return message[:1].lower() + message[1:]


def _mend(shape: type[BaseModel]) -> str:
    return f"Known here: {', '.join(shape.model_fields)}."


class YamlRenderer(BaseRenderer):
    """A document as YAML, for people who keep their designs in files."""

    media_type = "application/yaml"
    format = "yaml"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100).encode()
