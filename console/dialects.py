"""A record as libraries read it: for its author, who chooses one, and for its reviewers, who see them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from registry.dialects import DIALECTS, Dialect, Loss, Rendering
from registry.live.document import compile_settings
from registry.record import DesignRecord
from registry.record.findings import Severity


@dataclass(frozen=True, slots=True)
class Reading:
    """What a library makes of some settings."""

    dialect: Dialect
    rendering: Rendering
    contracts: int
    """How many the settings have."""

    @property
    def refused(self) -> list[Loss]:
        """What it refuses."""
        return self._of(Severity.ERROR)

    @property
    def otherwise(self) -> list[Loss]:
        """What it does otherwise."""
        return self._of(Severity.WARNING)

    @property
    def nearly(self) -> list[Loss]:
        """What it nearly does, or leaves to code."""
        return self._of(Severity.HINT)

    @property
    def grave(self) -> list[Loss]:
        """Both of what matters."""
        return [*self.refused, *self.otherwise]

    @property
    def carries_any(self) -> bool:
        """Whether there is a contract it carries."""
        return len([each for each in self.rendering.losses if _is_whole(each)]) < self.contracts

    def _of(self, severity: Severity) -> list[Loss]:
        return [each for each in self.rendering.losses if each.severity == severity]


def readings(settings: dict[str, Any], dialects: Iterable[Dialect] = DIALECTS) -> list[Reading]:
    """The settings in each dialect."""
    return [Reading(each, each.write(settings), len(settings["contracts"])) for each in dialects]


def of_record(record: DesignRecord, environment: str) -> list[Reading]:
    """A record's settings in each dialect that carries any of its contracts."""
    return [each for each in readings(compile_settings(record, environment)) if each.carries_any]


def _is_whole(loss: Loss) -> bool:
    """Whether a whole contract is lost."""
    return loss.path.startswith("contracts[") and loss.path.endswith("]")
