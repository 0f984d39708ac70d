"""Contracts: authentication, idempotency, operations, the error table, and what each protocol needs."""

import re
from collections import Counter
from collections.abc import Iterator

from ..record import DesignRecord, labels, pointers
from ..record.base import in_words, seconds
from ..record.contracts import HTTP, Authentication, Contract, ErrorRow, Operation
from ..record.findings import Severity
from .base import Place, Said, rule
from .retry import ASK_FOR_RETRY, UNSAFE_METHODS, listing

DAY = 86_400
YEAR = 366 * DAY
EXPECTED_ERRORS = (400, 401, 403, 429, 500, 503)
RETRYABLE = (401, 408, 409, 423, 425, 429)


@rule("protocol-unfit", Severity.WARNING, "The protocol does not fit the type", on=Contract)
def protocol_unfit(place: Place[Contract]) -> Said:
    """The integration's type decides what the record must state. A synchronous one that hands over files is checked
    for the wrong things.

    Bad: type synchronous, protocol file. Good: type file-based, protocol file; or bidirectional where there is both.

    Correct the type or the protocol.
    """
    kind, protocol = place.record.overview.type, place.part.protocol
    unfit = {"synchronous": ("amqp", "file"), "asynchronous": ("file",), "file_based": ("amqp",)}
    if kind is not None and protocol in unfit.get(kind, ()):
        yield "protocol", f"The integration is {kind}, but the protocol is {protocol}.", "Correct one of the two."


@rule("file-contract-missing", Severity.WARNING, "File-based without a file contract", on=DesignRecord)
def file_contract_missing(place: Place[DesignRecord]) -> Said:
    """A file-based integration is agreed in a contract with the protocol file: its pattern, format, place and
    schedule.

    Bad: type file-based with one REST contract. Good: type file-based with a contract of protocol file.

    Add the contract or correct the type.
    """
    record = place.record
    protocols = {contract.protocol for contract in record.contracts}
    if record.overview.type == "file_based" and record.contracts and not protocols & {"file", None}:
        yield (
            "contracts",
            "The integration is file-based, but no contract is about files.",
            "Add one with the protocol file.",
        )


@rule("same-system-twice", Severity.ERROR, "A system that calls itself", on=Contract)
def same_system_twice(place: Place[Contract]) -> Said:
    """A contract binds two systems. With one on both sides nobody signs for the other, and the diagram is a loop.

    Bad: consumer order-service, provider order-service. Good: consumer order-service, provider payment-service.

    Correct one of them.
    """
    contract = place.part
    if contract.consumer is not None and contract.consumer == contract.provider:
        yield "provider", f"{contract.consumer} is both consumer and provider.", "Name the other system."


@rule("idempotency-header-twice", Severity.WARNING, "Two names for the idempotency header", on=Contract)
def idempotency_header_twice(place: Place[Contract]) -> Said:
    """One header carries the key. If the contract says Idempotency-Key and an operation X-Idempotency-Key, the
    consumer sends one, the provider reads the other, and every retry is a second payment.

    Bad: Idempotency-Key in the contract, X-Idempotency-Key in an operation. Good: the same name in both.

    Choose one. Idempotency-Key is the name of the IETF draft.
    """
    stated = place.part.idempotency_header
    if stated is None:
        return
    for name in dict.fromkeys(_idempotency_headers(place.part)):
        if name.lower() != stated.lower():
            yield "idempotency_header", f"The contract says {stated}, an operation says {name}.", "Use one name."


@rule("idempotency-header-unstated", Severity.WARNING, "An idempotency header only in the operations", on=Contract)
def idempotency_header_unstated(place: Place[Contract]) -> Said:
    """Libraries set the key from the contract. A header named only in an operation is sent only by those who read
    that far.

    Bad: X-Idempotency-Key among an operation's headers, nothing in the contract. Good: the contract names it too.

    State it in the contract.
    """
    names = list(dict.fromkeys(_idempotency_headers(place.part)))
    if names and place.part.idempotency_header is None:
        yield (
            "idempotency_header",
            f"An operation sends {listing(names)}, the contract names none.",
            f"State {names[0]}.",
        )


