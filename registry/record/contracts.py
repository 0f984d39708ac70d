"""Section 3 of the document: what is called, how, and what each answer means."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .base import (
    Code,
    Duration,
    Line,
    Part,
    Prose,
    Slug,
    Status,
    Url,
    Whole,
    YesNo,
    listed,
    matching,
    stated,
)
from .policy import Policy

Protocol = Literal["rest", "grpc", "graphql", "websocket", "amqp", "file"]
AuthenticationType = Literal["bearer_jwt", "api_key", "oauth2_client_credentials", "mtls", "basic", "none"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
FileFormat = Literal["csv", "json", "ndjson", "xml", "parquet", "avro", "fixed_width", "edi"]
ExchangeType = Literal["direct", "topic", "fanout", "headers"]
Delimiter = Literal["comma", "semicolon", "tab", "pipe"]
ErrorAction = Literal[
    "fix_request",
    "refresh_credentials_and_retry_once",
    "alert_and_stop",
    "check_resource",
    "skip_as_duplicate",
    "escalate",
    "back_off_retry_after",
    "retry_with_backoff",
    "fail_fast",
]
HTTP = ("rest", "graphql")
StatusRange = Annotated[
    str,
    Field(max_length=20),
    matching(
        "status",
        r"[A-Z][A-Z_]{1,18}|[1-5](?:\d\d|xx)(?:[-/][1-5]\d\d)?",
        "is not a status",
        "Write 429, 5xx, 502/503 or 500-599; for gRPC a code such as UNAVAILABLE.",
    ),
]


class Authentication(Part):
    """How the consumer proves who it is."""

    TITLE: ClassVar[str] = "Authentication"

    type: AuthenticationType | None = stated("oauth2_client_credentials")
    """The method of authentication."""
    header: Line | None = stated("Authorization: Bearer <token>")
    """The header that carries the credential."""
    scopes: tuple[Line, ...] = listed(["payments:write"])
    """What the credential must allow."""
    token_endpoint: Url | None = stated("https://auth.example.com/oauth2/token")
    """Where a token is fetched (OAuth 2)."""
    token_lifetime: Duration | None = stated("PT1H")
    """How long a token is valid once it is issued."""
    rotation_period: Duration | None = stated("P90D")
    """How often keys or secrets are changed."""
    rotation_process: Prose | None = stated("Two keys are valid for 24 hours; the platform team announces the change.")
    """Who changes them and how both sides agree on the moment."""


class BaseUrl(Part):
    """Where the provider is reached in one environment."""

    TITLE: ClassVar[str] = "Base URL"
    KEY: ClassVar[str | None] = "environment"

    environment: Slug | None = stated("production")
    """The environment."""
    url: Url | None = stated("https://payments.example.com/v1")
    """The address paths are appended to."""


class Header(Part):
    """A header of a request or a message."""

    TITLE: ClassVar[str] = "Header"
    KEY: ClassVar[str | None] = "name"

    name: Line | None = stated("X-Request-ID")
    """The header's name."""
    value: Line | None = stated("a UUID, one per request")
    """What it holds: a fixed value or a description."""
    required: YesNo | None = stated(True)
    """Whether it is refused without it."""


class Response(Part):
    """A successful answer."""

    TITLE: ClassVar[str] = "Response"

    status: Status | None = stated(201)
    """The HTTP status."""
    body_schema: Code | None = stated('{"type": "object"}', widget="code", language="json")
    """The body's JSON Schema (2020-12)."""
    body_example: Code | None = stated(
        '{"paymentId": "pay_1"}', widget="code", language="json", example_of="body_schema"
    )
    """A body as it really looks."""

    @property
    def item_key(self) -> str | None:
        """Responses are told apart by their status."""
        return None if self.status is None else str(self.status)


class Operation(Part):
    """One thing a consumer can ask for."""

    TITLE: ClassVar[str] = "Operation"
    KEY: ClassVar[str | None] = "name"

    name: Slug | None = stated("create-payment")
    """A short name for the operation."""
    method: Method | None = stated("POST")
    """The HTTP method."""
    path: Line | None = stated("/payments/{paymentId}")
    """The path below the base URL, parameters in braces."""
    summary: Line | None = stated("Reserve the amount on the customer's card.")
    """What it does."""
    headers: tuple[Header, ...] = listed()
    """Headers of the request."""
    request_schema: Code | None = stated('{"type": "object"}', widget="code", language="json")
    """The request body's JSON Schema (2020-12)."""
    request_example: Code | None = stated(
        '{"orderId": "ord_1"}', widget="code", language="json", example_of="request_schema"
    )
    """A request body as it really looks."""
    responses: tuple[Response, ...] = listed()
    """Successful answers; failures are in the contract's error table."""


