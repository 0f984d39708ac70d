"""Problems: each has a page, says what to do, and nothing under /api answers any other way."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from api import problems, urls
from api.problems import KINDS, MEDIA_TYPE
from tests.api.checked import CheckedClient


@pytest.mark.parametrize("name", KINDS)
def test_the_type_of_a_problem_is_an_address_that_explains_it(client: Client, name: str) -> None:
    shown = problems.problem(RequestFactory().get("/"), name)
    page = client.get(f"/api/problems/{name}")
    assert page.status_code == 200
    assert KINDS[name].mend in page.content.decode()
    assert shown.status_code == KINDS[name].status


def test_an_unknown_kind_has_no_page(client: Client) -> None:
    assert client.get("/api/problems/nonsense").status_code == 404


def test_what_was_sent_is_shown_without_its_half_characters() -> None:
    shown = problems.problem(RequestFactory().get("/"), "invalid", "\ud800 is odd")
    assert shown.content.decode()


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret detail")


# A site with a page that breaks.
urlpatterns = [path("api/v1/broken", fails), *urls.urlpatterns]


@pytest.mark.urls(__name__)
def test_what_nobody_expected_is_a_problem_that_tells_no_secrets(db: None) -> None:
    client = CheckedClient(raise_request_exception=False)
    answer = client.get("/api/v1/broken")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/api/problems/unexpected"
    assert b"secret" not in answer.content


def test_a_host_that_is_not_ours_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v1/integrations", headers={"Host": "evil.example.com"})
    assert (answer.status_code, answer["Content-Type"]) == (400, MEDIA_TYPE)
