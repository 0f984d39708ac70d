"""Reads server-sent events out of pieces of text. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    name: str
    data: str
    id: str


class TooLong(ValueError):
    """Something that is no stream of ours."""


class Reader:
    """Fed with what came, yields the events that are whole by now."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, list[str]] = {}
        self.last_id = ""

    def feed(self, piece: bytes) -> Iterator[Event]:
        self._rest += piece
        if len(self._rest) > LONGEST:
            raise TooLong(f"a line of more than {LONGEST:,} bytes")
        # A carriage return at the very end may be half of a line's end.
        while b"\n" in self._rest or b"\r" in self._rest[:-1]:
            line, self._rest = _first_line(self._rest)
            if event := self._take(line.decode(errors="replace")):
                yield event

    def _take(self, line: str) -> Event | None:
        if line:
            name, _, value = line.partition(":")
            if name in ("event", "data", "id"):
                self._fields.setdefault(name, []).append(value.removeprefix(" "))
            if sum(map(len, self._fields.get("data", ()))) > LONGEST:
                raise TooLong(f"an event of more than {LONGEST:,} characters")
            return None
        fields, self._fields = self._fields, {}
        if "id" in fields and "\0" not in fields["id"][-1]:
            self.last_id = fields["id"][-1]
        if "data" not in fields and "event" not in fields:
            return None
        return Event((fields.get("event") or ["message"])[-1], "\n".join(fields.get("data", ())), self.last_id)


def _first_line(text: bytes) -> tuple[bytes, bytes]:
    ends = [each for each in (text.find(b"\n"), text.find(b"\r")) if each >= 0]
    end = min(ends)
    after = end + 2 if text[end : end + 2] == b"\r\n" else end + 1
    return text[:end], text[after:]
