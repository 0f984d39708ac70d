"""RabbitMQ's frames, so that its client can read every message.

The client fails at a whole message where one text of it is not UTF-8, or one moment is in no calendar. It would fail
each time, and RabbitMQ counts each time.
"""

from collections.abc import Callable, Iterator
from struct import pack, unpack_from
from typing import Any

from amqp import Message
from amqp.exceptions import FrameSyntaxError
from amqp.method_framing import frame_handler
from amqp.serialization import decode_properties_basic, loads

UNREAD = "amqp:unread"
"""Names what of a message cannot be read, in a header. That lies beside it, as the bytes it was."""
METHOD, CONTENT = 1, 2
"""What a frame holds: a call, or the properties of the message that follows."""
DELIVER = pack(">HH", 60, 60)
BEFORE_PROPERTIES = 12
HEADERS = "application_headers"
SIZES = {"V": 0, "t": 1, "b": 1, "B": 1, "s": 2, "U": 2, "u": 2, "I": 4, "i": 4, "f": 4, "D": 5}
SIZES |= {"L": 8, "l": 8, "d": 8, "T": 8}
"""Of a header's value, by the letter of its type."""
LONG = "SxFA"
"""Types that tell in four bytes how long they are."""
LONGEST_NAME = 255
UNREADABLE = (ValueError, OverflowError, OSError, FrameSyntaxError)

Frame = tuple[int, int, bytes]


def reader(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], Any]:
    """The client's own reader of frames, given what it can read."""
    read: Callable[[Frame], Any] = frame_handler(connection, callback)

    def readable(frame: Frame) -> Any:
        kind, channel, payload = frame
        if kind == CONTENT:
            payload = _readable(payload)
        elif kind == METHOD and payload.startswith(DELIVER):
            payload = _unrouted(payload)
        return read((kind, channel, payload))

    return readable


def _unrouted(payload: bytes) -> bytes:
    """A delivery without its exchange and routing key: whoever sent it chose them, and we need neither."""
    before = 5 + payload[4] + 9
    return payload[:before] + b"\0\0"


def _readable(payload: bytes) -> bytes:
    try:
        properties, _ = decode_properties_basic(payload, BEFORE_PROPERTIES)
    except UNREADABLE:
        return _mended(payload)
    return payload if _is_text(properties.get(HEADERS)) else _mended(payload)


def _is_text(value: Any) -> bool:
    """Whether all names in it are text."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_text(each) for name, each in value.items())
    return all(map(_is_text, value)) if isinstance(value, list) else True


def _mended(payload: bytes) -> bytes:
    """What can be read as it is; what cannot, as bytes in a header of its name."""
    kept, headers, unread = {}, b"", dict[str, bytes]()
    for name, kind, value in _properties(payload):
        if name == HEADERS:
            for each in _items(value[4:]):
                if _reads("F", pack(">I", len(each)) + each):
                    headers += each
                else:
                    unread[_name(each[1 : 1 + each[0]])] = each[1 + each[0] :]
        elif _reads(kind, value):
            kept[name] = value
        else:
            unread[f"amqp:{name}"] = value[1:]
    for named, raw in unread.items():
        headers += _short(named) + b"x" + pack(">I", len(raw)) + raw
    told = ", ".join(unread).encode()
    headers += _short(UNREAD) + b"S" + pack(">I", len(told)) + told
    kept[HEADERS] = pack(">I", len(headers)) + headers
    there = [(bit, kept[name]) for bit, name, _ in _known() if name in kept]
    flags = pack(">H", sum(bit for bit, _ in there))
    return payload[:BEFORE_PROPERTIES] + flags + b"".join(value for _, value in there)


def _known() -> Iterator[tuple[int, str, str]]:
    """Each property by the bit that says it is there, its name and its type, in their order."""
    return ((1 << 15 - place, name, kind) for place, (name, kind) in enumerate(Message.PROPERTIES))


def _properties(payload: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Name, type and bytes of each that is there."""
    (flags,) = unpack_from(">H", payload, BEFORE_PROPERTIES)
    at = BEFORE_PROPERTIES + 2
    for bit, name, kind in _known():
        if flags & bit:
            size = {"s": 1 + payload[at], "o": 1, "L": 8}.get(kind) or 4 + unpack_from(">I", payload, at)[0]
            yield name, kind, payload[at : at + size]
            at += size


def _items(table: bytes) -> Iterator[bytes]:
    """Each name with its value. What follows a type that nobody knows belongs to that."""
    at = 0
    while at < len(table):
        begun, at = at, at + 1 + table[at]
        kind = chr(table[at])
        size = 4 + unpack_from(">I", table, at + 1)[0] if kind in LONG else SIZES.get(kind, len(table))
        at += 1 + size
        yield table[begun:at]


def _reads(kind: str, value: bytes) -> bool:
    try:
        [told], _ = loads(kind, value, 0)
    except UNREADABLE:
        return False
    return _is_text(told)


def _name(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _short(name: str) -> bytes:
    told = name.encode()[:LONGEST_NAME].decode(errors="ignore").encode()
    return bytes([len(told)]) + told
