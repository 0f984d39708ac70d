"""What the API says and reads, as types: the answers, the API description and the tests all follow from them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from registry.record.contracts import ErrorRow
from registry.record.policy import CircuitBreaker, RateLimit, Retry, Timeouts

Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))]
Total = Annotated[int, Field(ge=0, le=2**53)]
ReleaseNumber = Annotated[int, Field(ge=1, le=2**53)]
Text = Annotated[str, StringConstraints(strict=True)]
IntegrationState = Literal["proposed", "active", "deprecated", "retired"]
RevisionState = Literal["draft", "in_review", "approved", "superseded"]
ReviewState = Literal["open", "approved", "withdrawn", "changes_requested"]
IntegrationType = Literal["synchronous", "asynchronous", "bidirectional", "file_based"]
Criticality = Literal["critical", "high", "medium", "low"]


class Shape(BaseModel):
    """A piece of an answer or of a request."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class VersionInBrief(Shape):
    """A revision, named."""

    version: str = Field(examples=["1.0"])
    """What people call it."""
    state: RevisionState
    """Where it stands."""
    url: str = Field(examples=["/api/v1/integrations/orders-to-payments/revisions/1.0"])
    """Where its document is."""


class Integration(Shape):
    """A named agreement between systems."""

    slug: str = Field(examples=["orders-to-payments"])
    """Its name in addresses."""
    name: str = Field(examples=["Orders to payments"])
    """Its name for people."""
    project: str
    """The project it belongs to, as its newest revision says."""
    state: IntegrationState
    """Where it stands."""
    type: str = Field(examples=["synchronous"])
    """The type its newest revision states; empty while none is stated."""
    criticality: str = Field(examples=["critical"])
    """The criticality its newest revision states; empty while none is stated."""
    purpose: str
    """Why it exists, as its newest revision says."""
    owner: str | None = Field(examples=["ann"])
    """The username of whom to ask about it."""
    tags: list[str] = Field(examples=[["pci", "peak-season"]])
    """The words people labelled it with, in order."""
    errors: int = Field(ge=0)
    """How many errors the rules found in its newest revision when they last looked."""
    warnings: int = Field(ge=0)
    """How many warnings they found."""
    newest: VersionInBrief | None
    """The newest revision: a draft, one in review, or the one in force."""
    in_force: VersionInBrief | None
    """The approved revision whose settings are served; null before the first approval."""
    created_at: datetime
    """When it was begun."""
    updated_at: datetime
    """When its record or its state last changed; its owner and tags do not count."""
    url: str = Field(examples=["/api/v1/integrations/orders-to-payments"])
    """Its own address."""


class IntegrationPage(Shape):
    """Some integrations, in the order asked for."""

    items: list[Integration]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the next page; null on the last."""
    previous: str | None
    """The address of the page before; null on the first."""


class NewIntegration(Shape):
    """What an integration begins with."""

    name: Text = Field(examples=["Orders to payments"])
    """Its name for people, one line of at most 200 characters."""
    slug: Text = Field(examples=["orders-to-payments"])
    """Its name in addresses: small letters, digits, dots and hyphens. It never changes."""
    project: Text = Field(default="", examples=["Checkout"])
    """The project it belongs to."""
    document: dict[str, Any] = Field(default={}, json_schema_extra={"x-component": "DesignRecord"})
    """The design record of its first draft; may be incomplete."""


class Revision(Shape):
    """A numbered version of the design record."""

    version: str = Field(examples=["0.1"])
    """What people call it."""
    number: int = Field(ge=1)
    """Its place in the order of revisions, from 1."""
    state: RevisionState
    """A draft may change; the others never do."""
    etag: str = Field(examples=['"1-44136fa355b3678a"'])
    """What If-Match must hold to save over it or to submit it."""
    content_hash: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the document's canonical bytes."""
    section_hashes: dict[str, str]
    """SHA-256 of each section's canonical bytes."""
    change_note: str
    """What its author said about the change."""
    based_on: str | None
    """The version it was begun from."""
    created_by: str = Field(examples=["ann"])
    """Who began it."""
    created_at: datetime
    """When it was begun."""
    updated_at: datetime
    """When it was last saved."""
    approved_at: datetime | None
    """When the last signature approved it."""
    url: str
    """Where its document is."""


