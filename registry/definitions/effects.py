"""What a changed definition comes to."""

from dataclasses import dataclass

MOST_EFFECTS = 40
"""Told of one definition; a rewritten one is not understood better by more."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that is otherwise now, and whether somebody who relies on what was may fail."""

    what: str
    is_breaking: bool = False
