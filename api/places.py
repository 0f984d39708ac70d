"""The names in addresses, of integrations and their revisions. Anything else is not found at once."""

from typing import Any

from django.urls.converters import StringConverter


class Name(StringConverter):
    """A slug of ours, dots included."""

    regex = "[a-z0-9][a-z0-9.-]{0,99}"


class Version(StringConverter):
    """1.0, or `draft` for the open revision, or `in-force` for the approved one."""

    regex = r"[0-9]{1,6}\.[0-9]{1,6}|draft|in-force"


class Digest(StringConverter):
    """A SHA-256 in hex, or an ETag that holds one."""

    regex = r"(?:[0-9]{1,18}-)?[0-9a-f]{64}"


class Text(StringConverter):
    """What records call a topic or an event: any text that can be kept, slashes included."""

    regex = "[^\x00]{1,300}"


class Rest(StringConverter):
    """Anything, nothing too."""

    regex = "(?s:.*)"


class Form(StringConverter):
    """What kind of file."""

    regex = "yml|yaml|properties|json"


PATH_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1, "maxLength": 300, "example": "orders.events"},
    "name": {"type": "string", "pattern": f"^{Name.regex}$", "example": "orders-to-payments"},
    "digest": {"type": "string", "pattern": f"^{Digest.regex}$", "example": "9f86d081884c7d659a2feaa0c55ad015" * 2},
    "version": {"type": "string", "pattern": f"^({Version.regex})$", "example": "draft"},
}
"""How the API description shows them."""