class Revisions(Shape):
    """All revisions of an integration."""

    items: list[Revision]
    """Newest first."""


class Elsewhere(Shape):
    """A place in another integration's record."""

    integration: str
    """Its slug."""
    version: str
    """The revision in force, or the newest where none ever was."""
    state: RevisionState
    """Where that revision stands."""
    path: str = Field(examples=["contracts[stock-grpc]"])
    """What of it."""


class Finding(Shape):
    """What a rule says about a record."""

    key: str = Field(examples=["retry-exceeds-total contracts[payments-api].policy"])
    """What a justification is filed under."""
    code: str
    """The rule; its page is at /rules/{code}/."""
    severity: Literal["error", "warning", "hint"]
    """An error blocks submission, a warning needs a justification, a hint only helps."""
    path: str = Field(examples=["contracts[payments-api].policy.retry.max_retries"])
    """The field it is about."""
    message: str
    """What is wrong."""
    mend: str
    """What to do about it."""
    others: list[Elsewhere] = []
    """What it was compared with in other integrations; nothing for rules that look at one record."""


class Findings(Shape):
    """Everything the rules say about a revision."""

    version: str
    """The revision."""
    etag: str
    """The text they were found in."""
    items: list[Finding]
    """In the order of the document."""


class LandscapeFinding(Elsewhere):
    """What a rule says of several integrations, told from the side of one of them."""

    code: str
    """The rule; its page is at /rules/{code}/."""
    severity: Literal["error", "warning", "hint"]
    """A warning needs a justification when that record is submitted, a hint only helps."""
    message: str
    """What is wrong."""
    mend: str
    """What to do about it."""
    others: list[Elsewhere]
    """The other sides; of very many, some."""


class LandscapeFindings(Shape):
    """Some findings across integrations, the worst first."""

    taken_at: datetime | None
    """When all integrations were last looked at together; null where they never were."""
    items: list[LandscapeFinding]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the next page; null on the last."""
    previous: str | None
    """The address of the page before; null on the first."""


class Submission(Shape):
    """What a review begins with."""

    change_note: Text = Field(examples=["Longer read timeout, after the incident of 3 March."])
    """What changed and why, for the reviewers."""
    justifications: dict[Text, Text] = Field(
        default={}, examples=[{"breaker-without-alert contracts[ledger]": "The job alerts."}]
    )
    """Why each warning is right, by the finding's key."""


class Restoration(Shape):
    """What of an older version a draft shall say again."""

    sections: list[Text] = Field(default=[], examples=[["contracts", "topics"]])
    """The sections to take from it; all of them unless told."""


class Signature(Shape):
    """A role's signature on the content of a review."""

    role: Literal["author", "consumer_lead", "provider_lead", "platform", "approver"]
    """In whose name it was signed."""
    username: str
    """Who signed."""
    printed_name: str
    """Their name at that time."""
    meaning: str
    """What they declared."""
    content_hash: str
    """What was signed."""
    signed_at: datetime
    """When."""
    key_id: str
    """The registry's key."""
    signature: str
    """Ed25519 over the canonical statement, in base64."""
    voided_at: datetime | None
    """When it ceased to count, if it did."""
    void_reason: str | None
    """Why."""


class Review(Shape):
    """One round of asking for signatures on one exact text."""

    version: str = Field(examples=["0.1"])
    """The version as it was submitted."""
    round: int = Field(ge=1)
    """The round of this revision, from 1."""
    state: ReviewState
    """Where it stands. Signing itself is done in the browser, because it asks for the password again."""
    content_hash: str
    """What is signed."""
    change_note: str
    """What the author says about the change."""
    findings: list[Finding]
    """What the rules said at submission."""
    justifications: dict[str, str]
    """Why each warning is right, by the finding's key."""
    submitted_by: str
    """Who asked."""
    submitted_at: datetime
    """When."""
    due_at: datetime
    """Until when an answer is asked for."""
    ended_at: datetime | None
    """When the round ended."""
    ended_by: str | None
    """Who ended it."""
    outcome_note: str
    """Why it was withdrawn or sent back."""
    sign_offs: list[Signature]
    """In the order they were given, voided ones too."""


class Reviews(Shape):
    """All rounds of an integration."""

    items: list[Review]
    """Newest first."""


