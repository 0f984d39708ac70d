"""What is known of a hash, checked anew; and the evidence to take away."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from console import subject
from registry import signing
from registry.models import Review
from registry.services import evidence as bundles
from registry.services import verification


def verify(request: HttpRequest, digest: str = "") -> HttpResponse:
    """A content hash, a release's hash or an ETag: who signed it, and whether it is what was signed."""
    typed = digest or request.GET.get("hash", "").replace("\x00", "").strip()
    found = verification.hash_in(typed)
    if found and digest != found:
        return redirect("verify", found)
    verified = verification.verify(found) if found else None
    context = {"typed": typed, "verified": verified, "keys": signing.public_keys()}
    known = verified is not None and verified.is_known
    return render(request, "console/verify.html", context, status=404 if typed and not known else 200)


def evidence(request: HttpRequest, slug: str) -> HttpResponse:
    """The bundle of one round: that of `?review=`, else the newest."""
    integration = subject.find(slug)
    rounds = Review.objects.filter(integration=integration).select_related("integration", "revision", "submitted_by")
    key = request.GET.get("review", "")
    if key and not (key.isascii() and key.isdigit() and len(key) < 19):
        raise Http404("no such review")
    review = (rounds.filter(pk=int(key)) if key else rounds.order_by("-id")).first()
    if review is None:
        raise Http404("nothing was reviewed")
    name = f"{bundles.folder(review)}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(bundles.bundle(review), content_type="application/zip", headers=headers)
