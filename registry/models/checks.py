"""Conditions that several tables hold their rows to."""

from django.db.models import Q

SHA256 = r"^[0-9a-f]{64}$"
SLUG = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"


def both_or_neither(one: str, other: str) -> Q:
    """Two nullable fields that are set together."""
    return Q(**{f"{one}__isnull": True, f"{other}__isnull": True}) | Q(
        **{f"{one}__isnull": False, f"{other}__isnull": False}
    )


def set_exactly_when(field: str, condition: Q) -> Q:
    """A nullable field that is set if the condition holds, and only then."""
    return (condition & Q(**{f"{field}__isnull": False})) | (~condition & Q(**{f"{field}__isnull": True}))
