"""Where the environments of a contract's policy differ: one line per setting, one column per environment."""

from dataclasses import dataclass
from typing import Any

from registry.record import labels
from registry.record.base import Part, unit_of
from registry.record.policy import LIVE_PARTS, Policy


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as it is everywhere and as environments have it; None where one has nothing of its own."""

    label: str
    unit: str
    everywhere: Any
    values: tuple[Any, ...]


def settings(policy: Policy) -> list[Setting]:
    """The settings that some environment has of its own."""
    found = []
    for name in LIVE_PARTS:
        common: Part = getattr(policy, name)
        for field, info in type(common).model_fields.items():
            own = (getattr(getattr(each, name), field) for each in policy.environments)
            values = tuple(None if value == () else value for value in own)
            if any(value is not None for value in values):
                label = f"{common.TITLE}: {(info.title or labels.field(field)).lower()}"
                found.append(Setting(label, unit_of(field, info), getattr(common, field), values))
    return found