@rule("idempotency-header-unsent", Severity.WARNING, "A write does not send the idempotency key", on=Contract)
def idempotency_header_unsent(place: Place[Contract]) -> Said:
    """The key protects only the calls that carry it. An operation whose headers are listed without it will be called
    without it.

    Bad: POST /payments with headers Authorization and Content-Type. Good: the same and Idempotency-Key.

    Add the header to the operation.
    """
    stated = place.part.idempotency_header
    for operation in place.part.operations if stated is not None else ():
        names = [(header.name or "").lower() for header in operation.headers]
        if operation.method in UNSAFE_METHODS and names and not any("idempotency" in name for name in names):
            call = operation.name or operation.path or "A write"
            yield "idempotency_header", f"{call} does not send {stated}.", f"Add {stated} to its headers."


def _idempotency_headers(contract: Contract) -> Iterator[str]:
    for operation in contract.operations:
        for header in operation.headers:
            if header.name and "idempotency" in header.name.lower():
                yield header.name


@rule("idempotency-denied", Severity.WARNING, "An idempotency header on a contract that is not idempotent", on=Contract)
def idempotency_denied(place: Place[Contract]) -> Said:
    """A header for idempotency keys says that a repeated call has no second effect. “Not idempotent” says the
    opposite.

    Bad: idempotent: no, header Idempotency-Key. Good: idempotent: yes with the header, or no without.

    Correct one of the two. Whether calls may be retried depends on it.
    """
    if place.part.idempotent is False and place.part.idempotency_header is not None:
        yield "idempotent", f"Says no, yet {place.part.idempotency_header} is the key.", "Correct one of the two."


@rule("authentication-none", Severity.WARNING, "Nobody proves who they are", on=Authentication)
def authentication_none(place: Place[Authentication]) -> Said:
    """Without authentication anybody on the network can call, and no call can be traced to its caller. A private
    network is not a wall for ever.

    Bad: none. Good: mutual TLS or OAuth 2 client credentials.

    Choose a method, or say when you submit why none is needed.
    """
    if place.part.type == "none":
        yield "type", "Calls carry no credential.", "Choose a method, or say why none is needed."


@rule("authentication-basic", Severity.HINT, "A password in every call", on=Authentication)
def authentication_basic(place: Place[Authentication]) -> Said:
    """Basic authentication sends the password itself with every call, to every proxy and log on the way. It does not
    expire by itself.

    Example: basic with a rotation of 90 days. Better: OAuth 2 client credentials, whose tokens live for minutes.

    Prefer tokens or mutual TLS where the provider offers them.
    """
    if place.part.type == "basic":
        yield "type", "The password travels with every call.", "Prefer tokens or mutual TLS."


@rule("authentication-header", Severity.WARNING, "The header does not fit the method", on=Authentication)
def authentication_header(place: Place[Authentication]) -> Said:
    """JWTs and OAuth tokens travel as Authorization: Bearer. An API key travels in a header of its own, which must be
    named.

    Bad: bearer JWT in X-Token. Good: Authorization: Bearer <token>. Bad: API key without a header. Good: X-API-Key.

    State the header that fits the method.
    """
    own = place.part
    bears_token = own.type in ("bearer_jwt", "oauth2_client_credentials")
    if bears_token and own.header and not re.match(r"authorization\s*(:\s*bearer|$)", own.header, re.IGNORECASE):
        yield "header", f"{own.header} is not how bearer tokens travel.", "Write Authorization: Bearer <token>."
    if own.type == "api_key" and own.header is None:
        yield "header", "The API key's header is not stated.", "Name it, such as X-API-Key."


@rule("scopes-missing", Severity.HINT, "A token that may do anything", on=Authentication)
def scopes_missing(place: Place[Authentication]) -> Said:
    """A client's token should allow what this integration does and no more. Without scopes a leaked one opens
    everything.

    Example: no scopes. Better: payments:write.

    List the scopes the provider checks.
    """
    if place.part.type == "oauth2_client_credentials" and not place.part.scopes:
        yield "scopes", "No scopes are listed.", "List what the token must allow, such as payments:write."


@rule("rotation-slow", Severity.WARNING, "Credentials live for more than a year", on=Authentication)
def rotation_slow(place: Place[Authentication]) -> Said:
    """A credential leaks sooner or later, and until it is changed whoever has it is you. Rotation that is done once
    in years is also never practised.

    Bad: every 730 days. Good: every 90 days, two keys valid for a day.

    Rotate more often, best by machine.
    """
    period = place.part.rotation_period
    if period is not None and seconds(period) > YEAR:
        yield (
            "rotation_period",
            f"Credentials change every {in_words(period)}.",
            "Change them every 90 days, such as P90D.",
        )


