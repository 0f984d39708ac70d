"""python -m bench.pages: fills registries of growing size, measures every page on each, and says what grew."""

import argparse
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from server.embedded import Postgres, Valkey
from server.progress import step

SIZES = (1_000, 10_000, 100_000)
# What is read is measured, not what is written: nothing need survive a power cut.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB", "shared_buffers=512MB")


def main() -> int:
    asked = read_arguments()
    with ExitStack() as stack:
        where = stack.enter_context(servers())
        import django

        django.setup()
        from bench.pages import run

        return run.run(asked.sizes, rounds=asked.rounds, keep=asked.keep, write=asked.write, where=where)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="integrations, in growing order")
    parser.add_argument("--rounds", type=int, default=15, help="how often each page is opened at each size")
    parser.add_argument("--keep", action="store_true", help="leave the databases there, and use those that are there")
    parser.add_argument("--write", action="store_true", help="write what was found to docs/benchmarks.md")
    return parser.parse_args()


@contextmanager
def servers() -> Iterator[str]:
    """PostgreSQL and Valkey: those the environment names, else our own from their wheels, thrown away afterwards."""
    home = Path(tempfile.mkdtemp(prefix="registry-bench-"))
    home.chmod(0o711)
    os.environ |= {"MODE": "test", "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "server.settings"}
    for name in ("SECRET_KEY", "SIGNING_KEY"):
        os.environ.setdefault(name, secrets.token_hex(32))
    os.environ.setdefault("STATE_DIR", str(home))
    ours = not os.environ.get("DATABASE_URL")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        if ours:
            postgres = Postgres(home / "postgres", home / "run", home / "postgres.log", options=OPTIONS)
            stack.callback(postgres.stop)
            with step("Starting PostgreSQL"):
                postgres.start()
            os.environ["DATABASE_URL"] = postgres.url
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(home / "valkey", home / "run", home / "valkey.log", options=("--appendonly", "no"))
            stack.callback(valkey.stop)
            with step("Starting Valkey"):
                valkey.start()
            os.environ["REDIS_URL"] = valkey.url
        yield f"from its wheel ({', '.join(OPTIONS)})" if ours else "by DATABASE_URL"


if __name__ == "__main__":
    sys.exit(main())
