"""The provider of the demo: payments over HTTP, and a page on which it is broken and mended. Standard library only."""

import json
import socket
import struct
import sys
import time
import uuid

from server.demo_clients.page import Behaviour, Handler, Server, port_asked

WAYS = {
    "well": "answers as it should",
    "500": "answers 500: retried, then the breaker opens",
    "503": "answers 503: the error table says fail fast",
    "slow": "answers after five seconds: times out",
    "429": "answers 429 with Retry-After: 2",
    "cut": "cuts each connection",
    "half": "fails every second call",
}
ASKED = "asked"


class Provider(Handler):
    """Its page, and the API below /v1/."""

    TITLE = "Payment service of the demo"
    behaviour = Behaviour("provider", WAYS)

    def do_GET(self) -> None:
        if self.path.startswith("/v1/"):
            self.pay()
        else:
            super().do_GET()

    def do_POST(self) -> None:
        if self.path.startswith("/v1/"):
            self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 100_000))
            self.pay()
        else:
            super().do_POST()

    def pay(self) -> None:
        way = self.next_way()
        if way == "slow":
            time.sleep(5)
        if way == "cut":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif way in ("500", "503"):
            self.answer(int(way), json.dumps({"code": "INTERNAL_ERROR" if way == "500" else "UNAVAILABLE"}).encode())
        elif way == "429":
            self.answer(429, b'{"code": "RATE_LIMITED"}', more={"Retry-After": "2"})
        else:
            paid = {"paymentId": f"pay_{uuid.uuid4().hex[:12]}", "requestId": self.headers.get("X-Request-ID")}
            self.answer(201, json.dumps({**paid, "state": "authorised"}).encode())

    def next_way(self) -> str:
        asked = self.behaviour.count(ASKED)
        if self.behaviour.way == "half":
            return "500" if asked % 2 else "well"
        return self.behaviour.way


def main() -> int:
    with Server(port_asked(), Provider) as server:
        print(json.dumps({"provider": "ready"}), flush=True)
        try:
            server.serve_forever(0.1)
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