@rule("token-outlives-key", Severity.WARNING, "A token lives longer than the keys", on=Authentication)
def token_outlives_key(place: Place[Authentication]) -> Said:
    """Keys are changed so that what leaked stops working. A token that lives as long as a key does is either refused
    before its time, because its key is gone, or keeps the old key alive and the change is none.

    Bad: keys change every 7 days, tokens live for 30. Good: keys change every 90 days, tokens live for an hour.

    Shorten the token's life, or change keys less often than tokens expire.
    """
    period, lifetime = place.part.rotation_period, place.part.token_lifetime
    if period is not None and lifetime is not None and seconds(lifetime) >= seconds(period):
        yield (
            "token_lifetime",
            f"A token lives for {in_words(lifetime)}, but keys change every {in_words(period)}.",
            f"Use much less than {in_words(period)}, such as PT1H.",
        )


@rule("token-long-lived", Severity.WARNING, "A token that works for days", on=Authentication)
def token_long_lived(place: Place[Authentication]) -> Said:
    """A token is a credential that nobody takes back: whoever finds it in a log may use it until it expires. A
    consumer fetches a new one without anybody's help.

    Bad: a token for 30 days. Good: a token for an hour, fetched again a minute before it expires.

    Shorten its life to hours at most.
    """
    lifetime = place.part.token_lifetime
    if lifetime is not None and seconds(lifetime) > DAY:
        yield (
            "token_lifetime",
            f"A leaked token works for up to {in_words(lifetime)}.",
            "Use a day at most, such as PT1H.",
        )


@rule("plain-http", Severity.WARNING, "Credentials over plain HTTP", on=Contract)
def plain_http(place: Place[Contract]) -> Said:
    """Over http:// everybody on the way reads the token and can change the answer.

    Bad: http://payments.example.com. Good: https://payments.example.com. On localhost plain HTTP is fine.

    Use https.
    """
    contract = place.part
    steps = pointers.item_steps(contract.base_urls)
    addresses = [(f"base_urls{step}.url", each.url) for step, each in zip(steps, contract.base_urls, strict=True)]
    for field, url in (*addresses, ("authentication.token_endpoint", contract.authentication.token_endpoint)):
        if url and url.startswith("http://") and not re.match(r"http://(localhost|127\.|\[::1\])", url):
            yield field, f"{url[:200]} is not encrypted.", "Use https://."


@rule("base-url-shared", Severity.WARNING, "Two environments share one address", on=Contract)
def base_url_shared(place: Place[Contract]) -> Said:
    """If staging calls the address of production, tests make real payments.

    Bad: staging and production both at https://payments.example.com. Good: staging at
    https://payments.staging.example.com.

    Give each environment its own address.
    """
    counts = Counter(each.url.rstrip("/").lower() for each in place.part.base_urls if each.url)
    for url, count in counts.items():
        if count > 1:
            yield "base_urls", f"{count} environments use {url}.", "Give each environment its own address."


@rule("settings-undistinguished", Severity.HINT, "Staging is held to production's settings", on=Contract)
def settings_undistinguished(place: Place[Contract]) -> Said:
    """Limits, timeouts and breakers are agreed for production's traffic. A staging provider on a smaller machine needs
    others, and where the record is silent it is served production's.

    Example: base URLs for staging and production, one set of limits. Better: staging with a tenth of the limits.

    Say below the policy what differs in each environment, or leave it if nothing does.
    """
    named = [each.environment for each in place.part.base_urls if each.environment]
    matters = place.record.overview.criticality in ("critical", "high")
    if matters and len(named) > 1 and not place.part.policy.environments:
        yield (
            "policy.environments",
            f"{listing(named)} are held to the same limits and timeouts.",
            "Say what differs in each, or leave it if nothing does.",
        )


@rule("error-row-incomplete", Severity.ERROR, "An error without an action", on=ErrorRow)
def error_row_incomplete(place: Place[ErrorRow]) -> Said:
    """Each row says which answer it is about and what the consumer does. A library cannot obey half a row.

    Bad: 409 without an action. Good: 409, CONFLICT, log and skip.

    State both.
    """
    for name in ("status", "action"):
        if getattr(place.part, name) is None:
            yield name, f"The {name} is not stated.", f"State the {name}."


