"""Brings what search looks through in line with records and catalog."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.models import Environment, Integration, SearchEntry, SearchWord, System, Team
from registry.services import entries


class Command(BaseCommand):
    help = "Bring the search index in line, one integration at a time; people work on meanwhile. What is right stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="only these integrations")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        found = Integration.objects.filter(current__isnull=False).order_by("pk")
        if options["slugs"]:
            found = found.filter(slug__in=options["slugs"])
        else:
            self.catalog()
        keys = list(found.values_list("pk", flat=True))
        for done, key in enumerate(keys, start=1):
            entries.renew(key)
            if done % 500 == 0:
                self.stdout.write(f"{done:,} of {len(keys):,} integrations, {time.monotonic() - begun:.0f} s")
        found_in = f"{SearchEntry.objects.count():,} entries, {SearchWord.objects.count():,} words"
        self.stdout.write(f"{len(keys):,} integrations: {found_in}. {time.monotonic() - begun:.0f} s")

    def catalog(self) -> None:
        """The catalog's own entries; those of rows that are gone go, too."""
        found = [
            *map(entries.of_system, System.objects.select_related("team").iterator()),
            *map(entries.of_team, Team.objects.iterator()),
            *map(entries.of_environment, Environment.objects.iterator()),
        ]
        for row in found:
            entries.keep(row)
        kept = [each.pointer for each in found]
        SearchEntry.objects.filter(integration__isnull=True).exclude(pointer__in=kept).delete()
