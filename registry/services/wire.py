"""A letter as it goes out again: what it was, without the marks of its death, and with ours."""

import secrets

from registry import deaths
from registry.brokers import ATTEMPT, Headers, Outgoing
from registry.models import RedriveAttempt
from registry.services.payloads import Opened

ROOT, NUMBER = "x-registry-root", "x-registry-no"
NUMBERS = range(10**14, 10**15)
"""Of attempts: too many to be guessed, and none with more digits than SDKs report, or than a float can hold."""


def new_number() -> int:
    """An attempt's number. Whoever knows it has seen what we sent: a report or a header that names it is no guess."""
    return secrets.choice(NUMBERS)


def outgoing(opened: Opened, attempt: RedriveAttempt, *, redriven: int) -> Outgoing:
    """The message of this attempt, its letter redriven so often before."""
    letter = attempt.letter
    ours: Headers = (
        (ATTEMPT, str(attempt.pk)),
        (ROOT, str(letter.root_id or letter.pk)),
        (NUMBER, str(redriven + 1)),
    )
    headers = (*deaths.stripped(opened.headers), *ours)
    return Outgoing(opened.body, headers, opened.key, attempt.wire_id, once=str(letter.pk))
