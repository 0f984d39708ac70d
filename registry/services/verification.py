"""What was agreed under a content hash, by whom, and whether all of it still is what was signed. Reads only."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from registry import signing
from registry.models import Release, Review, SignOff
from registry.record import documents

MOST_SHOWN = 50
_HASH = re.compile(r"[0-9a-f]{64}")
_ETAG = re.compile(r'(?:w/)?"?(?:\d{1,18}-)?([0-9a-f]{64})"?')


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, and whether it does."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class VerifiedSignOff:
    """A signature with what was found about it."""

    sign_off: SignOff
    checks: tuple[Check, ...]

    @property
    def is_genuine(self) -> bool:
        """Whether these very words were signed with a key of ours."""
        return all(each.holds for each in self.checks)


@dataclass(frozen=True, slots=True)
class VerifiedReview:
    """A review of that text, with its signatures."""

    review: Review
    checks: tuple[Check, ...]
    sign_offs: tuple[VerifiedSignOff, ...]

    @property
    def is_genuine(self) -> bool:
        """Whether the text is the one signed, and every signature is genuine."""
        return all(each.holds for each in self.checks) and all(each.is_genuine for each in self.sign_offs)


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release made from that text."""

    release: Release
    checks: tuple[Check, ...]
    is_in_force: bool

    @property
    def is_genuine(self) -> bool:
        """Whether its bytes are the ones signed."""
        return all(each.holds for each in self.checks)


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that is known of one content hash."""

    content_hash: str
    reviews: tuple[VerifiedReview, ...] = ()
    releases: tuple[VerifiedRelease, ...] = ()
    asked_release: Release | None = None
    """The release whose body or ETag was asked for, rather than the record's hash."""

    @property
    def is_known(self) -> bool:
        """Whether any review or release is about it."""
        return bool(self.reviews or self.releases)

    @property
    def is_genuine(self) -> bool:
        """Whether all that is known is what was signed."""
        return self.is_known and all(
            [each.is_genuine for each in self.reviews] + [each.is_genuine for each in self.releases]
        )

    @property
    def is_approved(self) -> bool:
        """Whether a review of this text approved it."""
        return any(each.review.state == Review.State.APPROVED for each in self.reviews)


def hash_in(text: str) -> str:
    """The SHA-256 in a content hash, a release's hash or an ETag such as "17-3fa…"; "" where there is none."""
    found = _ETAG.fullmatch(text.strip().lower()[:200])
    return found[1] if found else ""


def verify(digest: str) -> Verification:
    """What is known under the hash of a record, or of a release's body, which leads to its record's."""
    if not _HASH.fullmatch(digest):
        return Verification(digest)
    asked = Release.objects.filter(sha256=digest).select_related("integration", "environment").first()
    content_hash = asked.content_hash if asked else digest
    reviews = (
        Review.objects.filter(content_hash=content_hash)
        .select_related("integration", "revision", "submitted_by")
        .prefetch_related("sign_offs")
        .order_by("id")
    )
    releases = (
        Release.objects.filter(content_hash=content_hash)
        .select_related("integration", "environment", "revision", "released_by")
        .order_by("-id")[:MOST_SHOWN]
    )
    newest = _newest(releases)
    return Verification(
        content_hash,
        tuple(_review(each) for each in reviews[:MOST_SHOWN]),
        tuple(VerifiedRelease(each, tuple(_release(each)), each.pk in newest) for each in releases),
        asked,
    )


def _newest(releases: Iterable[Release]) -> set[int]:
    """Which of these are the newest of their integration in their environment."""
    integrations = {each.integration_id for each in releases}
    return set(Release.objects.filter(integration__in=integrations).in_force().values_list("pk", flat=True))


def _review(review: Review) -> VerifiedReview:
    written = hashlib.sha256(documents.canonical_bytes(review.document)).hexdigest()
    checks = [Check("The stored text has this hash.", written == review.content_hash)]
    sign_offs = tuple(VerifiedSignOff(each, tuple(_sign_off(review, each))) for each in review.sign_offs.all())
    if review.state == Review.State.APPROVED:
        standing = Counter(each.role for each in review.sign_offs.all() if each.voided_at is None)
        enough = all(standing[role.value] >= wanted for role, wanted in review.minimums.items())
        checks.append(Check("Every signature that was needed is there.", enough))
    return VerifiedReview(review, tuple(checks), sign_offs)


def _sign_off(review: Review, sign_off: SignOff) -> list[Check]:
    genuine = signing.verify(sign_off.signed_bytes, key_id=sign_off.key_id, signature=sign_off.signature)
    bound = sign_off.content_hash == review.content_hash and all(
        review.section_hashes.get(section) == digest for section, digest in sign_off.section_hashes.items()
    )
    return [
        Check("The signature is by a published key over these words.", genuine),
        Check("It is on this text and its sections.", bound),
    ]


def _release(release: Release) -> list[Check]:
    body = bytes(release.body)
    return [
        Check("The bytes have the hash in the ETag.", hashlib.sha256(body).hexdigest() == release.sha256),
        Check(
            "The signature is by a published key over these bytes.",
            signing.verify(body, key_id=release.key_id, signature=release.signature),
        ),
    ]