class FieldChange(Shape):
    """One field or item that differs."""

    path: str = Field(examples=["contracts[payments-api].policy.timeouts.read_ms"])
    """Where, in `to`; what is removed, in `from`."""
    was: str = Field(examples=["contracts[payments].policy.timeouts.read_ms"])
    """Where it is in `from`, if something above it is called otherwise there; else empty."""
    label: str
    """Its name for people."""
    kind: Literal["added", "removed", "changed", "reformatted", "renamed", "moved"]
    """How. What is reformatted is written otherwise and says the same, as JSON in another order of names."""
    before: Any = None
    """The value in `from`; of what is renamed its name, of what moved its place in the list, from 1."""
    after: Any = None
    """The value in `to`, likewise."""
    place: int = Field(ge=0)
    """The place of an added item in its list, from 1; else 0."""
    unit: str
    """The unit of both, where they have one."""
    breaking: bool
    """Whether somebody who relies on what was there may fail."""


class Consequence(Shape):
    """One thing that a change comes to."""

    about: str = Field(examples=["payments-api in staging"])
    """The contract, topic, metric or section."""
    what: str = Field(examples=["worst-case time per call"])
    """What of it."""
    before: str = Field(examples=["2.2 s"])
    """How it was; empty where that goes without saying."""
    after: str = Field(examples=["4.6 s"])
    """How it is."""
    ratio: str = Field(examples=["× 2.1"])
    """How much it grew or shrank."""
    verdict: Literal["better", "worse", "neutral"]
    """Better or worse only where nobody could say otherwise."""
    note: str
    """What follows from it."""
    path: str
    """The field or item it comes from."""
    sentence: str = Field(examples=["payments-api in staging: worst-case time per call 2.2 s → 4.6 s (× 2.1)"])
    """All of it in a sentence."""


class Difference(Shape):
    """How two revisions differ."""

    old: str | None = Field(alias="from")
    """The older version; null compares with nothing."""
    new: str = Field(alias="to")
    """The newer version."""
    breaking: bool
    """Whether somebody who relies on the older one may fail."""
    consequences: list[Consequence]
    """What it comes to, in words and numbers."""
    changes: list[FieldChange]
    """Field by field, in the document's order."""


class ImportNote(Shape):
    """One thing found in a file, and what became of it."""

    line: int | None = Field(ge=1, examples=[12])
    """Where in the file; null for the file as a whole."""
    path_in_source: str = Field(examples=["/channels/orders/bindings/kafka"])
    """The same place, in the file's own words."""
    target: str = Field(examples=["topics[orders.events].partitions"])
    """Where in the document it went; empty if nowhere."""
    text: str
    """What was understood, or why it was not taken."""
    kind: Literal["taken", "guessed", "left", "passed"]
    """Read as it stands; read with a guess to look at; not read; not needed in a design record."""


class ImportGroup(Shape):
    """What can be selected with `only`."""

    name: str
    """A tag, the beginning of a path, or a channel."""
    count: int = Field(ge=0)
    """How many operations or messages it has."""


class ImportedFile(Shape):
    """What a file holds of a design record."""

    format: str = Field(examples=["asyncapi"])
    """The format it was read as."""
    title: str
    """What the file calls itself."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the bytes that were sent."""
    document: dict[str, Any] = Field(json_schema_extra={"x-component": "DesignRecord"})
    """A design record, incomplete: what the file says of one."""
    understood: list[ImportNote]
    """What was understood, by line."""
    left_out: list[ImportNote]
    """What was not, by line, and why."""
    groups: list[ImportGroup]
    """What can be selected, where there is something to choose."""


class System(Shape):
    """A piece of software that calls or answers."""

    slug: str
    """Its name in design records."""
    name: str
    """Its name for people."""
    description: str
    """What it does."""
    team: str | None
    """The slug of the team that answers for it."""


class Team(Shape):
    """The people who answer for systems."""

    slug: str
    """Its name in design records."""
    name: str
    """Its name for people."""
    contact: str
    """How to reach it."""
    is_platform: bool
    """Whether its members sign for platform and infrastructure."""


class Environment(Shape):
    """A place where settings are served."""

    slug: str
    """Its name in design records."""
    name: str
    """Its name for people."""
    is_production: bool
    """Whether real work is done there."""
    purpose: str
    """What it is for."""


class Systems(Shape):
    """All systems."""

    items: list[System]
    """By name."""


