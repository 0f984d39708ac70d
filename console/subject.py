"""The integration a page is about, and what the head of each of its pages shows."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404

from registry import permissions
from registry.models import Integration, Person, Revision, Version, find_version, version_of


def find(slug: str) -> Integration:
    """The integration with its newest revision and the one in force."""
    found = Integration.objects.select_related("current__created_by", "in_force", "owner").with_tags().with_override()
    return get_object_or_404(found, slug=slug)


def revision(integration: Integration, version: str) -> Revision:
    """The revision called `version`; the newest where none is named."""
    if not version:
        assert integration.current is not None
        return integration.current
    major, _, minor = version.partition(".")
    if not (_is_number(major) and _is_number(minor)):
        raise Http404(f"There is no revision {version!r}.")
    return get_object_or_404(
        integration.revisions.select_related("created_by", "integration"), major=int(major), minor=int(minor)
    )


def version(integration: Integration, name: str) -> Version:
    """The version called `name`, one that was only reviewed too; the newest where none is named."""
    if not name:
        assert integration.current is not None
        return version_of(integration.current)
    found = find_version(integration, name)
    if found is None:
        raise Http404(f"There is no version {name!r}.")
    return found


def head(integration: Integration, *, by: Person, tab: str) -> dict[str, Any]:
    """What components/integration_head.html needs."""
    return {"integration": integration, "tab": tab, "may_edit": permissions.may_edit(by, integration)}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9