@rule("error-rows-overlap", Severity.WARNING, "Two rows for one status", on=Contract)
def error_rows_overlap(place: Place[Contract]) -> Said:
    """An exact row goes before a range. Two ranges that share a status and say different things leave it to chance.

    Bad: 500-504 retry, 503-599 fail fast. Good: 500-502 retry, 503-599 fail fast.

    Make the ranges meet without overlap, or give the shared status a row of its own.
    """
    exact = {row.status for row in place.part.errors}
    ranges = [row for row in place.part.errors if row.status and re.fullmatch(r"\d.*\D.*", row.status)]
    for status in range(100, 600) if len(ranges) > 1 else ():
        rows = [row for row in ranges if row.covers(status)]
        if str(status) not in exact and len({row.action for row in rows}) > 1:
            names = listing([row.status for row in rows])
            yield "errors", f"The rows {names} all speak of {status} and differ.", f"Give {status} a row of its own."
            return


@rule("error-action-unfit", Severity.WARNING, "The action cannot help", on=ErrorRow)
def error_action_unfit(place: Place[ErrorRow]) -> Said:
    """A 4xx says the request is wrong: sent again it is wrong again. New credentials help only against 401. A
    duplicate is reported by 409.

    Bad: 400 retry with back-off; 500 refresh credentials; 403 skip as duplicate. Good: 400 fix the request; 401
    refresh; 409 skip.

    Choose an action that changes something.
    """
    status, action = place.part.status or "", place.part.action
    if not status[:1].isdigit() or action not in (
        *ASK_FOR_RETRY,
        "refresh_credentials_and_retry_once",
        "skip_as_duplicate",
    ):
        return
    covered = [each for each in range(400, 600) if place.part.covers(each)]
    client_only = bool(covered) and all(each < 500 and each not in RETRYABLE for each in covered)
    if action in ASK_FOR_RETRY and client_only:
        yield "action", f"{status} says the request is wrong; it is retried.", "Choose “fix the request” or “escalate”."
    if action == "refresh_credentials_and_retry_once" and 401 not in covered:
        yield "action", f"New credentials do not mend {status}.", "Keep this action for 401."
    if action == "skip_as_duplicate" and not {409, 412} & set(covered):
        yield "action", f"{status} does not say that the work was done before.", "Keep this action for 409."


@rule("refresh-impossible", Severity.WARNING, "Credentials that cannot be refreshed", on=Contract)
def refresh_impossible(place: Place[Contract]) -> Said:
    """A token can be fetched anew; an API key, a password or a certificate cannot. The retry then sends the same
    credential and fails again.

    Bad: API key, and 401 refresh credentials. Good: API key, and 401 alert and stop.

    Change the action, or use tokens.
    """
    kind = place.part.authentication.type
    if kind not in ("api_key", "basic", "mtls", "none"):
        return
    for row in place.part.errors:
        if row.action == "refresh_credentials_and_retry_once":
            yield (
                "errors",
                f"{row.status} refreshes credentials; {labels.choice(kind)} has none to refresh.",
                "Use “alert and stop”.",
            )


@rule("errors-uncovered", Severity.HINT, "Answers nobody planned for", on=Contract)
def errors_uncovered(place: Place[Contract]) -> Said:
    """Sooner or later every HTTP provider answers 400, 401, 403, 429, 500 and 503. Whatever the table leaves out,
    each consumer handles in its own way.

    Example: a table with 400 and 500 only. Better: 400, 401, 403, 404, 409, 422, 429, 500 and 502/503.

    Add rows for them; a range such as 5xx covers many.
    """
    if place.part.protocol not in HTTP or not place.part.errors:
        return
    missing = [status for status in EXPECTED_ERRORS if place.part.error_for(status) is None]
    if missing:
        yield "errors", f"Nothing is said of {listing(missing)}.", "Add rows for them."


@rule("error-codes-foreign", Severity.WARNING, "Statuses of another protocol", on=Contract)
def error_codes_foreign(place: Place[Contract]) -> Said:
    """HTTP answers with numbers, gRPC with names such as UNAVAILABLE. A row with the other kind never matches.

    Bad: gRPC with 503. Good: gRPC with UNAVAILABLE.

    Write the statuses of the contract's protocol.
    """
    if place.part.protocol not in ("grpc", "rest"):
        return
    is_grpc = place.part.protocol == "grpc"
    foreign = [row.status for row in place.part.errors if row.status and row.status[0].isdigit() == is_grpc]
    if foreign:
        mend = "Write codes such as UNAVAILABLE." if is_grpc else "Write statuses such as 503."
        yield "errors", f"{listing(foreign)} does not occur with {place.part.protocol}.", mend