class Teams(Shape):
    """All teams."""

    items: list[Team]
    """By name."""


class Environments(Shape):
    """All environments."""

    items: list[Environment]
    """In the order work moves through them."""


class TopicInBrief(Shape):
    """A topic or queue, as all records together describe it."""

    name: str = Field(examples=["orders.events"])
    """What records call it."""
    kinds: list[str]
    """`topic`, `queue`, or both where records do not agree."""
    brokers: list[str]
    """The brokers it is said to live on."""
    producers: list[str]
    """The systems said to write it."""
    groups: list[str]
    """The consumer groups that read it."""
    integrations: int = Field(ge=1)
    """How many integrations in use name it."""
    differing: list[str] = Field(examples=[["partitions"]])
    """The fields on which records do not agree."""


class TopicPage(Shape):
    """Some topics and queues, by name."""

    items: list[TopicInBrief]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the next page; null on the last."""
    previous: str | None
    """The address of the page before; null on the first."""


class Declared(Shape):
    """What one revision says. Text is empty where it says nothing."""

    integration: str = Field(examples=["orders-to-payments"])
    """The integration."""
    version: str = Field(examples=["1.0"])
    """The revision: its newest, or the one in force."""
    state: RevisionState
    """Where that revision stands."""
    url: str
    """Where its document is."""


class TopicDeclaration(Declared):
    """What one revision says of a topic or queue."""

    kind: str
    """`topic` or `queue`."""
    broker: str
    """The broker it lives on."""
    partitions: int | None
    """How many partitions it has."""
    replication_factor: int | None
    """On how many brokers each message is kept."""
    retention: str = Field(examples=["P7D"])
    """How long messages are kept, as an ISO 8601 duration."""
    key: str
    """The message key."""
    producer: str
    """The system that writes."""
    consumers: list[str]
    """The systems that read: the record's consumers."""
    consumer_groups: list[str]
    """The groups that read."""
    dead_letter: str
    """What takes the messages that cannot be processed."""
    ordering: str
    """Which order is guaranteed."""
    ordering_scope: str
    """Within what."""
    deduplication: str
    """How the consumer recognises what it has already done."""
    deduplication_window: str = Field(examples=["P14D"])
    """How long it remembers, as an ISO 8601 duration."""
    differs: list[str]
    """The fields in which it says something else than most records."""


class DeclaredTopic(Shape):
    """A topic or queue."""

    name: str
    """What records call it."""
    declarations: list[TopicDeclaration]
    """By integration, the newest revision first; at most 200."""


class EventInBrief(Shape):
    """A type of event, as all records together describe it."""

    type: str = Field(examples=["com.example.orders.order.placed.v1"])
    """The CloudEvents type."""
    names: list[str]
    """Its short names."""
    publishers: list[str]
    """The systems that publish it."""
    consumers: list[str]
    """The systems that read it."""
    integrations: int = Field(ge=1)
    """How many integrations in use name it."""
    schemas: int = Field(ge=0)
    """How many different schemas they give it."""


