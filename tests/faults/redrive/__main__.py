"""python -m tests.faults.redrive: letters are redriven while all involved are killed, and none is lost or doubled."""

import argparse
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.places import PROJECT
from tests.faults import crew
from tests.faults.redrive import stand
from tests.faults.redrive.world import WORLDS

# The SDK is its own package; in this repository it is read from where it lies, not installed.
sys.path.append(str(PROJECT / "sdk" / "python" / "src"))
KILLS = ("worker_kills", "postgres_kills", "broker_kills")


def main() -> int:
    asked = read_arguments()
    folder = Path(tempfile.mkdtemp(prefix="registry-trial-"))
    failed = 0
    with ExitStack() as stack:
        if not asked.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        place = stack.enter_context(standing(folder, asked.lease))
        seeds = range(asked.seed, asked.seed + asked.seeds)
        for broker, policy, seed in itertools.product(asked.broker, asked.policy, seeds):
            failed += one(place, broker, policy, seed, asked)
        if surprises := place.surprises():
            print("\n".join(surprises))
            failed += 1
    return 1 if failed else 0


@contextmanager
def standing(folder: Path, lease_s: int) -> Iterator[stand.Stand]:
    """PostgreSQL with a registry; Django knows it, and so does the process that workers are forked from."""
    place = stand.Stand(folder, lease_s=lease_s)
    try:
        place.start()
        crew.prepare("tests.faults.redrive.work", log=place.log)
        import django

        django.setup()
        stand.furnish()
        yield place
    finally:
        place.postgres.stop()


def one(place: stand.Stand, broker: str, policy: str, seed: int, asked: argparse.Namespace) -> bool:
    """One trial at a broker of its own, told as a line of JSON. Whether a promise was broken."""
    from tests.faults.redrive.trial import Asked, Found, Trial

    name = f"{broker}-{policy}-{seed}"
    folder = place.folder / name
    folder.mkdir()
    world = WORLDS[broker](folder)
    try:
        world.start()
        world.fill(asked.letters, asked.twins)
        counts = {each: getattr(asked, each) for each in ("letters", "twins", *KILLS)}
        wanted = Asked(policy=policy, seed=seed, **counts)
        say = (lambda text: None) if asked.quiet else Progress(name)
        found = Trial(place, world, stand.source(world, policy, name), wanted, say, Found(wanted)).run()
    finally:
        world.stop()
    broken = found.broken()
    print(json.dumps({"broker": broker, "broken": broken, **found.told()}), flush=True)
    return bool(broken)


@dataclass
class Progress:
    """Says at most once a second how far it is."""

    name: str
    said_at: float = 0

    def __call__(self, text: str) -> None:
        if time.monotonic() - self.said_at > 1:
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)
            self.said_at = time.monotonic()


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.redrive", description=__doc__)
    parser.add_argument("--broker", nargs="+", choices=WORLDS, default=["quorum", "stream"])
    parser.add_argument("--policy", nargs="+", choices=("resend", "hold"), default=["resend"])
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--twins", type=int, default=100, help="equal letters without an id, besides")
    parser.add_argument("--seeds", type=int, default=5, help="how many trials of each")
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--worker-kills", type=int, default=200)
    parser.add_argument("--postgres-kills", type=int, default=10)
    parser.add_argument("--broker-kills", type=int, default=10)
    parser.add_argument("--lease", type=int, default=6, help="seconds a worker may be silent")
    parser.add_argument("--keep", action="store_true", help="leave logs and data in the temporary folder")
    parser.add_argument("--quiet", action="store_true", help="tell only what was found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
