"""What a letter's headers say of its death, and what numbers in them stand for; without what is hidden of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry import deaths
from registry.deaths import Death
from registry.services.masks import ShownHeader

MOST_OPEN = 8
"""Details that are shown at once; more of them are folded away."""


@dataclass(frozen=True, slots=True)
class Died:
    """Why a letter died, for its page."""

    death: Death
    meaning: str
    """A broker's reason in plain words; "" where it is none."""

    @property
    def details(self) -> list[tuple[str, str, datetime | None]]:
        """What each is called, as text, and as a moment where it is one."""
        return [
            (name, "", told) if isinstance(told, datetime) else (name, str(told), None)
            for name, told in self.death.details.items()
        ]

    @property
    def is_long(self) -> bool:
        return len(self.death.details) > MOST_OPEN


@dataclass(frozen=True, slots=True)
class Row:
    """A header as the page lists it."""

    name: str
    value: str
    number: str = ""
    at: datetime | None = None
    raw: str = ""
    """The bytes of a number, in base 16."""


def died(headers: Sequence[ShownHeader]) -> Died:
    death = deaths.read(tuple((each.name, each.told) for each in headers))
    return Died(death, deaths.meaning(death.reason))


def row(header: ShownHeader) -> Row:
    found = deaths.stands_for(header.name, header.told)
    raw = header.told.hex(" ") if found is not None and isinstance(header.told, bytes) else ""
    if isinstance(found, datetime):
        return Row(header.name, header.value, at=found, raw=raw)
    return Row(header.name, header.value, number="" if found is None else str(found), raw=raw)
