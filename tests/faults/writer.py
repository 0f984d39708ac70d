"""Writes releases into the registry that DATABASE_URL names, as its services do: `python -m tests.faults.writer`.

Told what to do by a line on its input, it says what came of it by a line of JSON.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
django.setup()

from django.db import Error, close_old_connections, connection  # noqa: E402

from registry.models import Environment, Integration, Person, Release, System, Token  # noqa: E402
from registry.services import integrations, releases, revisions, tokens  # noqa: E402
from tests import landscape  # noqa: E402

NAMES = ("orders-to-payments", "refunds", "vouchers", "invoices")
ended = threading.Event()
threads: list[threading.Thread] = []


def setup() -> dict[str, str]:
    """Integrations in force, and a token that reads them."""
    leads = {name: landscape.person(name, f"{name.title()} Lead") for name in ("cora", "paul", "ivy")}
    ada = landscape.person("ada", "Ada Adams", group="administrators")
    ann = landscape.person("ann", "Ann Archer", group="architects")
    zoe = landscape.person("zoe", "Zoe Zimmer", group="approvers")
    landscape.catalog(by=ada, **leads)
    roles = {"author": ann, "consumer_lead": leads["cora"], "provider_lead": leads["paul"], "platform": leads["ivy"]}
    sign = landscape.signer({**roles, "approver": zoe})
    for name in NAMES:
        made = integrations.create(name=name.title(), slug=name, document=landscape.document(), by=ann)
        assert made.current is not None
        sign(revisions.submit(made.current, by=ann, if_match=made.current.etag, change_note="First"))
    return token()


def token() -> dict[str, str]:
    system, place = System.objects.get(slug="order-service"), Environment.objects.get(slug="production")
    ada = Person.objects.get(username="ada")
    made, plain = tokens.issue_service(name="ci", system=system, environment=place, by=ada)
    return {"id": str(made.pk), "token": plain}


def revoke(pk: str) -> dict[str, float]:
    tokens.revoke(Token.objects.get(pk=pk), by=Person.objects.get(username="ada"))
    return {"at": time.time()}


def publish(name: str) -> dict[str, Any]:
    place = Environment.objects.get(slug="production")
    integration = Integration.objects.select_related("in_force").get(slug=name)
    assert integration.in_force is not None
    made = releases.publish(integration.in_force, place, by=Person.objects.get(username="zoe"), reason="A test")
    return {"number": made.number, "etag": made.etag, "at": time.time()}


def write(count: str) -> dict[str, int]:
    """So many writers at once, until told to end. What fails because the database is killed is tried again."""
    ended.clear()
    for place in range(int(count)):
        threads.append(threading.Thread(target=_write, args=(NAMES[place % len(NAMES)],), daemon=True))
        threads[-1].start()
    return {"writers": len(threads)}


def _write(name: str) -> None:
    while not ended.is_set():
        try:
            publish(name)
        except Error:
            connection.close()
            ended.wait(0.1)
        ended.wait(0.05)
    connection.close()


def end() -> dict[str, Any]:
    ended.set()
    for each in threads:
        each.join()
    threads.clear()
    found = Release.objects.filter(environment__slug="production").order_by("number")
    return {"releases": list(found.values_list("number", "integration__slug"))}


COMMANDS: dict[str, Callable[..., Any]] = {each.__name__: each for each in (setup, token, revoke, publish, write, end)}


def main() -> None:
    for line in sys.stdin:
        name, *arguments = line.split()
        close_old_connections()
        print(json.dumps(COMMANDS[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
