"""Every answer carries its request's id and the headers a browser obeys."""

import logging
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from registry import origin
from server.middleware import STRICT_POLICY, RequestLine, SecurityHeaders


def answer(request: HttpRequest) -> HttpResponse:
    here = origin.current.get()
    return HttpResponse(f"{here.ip} {here.request_id}")


@pytest.fixture
def requests() -> Iterator[RequestFactory]:
    yield RequestFactory()
    assert origin.current.get() == origin.Origin(), "the origin of a request ends with it"


def test_a_sane_request_id_is_taken_and_echoed(requests: RequestFactory) -> None:
    response = RequestLine(answer)(requests.get("/", headers={"X-Request-ID": "order-42/a"}))
    assert (response["X-Request-ID"], response.content) == ("order-42/a", b"127.0.0.1 order-42/a")  # type: ignore[attr-defined]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "-dash", "é", "a\tb", '{"a":1}'])
def test_an_id_that_could_spoil_a_log_is_replaced(requests: RequestFactory, given: str) -> None:
    response = RequestLine(answer)(requests.get("/", headers={"X-Request-ID": given}))
    assert (len(response["X-Request-ID"]), response["X-Request-ID"] == given) == (36, False)


def test_each_request_is_one_line_with_its_facts(requests: RequestFactory, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "server.request"):
        RequestLine(answer)(requests.get("/integrations/?q=secret", headers={"X-Request-ID": "abc"}))
    [line] = caplog.records
    facts = {name: vars(line)[name] for name in ("method", "path", "status", "request_id", "ip")}
    expected = {"method": "GET", "path": "/integrations/", "status": 200, "request_id": "abc", "ip": "127.0.0.1"}
    assert (facts, "secret" in line.getMessage()) == (expected, False)


def test_probes_and_static_files_leave_no_line_when_all_is_well(
    requests: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "server.request"):
        RequestLine(answer)(requests.get("/healthz/live"))
        RequestLine(lambda _: HttpResponse(status=503))(requests.get("/healthz/ready"))
    assert [vars(line)["path"] for line in caplog.records] == ["/healthz/ready"]


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "ip"),
    [
        (False, "203.0.113.7", "127.0.0.1"),
        (True, "203.0.113.7", "203.0.113.7"),
        (True, "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        (True, "<script>", ""),
    ],
)
def test_the_address_is_the_one_the_proxy_added(
    requests: RequestFactory, settings: Settings, behind_proxy: bool, forwarded: str, ip: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    request = requests.get("/", headers={"X-Forwarded-For": forwarded, "X-Request-ID": "abc"})
    response = RequestLine(answer)(request)
    assert response.content == f"{ip} abc".encode()  # type: ignore[attr-defined]


def test_no_page_runs_inline_script_and_one_that_needs_more_brings_its_own_policy(requests: RequestFactory) -> None:
    def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})

    strict, brought = (SecurityHeaders(respond)(requests.get("/")) for respond in (answer, own))
    assert "unsafe" not in STRICT_POLICY
    assert (strict["Content-Security-Policy"], brought["Content-Security-Policy"]) == (
        STRICT_POLICY,
        "default-src 'none'",
    )
