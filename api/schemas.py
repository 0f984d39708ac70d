"""The design record's JSON Schema, for editors that complete a design kept as YAML."""

import functools
import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from api.etags import unchanged
from registry.record.base import UNITS
from registry.record.documents import json_schema


@require_safe
def design_record(request: HttpRequest) -> HttpResponse:
    """The schema, with its ETag; public, since it says nothing about anybody's integrations."""
    body, etag = _document()
    headers = {"ETag": etag, "Cache-Control": "public, no-cache", "Access-Control-Allow-Origin": "*"}
    if unchanged(request.headers.get("If-None-Match"), etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type="application/schema+json", headers=headers)


def for_readers(schema: Any) -> Any:
    """The same schema, each property with its unit, as `unit` and in its description, and without empty defaults."""
    if isinstance(schema, list):
        return [for_readers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: for_readers(value) for name, value in schema.items() if name != "default"}
    if isinstance(properties := told.get("properties"), dict):
        told["properties"] = {name: _with_unit(name, each) for name, each in properties.items()}
    return told


def _with_unit(name: str, schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    unit = schema.get("unit") or next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    said = schema.get("description", "")
    if not unit or said.endswith(f"({unit})"):
        return schema
    return {**schema, "unit": unit, "description": f"{said} ({unit})".strip()}


@functools.cache
def _document() -> tuple[bytes, str]:
    body = json.dumps(for_readers(json_schema()), ensure_ascii=False, indent=1).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
