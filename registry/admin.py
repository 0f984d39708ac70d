"""The administrators' back room: people and their groups, and a look at what cannot be changed."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from registry.models import ChainHead, Event, OutboxMessage, Person, Release
from registry.services import locks, trail

admin.site.site_header = "Integration registry"
admin.site.site_title = "Integration registry"
admin.site.unregister(Group)


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows may be seen; the database refuses to change most of them anyway."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Told:
    """Every change made here leaves an event, like any other act."""

    def save_model(self, request: HttpRequest, row: Any, form: Any, change: bool) -> None:
        # What entitles somebody to sign never changes while they do.
        held = row.user_set.values_list("pk", flat=True) if isinstance(row, Group) and change else [row.pk]
        locks.people(key for key in held if key)
        super().save_model(request, row, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        if change and not form.changed_data:
            return
        row = form.instance
        noun = row._meta.model_name
        trail.record(
            f"{noun}.{'changed' if change else 'added'}",
            by=request.user,  # type: ignore[arg-type]
            subject=f"{noun}/{row}",
            data={"fields": sorted(form.changed_data), "after": _rights(row)},
        )

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Person)
class PersonAdmin(Told, UserAdmin):  # type: ignore[type-arg]
    list_display = ("username", "name", "email", "is_active")

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Whoever sets another's password could sign as them: that must stand in the trail."""
        before = dict(Person.objects.filter(pk=id).values_list("pk", "password")) if id.isdecimal() else {}
        response = super().user_change_password(request, id, form_url)
        for person in Person.objects.filter(pk__in=before):
            if person.password != before[person.pk]:
                trail.record("person.password_set", by=request.user, subject=f"person/{person}")  # type: ignore[arg-type]
        return response


@admin.register(Group)
class OurGroupAdmin(Told, GroupAdmin):
    pass


@admin.register(Event)
class EventAdmin(LookOnly):
    list_display = ("id", "at", "actor_name", "kind", "subject")
    list_filter = ("kind",)
    show_full_result_count = False


@admin.register(OutboxMessage)
class OutboxMessageAdmin(LookOnly):
    list_display = ("id", "kind", "created_at", "delivered_at", "attempts", "last_error")


@admin.register(Release, ChainHead)
class OtherAdmin(LookOnly):
    pass


def _rights(row: models.Model) -> dict[str, Any]:
    """What a person or group may do after the change."""
    if isinstance(row, Person):
        return {
            "is_active": row.is_active,
            "is_staff": row.is_staff,
            "is_superuser": row.is_superuser,
            "groups": sorted(row.groups.values_list("name", flat=True)),
            "permissions": sorted(row.user_permissions.values_list("codename", flat=True)),
        }
    assert isinstance(row, Group)
    return {"permissions": sorted(row.permissions.values_list("codename", flat=True))}