@rule("path-form", Severity.ERROR, "Not a path", on=Operation)
def path_form(place: Place[Operation]) -> Said:
    """A path is appended to the base URL: it begins with a slash, and parameters stand in braces.

    Bad: payments/:id, https://payments.example.com/payments. Good: /payments/{paymentId}.

    Write only what comes after the base URL.
    """
    path = place.part.path
    if path is None or place.contract.protocol != "rest":
        return
    if not path.startswith("/"):
        yield "path", f"{path[:100]} does not begin with a slash.", "Write it like /payments/{paymentId}."
    elif re.search(r"[{}]", re.sub(r"\{[^{}/]+\}", "", path)):
        yield "path", f"{path[:100]} has a brace without its partner.", "Write parameters as {paymentId}."


@rule("operation-twice", Severity.ERROR, "One call described twice", on=Contract)
def operation_twice(place: Place[Contract]) -> Said:
    """Method and path together name a call. Two descriptions of it differ sooner or later, and tools take either.

    Bad: create and create-v2 are both POST /payments. Good: POST /payments and POST /refunds.

    Merge the two or correct a path.
    """
    counts = Counter(
        f"{each.method} {re.sub(r'{[^{}]*}', '{}', each.path)}"
        for each in place.part.operations
        if each.method and each.path
    )
    for call, count in counts.items():
        if count > 1:
            yield "operations", f"{call[:120]} is described {count} times.", "Merge them, or correct a path."


@rule("body-unexpected", Severity.WARNING, "A body where none is read", on=Operation)
def body_unexpected(place: Place[Operation]) -> Said:
    """Servers, proxies and caches drop the body of GET, HEAD and often DELETE. A 204 has no body at all.

    Bad: GET /payments with a request schema. Good: GET /payments?status=open, or POST /payments/search.

    Move it to the query, or use POST.
    """
    operation = place.part
    if operation.method in ("GET", "HEAD") and (operation.request_schema or operation.request_example):
        yield "request_schema", f"{operation.method} has a request body.", "Move it to the query, or use POST."


@rule("body-missing", Severity.HINT, "A write without a body", on=Operation)
def body_missing(place: Place[Operation]) -> Said:
    """POST, PUT and PATCH usually carry a body. Without its schema and an example, the consumer guesses.

    Example: POST /payments without a schema. Better: with {"type": "object", "required": ["orderId"]} and an example.

    Add the schema and an example; leave it if the call really has no body.
    """
    operation = place.part
    if operation.method in ("POST", "PUT", "PATCH") and operation.request_schema is None:
        yield "request_schema", f"{operation.method} has no request schema.", "Add the schema and an example."


@rule("answer-missing", Severity.WARNING, "No successful answer", on=Operation)
def answer_missing(place: Place[Operation]) -> Said:
    """The consumer is written for the answer. Failures are in the error table; success is stated here.

    Bad: POST /payments without an answer. Good: 201 with the body's schema and an example.

    Add the answer, even if it is 204 without a body.
    """
    if place.contract.protocol == "rest" and not place.part.responses:
        yield "responses", "No answer is stated.", "Add one, such as 201 with its body."


@rule("answer-is-failure", Severity.WARNING, "A failure among the successful answers", on=Operation)
def answer_is_failure(place: Place[Operation]) -> Said:
    """What the consumer does on a failure is in the contract's error table, for all operations. Here it would not be
    obeyed.

    Bad: 404 among the answers. Good: 404 in the error table with “check the resource”.

    Move it to the error table.
    """
    failures = [each.status for each in place.part.responses if each.status is not None and each.status >= 400]
    if failures:
        yield "responses", f"{listing(failures)} is no success.", "Move it to the error table."


@rule("answer-body-unexpected", Severity.ERROR, "A body that cannot be sent", on=Operation)
def answer_body_unexpected(place: Place[Operation]) -> Said:
    """204 and 304 end after their headers. A body stated for them is never received.

    Bad: 204 with {"id": "1"}. Good: 200 with {"id": "1"}, or 204 without.

    Use 200, or remove the body.
    """
    for each in place.part.responses:
        if each.status in (204, 304) and (each.body_schema or each.body_example):
            yield "responses", f"{each.status} has no body.", "Use 200, or remove the body."
