"""The list of all integrations: search, filters, order, columns, views, pages."""

from collections.abc import Sequence
from typing import Any, get_args

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse

from console import listed
from console.listed import MOST_CHOICES, Choice
from console.listings import INTEGRATIONS, Asked
from console.people import signed_in
from registry import permissions
from registry.models import ME, NOBODY, Integration, Person, Revision, System, Tag, Team, keyset
from registry.record import labels
from registry.record.overview import Criticality, IntegrationType

COUNTED_UP_TO = 1_000


def integrations(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    may_edit = permissions.may_edit(by)

    def found(asked: Asked) -> dict[str, Any]:
        rows = Integration.objects.listing(**asked.for_reader(by))
        shown = rows.with_tags().with_override().prefetch_related("current__indexed_parties")
        return {
            "page": keyset(shown, order=asked.field, cursor=asked.cursor),
            "count": rows.order_by()[: COUNTED_UP_TO + 1].count(),
            "counted_up_to": COUNTED_UP_TO,
            "may_edit": may_edit,
        }

    new = {"url": "integration-new", "label": "New integration"} if may_edit else None
    return listed.answer(request, INTEGRATIONS, found=found, menus=MENUS, whole=lambda: {"new": new})


def _words(values: tuple[str, ...]) -> list[Choice]:
    return [(each, labels.choice(each)) for each in values]


def _tags() -> list[Choice]:
    return [(slug, slug) for slug in Tag.objects.in_use().values_list("slug", flat=True)[:MOST_CHOICES]]


def _owners() -> list[Choice]:
    owned = Person.objects.filter(Exists(Integration.objects.filter(owner=OuterRef("pk")))).order_by("username")
    return [(ME, "Me"), (NOBODY, "Nobody"), *((each.username, each.name) for each in owned[:MOST_CHOICES])]


def _states(states: Any) -> Sequence[Choice]:
    return list(states.choices)


MENUS = (
    ("state", "State", lambda: _states(Integration.State)),
    ("revision_state", "Newest revision", lambda: _states(Revision.State)),
    ("type", "Type", lambda: _words(get_args(IntegrationType))),
    ("criticality", "Criticality", lambda: _words(get_args(Criticality))),
    ("findings", "Findings", lambda: [("error", "Errors"), ("warning", "Warnings"), ("none", "Neither")]),
    ("tag", "Tag", _tags),
    ("owner", "Owner", _owners),
    ("team", "Team", lambda: listed.named(Team.objects.all())),
    ("system", "System", lambda: listed.named(System.objects.all())),
)
