"""Section 5.2 of the document: a transaction over several services, and how it is taken back."""

from typing import ClassVar

from .base import Line, Part, Prose, listed, stated


class SagaStep(Part):
    """One step, and what undoes it."""

    TITLE: ClassVar[str] = "Step"
    KEY: ClassVar[str | None] = "name"

    name: Line | None = stated("Reserve stock")
    """The step's name."""
    service: Line | None = stated("stock-service")
    """The service that carries it out."""
    action: Line | None = stated("POST /reservations")
    """What is done."""
    compensation: Line | None = stated("DELETE /reservations/{id}")
    """What undoes it; write “none needed” where nothing has to be undone."""
    notes: Prose | None = stated("A reservation lapses by itself after 30 minutes.")
    """What to know about undoing it."""


class Saga(Part):
    """Steps in order; when one fails, the ones before it are undone in reverse."""

    TITLE: ClassVar[str] = "Saga"

    orchestrator: Line | None = stated("order-service")
    """The service that leads."""
    steps: tuple[SagaStep, ...] = listed()
    """The steps in their order."""
