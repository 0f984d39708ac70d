"""What the API says and reads of dead letters and redrives, as types."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.shapes import Reason, Shape, Text

Key = Annotated[int, Field(ge=1, le=2**53)]
Chosen = Annotated[Text, StringConstraints(max_length=300)]
Mode = Literal["counts", "cursor", "consume"]
LetterState = Literal[
    "open",
    "queued",
    "publishing",
    "published",
    "uncertain",
    "resolved",
    "presumed_resolved",
    "returned",
    "parked",
    "archived",
    "discarded",
    "expired",
]
Age = Literal["", "under-1h", "under-1d", "under-7d", "over-1d", "over-7d", "over-30d"]
RedriveState = Literal[
    "draft", "selecting", "awaiting_approval", "canary", "running", "paused", "finished", "cancelled"
]
Act = Literal["start", "approve", "pause", "resume", "cancel"]


class DeadLetterSource(Shape):
    """Where the dead letters of one topic of a design lie."""

    id: int
    """Names it."""
    integration: str = Field(examples=["orders-to-loyalty"])
    """Whose topic it is."""
    environment: str = Field(examples=["production"])
    """Where."""
    broker: str = Field(examples=["streams-main"])
    """The broker, as designs call it."""
    topic: str = Field(examples=["orders.delivered"])
    """The topic or queue whose failures lie here, and where they go back to."""
    place: str = Field(examples=["orders.delivered.dead"])
    """What is read."""
    mode: Mode
    """How it is read: counted, copied, or taken."""
    depth: int | None
    """How many messages lay there at the last look; null before the first."""
    oldest_at: datetime | None
    """Since when the oldest lies there, where the broker says so."""
    looked_at: datetime | None
    """When it was last looked at."""
    trouble: str
    """Why the last look failed; empty if it did not."""


class SourcePage(Shape):
    """Some sources, in the order they were defined."""

    items: list[DeadLetterSource]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the page after this one; null on the last."""
    previous: str | None
    """The address of the page before this one; null on the first."""


class Letter(Shape):
    """A message that could not be processed, and what became of it."""

    id: int
    """Names it."""
    state: LetterState
    """Where it stands."""
    wire_id: str
    """The id its consumer knows it by; the same however often it is sent."""
    ordering_key: str
    """What keeps it in order with others; empty where nothing does."""
    error_class: str
    """What it died of, as its headers say."""
    reason: str
    """Why it was set aside, as its headers say."""
    message: str
    """The error's message, as its headers say."""
    event_type: str
    """The event's CloudEvents type; empty where it does not say."""
    schema_problem: str | None
    """What the design's schema refuses in its body; empty if nothing, null where it was not checked."""
    died_at: datetime
    """When."""
    redrive_count: int
    """How often it, or what it came back from, was sent again."""
    assignee: str | None
    """The username of who has it; null where nobody does."""
    parent: int | None
    """The letter it came back from."""


class LetterPage(Shape):
    """Some letters, those first that died last."""

    items: list[Letter]
    """At most 50 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the page after this one; null on the last."""
    previous: str | None
    """The address of the page before this one; null on the first."""


class LetterHeader(Shape):
    """A header, as text."""

    name: str
    """Its name."""
    value: str
    """Its value; dots where it is hidden."""
    hidden: bool
    """Whether it is."""


class LetterPayload(Shape):
    """What a letter holds, without what its source hides."""

    form: Literal["json", "text", "bytes", "hidden", "gone"]
    """What the body is shown as."""
    body: str
    """The body as text."""
    cut: bool
    """Whether the text ends before the body does."""
    headers: list[LetterHeader]
    """In the order they came."""


class WholeLetter(Letter):
    """A letter with what it holds."""

    payload: LetterPayload
    """Body and headers."""


class NewRedrive(Shape):
    """Letters to be sent again."""

    letters: list[Key] = Field(default=[], max_length=1_000)
    """These; or all that match what follows."""
    group: Key | None = None
    """Of this group of failures."""
    error_class: Chosen = ""
    """That died of this."""
    event_type: Chosen = ""
    """Of events of this type."""
    ordering_key: Chosen = ""
    """Of this key."""
    wire_id: Chosen = ""
    """With this id."""
    assignee: Chosen = ""
    """That this person has, by username; `~me` for yourself, `~nobody` for nobody."""
    q: Chosen = ""
    """Whose error, id or key holds this."""
    facts: dict[str, Chosen] = Field(default={}, max_length=10, examples=[{"tenant": "nl"}])
    """With these values of fields and headers that their source keeps to search by, by name."""
    age: Age = ""
    """That are dead for less or more than this when it is drafted."""
    since: datetime | None = None
    """That died at or after this moment."""
    until: datetime | None = None
    """That died at or before this moment."""
    reason: Reason
    """Why."""
    override_reason: Reason = ""
    """Why those are sent too that the design says not to retry; empty leaves them out."""
    idempotency_key: Annotated[Text, StringConstraints(max_length=100)]
    """The same key twice is the same redrive."""
    rate_per_minute: Key | None = None
    """How fast; the design's share unless told."""


class RedriveAct(Shape):
    """What shall become of a redrive."""

    act: Act
    """Begin it, agree to it, or stop it and go on."""
    reason: Reason = ""
    """Why; needed to cancel."""


class RedriveProgress(Shape):
    """How far a redrive got, counted now."""

    total: int
    """Letters it sends."""
    waiting: int
    """Not sent yet."""
    sending: int
    """On their way."""
    sent: int
    """The broker has them."""
    refused: int
    """The broker refused them; they are open again."""
    uncertain: int
    """Nobody knows whether they arrived."""
    skipped: int
    """Left out, by the design."""
    cancelled: int
    """Given back."""
    came_back: int
    """Died again."""
    resolved: int
    """Their consumer reported them done."""
    presumed_resolved: int
    """They did not come back in time, and nobody reported them."""


class Redrive(Shape):
    """Letters of one source that are sent back to the topic they came from."""

    id: int
    """Names it."""
    source: int
    """Whose letters."""
    state: RedriveState
    """Where it stands."""
    wave: int
    """0 while one letter is tried, 1 while ten more are, 2 for the rest."""
    reason: str
    """Why."""
    rate_per_minute: int
    """How fast, at most."""
    needs_second: str
    """Why a second person has to agree; empty where nobody has to."""
    requested_by: str
    """Who asked for it."""
    approved_by: str | None
    """Who agreed."""
    paused_because: str
    """Why it is paused; empty where it is not."""
    plan: dict[str, Any]
    """What was known when it was asked for."""
    progress: RedriveProgress
    """How far it got."""


class Redrives(Shape):
    """Some redrives of a source, newest first."""

    items: list[Redrive]
    """At most 20 of them, unless `size` asked for another number."""
    next: str | None
    """The address of the page after this one; null on the last."""
    previous: str | None
    """The address of the page before this one; null on the first."""


class Resolved(Shape):
    """What a consumer did with letters that were sent again."""

    integration: str = Field(examples=["orders-to-loyalty"])
    """Whose letters."""
    attempts: list[Key] = Field(min_length=1, max_length=1_000)
    """The numbers in the header x-registry-attempt of messages that were processed, or known already."""


class ResolvedTaken(Shape):
    """The report is kept."""

    resolved: int
    """How many letters are resolved by it; those resolved before do not count."""
