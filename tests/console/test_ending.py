"""Deprecating and retiring say what will happen, and are for architects."""

import pytest
from django.test import Client
from django.urls import reverse

from registry.models import Integration, Person


@pytest.mark.parametrize(("act", "state"), [("deprecate", "deprecated"), ("retire", "retired")])
def test_an_architect_ends_an_integration(
    client: Client, ann: Person, approved: Integration, act: str, state: str
) -> None:
    client.force_login(ann)
    url = reverse(act, args=[approved.slug])
    assert client.get(url).status_code == 200
    assert client.post(url, {"reason": "Replaced."})["Location"] == reverse("integration", args=[approved.slug])
    approved.refresh_from_db()
    assert approved.state == state


@pytest.mark.parametrize("act", ["deprecate", "retire"])
def test_others_do_not(client: Client, mallory: Person, approved: Integration, act: str) -> None:
    client.force_login(mallory)
    url = reverse(act, args=[approved.slug])
    assert client.get(url).status_code == client.post(url).status_code == 403


def test_a_reason_that_cannot_be_kept_is_given_back(client: Client, ann: Person, approved: Integration) -> None:
    client.force_login(ann)
    answer = client.post(reverse("retire", args=[approved.slug]), {"reason": "a\x00b"})
    assert answer.status_code == 400
    approved.refresh_from_db()
    assert approved.state == "active"


def test_what_is_retired_is_not_ended_again(client: Client, ann: Person, approved: Integration) -> None:
    client.force_login(ann)
    client.post(reverse("retire", args=[approved.slug]))
    again = client.post(reverse("deprecate", args=[approved.slug]))
    assert (again.status_code, "<h1>That cannot be done now</h1>" in again.content.decode()) == (409, True)
