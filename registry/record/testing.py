"""Section 6 of the document: how both sides know that it works."""

from typing import ClassVar, Literal

from .base import Line, Part, Prose, Slug, Url, listed, stated

ScenarioKind = Literal["happy", "error"]


class Pact(Part):
    """Consumer-driven contract tests."""

    TITLE: ClassVar[str] = "Contract testing (Pact)"

    broker_url: Url | None = stated("https://pact.example.com")
    """The Pact broker's address."""
    consumer: Line | None = stated("order-service")
    """The consumer's name in the broker."""
    provider: Line | None = stated("payment-service")
    """The provider's name in the broker."""


class TestEnvironment(Part):
    """Where it is tested, and when."""

    __test__: ClassVar[bool] = False
    TITLE: ClassVar[str] = "Test environment"
    KEY: ClassVar[str | None] = "name"

    name: Slug | None = stated("staging")
    """The environment."""
    purpose: Line | None = stated("Full integration with the staging provider")
    """What is tested there."""
    trigger: Line | None = stated("Every merge to main")
    """What starts the tests."""


class Scenario(Part):
    """Something that must come out as said."""

    TITLE: ClassVar[str] = "Scenario"
    KEY: ClassVar[str | None] = "title"

    title: Line | None = stated("Provider returns 500")
    """What happens."""
    kind: ScenarioKind | None = stated("error")
    """The happy path or an error."""
    expected: Prose | None = stated("The breaker opens after the threshold.")
    """What must come of it."""
    how_verified: Line | None = stated("Automated, in staging, every night")
    """How anyone can tell."""


class Testing(Part):
    """Contract tests, environments and scenarios."""

    TITLE: ClassVar[str] = "Testing"

    pact: Pact = Pact()
    """Contract tests with Pact."""
    environments: tuple[TestEnvironment, ...] = listed()
    """Where it is tested, and what starts it."""
    scenarios: tuple[Scenario, ...] = listed()
    """What is tried, and what must come of it."""
