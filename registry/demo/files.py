"""Reads the demo's files: people, catalog, and each integration with the revisions its story goes through. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from ..record import pointers

HERE = Path(__file__).parent
Reach = Literal["draft", "in_review", "approved"]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who signs in to the demo."""

    username: str
    name: str
    who: str
    try_this: str
    groups: tuple[str, ...] = ()
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One revision of an integration: its whole document, and how far it gets."""

    document: Mapping[str, Any]
    reach: Reach
    note: str = ""
    justifications: Mapping[str, str] = field(default_factory=dict)
    signed: tuple[str, ...] = ()
    """The roles that have signed already; of a revision in review."""


@dataclass(frozen=True, slots=True)
class Story:
    """One integration of the demo."""

    slug: str
    name: str
    author: str
    state: Literal["proposed", "active", "deprecated", "retired"]
    steps: tuple[Step, ...]
    reason: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()


def people() -> list[DemoPerson]:
    """Everybody in the demo."""
    rows = _read(HERE / "people.yaml")["people"]
    return [DemoPerson(**each | {"groups": tuple(each.get("groups", ()))}) for each in rows]


def password() -> str:
    """The password they all have."""
    return str(_read(HERE / "people.yaml")["password"])


def catalog() -> dict[str, Any]:
    """Teams, systems, environments and who gets a token, as the file says."""
    return _read(HERE / "catalog.yaml")


def live() -> dict[str, Any]:
    """What happened to live settings after the approvals, and what instances report."""
    return _read(HERE / "live.yaml")


def stories() -> list[Story]:
    """Every integration of the demo, by slug."""
    return [story(path) for path in sorted((HERE / "integrations").glob("*.yaml"))]


def story(path: Path) -> Story:
    """One integration's file. Each revision after the first says only what it changes."""
    told = _read(path)
    document, steps = told.pop("document"), []
    for each in told.pop("revisions"):
        document = amended(document, each.pop("changes", {}))
        steps.append(Step(document=document, **each | {"signed": tuple(each.get("signed", ()))}))
    return Story(**told | {"tags": tuple(told.get("tags", ()))}, steps=tuple(steps))


def signers(story: Story, step: Step) -> dict[str, str]:
    """Who signs which role: the leads of the parties' teams and of the platform team, and the one who approves."""
    teams = {each["slug"]: each for each in catalog()["teams"]}
    sides = {each["role"]: teams[each["team"]]["people"][0] for each in step.document["parties"]}
    platform = next(each["people"][0] for each in teams.values() if each.get("is_platform"))
    approver = next(each.username for each in people() if "approvers" in each.groups)
    return {
        "author": story.author,
        "consumer_lead": sides["consumer"],
        "provider_lead": sides["provider"],
        "platform": platform,
        "approver": approver,
    }


def amended(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the document with the value at each pointer replaced, or a list's item added."""
    whole: dict[str, Any] = _copy(document)
    for pointer, value in changes.items():
        *way, last = pointers.steps(pointer)
        here: Any = whole
        for step in way:
            here = here[_index(here, step)] if step.startswith("[") else here.setdefault(step, {})
        if last.startswith("["):
            _put(here, last, value)
        else:
            here[last] = value
    return whole


def _put(items: list[dict[str, Any]], step: str, value: dict[str, Any]) -> None:
    if any(_names(each, step) for each in items):
        items[_index(items, step)] = value
    else:
        items.append(value)


def _index(items: list[dict[str, Any]], step: str) -> int:
    return next(index for index, each in enumerate(items) if _names(each, step))


def _names(item: Mapping[str, Any], step: str) -> bool:
    """Whether a step names this item, by whichever field its list uses as the key."""
    return step.strip("[]") in {str(item.get(key)) for key in ("name", "title", "status", "environment", "topic")}


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(each) for name, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _read(path: Path) -> dict[str, Any]:
    # The C parser reads the whole demo in a tenth of the time; the Python one is always there.
    parsed: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return parsed
