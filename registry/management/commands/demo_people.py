"""Prints who signs in to the demo."""

from typing import Any

from django.core.management.base import BaseCommand

from registry.demo import files


class Command(BaseCommand):
    help = "Print the people of the demo: user, password, who they are, what to try."

    def handle(self, *args: Any, **options: Any) -> None:
        password = files.password()
        rows = [("sign in as", "password", "who", "try")]
        rows += [(each.username, password, f"{each.name}: {each.who}", each.try_this) for each in files.people()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            first = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
            self.stdout.write(f"{first}  {row[3]}")
