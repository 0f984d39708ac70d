"""Lets services take what a restored database serves, although they hold higher numbers; sends no letter twice."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from registry.errors import DomainError
from registry.models import Person
from registry.services import releases, sending


class Command(BaseCommand):
    help = "After a restore from backup: releases all in force again, in a higher epoch, and pauses redrives."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, help="the username of the approver who releases")

    def handle(self, *args: Any, **options: Any) -> None:
        by = Person.objects.filter(username=options["by"], is_active=True).first()
        if by is None:
            raise CommandError(f"Nobody active is called {options['by']}.")
        try:
            with transaction.atomic():
                made = releases.raise_epoch(by=by, at=timezone.now())
                letters, redrives = sending.restored(by=by)
        except DomainError as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{len(made):,} releases made again; services and the front take them from here.")
        if redrives:
            self.stdout.write(
                f"{redrives:,} redrives are paused, and of {letters:,} letters nobody knows whether they were sent"
                " since the backup; people on call decide."
            )
