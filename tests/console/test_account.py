"""Signing in, the theme, and tokens."""

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from registry.models import Person, Token
from registry.services import passwords, tokens
from tests import landscape


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def test_signing_in_leads_to_the_page_one_asked_for(client: Client, ann: Person) -> None:
    answer = client.post("/sign-in/", {"username": "ann", "password": "ann", "next": "/rules/"})
    assert (answer.status_code, answer["Location"]) == (302, "/rules/")


def test_signing_in_never_leads_to_another_site(client: Client, ann: Person) -> None:
    answer = client.post("/sign-in/", {"username": "ann", "password": "ann", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", "x"), ("a\x00", "x"), ("ann", "a\x00"), ("", "")]
)
def test_a_wrong_sign_in_says_what_to_do(client: Client, ann: Person, name: str, password: str) -> None:
    answer = client.post("/sign-in/", {"username": name, "password": password})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Check both" in page or "This field is required" in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chosen_theme_is_in_the_page_from_the_start(by_ann: Client, theme: str) -> None:
    answer = by_ann.post("/account/theme/", {"theme": theme, "next": "/rules/"})
    assert answer["Location"] == "/rules/"
    assert f'<html lang="en" data-theme="{theme}">' in by_ann.get("/rules/").content.decode()


def test_the_theme_of_the_system_is_chosen_by_forgetting_the_cookie(by_ann: Client) -> None:
    by_ann.post("/account/theme/", {"theme": "dark"})
    by_ann.post("/account/theme/", {"theme": "system"})
    assert "data-theme" not in by_ann.get("/rules/").content.decode().split("<head>")[0]


def test_a_theme_nobody_offered_is_never_written_into_the_page(by_ann: Client) -> None:
    by_ann.cookies["theme"] = '"><script>'
    assert "<script>" not in by_ann.get("/rules/").content.decode().split("<head>")[0]


def test_a_theme_is_chosen_on_this_site_only(by_ann: Client) -> None:
    assert by_ann.post("/account/theme/", {"theme": "dark", "next": "//evil.example"})["Location"] == "/"


def test_a_personal_token_is_shown_once(by_ann: Client, ann: Person) -> None:
    given = {"kind": "personal", "personal-name": "laptop", "personal-days": "90"}
    page = by_ann.post(reverse("token-new"), given)
    plain = re.findall(r"reg_[0-9a-z]{8}_[\w-]{43}", page.content.decode())
    assert len(plain) == 1
    token = tokens.find(plain[0])
    assert token is not None
    assert (token.person, token.name) == (ann, "laptop")
    assert "no-store" in page["Cache-Control"]
    assert plain[0] not in by_ann.get(reverse("account")).content.decode()


def test_a_service_token_is_issued_by_administrators_only(
    client: Client, ann: Person, ada: Person, catalog: landscape.Catalog
) -> None:
    given = {
        "kind": "service",
        "service-name": "order service in staging",
        "service-system": "order-service",
        "service-environment": str(catalog.environments["staging"].pk),
        "service-days": "0",
    }
    client.force_login(ann)
    assert "New service token" not in client.get(reverse("account")).content.decode()
    assert client.post(reverse("token-new"), given).status_code == 403
    client.force_login(ada)
    assert client.post(reverse("token-new"), given).status_code == 200
    token = Token.objects.get()
    assert (token.system, token.environment, token.expires_at) == (
        catalog.systems["order-service"],
        catalog.environments["staging"],
        None,
    )


@pytest.mark.parametrize("name", ["", "a" * 101, "a\x00b"])
def test_a_token_with_an_odd_name_is_refused_beside_the_field(by_ann: Client, name: str) -> None:
    answer = by_ann.post(reverse("token-new"), {"kind": "personal", "personal-name": name, "personal-days": "30"})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not Token.objects.exists()


def test_a_revoked_token_opens_nothing(by_ann: Client, ann: Person) -> None:
    token, plain = tokens.issue_personal(name="laptop", person=ann, by=ann)
    assert by_ann.post(reverse("token-revoke", args=[token.pk])).status_code == 302
    assert tokens.find(plain) is None
    assert "refused from now on" in by_ann.get(reverse("account")).content.decode()


def test_nobody_revokes_the_token_of_somebody_else(client: Client, ann: Person, mallory: Person) -> None:
    token, plain = tokens.issue_personal(name="laptop", person=ann, by=ann)
    client.force_login(mallory)
    assert client.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    assert tokens.find(plain) is not None


def test_too_many_wrong_passwords_close_the_door_for_a_while(client: Client, ann: Person) -> None:
    cache.clear()
    for _ in range(passwords.MOST_SIGN_INS):
        client.post("/sign-in/", {"username": "ann", "password": "wrong"})
    answer = client.post("/sign-in/", {"username": "ann", "password": "ann"})
    assert "Wait a quarter of an hour" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert client.post("/admin/login/", {"username": "ann", "password": "ann"}).status_code == 200
    elsewhere = client.post("/sign-in/", {"username": "ann", "password": "ann"}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302
    cache.clear()


def test_a_theme_leads_back_to_anything_that_is_ours(client: Client) -> None:
    for back in ("foo", "[", "/rules/"):
        assert client.post("/account/theme/", {"theme": "dark", "next": back}).status_code == 302
