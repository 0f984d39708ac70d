"""The back room: people and groups are changed with an event each; the rest is only looked at."""

import pytest
from django.test import Client

from registry.models import Event, Integration, Person
from tests import landscape


@pytest.fixture
def root(client: Client, ada: Person) -> Client:
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client.force_login(ada)
    return client


def test_a_changed_group_leaves_an_event(root: Client) -> None:
    group = landscape.group_of("approvers")
    answer = root.post(f"/admin/auth/group/{group.pk}/change/", {"name": "approvers", "permissions": []})
    assert answer.status_code == 302
    event = Event.objects.filter(kind="group.changed").get()
    assert (event.subject, event.actor_name) == ("group/approvers", "Ada Adams")
    assert event.details == {"fields": ["permissions"], "after": {"permissions": []}}


def test_a_person_is_added_with_an_event(root: Client) -> None:
    form = {"username": "newcomer", "password1": "a long password 1", "password2": "a long password 1"}
    answer = root.post("/admin/registry/person/add/", form | {"usable_password": "true"})
    assert answer.status_code == 302
    assert Event.objects.filter(kind="person.added", subject="person/newcomer").count() == 1


@pytest.mark.parametrize("table", ["event", "outboxmessage", "release", "chainhead"])
def test_records_are_only_looked_at(root: Client, integration: Integration, table: str) -> None:
    assert root.get(f"/admin/registry/{table}/").status_code == 200
    assert root.get(f"/admin/registry/{table}/add/").status_code == 403


def test_people_are_closed_not_deleted(root: Client, ann: Person) -> None:
    assert root.post(f"/admin/registry/person/{ann.pk}/delete/", {"post": "yes"}).status_code == 403


def test_only_staff_come_in(client: Client, ann: Person) -> None:
    client.force_login(ann)
    assert client.get("/admin/").status_code == 302


def test_a_password_set_for_somebody_leaves_an_event(root: Client, zoe: Person) -> None:
    form = {"password1": "a long password 1", "password2": "a long password 1", "usable_password": "true"}
    assert root.post(f"/admin/registry/person/{zoe.pk}/password/", form | {"password2": "other"}).status_code == 200
    assert not Event.objects.filter(subject="person/zoe").exists()
    assert root.post(f"/admin/registry/person/{zoe.pk}/password/", form).status_code == 302
    event = Event.objects.filter(subject="person/zoe").get()
    assert (event.kind, event.actor_name) == ("person.password_set", "Ada Adams")


def test_a_group_saved_as_it_was_leaves_no_event(root: Client) -> None:
    group = landscape.group_of("approvers")
    held = {"name": "approvers", "permissions": [str(each.pk) for each in group.permissions.all()]}
    assert root.post(f"/admin/auth/group/{group.pk}/change/", held).status_code == 302
    assert not Event.objects.filter(kind="group.changed").exists()
