"""How a read of live settings is decided, whoever answers it: what is asked, who may, and what the refusals say."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from api.bearer import presented
from api.places import Name
from api.problems import KINDS, MEDIA_TYPE, document
from registry.live.snapshot import Grant, Snapshot
from registry.live.wire import fields

ALL = b"/api/v1/settings"
ONE = ALL + b"/"
STREAM = ONE + b"stream"
NAMES = re.compile(rb"/api/v1/settings/" + Name.regex.encode())
LONGEST_WAIT_S = 55

NOTHING_SENT = "This address needs a token."
OPENS_NOTHING = "This token is unknown, expired or revoked."
PERSONAL = "A personal token names no environment to read settings of."
PERSONAL_MEND = "Ask an administrator for a service token of your system in this environment."
NOT_SERVED = "No settings of this integration are served to this token."
UNCHECKED = "The database does not answer, so that a token not seen before cannot be checked."
BEHIND = "The database does not answer, and this process has not read as far as you have."
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="registry"'}
REFUSED_WITH = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody holds a release and asks for the next one."""

    after: int
    seconds: int = 0

    def is_over(self, newest: int, counter: int) -> bool:
        """Whether there is something to say: a newer release, or a number never given here, as before a restore."""
        return newest > self.after or self.after > counter


class BadQuery(ValueError):
    """A parameter cannot be read."""

    def __init__(self, name: str, message: str, mend: str) -> None:
        super().__init__(message)
        self.name, self.message, self.mend = name, message, mend


def wait_of(query: str) -> Wait | None:
    """What `?after=<number>&wait=<seconds>` asks for; None if nothing is waited for."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    if "wait" in given and "after" not in given:
        raise BadQuery("after", "is missing", "Name the release you hold, as in ?after=17&wait=30.")
    if "after" not in given:
        return None
    after = _whole(given["after"], "after", 10**18, "Write the number of the release you hold, such as 17.")
    wait = _whole(given.get("wait", "0"), "wait", LONGEST_WAIT_S, f"Write whole seconds from 0 to {LONGEST_WAIT_S}.")
    return Wait(after, wait)


def _whole(text: str, name: str, most: int, mend: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > most:
        raise BadQuery(name, "is not such a number", mend)
    return int(text)


def grant_of(snapshot: Snapshot, authorization: bytes) -> Grant | None:
    """Whose token this is: looked up by its digest, so that the time it takes says nothing about it."""
    if authorization.startswith(b"Bearer "):
        grant = snapshot.grants.get(hashlib.sha256(authorization[7:]).digest())
        if grant is not None:
            return grant
    token = presented(authorization.decode("latin-1"))
    return snapshot.grants.get(hashlib.sha256(token.encode()).digest())


def refusal(name: str, path: bytes, detail: str, *, mend: str = "", headers: dict[str, str] | None = None) -> bytes:
    """A refusal as it is sent, but for the status line and what changes by the second."""
    body = document(name, path.decode("latin-1"), detail, mend=mend)
    told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **(headers or {}), **REFUSED_WITH}
    return fields(told) + b"\r\n" + body


def status_of(name: str) -> int:
    return KINDS[name].status