class EventPage(Shape):
    """Some events, by type."""

    items: list[EventInBrief]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the next page; null on the last."""
    previous: str | None
    """The address of the page before; null on the first."""


class EventDeclaration(Declared):
    """What one revision says of an event."""

    name: str
    """Its short name."""
    publisher: str
    """The system that publishes it."""
    consumers: list[str]
    """The systems that read it."""
    topics: list[str]
    """The topics of the record; it does not say which the event travels on."""
    schema_hash: str
    """SHA-256 of what its JSON Schema says, however it is laid out."""


class DeclaredEvent(Shape):
    """A type of event."""

    type: str
    """The CloudEvents type."""
    declarations: list[EventDeclaration]
    """By integration, the newest revision first; at most 200."""


class LiveCircuitBreaker(CircuitBreaker):
    """When calls stop for a while, and whether somebody decided it by hand."""

    forced: Literal["open", "closed"] | None = None
    """Kept open (no call is made) or closed (none is held back) by an override; absent: it decides by itself."""


class LiveOverride(Shape):
    """An emergency change that is in these settings for a while."""

    id: int = Field(ge=1)
    """Names the override."""
    reason: str
    """Why it was made."""
    expires_at: datetime
    """When the design is served again, in a release of its own."""


class ContractSettings(Shape):
    """What a client of one contract obeys. What the design does not state is absent."""

    protocol: str | None = None
    """How it is called."""
    consumer: str | None = None
    """The system that calls."""
    provider: str | None = None
    """The system that answers."""
    endpoint: str | None = None
    """The base URL in this environment."""
    idempotent: bool | None = None
    """Whether a call made twice takes effect once."""
    idempotency_header: str | None = None
    """The header that carries the idempotency key."""
    retry: Retry | None = None
    """When a failed call is tried again. `delays_ms` is worked out for every strategy, one entry per retry."""
    circuit_breaker: LiveCircuitBreaker | None = None
    """When calls stop for a while."""
    rate_limit: RateLimit | None = None
    """How much may be sent."""
    timeouts: Timeouts | None = None
    """How long to wait."""
    errors: list[ErrorRow] | None = None
    """What to do about each status."""


class TopicSettings(Shape):
    """What a producer or consumer of one topic obeys."""

    broker: str | None = None
    """Where it is."""
    kind: str | None = None
    """Topic or queue."""
    key: str | None = None
    """What messages are keyed by."""
    dead_letter: str | None = None
    """Where messages go that cannot be processed."""
    ordering: str | None = None
    """Which order is guaranteed."""
    ordering_scope: str | None = None
    """Within what."""
    deduplication_window: str | None = Field(default=None, examples=["P7D"])
    """How long a handled message is remembered, as an ISO 8601 duration."""


class TracingSettings(Shape):
    """How calls are traced."""

    headers: list[str] | None = None
    """The headers passed on."""
    sampling_percent: str | None = Field(default=None, examples=["10"])
    """The share of calls traced in this environment, as decimal text."""


class LiveSettings(Shape):
    """The settings of one integration in one environment, as released."""

    integration: str
    """The integration."""
    environment: str
    """Where they hold."""
    release: int = Field(ge=1)
    """The number of the release; grows within an environment and is never used twice."""
    revision: str = Field(examples=["1.0"])
    """The approved version they were made from."""
    content_hash: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of that version: what was signed."""
    epoch: int = Field(ge=1)
    """Raised by a restore from backup; only then may a release number be lower than one seen before."""
    published_at: datetime
    """When it was released."""
    contracts: dict[str, ContractSettings]
    """By contract name."""
    topics: dict[str, TopicSettings]
    """By topic name."""
    tracing: TracingSettings
    """How calls are traced."""
    override: LiveOverride | None = None
    """What was changed outside the design for a while; absent: nothing."""


class AllLiveSettings(Shape):
    """The settings of every integration of one system in one environment."""

    system: str
    """The token's system."""
    environment: str
    """The token's environment."""
    integrations: dict[str, LiveSettings]
    """By integration."""


class DialectLoss(Shape):
    """What a library does otherwise than the settings say."""

    path: str = Field(examples=["contracts[payments-api].retry.jitter"])
    """Where it stands in the settings."""
    said: str = Field(examples=["Jitter: Full"])
    """What the settings say."""
    instead: str = Field(examples=["gRPC waits 80 to 120 % of it."])
    """What the library does, or what is left to your code."""
    severity: Literal["error", "warning", "hint"]
    """An error: the library refuses the value, and the file has the nearest. A warning: it acts otherwise."""


class DialectLosses(Shape):
    """What is lost in a dialect."""

    dialect: str = Field(examples=["dotnet"])
    """The library or proxy."""
    applies: Literal["live", "restart"]
    """When it obeys what it reads anew."""
    how: str
    """How to take it in."""
    release: int = Field(ge=1)
    """The release that was written."""
    losses: list[DialectLoss]
    """The gravest first."""


class EvaluationAsked(Shape):
    """What an OpenFeature client sends."""

    context: dict[str, Any] | None = None
    """Who asks, `targetingKey` first; no value depends on it."""


class Evaluation(Shape):
    """A setting as OpenFeature's protocol says it."""

    key: str = Field(examples=["orders-to-payments.payments-api.retry.max_retries"])
    """What was asked for."""
    value: Any
    """The whole document, a contract, a part of it, or one value."""
    reason: Literal["STATIC"]
    """Everybody with this token gets the same."""
    variant: str = Field(examples=["release-17"])
    """The release."""
    metadata: dict[str, str | int]
    """The release, the revision, its content hash and the environment."""


