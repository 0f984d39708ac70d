"""A letter as it goes out again: what it was, without the marks of its death, and with ours."""

from registry import deaths
from registry.brokers import Headers, Outgoing
from registry.models import RedriveAttempt
from registry.services.payloads import Opened

ATTEMPT, ROOT, NUMBER = "x-registry-attempt", "x-registry-root", "x-registry-no"


def outgoing(opened: Opened, attempt: RedriveAttempt, *, redriven: int) -> Outgoing:
    """The message of this attempt, its letter redriven so often before."""
    letter = attempt.letter
    ours: Headers = (
        (ATTEMPT, str(attempt.pk)),
        (ROOT, str(letter.root_id or letter.pk)),
        (NUMBER, str(redriven + 1)),
    )
    return Outgoing(opened.body, (*deaths.stripped(opened.headers), *ours), opened.key, attempt.wire_id)
