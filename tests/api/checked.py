"""A client that holds every answer to the API description: status, type, headers, and the body's schema."""

import json
import re
from functools import cache
from typing import Any

import yaml
from django.test import Client
from jsonschema import Draft202012Validator

from api.openapi import description
from api.problems import MEDIA_TYPE

COMMON = {404, 405}
"""Any address may answer these, described or not."""


class CheckedClient(Client):
    """Django's client; an answer the description does not foresee fails the test that got it."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        if request["PATH_INFO"].startswith("/api/"):
            hold_to_description(request["REQUEST_METHOD"], response)
        return response


def hold_to_description(method: str, response: Any) -> None:
    status, media_type = response.status_code, response.get("Content-Type", "").split(";")[0]
    if status >= 400:
        assert media_type == MEDIA_TYPE, (status, response.content)
        hold_to_schema(json.loads(response.content), {"$ref": "#/components/schemas/Problem"})
        assert response.json()["status"] == status
    operation = operation_of(method, response)
    if operation is None:
        return
    if status not in COMMON or str(status) in operation["responses"]:
        assert str(status) in operation["responses"], f"{status} is not described: {response.content!r}"
        hold_to_answer(operation["responses"][str(status)], method, media_type, response)


def hold_to_answer(answer: dict[str, Any], method: str, media_type: str, response: Any) -> None:
    for header, about in answer.get("headers", {}).items():
        assert header in response, f"{header} is described and not sent"
        hold_to_schema(response[header], about["schema"])
    content = answer.get("content", {})
    if not content:
        assert response.content == b""
    elif method != "HEAD":
        assert media_type in content, f"{media_type} is not described"
        hold_to_schema(said(response.content, media_type), content[media_type]["schema"])


def said(content: bytes, media_type: str) -> Any:
    if media_type.startswith("text/"):
        return content.decode()
    return next(iter(yaml.safe_load_all(content))) if "yaml" in media_type else json.loads(content)


def operation_of(method: str, response: Any) -> dict[str, Any] | None:
    match = response.resolver_match
    if match is None:
        return None
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", match.route)
    operations = description()["paths"].get(path, {})
    found: dict[str, Any] | None = operations.get("get" if method == "HEAD" else method.lower())
    return found


def hold_to_schema(value: Any, schema: dict[str, Any]) -> None:
    errors = [f"{error.json_path}: {error.message}" for error in validator(json.dumps(schema)).iter_errors(value)]
    assert not errors, errors


@cache
def validator(schema: str) -> Draft202012Validator:
    whole = {**json.loads(schema), "components": description()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