class EventStream(Shape):
    """Where changes are told."""

    type: Literal["sse"]
    """Server-sent events."""
    url: str
    """The address; it takes the same token."""
    inactivityDelaySec: int
    """After how long without a reader the stream may be left."""


class Evaluations(Shape):
    """All settings of a system."""

    flags: list[Evaluation]
    """By integration and contract."""
    metadata: dict[str, str]
    """The system and the environment."""
    eventStreams: list[EventStream]
    """Where to hear of changes."""


class DiscoveryAsked(Shape):
    """What Envoy asks."""

    version_info: str = ""
    """The version it obeys."""
    node: dict[str, Any] = Field(default_factory=dict)
    """Who it is: `id` tells instances apart."""
    resource_names: list[str] = Field(default_factory=list)
    """Which resources; all where none is named."""
    type_url: str = ""
    """Their type."""
    response_nonce: str = ""
    """The answer this is about."""
    error_detail: dict[str, Any] | None = None
    """Why it refused that answer."""


class Discovered(Shape):
    """What Envoy is to obey."""

    version_info: str = Field(examples=["17-6d0c1f2a3b4c5d6e"])
    """The release, and a hash of the resources."""
    resources: list[dict[str, Any]]
    """Envoy's own messages."""
    type_url: str
    """Their type."""
    nonce: str
    """Names this answer."""
    control_plane: dict[str, str]
    """Who answers."""


class FieldProblem(Shape):
    """One value that cannot be kept."""

    pointer: str = Field(examples=["contracts[payments-api].policy.retry.max_retries"])
    """The field, or empty for the body as a whole."""
    detail: str = Field(examples=["is more than 10"])
    """What is wrong."""
    mend: str = Field(examples=["Write 10 or less."])
    """What to write instead."""


class Problem(Shape):
    """What went wrong, by RFC 9457."""

    type: str = Field(examples=["/api/problems/invalid"])
    """The address of a page about this kind of problem."""
    title: str
    """The kind, in words."""
    status: int = Field(ge=400, le=599)
    """The HTTP status."""
    detail: str
    """What happened here."""
    mend: str
    """What to do next."""
    instance: str
    """The address that was asked."""
    errors: list[FieldProblem] | None = None
    """The fields it is about."""
    current_etag: str | None = None
    """With 412: the ETag of what is there now."""
    current: dict[str, Any] | None = None
    """With 412: the document as it is now, to merge into."""


class Check(Shape):
    """One thing that must hold."""

    text: str
    """What must hold."""
    holds: bool
    """Whether it does."""


class VerifiedSignature(Shape):
    """A signature, checked."""

    role: str
    """In whose name it was given."""
    name: str
    """Who signed, as printed then."""
    on_behalf_of: str
    """Whose place the signer took; empty where it was their own."""
    meaning: str
    """What the signer said by it."""
    signed_at: datetime
    """When."""
    void_reason: str | None
    """Why it counts no more; null while it counts."""
    key_id: str
    """The key it was made with, as in /api/v1/keys."""
    signature: str
    """Ed25519, base64."""
    genuine: bool
    """Whether every check holds."""
    checks: list[Check]
    """What was checked."""


class VerifiedReview(Shape):
    """A round of review of this text, checked."""

    integration: str
    """The integration's slug."""
    version: str
    """What the revision is called."""
    round: int
    """The round, from 1."""
    state: ReviewState
    """How it stands or ended."""
    genuine: bool
    """Whether the text and all its signatures are what was signed."""
    checks: list[Check]
    """What was checked of the text."""
    signatures: list[VerifiedSignature]
    """Those given, void ones too."""


class VerifiedRelease(Shape):
    """A release made from this text, checked."""

    integration: str
    """The integration's slug."""
    environment: str
    """Where it is served."""
    number: int
    """Its number there."""
    etag: str
    """What running instances hold."""
    in_force: bool
    """Whether it is what is served there now."""
    genuine: bool
    """Whether its bytes are what was signed."""
    checks: list[Check]
    """What was checked."""


class Verification(Shape):
    """Everything known of one text."""

    content_hash: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the record's canonical bytes."""
    genuine: bool
    """Whether all that is known is what was signed."""
    approved: bool
    """Whether a review of this text approved it."""
    reviews: list[VerifiedReview]
    """Rounds of review, oldest first."""
    releases: list[VerifiedRelease]
    """Releases made from it, newest first."""
    page: str
    """Where a person reads the same."""


