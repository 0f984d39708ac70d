"""Both faces, against a real provider that fails."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from conftest import Call, wait_until
from integration_registry import (
    VERDICT,
    BearerToken,
    CircuitOpen,
    Integration,
    LimitReached,
    NoSettings,
    OutOfTime,
    PolicyError,
    tracing,
)
from sdk_contract.provider import Provider, Reply
from sdk_contract.registry import Registry

Obeying = Callable[..., Integration]


def test_it_retries_with_one_key_one_request_id_and_one_trace(call: Call, obeying: Obeying, provider: Provider) -> None:
    provider.will(500, Reply(cut=True), 201)
    response = call(obeying(), "POST", "payments", json={"amount": 5})
    assert (response.status_code, response.json(), response.extensions[VERDICT].attempts) == (201, {"ok": True}, 3)
    assert [each.path for each in provider.seen] == ["/payments"] * 3
    assert {each.body for each in provider.seen} == {b'{"amount":5}'}
    for header in ("idempotency-key", "x-request-id", "traceparent"):
        assert len({each.headers[header] for each in provider.seen}) == 1


def test_the_callers_own_key_and_ids_are_kept(call: Call, obeying: Obeying, provider: Provider) -> None:
    call(obeying(), "POST", "payments", headers={"Idempotency-Key": "order-1", "X-Request-ID": "r-1"})
    [seen] = provider.seen
    assert (seen.headers["idempotency-key"], seen.headers["x-request-id"]) == ("order-1", "r-1")


def test_what_came_in_is_passed_on_as_the_same_trace(call: Call, obeying: Obeying, provider: Provider) -> None:
    incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    with tracing(request_id="r-7", traceparent=incoming):
        call(obeying(), "GET")
    [seen] = provider.seen
    version, trace, span, flags = seen.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "00")
    assert span != "00f067aa0ba902b7" and seen.headers["x-request-id"] == "r-7"


def test_reads_carry_no_key(call: Call, obeying: Obeying, provider: Provider) -> None:
    call(obeying(), "GET", "payments/1")
    assert "idempotency-key" not in provider.seen[0].headers


def test_an_unsafe_call_without_a_key_is_sent_once(call: Call, obeying: Obeying, provider: Provider) -> None:
    integration = obeying(idempotent=False)
    provider.will(500, 200)
    assert call(integration, "POST").status_code == 500
    assert len(provider.seen) == 1 and "idempotency-key" not in provider.seen[0].headers


def test_no_first_byte_in_time_is_a_failure_that_is_retried(call: Call, obeying: Obeying, provider: Provider) -> None:
    integration = obeying(timeouts={"read_ms": 100})
    provider.will(Reply(after_s=0.5), 200)
    began = time.monotonic()
    assert call(integration, "GET").status_code == 200
    assert time.monotonic() - began < 0.4


def test_a_body_that_drips_ends_with_the_attempt(call: Call, obeying: Obeying, provider: Provider) -> None:
    integration = obeying(retry={"max_retries": 1, "attempt_timeout_ms": 200}, timeouts={"read_ms": 150})
    provider.usual = Reply(drip_s=0.05, body=b"x" * 100)
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        call(integration, "GET")
    assert 0.4 <= time.monotonic() - began < 0.8
    assert len(provider.seen) == 2


def test_a_body_cut_short_is_a_failure_that_is_retried(call: Call, obeying: Obeying, provider: Provider) -> None:
    provider.will(Reply(truncate=True), Reply(body=b"whole"))
    assert call(obeying(), "GET").text == "whole"


def test_the_total_time_ends_everything(call: Call, obeying: Obeying, provider: Provider) -> None:
    integration = obeying(
        retry={"max_retries": 10, "delays_ms": [50], "attempt_timeout_ms": 200}, timeouts={"total_ms": 500}
    )
    provider.usual = Reply(after_s=1)
    began = time.monotonic()
    with pytest.raises(httpx.TimeoutException) as caught:
        call(integration, "GET")
    assert time.monotonic() - began < 0.7
    assert "stopped by: time" in str(caught.value.__notes__)


def test_a_streamed_body_ends_with_the_total_time(obeying: Obeying, provider: Provider) -> None:
    integration = obeying(timeouts={"total_ms": 400})
    provider.usual = Reply(drip_s=0.05, body=b"x" * 100)
    began = time.monotonic()
    with integration.http("payments-api") as client, client.stream("GET", "/") as response, pytest.raises(OutOfTime):
        response.read()
    assert 0.3 < time.monotonic() - began < 0.8

    async def streamed() -> None:
        async with integration.async_http("payments-api") as client, client.stream("GET", "/") as response:
            with pytest.raises(OutOfTime):
                await response.aread()

    began = time.monotonic()
    asyncio.run(streamed())
    assert 0.3 < time.monotonic() - began < 0.8


def test_a_stream_is_handed_over_as_it_comes(obeying: Obeying, provider: Provider) -> None:
    provider.usual = Reply(drip_s=0.02, body=b"12345")
    with obeying().http("payments-api") as client, client.stream("GET", "/") as response:
        chunks = list(response.iter_bytes())
    # Two that came while this process did not run are read as one.
    assert (chunks[0], b"".join(chunks)) == (b"1", b"12345")


def test_retry_after_is_waited_for(call: Call, obeying: Obeying, provider: Provider) -> None:
    provider.will(Reply(429, {"Retry-After": "1"}), 200)
    assert call(obeying(), "POST").status_code == 200
    assert 1.0 <= provider.seen[1].at - provider.seen[0].at < 1.5


def test_an_expired_token_is_refreshed_once_and_the_call_goes_through(
    call: Call, obeying: Obeying, provider: Provider
) -> None:
    fetched = iter(["old", "new", "newer"])
    credentials, integration = BearerToken(lambda: next(fetched)), obeying()
    provider.tokens = {"old"}
    assert call(integration, "POST", credentials=credentials).status_code == 200
    provider.tokens = {"new"}
    assert call(integration, "POST", credentials=credentials).status_code == 200
    provider.tokens = set()
    assert call(integration, "POST", credentials=credentials).status_code == 401
    assert [each.headers["authorization"] for each in provider.seen] == [
        "Bearer old",
        "Bearer old",
        "Bearer new",
        "Bearer new",
        "Bearer newer",
    ]


def test_many_calls_refused_at_once_fetch_one_new_token(obeying: Obeying, provider: Provider) -> None:
    fetched: list[str] = []
    credentials = BearerToken(lambda: fetched.append("") or f"token-{len(fetched)}")  # type: ignore[func-returns-value]
    provider.tokens = {"token-2"}
    with obeying().http("payments-api", credentials=credentials) as client:
        threads = [threading.Thread(target=client.get, args=("/",)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(fetched) == 2


def test_an_asynchronous_fetch_serves_the_asynchronous_face(obeying: Obeying, provider: Provider) -> None:
    async def fetch() -> str:
        return "fresh"

    provider.tokens = {"fresh"}

    async def made() -> httpx.Response:
        async with obeying().async_http("payments-api", credentials=BearerToken(fetch)) as client:
            return await client.get("/")

    assert asyncio.run(made()).status_code == 200


def test_the_breaker_opens_and_closes_again_and_is_one_for_both_faces(
    obeying: Obeying, provider: Provider, call: Call
) -> None:
    integration = obeying(circuit_breaker={"minimum_calls": 4, "open_seconds": 1}, retry={"max_retries": 0})
    provider.usual = Reply(500)
    for _ in range(4):
        call(integration, "GET")
    for face in (call, lambda i, m: i.http("payments-api").request(m, "/")):
        with pytest.raises(CircuitOpen, match="a trial follows in"):
            face(integration, "GET")
    assert len(provider.seen) == 4
    provider.usual = Reply(200)
    time.sleep(1.02)
    assert call(integration, "GET").status_code == 200
    assert (
        integration.outlet("payments-api").line.breaker(integration.settings.contracts["payments-api"])[0] == "closed"
    )


def test_our_own_errors_are_httpx_errors(call: Call, obeying: Obeying) -> None:
    integration = obeying(rate_limit={"burst_per_second": 1})
    call(integration, "GET")
    with pytest.raises(LimitReached) as caught:
        call(integration, "GET")
    assert isinstance(caught.value, PolicyError) and isinstance(caught.value, httpx.TransportError)
    assert caught.value.request.method == "GET"


def test_a_cancelled_call_hands_its_trial_back(obeying: Obeying, provider: Provider) -> None:
    integration = obeying(circuit_breaker={"minimum_calls": 1, "open_seconds": 1}, retry={"max_retries": 0})
    provider.will(500, Reply(after_s=0.3))

    async def cancelled() -> None:
        async with integration.async_http("payments-api") as client:
            await client.get("/")
            await asyncio.sleep(1.02)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get("/"), 0.05)
            assert (await client.get("/")).status_code == 200

    asyncio.run(cancelled())


@pytest.mark.parametrize(
    ("status", "level"),
    [(400, "ERROR"), (403, "CRITICAL"), (404, "WARNING"), (409, "INFO"), (422, "ERROR")],
)
def test_what_the_error_table_asks_for_is_logged_and_told(
    call: Call, obeying: Obeying, provider: Provider, caplog: pytest.LogCaptureFixture, status: int, level: str
) -> None:
    provider.will(status)
    with caplog.at_level(logging.INFO, "integration_registry"):
        response = call(obeying(), "POST")
    assert response.status_code == status and len(provider.seen) == 1
    assert response.extensions[VERDICT].action is not None
    assert [each.levelname for each in caplog.records if "answered" in each.message] == [level]


def test_a_call_longer_than_its_callers_own_timeout_ends_earlier(
    call: Call, obeying: Obeying, provider: Provider
) -> None:
    provider.usual = Reply(after_s=0.4)
    with pytest.raises(httpx.ReadTimeout):
        call(obeying(retry={"max_retries": 0}), "GET", timeout=0.1)


def test_a_new_address_is_followed_by_clients_that_are_there(
    obeying: Obeying, provider: Provider, registry: Registry
) -> None:
    integration = obeying(endpoint="http://127.0.0.1:1/gone")
    with integration.http("payments-api") as client:
        with pytest.raises(httpx.ConnectError):
            client.get("x")
        registry.publish(2, endpoint=f"{provider.url}/v2")
        wait_until(lambda: integration.settings.release == 2)
        client.get("x")
    assert provider.seen[0].path == "/v2/x"


def test_a_contract_that_is_not_there_is_named(obeying: Obeying) -> None:
    integration = obeying(endpoint=None)
    with pytest.raises(NoSettings, match="no contract 'refunds'; it has: payments-api"):
        integration.http("refunds").get("/")
    with pytest.raises(NoSettings, match="payments-api has no address in production"):
        integration.http("payments-api").get("/")


def test_a_given_address_goes_before_that_of_the_settings(obeying: Obeying, provider: Provider) -> None:
    with obeying(endpoint=None).http("payments-api", base_url=f"{provider.url}/here") as client:
        assert client.get("x").status_code == 200
    assert provider.seen[0].path == "/here/x"


def test_compressed_bodies_and_uploads_in_pieces_work(call: Call, obeying: Obeying, provider: Provider) -> None:
    import gzip

    provider.will(500, Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"hello")))
    assert call(obeying(), "POST", content=b"some bytes").text == "hello"
    assert [each.body for each in provider.seen] == [b"some bytes"] * 2
