"""Where an instance stands against what is served, from what it said. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["on", "behind", "refused", "differs", "silent", "unknown"]
ORDER: tuple[State, ...] = ("refused", "differs", "behind", "silent", "unknown", "on")
"""What somebody should look at comes first."""
SETTLING = timedelta(minutes=2)
"""So long after a release an instance may well still be on its way."""


@dataclass(frozen=True, slots=True)
class Served:
    """The release in force, and the hashes it is known by."""

    number: int
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What an instance said last of one integration."""

    number: int | None
    content_hash: str = ""
    refused: int | None = None
    is_silent: bool = False


def state(served: Served | None, said: Said) -> State:
    """Never "on" for one that is silent or says nothing we can check."""
    if said.is_silent:
        return "silent"
    if served is None or (said.number is None and said.refused is None):
        return "unknown"
    if said.refused is not None and said.refused >= served.number and said.number != served.number:
        return "refused"
    if said.number is None or said.number > served.number:
        return "unknown"
    if said.number < served.number:
        return "behind"
    if said.content_hash and said.content_hash not in served.hashes:
        return "differs"
    return "on"


def is_late(since: datetime, now: datetime) -> bool:
    """Whether one that is behind since then should have followed by now."""
    return now - since > SETTLING