class Key(Shape):
    """A public key."""

    id: str = Field(pattern="^[0-9a-f]{16}$")
    """What stands beside each signature: the first 16 hex digits of the key's SHA-256."""
    algorithm: Literal["Ed25519"]
    """How it signs."""
    key: str = Field(pattern="^[0-9a-f]{64}$")
    """Its 32 bytes in hex."""


class Keys(Shape):
    """Every key that may have signed something."""

    keys: list[Key]
    """The present one first, then retired ones."""


FoundKind = Literal[
    "integration",
    "contract",
    "operation",
    "error",
    "event",
    "topic",
    "scenario",
    "alert",
    "section",
    "system",
    "team",
    "environment",
    "tag",
    "person",
    "revision",
    "release",
    "act",
]


class Hit(Shape):
    """Something a search found."""

    title: str = Field(examples=["POST /payments"])
    """What it is called."""
    where: list[str] = Field(examples=[["Orders to payments", "Contracts", "payments-api"]])
    """The way to it, as people read it."""
    slug: str = Field(examples=["orders-to-payments"])
    """The integration it is in; of a system, team, environment or tag its own; of a person the username."""
    pointer: str = Field(examples=["contracts[payments-api].operations[create-payment]"])
    """Where it stands in the newest record; empty for what is no part of one."""
    field: str = Field(examples=["Summary"])
    """The field the fragment is from."""
    fragment: str = Field(examples=["Reserve the amount on the customer's card."])
    """The text around what was found."""
    url: str | None = Field(examples=["/api/v1/integrations/orders-to-payments"])
    """Where to read on; null where this API has nothing more to say."""


class Hits(Shape):
    """What was found of one kind."""

    kind: FoundKind
    """What it is."""
    count: int = Field(ge=1)
    """How many there are; a lower bound where `is_bounded`."""
    is_bounded: bool
    """Whether there may be more than `count`."""
    items: list[Hit]
    """The best of them, best first."""


class SearchAnswer(Shape):
    """What a search found."""

    groups: list[Hits]
    """By kind; none where nothing was found."""
    instead: dict[str, list[str]] = Field(examples=[{"pyaments": ["payments"]}])
    """Words that nothing begins with, each with those that were looked for in its place."""
    problems: list[str]
    """Filters that were not understood and left out."""
    took_too_long: bool
    """Whether the search was given up; another word helps."""


class RefusedRelease(Shape):
    """A release an instance would not apply."""

    release: ReleaseNumber
    """Its number."""
    reason: str = Field(min_length=1, max_length=2_000)
    """Why, in words; the first 500 characters are shown."""


class BreakerReport(Shape):
    """A circuit breaker as it stands."""

    state: Literal["closed", "open", "half_open", "forced_open", "forced_closed"]
    """What it does with calls now."""
    since: Moment
    """Since when."""


class CounterReport(Shape):
    """Totals since the instance started."""

    calls: Total = 0
    """Calls the service asked for."""
    failures: Total = 0
    """Those that failed in the end."""
    retries: Total = 0
    """Further attempts."""
    rejected: Total = 0
    """Calls held back by a breaker or a limit."""
    timeouts: Total = 0
    """Attempts that took too long."""


class IntegrationReport(Shape):
    """What an instance says of one integration."""

    release: ReleaseNumber | None = None
    """The release it obeys; null while it runs on values of its own."""
    content_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """`content_hash` of that release's body."""
    applied_at: Moment | None = None
    """Since when."""
    refused: RefusedRelease | None = None
    """A newer release it would not apply."""
    breakers: dict[str, BreakerReport] = Field(default={}, max_length=50)
    """By contract."""
    counters: dict[str, CounterReport] = Field(default={}, max_length=50)
    """By contract."""


class InstanceReport(Shape):
    """What a running process says it obeys."""

    instance: str = Field(min_length=1, max_length=200, examples=["order-service-7c9f6-x2x4v"])
    """The process, by a name it keeps while it runs."""
    sdk: str = Field(min_length=1, max_length=200, examples=["python 0.1.0"])
    """What applies the settings there."""
    started_at: Moment
    """When it started; its totals count from then."""
    integrations: dict[str, IntegrationReport] = Field(max_length=200)
    """By integration."""


