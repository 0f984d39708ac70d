#!/usr/bin/env python3
"""Django's commands, and those that first install what they need: up, test, checks, demo-clients, install."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older ones come here too, to be told so
    sys.exit("Python 3.11 or newer is needed; this one is " + sys.version.split()[0] + ". Try: make run PY=python3.12")

OWN = {"up", "test", "checks", "install", "demo-clients"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
    if sys.argv[1:] and sys.argv[1] in OWN:
        from server import bootstrap

        sys.exit(bootstrap.main(sys.argv[1:]))
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed for this Python. Run: python3 manage.py install; then .venv/bin/python manage.py"
        )
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
