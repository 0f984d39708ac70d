"""What became of a dead letter, in words: its moves, its sendings, and the letters it came back as."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.models import DeadLetter, LetterMove, RedriveAttempt

State = DeadLetter.State
Tried = RedriveAttempt.State
BECAME: Mapping[str, str] = {
    State.QUEUED: "put into a redrive",
    State.PUBLISHING: "its sending began",
    State.PUBLISHED: "its broker has it",
    State.UNCERTAIN: "nobody knows whether it arrived",
    State.RESOLVED: "its consumer reported it done",
    State.PRESUMED_RESOLVED: "presumed done: it did not come back in time",
    State.RETURNED: "it died again",
    State.PARKED: "set aside",
    State.ARCHIVED: "closed",
    State.DISCARDED: "thrown away with all it held",
    State.EXPIRED: "its payload is gone, as its retention was over",
}
OPENED: Mapping[str, str] = {
    "": "taken in",
    State.QUEUED: "it left its redrive unsent",
    State.PUBLISHING: "it was not sent",
    State.UNCERTAIN: "it did not arrive",
    State.PARKED: "taken up again",
    State.ARCHIVED: "taken up again",
}
OUTCOMES: Mapping[str, str] = {
    Tried.CLAIMED: "being sent",
    Tried.CONFIRMED: "its broker confirmed it",
    Tried.REFUSED: "refused",
    Tried.UNKNOWN: "nobody knows whether it arrived",
    Tried.RETURNED: "sent",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A move, and what happened in it."""

    move: LetterMove
    label: str
    words: str


def steps(moves: Iterable[LetterMove]) -> list[Step]:
    return [Step(each, _label(each.became), _words(each)) for each in moves]


def outcome(attempt: RedriveAttempt) -> str:
    return OUTCOMES.get(attempt.state, attempt.get_state_display().lower())


def _label(state: str) -> str:
    return str(State(state).label) if state in State.values else state


def _words(move: LetterMove) -> str:
    if move.was == "" and move.became != State.OPEN:
        return f"taken in, and {BECAME.get(move.became, move.became)}"
    return OPENED.get(move.was, "open") if move.became == State.OPEN else BECAME.get(move.became, "")