class ReportTaken(Shape):
    """The report is kept."""

    report_every_seconds: int = Field(ge=1)
    """When the next one is expected."""


ReleaseKind = Literal[
    "approval", "published", "scheduled", "promoted", "rolled_back", "overridden", "override_ended", "restored"
]
Uptake = Literal["on", "behind", "refused", "differs", "silent", "unknown"]
Reason = Annotated[str, StringConstraints(strict=True, max_length=2_000)]
Seen = Annotated[int | None, Field(default=None, ge=0, le=2**53)]


class Release(Shape):
    """The settings of a revision in one environment, numbered and signed."""

    environment: str
    """Where it is or was served."""
    number: int = Field(ge=1)
    """Its number there."""
    etag: str
    """What services hold that obey it."""
    revision: str
    """The version it was made from."""
    content_hash: str = Field(pattern="^[0-9a-f]{64}$")
    """What was signed."""
    kind: ReleaseKind
    """How it came to be."""
    reason: str
    """Why, where somebody said so."""
    override: int | None
    """The override whose values it holds."""
    released_by: str
    """Who released it; of one that came by itself, who had asked for it."""
    released_at: datetime
    """When."""
    page: str
    """Where a person reads what it changed."""


class ReleasePage(Shape):
    """Some releases."""

    items: list[Release]
    """Newest first."""
    next: str | None
    """The address of the page after this one."""
    previous: str | None
    """The address of the page before this one."""


class RollBack(Shape):
    """An older release to serve again."""

    environment: Text
    """Where."""
    to: ReleaseNumber
    """The older release."""
    reason: Reason
    """Why; it is kept with the release."""
    seen: Seen
    """The number you saw in force: with another one there by now, the answer is 409."""


class Promotion(Shape):
    """Where to serve what the environment before it serves."""

    environment: Text
    """One that is released by promoting."""
    reason: Reason = ""
    """Why, where there is something to say."""
    seen: Seen
    """The number you saw in force there, 0 for none: with another one by now, the answer is 409."""


class NewOverride(Shape):
    """Other values for a while."""

    environment: Text
    """Where."""
    patch: dict[str, Any] = Field(
        examples=[{"contracts": {"payments-api": {"retry": {"max_retries": 0}, "circuit_breaker": {"forced": "open"}}}}]
    )
    """A JSON merge patch of policies, by contract."""
    reason: Reason
    """Why; everybody sees it."""
    minutes: int = Field(default=60, strict=True)
    """How long, at most 480."""
    seen: Seen
    """The number you saw in force: with another one there by now, the answer is 409."""


class EndOfOverride(Shape):
    """The end of an override before its time."""

    note: Reason = ""
    """What there is to say."""


class Override(Shape):
    """Other values than the design's for a while."""

    id: int
    """Names it."""
    environment: str
    """Where."""
    patch: dict[str, Any]
    """What it changes, by contract."""
    reason: str
    """Why."""
    begun_by: str
    """Who."""
    begun_at: datetime
    """Since when."""
    expires_at: datetime
    """When it ends by itself."""
    ended_at: datetime | None
    """When it ended; null while it is served."""
    ended_by: str | None
    """Who ended it before its time."""
    end_note: str
    """What was said then."""
    reviewed_at: datetime | None
    """When somebody looked at it afterwards."""
    reviewed_by: str | None
    """Who did: never who made it."""


class Overrides(Shape):
    """Overrides of one integration."""

    items: list[Override]
    """Newest first."""


class Scheduled(Shape):
    """A release to come."""

    revision: str
    """The version it will be made from."""
    due_at: datetime
    """When."""
    reason: str
    """Why, where somebody said so."""
    scheduled_by: str
    """Who."""


class BoardLine(Shape):
    """One environment on the board."""

    environment: str
    """Its slug."""
    promoted_from: str | None
    """Where a revision has to be served before; null: it is released at once with the approval."""
    release: Release | None
    """What is served; null: nothing."""
    instances: dict[Uptake, int]
    """How many instances stand where. None: nobody reports, so nothing is known."""
    override: Override | None
    """The one that is served."""
    scheduled: Scheduled | None
    """What is to come."""


class Board(Shape):
    """Approved, served and reported."""

    approved: str | None
    """The version in force."""
    environments: list[BoardLine]
    """In the order work moves through them."""
