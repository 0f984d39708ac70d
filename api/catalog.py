"""What design records speak of: systems, teams, environments. Kept in the console, read here."""

from rest_framework.request import Request
from rest_framework.response import Response

from api import shapes
from api.described import described
from api.records import Endpoint, said
from registry.models import Environment, System, Team


class SystemList(Endpoint):
    """Systems."""

    @described(shapes.Systems, operation_id="list_systems")
    def get(self, request: Request) -> Response:
        """All systems, by name."""
        rows = System.objects.select_related("team")
        items = [
            shapes.System(
                slug=each.slug, name=each.name, description=each.description, team=each.team.slug if each.team else None
            )
            for each in rows
        ]
        return said(shapes.Systems(items=items))


class TeamList(Endpoint):
    """Teams."""

    @described(shapes.Teams, operation_id="list_teams")
    def get(self, request: Request) -> Response:
        """All teams, by name."""
        items = [
            shapes.Team(slug=each.slug, name=each.name, contact=each.contact, is_platform=each.is_platform)
            for each in Team.objects.all()
        ]
        return said(shapes.Teams(items=items))


class EnvironmentList(Endpoint):
    """Environments."""

    @described(shapes.Environments, operation_id="list_environments")
    def get(self, request: Request) -> Response:
        """All environments, in the order work moves through them."""
        items = [
            shapes.Environment(slug=each.slug, name=each.name, is_production=each.is_production, purpose=each.purpose)
            for each in Environment.objects.all()
        ]
        return said(shapes.Environments(items=items))