class Frame(Part):
    """A message on a WebSocket."""

    TITLE: ClassVar[str] = "Frame"
    KEY: ClassVar[str | None] = "name"

    name: Slug | None = stated("position-update")
    """The frame's name."""
    sent_by: Literal["consumer", "provider"] | None = stated("provider")
    """Which side sends it."""
    body_schema: Code | None = stated('{"type": "object"}', widget="code", language="json")
    """The frame's JSON Schema."""
    example: Code | None = stated('{"vehicle": "v-1"}', widget="code", language="json", example_of="body_schema")
    """A frame as it really looks."""


class Definition(Part):
    """What the protocol itself needs to be said: fill in the part that fits the protocol."""

    TITLE: ClassVar[str] = "Definition"

    proto: Code | None = stated("service Stock { … }", widget="code", language="proto", protocol="grpc")
    """gRPC: the .proto source of the service and its messages."""
    graphql: Code | None = stated(
        "type Query { … }", widget="code", language="graphql", title="GraphQL", protocol="graphql"
    )
    """GraphQL: the schema, or the queries and mutations used."""
    frames: tuple[Frame, ...] = listed(protocol="websocket")
    """WebSocket: the frames sent in either direction."""
    exchange: Line | None = stated("orders", protocol="amqp")
    """AMQP: the exchange messages are published to."""
    exchange_type: ExchangeType | None = stated("topic", protocol="amqp")
    """AMQP: how the exchange decides who gets a message."""
    routing_key: Line | None = stated("order.*", protocol="amqp")
    """AMQP: the routing key, or for a topic exchange a pattern: * is one word, # any number of words."""
    message_headers: tuple[Header, ...] = listed(protocol="amqp")
    """AMQP: the headers of a message; a headers exchange decides by them."""
    file_pattern: Line | None = stated("settlement-{date}.csv", protocol="file")
    """Files: how a file is named, with placeholders such as {date}, strftime's %Y%m%d, or * for anything."""
    file_format: FileFormat | None = stated("csv", protocol="file")
    """Files: the format."""
    file_encoding: Line | None = stated("UTF-8", protocol="file")
    """Files: how text is written as bytes."""
    delimiter: Delimiter | None = stated("semicolon", protocol="file")
    """Files: what stands between two fields of a CSV line."""
    location: Line | None = stated("sftp://files.example.com/settlement/in", protocol="file")
    """Files: where files are put."""
    schedule: Line | None = stated("30 2 * * * Europe/Amsterdam", protocol="file")
    """Files: when they are written or fetched: cron, an ISO 8601 interval, or words such as daily at 02:30 UTC."""


class ErrorRow(Part):
    """What the consumer does when the provider answers with this status."""

    TITLE: ClassVar[str] = "Error"
    KEY: ClassVar[str | None] = "status"

    status: StatusRange | None = stated("429")
    """An HTTP status, a range such as 5xx, or a gRPC code."""
    code: Line | None = stated("RATE_LIMITED")
    """The provider's error code."""
    action: ErrorAction | None = stated("back_off_retry_after")
    """What the consumer does; its library executes this."""
    notes: Line | None = stated("Wait as long as Retry-After says.")
    """Anything more to know."""

    def covers(self, status: int) -> bool:
        """Whether this row speaks of `status`: 502/503 names two, 500-504 and 5xx a range."""
        text = self.status or ""
        if "/" in text:
            return str(status) in text.split("/")
        low, _, high = text.partition("-")
        if high:
            return low.isdigit() and int(low) <= status <= int(high)
        return text == str(status) or (text.endswith("xx") and text[0] == str(status)[0])


class Contract(Part):
    """One agreed way for one system to use another."""

    TITLE: ClassVar[str] = "Contract"
    KEY: ClassVar[str | None] = "name"

    name: Slug | None = stated("payments-api")
    """The contract's name; settings are served under it."""
    protocol: Protocol | None = stated("rest")
    """How the two sides speak."""
    consumer: Slug | None = stated("order-service")
    """The system that calls, or reads."""
    provider: Slug | None = stated("payment-service")
    """The system that answers, or publishes."""
    idempotent: YesNo | None = stated(True)
    """Whether doing the same thing twice has the effect of doing it once."""
    idempotency_header: Line | None = stated("Idempotency-Key")
    """The header that carries the idempotency key."""
    expected_requests_per_minute: Whole | None = stated(120, ge=0, le=10_000_000)
    """Calls on an ordinary working day; a breaker that needs more than this never opens."""
    authentication: Authentication = Authentication()
    """How the consumer proves who it is."""
    base_urls: tuple[BaseUrl, ...] = listed(title="Base URLs")
    """Where the provider is reached, per environment."""
    operations: tuple[Operation, ...] = listed()
    """What can be asked for, with bodies and headers."""
    definition: Definition = Definition()
    """The protocol's own definition."""
    errors: tuple[ErrorRow, ...] = listed()
    """What the consumer does on each failure."""
    policy: Policy = Policy()
    """Retry, circuit breaker, rate limits and timeouts."""

    def error_for(self, status: int) -> ErrorRow | None:
        """The row of the error table that speaks of `status`; an exact row goes before a range."""
        rows = [row for row in self.errors if row.covers(status)]
        return min(rows, key=lambda row: row.status != str(status), default=None)
