"""What running services say they obey."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import bodies, shapes
from api.auth import Service
from api.described import described
from api.records import said
from registry.models.instances import REPORT_EVERY_SECONDS
from registry.services import instances
from registry.services.instances import Breaker, Counters, Refused, Reported


class Services(BasePermission):
    """A service token says which system reports, and where."""

    message = "Only a service token reports an instance."

    def has_permission(self, request: Request, view: APIView) -> bool:
        # What is not offered is refused as such, to whomever.
        return request.method != "POST" or isinstance(request.user, Service)


class InstanceReports(APIView):
    """Reports of instances."""

    permission_classes: list[type[BasePermission]] = [Services]
    metadata_class = None

    @described(
        shapes.ReportTaken,
        "malformed",
        "too-large",
        "unsupported-type",
        "invalid",
        request=shapes.InstanceReport,
        operation_id="report_instance",
        tags=["settings"],
    )
    def post(self, request: Request) -> Response:
        """Say what this process runs: the release it applied or refused, its breakers, its totals since it started.

        Send it after each change and every `report_every_seconds`; after three that are missing it counts as silent.
        """
        told = bodies.shaped(request, shapes.InstanceReport)
        by = request.user
        assert isinstance(by, Service)
        assert by.token.system is not None
        assert by.token.environment is not None
        instances.report(
            system=by.token.system,
            environment=by.token.environment,
            instance=told.instance,
            sdk=told.sdk,
            started_at=told.started_at,
            integrations={slug: _reported(each) for slug, each in told.integrations.items()},
        )
        return said(shapes.ReportTaken(report_every_seconds=REPORT_EVERY_SECONDS))


def _reported(told: shapes.IntegrationReport) -> Reported:
    return Reported(
        release=told.release,
        content_hash=told.content_hash or "",
        applied_at=told.applied_at,
        refused=Refused(told.refused.release, told.refused.reason) if told.refused else None,
        breakers={name: Breaker(each.state, each.since) for name, each in told.breakers.items()},
        counters={name: Counters(**each.model_dump()) for name, each in told.counters.items()},
    )
