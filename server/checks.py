"""`make check`: everything a machine can say about the source. Runs all, then tells which failed."""

import os
import subprocess
import sys
import time

from server.places import PROJECT, VENV

TYPED = ("registry", "console", "api", "server", "bench", "tests", "sdk", "manage.py")


def commands() -> dict[str, list[str]]:
    django = [sys.executable, "-W", "ignore:Got an error checking:RuntimeWarning", "manage.py"]
    return {
        "lint": [tool("ruff"), "check", "--quiet", "."],
        "format": [tool("ruff"), "format", "--quiet", "--check", "."],
        "types": [tool("mypy"), *[each for each in TYPED if (PROJECT / each).exists()]],
        "layers": [tool("lint-imports")],
        "templates": [tool("djade"), "--check", "--target-version", "5.2", *templates()],
        "settings": [*django, "check", "--fail-level", "WARNING"],
        "migrations": [*django, "makemigrations", "--check", "--dry-run"],
        "API description": [*django, "spectacular", "--fail-on-warn", "--validate", "--file", os.devnull],
    }


def tool(name: str) -> str:
    return str(VENV / "bin" / name)


def templates() -> list[str]:
    return sorted(str(path.relative_to(PROJECT)) for path in (PROJECT / "templates").rglob("*.html"))


def main() -> int:
    failed = [name for name, command in commands().items() if not passes(name, command)]
    print(f"\n{'Failed: ' + ', '.join(failed) if failed else 'All checks pass.'}")
    return 1 if failed else 0


def passes(name: str, command: list[str]) -> bool:
    print(f"  {name:.<20} ", end="", flush=True)
    started = time.monotonic()
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(f"{'failed' if done.returncode else 'ok':<7}{time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
