"""How far a redrive got, as it is drawn: its waves, and the shares of a bar."""

from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry.models import RedriveJob
from registry.services.redrives import Progress
from registry.services.sending import WAVES

WIDTH, HEIGHT = 1_000, 10
NAMES = ("One letter", "Ten more", "The rest")


@dataclass(frozen=True, slots=True)
class Part:
    """Items of one state: how many, and how they are drawn."""

    state: str
    label: str
    count: int
    icon: str


@dataclass(frozen=True, slots=True)
class Wave:
    """A step of a redrive: one letter, ten more, the rest."""

    name: str
    total: int
    begun: int
    state: str
    """done, now or later."""


def parts(progress: Progress) -> tuple[Part, ...]:
    """All its letters by state, in the order they go through; those left out last."""
    return (
        Part("sent", "Sent", progress.sent, "done"),
        Part("sending", "Being sent", progress.sending, "half"),
        Part("uncertain", "Uncertain", progress.uncertain, "warning"),
        Part("refused", "Refused", progress.refused, "error"),
        Part("waiting", "Waiting", progress.waiting, "dashed"),
        Part("cancelled", "Cancelled", progress.cancelled, "cross"),
        Part("skipped", "Left out", progress.skipped, "past"),
    )


def outcomes(progress: Progress) -> tuple[Part, ...]:
    """What became of those that were sent, as far as anybody knows."""
    return (
        Part("resolved", "Processed", progress.resolved, "done"),
        Part("presumed_resolved", "Presumed done", progress.presumed_resolved, "outline"),
        Part("came_back", "Came back", progress.came_back, "down"),
    )


def waves(job: RedriveJob, progress: Progress) -> list[Wave]:
    """Its steps, each with how much of it was begun; those that have no letters are not drawn."""
    begun, start, found = progress.total - progress.waiting - progress.cancelled, 0, []
    for place, end in enumerate((*WAVES, progress.total)):
        total = max(0, min(end, progress.total) - start)
        done = max(0, min(begun - start, total))
        if total:
            found.append(Wave(NAMES[place], total, done, _state(job, place, is_full=done == total)))
        start = min(end, progress.total)
    return found


def bar(parts: tuple[Part, ...]) -> SafeString:
    """One bar of all shares; a reader by ear hears the counts."""
    drawn = [each for each in parts if each.state != "skipped" and each.count]
    total = sum(each.count for each in drawn)
    words = ", ".join(f"{each.count:,} {each.label.lower()}" for each in drawn) or "nothing yet"
    shares, at = [], 0.0
    for each in drawn:
        wide = round(each.count / total * WIDTH, 2)
        shares.append((each.state, round(at, 2), wide, HEIGHT))
        at += wide
    return format_html(
        '<svg class="shares" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        HEIGHT,
        words,
        format_html_join("", '<rect class="is-{}" x="{}" y="0" width="{}" height="{}"/>', shares),
    )


def _state(job: RedriveJob, place: int, *, is_full: bool) -> str:
    if place < job.wave or (is_full and job.state == RedriveJob.State.FINISHED):
        return "done"
    moving = (RedriveJob.State.CANARY, RedriveJob.State.RUNNING, RedriveJob.State.PAUSED)
    return "now" if place == job.wave and job.state in moving else "later"
