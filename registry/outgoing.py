"""HTTP to addresses that people typed: never to a place inside, whatever a name resolves to at that moment."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

TIMEOUT_S = 10.0
LARGEST_ANSWER = 64_000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """The address may not be connected to; the message says why."""


class Failed(Exception):
    """Nothing answered as it should; the message says what happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def check_url(url: str, allowed: Iterable[Network] = ()) -> str:
    """What is wrong with an address that someone typed, "" if nothing: https and a host, or http to an allowed one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "is not a web address"
    if parts.username or parts.password or parts.fragment:
        return "holds a password or a fragment"
    if parts.scheme == "http" and not _is_literal_in(parts.hostname, allowed):
        return "is not https"
    return ""


def post(url: str, body: bytes, headers: Mapping[str, str], *, allowed: Iterable[Network] = ()) -> Answer:
    """Send it. Follows no redirect, and connects to public addresses or to `allowed` networks alone.

    Raises Refused or Failed.
    """
    backend = _Guarded(tuple(allowed))
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    with httpcore.ConnectionPool(network_backend=backend, retries=0, max_connections=1) as pool:
        try:
            with pool.stream(
                "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": timeout}
            ) as response:
                return Answer(response.status, _some(response.iter_stream()))
        except Refused:
            raise
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, ValueError) as why:
            raise Failed(f"{type(why).__name__}: {why}"[:500]) from None


class _Guarded(httpcore.NetworkBackend):
    """Resolves a name once, checks what it got, and connects to exactly that."""

    def __init__(self, allowed: tuple[Network, ...]) -> None:
        self.allowed = allowed
        self.real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        addresses = resolved(host, port)
        for each in addresses:
            if not is_reachable(each, self.allowed):
                raise Refused(f"{host} is at {each}, which is not a public address")
        return self.real.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        raise Refused("sockets of this machine are not reached")


def resolved(host: str, port: int) -> list[str]:
    """The addresses behind a name, in the system's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as why:
        raise Failed(f"{host} has no address: {why}") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_reachable(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is public, or in a network the operator allows."""
    place = place_of(address)
    if place is None:
        return False
    if any(place.version == each.version and place in each for each in allowed):
        return True
    return place.is_global and not place.is_multicast


def place_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or the one it wraps; None where it is a name."""
    try:
        place = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(place, ipaddress.IPv6Address):
        return place.ipv4_mapped or place.sixtofour or (place.teredo or (None, None))[1] or place
    return place


def _is_literal_in(host: str, allowed: Iterable[Network]) -> bool:
    try:
        place = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(place.version == each.version and place in each for each in allowed)


def _some(chunks: Iterable[bytes]) -> bytes:
    """The beginning of an answer; nobody reads more."""
    kept = b""
    for chunk in chunks:
        kept += chunk
        if len(kept) >= LARGEST_ANSWER:
            break
    return kept[:LARGEST_ANSWER]
