"""The view one would write first: REST framework, rows read by the ORM, the body made anew for each answer."""

import hashlib
import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.exceptions import NotAuthenticated, NotFound  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from registry.models import IndexedParty, Release, Token  # noqa: E402


class PlainSettings(APIView):
    """One token, one release, one party: three small queries."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request, slug: str) -> Response:
        plain = request.headers.get("Authorization", "").removeprefix("Bearer ")
        digest = hashlib.sha256(plain.encode()).hexdigest()
        token = Token.objects.select_related("system", "environment").filter(digest=digest).first()
        if token is None or token.system is None or not token.is_valid_at(timezone.now()):
            raise NotAuthenticated
        releases = Release.objects.filter(integration__slug=slug, environment=token.environment)
        release = releases.order_by("-number").first()
        parties = IndexedParty.objects.filter(system_slug=token.system.slug)
        if release is None or not parties.filter(revision=release.revision_id).exists():
            raise NotFound
        return Response(json.loads(bytes(release.body)), headers={"ETag": release.etag})


urlpatterns = [path("api/v1/settings/<slug:slug>", PlainSettings.as_view())]

settings.ROOT_URLCONF = "bench.live.plain"
settings.MIDDLEWARE = []
application = get_wsgi_application()
