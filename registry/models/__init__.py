"""Rows: what has identity, a workflow, or is queried. One module per noun."""

from .approval import ApprovalRule, Delegation
from .brokers import Broker
from .catalog import Environment, System
from .index import IndexedContract, IndexedEvent, IndexedFinding, IndexedParty, IndexedTopic
from .instances import Instance, InstanceReport, TrafficMinute
from .integrations import ME, NOBODY, Integration
from .letters import (
    DeadLetter,
    DeadLetterGroup,
    GroupHour,
    LedgerReading,
    LetterMove,
    LetterNote,
    LetterWords,
    Payload,
    PayloadEdit,
)
from .lists import ListPreference, SavedView
from .marks import DatabaseMark
from .notices import Delivery, DeliveryAttempt, Notice, Nudge, Webhook
from .outbox import OutboxMessage
from .overrides import Override
from .pages import Page, counted, keyset, keyset_sought, keyset_values
from .people import Membership, Person, Team, granted
from .redrives import RedriveAttempt, RedriveItem, RedriveJob
from .releases import Release, ReleaseCounter
from .reviews import ALL_FIVE, MEANINGS, ROLE_SECTIONS, Review, Role, SignOff
from .revisions import Contribution, Revision
from .schedules import ScheduledRelease
from .search import SearchEntry, SearchWord
from .sources import DeadLetterSource, DepthReading
from .surveys import Survey, SurveyFinding
from .tags import Tag, Tagging
from .threads import Comment, Thread, Visit
from .tokens import Token
from .trail import ChainHead, Event
from .uploads import Upload
from .versions import Version, find_version, version_of

__all__ = [
    "ALL_FIVE",
    "ME",
    "MEANINGS",
    "NOBODY",
    "ROLE_SECTIONS",
    "ApprovalRule",
    "Broker",
    "ChainHead",
    "Comment",
    "Contribution",
    "DatabaseMark",
    "DeadLetter",
    "DeadLetterGroup",
    "DeadLetterSource",
    "Delegation",
    "Delivery",
    "DeliveryAttempt",
    "DepthReading",
    "Environment",
    "Event",
    "GroupHour",
    "IndexedContract",
    "IndexedEvent",
    "IndexedFinding",
    "IndexedParty",
    "IndexedTopic",
    "Instance",
    "InstanceReport",
    "Integration",
    "LedgerReading",
    "LetterMove",
    "LetterNote",
    "LetterWords",
    "ListPreference",
    "Membership",
    "Notice",
    "Nudge",
    "OutboxMessage",
    "Override",
    "Page",
    "Payload",
    "PayloadEdit",
    "Person",
    "RedriveAttempt",
    "RedriveItem",
    "RedriveJob",
    "Release",
    "ReleaseCounter",
    "Review",
    "Revision",
    "Role",
    "SavedView",
    "ScheduledRelease",
    "SearchEntry",
    "SearchWord",
    "SignOff",
    "Survey",
    "SurveyFinding",
    "System",
    "Tag",
    "Tagging",
    "Team",
    "Thread",
    "Token",
    "TrafficMinute",
    "Upload",
    "Version",
    "Visit",
    "Webhook",
    "counted",
    "find_version",
    "granted",
    "keyset",
    "keyset_sought",
    "keyset_values",
    "version_of",
]
