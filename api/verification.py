"""Who signed what, and whether it still is what was signed; and the public keys to check it with."""

from collections.abc import Iterable

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from api import shapes
from api.described import described
from api.problems import Refused
from api.records import Endpoint, said
from registry import signing
from registry.services import verification
from registry.services.verification import Check


class Verify(Endpoint):
    """What is known of one text."""

    @described(shapes.Verification, "not-found", operation_id="verify")
    def get(self, request: Request, digest: str) -> Response:
        """Everything about a content hash, the hash of a release, or a release's ETag, each signature checked anew."""
        found = verification.verify(verification.hash_in(digest))
        if not found.is_known:
            raise Refused("not-found", "Nothing was reviewed or released under this hash.")
        return said(
            shapes.Verification(
                content_hash=found.content_hash,
                genuine=found.is_genuine,
                approved=found.is_approved,
                reviews=[_review(each) for each in found.reviews],
                releases=[_release(each) for each in found.releases],
                page=reverse("verify", args=[found.content_hash]),
            )
        )


@require_safe
def keys(request: HttpRequest) -> JsonResponse:
    """The public keys, Ed25519, by id, as 64 hex digits: the present one first. Public, as keys are."""
    return JsonResponse(
        {"keys": [{"id": key_id, "algorithm": "Ed25519", "key": key} for key_id, key in signing.public_keys().items()]},
        headers={"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"},
    )


def _review(found: verification.VerifiedReview) -> shapes.VerifiedReview:
    review = found.review
    return shapes.VerifiedReview(
        integration=review.integration.slug,
        version=review.revision.version,
        round=review.round,
        state=review.state,
        genuine=found.is_genuine,
        checks=_checks(found.checks),
        signatures=[
            shapes.VerifiedSignature(
                role=each.sign_off.role,
                name=each.sign_off.printed_name,
                on_behalf_of=each.sign_off.on_behalf_of,
                meaning=each.sign_off.meaning,
                signed_at=each.sign_off.signed_at,
                void_reason=each.sign_off.void_reason,
                key_id=each.sign_off.key_id,
                signature=each.sign_off.signature,
                genuine=each.is_genuine,
                checks=_checks(each.checks),
            )
            for each in found.sign_offs
        ],
    )


def _release(found: verification.VerifiedRelease) -> shapes.VerifiedRelease:
    release = found.release
    return shapes.VerifiedRelease(
        integration=release.integration.slug,
        environment=release.environment.slug,
        number=release.number,
        etag=release.etag,
        in_force=found.is_in_force,
        genuine=found.is_genuine,
        checks=_checks(found.checks),
    )


def _checks(checks: Iterable[Check]) -> list[shapes.Check]:
    return [shapes.Check(text=each.text, holds=each.holds) for each in checks]
