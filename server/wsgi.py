"""The web application."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")

PEER = "HTTP_X_REGISTRY_PEER"
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def told_by_the_front(respond: Wsgi) -> Wsgi:
    """Who is connected to the front is who calls. Believed on our Unix socket alone, which nobody else opens."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        peer = environ.pop(PEER, "")
        if not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"] = peer
        return respond(environ, start_response)

    return application


application = told_by_the_front(get_wsgi_application())
