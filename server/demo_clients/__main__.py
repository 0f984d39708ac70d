"""Starts the provider and the consumers, and prints what they say until Ctrl-C."""

import argparse
import contextlib
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from server.environment import env
from server.places import PROJECT
from server.processes import dying_with_parent
from server.supervise import answers, stop_on_signals

Process = subprocess.Popen[str]
SDK = PROJECT / "sdk" / "python" / "src"


class CannotStart(Exception):
    """The message says what is in the way and what to do."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py demo-clients", description=__doc__)
    here = f"http://{env('HOST', '127.0.0.1')}:{env('PORT', '8000')}"
    parser.add_argument("--url", default=here, help="the registry (%(default)s)")
    parser.add_argument("--token", default=os.environ.get("REGISTRY_TOKEN"), help="a service token; one is issued here")
    parser.add_argument("--environment", default="local", help="whose settings, where a token is issued (%(default)s)")
    parser.add_argument("--system", default="order-service", help="who calls, where a token is issued (%(default)s)")
    parser.add_argument("--integration", default="orders-to-payments", help="%(default)s")
    parser.add_argument("--contract", default="payments-api", help="%(default)s")
    parser.add_argument("--provider", help="call this address instead of the one the settings name")
    parser.add_argument("--provider-port", type=int, default=8083, help="where our own provider listens (%(default)s)")
    parser.add_argument(
        "--loyalty-port", type=int, default=8084, help="where the loyalty service has its page (%(default)s)"
    )
    parser.add_argument("--count", type=int, default=3, help="how many consumers (%(default)s)")
    return parser.parse_args()


def main() -> int:
    stop_on_signals()
    given = arguments()
    try:
        require_registry(given.url)
        with (
            token_for(given) as token,
            loyalty_of(given) as loyalty,
            tempfile.TemporaryDirectory(prefix="demo-clients-") as kept,
        ):
            return run(given, token, loyalty, Path(kept))
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def require_registry(url: str) -> None:
    if not answers(f"{url}/healthz/live"):
        raise CannotStart(f"No registry answers at {url}. Start one with make run, or say --url.")


@contextlib.contextmanager
def token_for(given: argparse.Namespace) -> Iterator[str]:
    """The token that was given, or one issued for as long as this runs, in the database of the demo beside us."""
    if given.token:
        yield given.token
        return
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
    django.setup()
    from server.demo_clients.tokens import CannotIssue, issued

    try:
        with issued(given.system, given.environment) as plain:
            yield plain
    except CannotIssue as problem:
        raise CannotStart(f"{problem} Make one on the Account page, and say --token, or REGISTRY_TOKEN=…") from None


@contextlib.contextmanager
def loyalty_of(given: argparse.Namespace) -> Iterator[tuple[str, str] | None]:
    """Where the streams of the demo beside us are, and a token for who reads them; None before another registry."""
    if given.token:
        yield None
        return
    from registry.management.demo_letters import address
    from server.demo_clients.tokens import CannotIssue, issued

    try:
        with issued("loyalty-service", "production") as plain:
            yield address(), plain
    except CannotIssue as problem:
        raise CannotStart(str(problem)) from None


def run(given: argparse.Namespace, token: str, loyalty: tuple[str, str] | None, kept: Path) -> int:
    said: queue.Queue[tuple[str, str]] = queue.Queue()
    processes: list[Process] = []
    session = secrets.token_hex(2)
    python = [sys.executable, "-m"]
    environment = os.environ | {"PYTHONPATH": f"{SDK}{os.pathsep}{PROJECT}", "REGISTRY_TOKEN": token}
    try:
        if given.provider is None:
            provider = [*python, "server.demo_clients.provider", str(given.provider_port)]
            processes.append(start("provider", provider, environment, said))
            require_provider(processes[0], said, given.provider_port)
        for number in range(1, given.count + 1):
            name = f"orders-{number}"
            told = [given.url, f"{name}-{session}", given.integration, given.contract, str(kept / name)]
            told += [given.provider] if given.provider else []
            processes.append(start(name, [*python, "server.demo_clients.consumer", *told], environment, said))
        if loyalty:
            streams, for_loyalty = loyalty
            reader = [*python, "server.demo_clients.loyalty", str(given.loyalty_port), streams, str(kept), given.url]
            processes.insert(0, start("loyalty", reader, environment | {"REGISTRY_TOKEN": for_loyalty}, said))
        introduce(given, has_loyalty=loyalty is not None)
        return follow(processes, said)
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
        return 0
    finally:
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        stop(processes)


def start(name: str, command: list[str], environment: dict[str, str], said: "queue.Queue[tuple[str, str]]") -> Process:
    process = subprocess.Popen(
        dying_with_parent(command, signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=environment,
        start_new_session=True,
    )
    threading.Thread(target=listen, args=(name, process, said.put), daemon=True).start()
    return process


def listen(name: str, process: Process, put: Callable[[tuple[str, str]], None]) -> None:
    assert process.stdout
    for line in process.stdout:
        try:
            found = json.loads(line)
            put((name, next(iter(found.values()))))
        except (ValueError, AttributeError, StopIteration):
            put((name, line.rstrip()))


def require_provider(process: Process, said: "queue.Queue[tuple[str, str]]", port: int) -> None:
    last = "it said nothing"
    while process.poll() is None or not said.empty():
        with contextlib.suppress(queue.Empty):
            last = said.get(timeout=0.2)[1]
        if last == "ready":
            return
    raise CannotStart(f"The provider cannot listen on port {port}: {last}. Say --provider-port or --provider.")


def introduce(given: argparse.Namespace, *, has_loyalty: bool) -> None:
    where = given.provider or f"http://127.0.0.1:{given.provider_port}/"
    print(f"{given.count} consumers call {given.contract} of {given.integration}. Ctrl-C ends them.", flush=True)
    if given.provider is None:
        print(f"Break the provider on its page, {where} , or: curl -d as=500 {where}behave  (as=well mends it)")
    if has_loyalty:
        page = f"http://127.0.0.1:{given.loyalty_port}/"
        print(f"The loyalty service knows no Belgian customers. Mend it: {page} , or: curl -d as=well {page}behave")
        print(f"Then redrive what died of it: {given.url}/dead-letters/")
    print(f"Change a setting and have it signed: {given.url}/integrations/{given.integration}/\n", flush=True)


def follow(processes: list[Process], said: "queue.Queue[tuple[str, str]]") -> int:
    while True:
        with contextlib.suppress(queue.Empty):
            name, what = said.get(timeout=0.2)
            print(f"{time.strftime('%H:%M:%S')}  {name:<9} {what}", flush=True)
            continue
        if all(each.poll() is not None for each in processes[-1:]):
            print("The consumers have ended.", file=sys.stderr)
            return 1


def stop(processes: list[Process]) -> None:
    for each in processes:
        if each.poll() is None:
            each.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 5
    for each in processes:
        try:
            each.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.kill()
            each.wait()


if __name__ == "__main__":
    sys.exit(main())
