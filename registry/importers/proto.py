"""Protocol Buffers: the gRPC contract a .proto source describes."""

import re
from collections.abc import Iterator

from ..definitions import proto
from ..definitions.flaws import Flawed
from ..definitions.proto import Method, ProtoFile, Service
from ..record.findings import InvalidRecord, Problem
from .base import Asked, Imported, Importer, Ledger
from .fitting import kebab, line, slug, unique

__all__ = ["PROTO", "read", "signature"]


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord with line and column for what is not proto."""
    try:
        parsed = proto.parse(text)
    except Flawed as flawed:
        raise InvalidRecord([Problem("", str(flawed), flawed.flaw.mend)]) from None
    if not parsed.services and not parsed.messages:
        raise InvalidRecord(
            [Problem("", "line 1, column 1: declares no service and no message", "Choose the .proto with them.")]
        )
    ledger = Ledger.by_line()
    return _Reading(parsed, text, ledger).imported()


class _Reading:
    def __init__(self, parsed: ProtoFile, text: str, ledger: Ledger) -> None:
        self.parsed = parsed
        self.text = text
        self.ledger = ledger
        first = parsed.services[0].name if len(parsed.services) == 1 else ""
        self.name = kebab(first) or slug(parsed.package) or "grpc-service"

    def imported(self) -> Imported:
        at = f"contracts[{self.name}]"
        self.ledger.took((1, "file"), f"{at}.definition.proto", "The whole source is kept as it is.")
        operations = list(self.operations(at))
        if not self.parsed.services:
            self.ledger.left((1, "file"), "It declares messages but no service: state who calls what by hand.", at)
        for each in proto.missing(self.parsed):
            self.ledger.left((each.at.line, "import", each.name), "Another file: nothing is fetched.")
        contract = {
            "name": self.name,
            "protocol": "grpc",
            "definition": {"proto": self.text.strip()},
            "operations": operations,
        }
        document = {"overview": {"type": "synchronous"}, "contracts": [contract]}
        return self.ledger.imported("proto", document)

    def operations(self, at: str) -> Iterator[dict[str, str | None]]:
        taken: set[str] = set()
        for service in self.parsed.services:
            for method in service.methods:
                name = unique(kebab(method.name) or "method", taken)
                qualified = f"{self.parsed.package}.{service.name}" if self.parsed.package else service.name
                path = f"/{qualified}/{method.name}"
                self.ledger.took(
                    (method.line, service.name, method.name), f"{at}.operations[{name}]", signature(method)
                )
                self._check_types(method, service)
                summary = line(method.doc) or signature(method)
                yield {"name": name, "path": line(path), "summary": summary}

    def _check_types(self, method: Method, service: Service) -> None:
        for name in (method.request, method.response):
            if self.parsed.message(name) is None and "." not in name:
                self.ledger.left(
                    (method.line, service.name, method.name), f"{name[:100]} is not declared in this file."
                )


def signature(method: Method) -> str:
    """`Watch(stream WatchRequest) → stream WatchResponse`."""
    request = f"stream {method.request}" if method.request_streams else method.request
    response = f"stream {method.response}" if method.response_streams else method.response
    return line(f"{method.name}({request}) → {response}") or ""


def _accepts(filename: str, head: str) -> bool:
    declares = re.search(
        r'^\s*(?:syntax\s*=\s*["\']proto[23]|service\s+\w+\s*\{\s*(?:$|//|rpc\b)|message\s+\w+\s*\{)', head, re.M
    )
    return filename.lower().endswith(".proto") or declares is not None


PROTO = Importer("proto", "Protocol Buffers (.proto)", _accepts, read)
