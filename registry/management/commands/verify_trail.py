"""Says whether the trail is what was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.services import trail


class Command(BaseCommand):
    help = "Reads every event of the trail and computes its hash anew; fails if one was changed, moved or removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chain", default="", help="only this chain: an integration's slug, or registry")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = trail.verify(chain=options["chain"])
        for fault in verdict.faults:
            self.stderr.write(f"{fault.chain} {fault.sequence}: {fault.message}")
        read = f"{verdict.events:,} events in {verdict.chains:,} chains"
        if not verdict.is_whole:
            raise CommandError(f"{read} read; {len(verdict.faults):,} faults found. The trail is not what was written.")
        self.stdout.write(f"{read} read; every hash is right.")
