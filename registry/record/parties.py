"""Section 1 of the document: who is bound by it."""

from typing import ClassVar, Literal

from .base import Line, Part, Slug, stated

PartyRole = Literal["consumer", "provider"]


class Party(Part):
    """A system, the team that answers for it, and how to reach them."""

    TITLE: ClassVar[str] = "Party"
    KEY: ClassVar[str | None] = "system"

    role: PartyRole | None = stated("consumer")
    """Consumer (the caller) or provider (the server)."""
    system: Slug | None = stated("order-service")
    """The system's name in the catalog."""
    team: Slug | None = stated("checkout")
    """The team that owns the system; its lead signs for this party."""
    contact: Line | None = stated("checkout@example.com")
    """Where to reach the team: a mailbox, a channel or a pager."""
