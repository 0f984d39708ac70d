"""Releases for a page: what each serves as a record, and how two of them differ in words and numbers."""

from dataclasses import dataclass

from console.comparison import Comparison, compared
from registry.live.document import served_part
from registry.live.overrides import laid_over
from registry.models import Release
from registry.record import DesignRecord


@dataclass(frozen=True, slots=True)
class Forced:
    """A breaker that is kept open or closed in one of two releases, or in both."""

    contract: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """How the settings of two releases differ; numbers, dates and who released do not count."""

    comparison: Comparison
    forced: tuple[Forced, ...]

    @property
    def is_nothing(self) -> bool:
        return not self.comparison.contents and not self.forced


def difference(old: Release | None, new: Release, *, apart: bool = False) -> Difference:
    """From what `old` serves to what `new` does."""
    before, forced_before = served(old) if old else (None, {})
    after, forced_after = served(new)
    names = sorted({*forced_before, *forced_after})
    forced = (Forced(name, forced_before.get(name, ""), forced_after.get(name, "")) for name in names)
    return Difference(compared(before, after, apart=apart), tuple(each for each in forced if each.before != each.after))


def served(release: Release) -> tuple[DesignRecord, dict[str, str]]:
    """What of the record a release serves, an override over it, and which breakers that forces."""
    record, forced = release.revision.record, {}
    if release.override:
        laid = laid_over(record, release.environment.slug, release.override.patch)
        record, forced = laid.record, laid.forced
    return served_part(record, release.environment.slug), forced
