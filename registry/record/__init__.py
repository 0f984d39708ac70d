"""The design record: the typed content of one revision. This is its table of contents, in the document's own order."""

from typing import ClassVar

from .base import Part, listed
from .consistency import Consistency
from .contracts import Contract
from .deduplication import Deduplication
from .events import Event
from .monitoring import Monitoring
from .ordering import Ordering
from .overview import Overview
from .parties import Party
from .saga import Saga
from .sla import ServiceLevels
from .testing import Testing
from .topics import Topic
from .topology import Topology

__all__ = ["SECTIONS", "DesignRecord"]


class DesignRecord(Part):
    """An integration's design, whole."""

    TITLE: ClassVar[str] = "Design record"

    overview: Overview = Overview()
    """Why the integration exists and how much depends on it."""
    sla: ServiceLevels = ServiceLevels()
    """The service levels both sides promise."""
    parties: tuple[Party, ...] = listed()
    """The systems and teams it binds."""
    topology: Topology = Topology()
    """What stands between the two sides."""
    contracts: tuple[Contract, ...] = listed()
    """What is called, how, and with which resilience settings."""
    events: tuple[Event, ...] = listed()
    """What is published."""
    topics: tuple[Topic, ...] = listed()
    """The topics and queues events travel on."""
    ordering: tuple[Ordering, ...] = listed()
    """Which messages stay in order."""
    deduplication: Deduplication = Deduplication()
    """How a message handled twice takes effect once."""
    consistency: Consistency = Consistency()
    """How far the two sides may differ."""
    saga: Saga = Saga()
    """How a transaction over several services is taken back."""
    testing: Testing = Testing()
    """How both sides know that it works."""
    monitoring: Monitoring = Monitoring()
    """What is measured, traced and alerted."""


SECTIONS: tuple[str, ...] = tuple(DesignRecord.model_fields)
