"""Says who signed a text, and whether it, its signatures and its releases are what was signed."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.models import Release, Review
from registry.services import verification
from registry.services.verification import Check, Verification


class Command(BaseCommand):
    help = "Checks everything known of a content hash, a release's hash or an ETag; with --all, of every review."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hash", nargs="?", default="", help="a SHA-256 in hex, or an ETag such as 17-3fa…")
        parser.add_argument("--all", action="store_true", help="every review and every release")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"]:
            self._all()
            return
        digest = verification.hash_in(options["hash"])
        if not digest:
            raise CommandError("Give a hash of 64 hex digits, an ETag, or --all.")
        found = verification.verify(digest)
        if not found.is_known:
            raise CommandError(f"Nothing is known under {digest}.")
        self._tell(found)
        if not found.is_genuine:
            raise CommandError("Not everything is as it was signed.")
        self.stdout.write("Everything is as it was signed.")

    def _tell(self, found: Verification) -> None:
        self.stdout.write(f"Record {found.content_hash}")
        for each in found.reviews:
            review = each.review
            what = f"{review.integration.slug} {review.revision.version}, round {review.round}"
            self.stdout.write(f"{what}: {review.get_state_display()}")
            self._checks(each.checks)
            for signed in each.sign_offs:
                sign_off = signed.sign_off
                void = "" if sign_off.voided_at is None else f", void: {sign_off.void_reason}"
                who = f"{sign_off.get_role_display()}: {sign_off.printed_name}"
                self.stdout.write(f"  {who}, {sign_off.signed_at:%Y-%m-%d %H:%M} UTC{void}\n    “{sign_off.meaning}”")
                self._checks(signed.checks)
        for made in found.releases:
            now = ", in force" if made.is_in_force else ""
            self.stdout.write(f"Release {made.release.number} in {made.release.environment.slug}{now}")
            self._checks(made.checks)

    def _checks(self, checks: Iterable[Check]) -> None:
        for each in checks:
            self.stdout.write(f"    {'ok   ' if each.holds else 'WRONG'} {each.text}")

    def _all(self) -> None:
        hashes = set(Review.objects.values_list("content_hash", flat=True))
        hashes |= set(Release.objects.values_list("content_hash", flat=True))
        wrong = [digest for digest in sorted(hashes) if not verification.verify(digest).is_genuine]
        for digest in wrong:
            self.stderr.write(f"{digest} is not what was signed")
        if wrong:
            raise CommandError(f"{len(wrong)} of {len(hashes)} texts are not as they were signed.")
        self.stdout.write(f"{len(hashes)} texts, each as it was signed.")
