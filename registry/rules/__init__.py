"""What a design record is held to. A rule is a small function; its docstring is its help page. Pure."""

from collections.abc import Iterable

from ..record.findings import Finding, Severity
from . import (  # each import puts its rules on the list
    availability,
    breaker,
    completeness,
    contracts,
    definitions,
    events,
    limits,
    monitoring,
    parties,
    privacy,
    retry,
    testing,
    timeouts,
    topics,
)
from .across import ACROSS, Landscape, Seen, check_across, survey
from .base import RULES, Catalog, Place, Rule, check, in_order
from .facts import Call, Event, Facts, Numbers, Owner, Topic, facts
from .impact import Impact, impact

__all__ = [
    "ACROSS",
    "RULES",
    "Call",
    "Catalog",
    "Event",
    "Facts",
    "Impact",
    "Landscape",
    "Numbers",
    "Owner",
    "Place",
    "Rule",
    "Seen",
    "Topic",
    "check",
    "check_across",
    "facts",
    "impact",
    "in_order",
    "summary",
    "survey",
]

_ = (
    *(availability, breaker, completeness, contracts, definitions, events, limits, monitoring),
    *(parties, privacy, retry, testing, timeouts, topics),
)


def summary(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many there are of each severity, the worst first."""
    severities = [each.severity for each in findings]
    return {severity: severities.count(severity) for severity in Severity}
