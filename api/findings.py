"""What the rules across integrations say of the whole landscape."""

from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response

from api import asked, shapes
from api.described import PLACE_HELP, described, query
from api.records import Endpoint, said
from registry.models import Survey, SurveyFinding, keyset
from registry.rules import ACROSS

FILTERS: dict[str, tuple[str, ...]] = {
    "rule": tuple(rule.code for rule in ACROSS),
    "severity": ("warning", "hint"),
    "cursor": (),
    "size": (),
}
HELP = {
    "rule": "The code of a rule.",
    "severity": "How much it weighs; there are no errors across integrations.",
    **PLACE_HELP,
}


class LandscapeFindings(Endpoint):
    """Findings across integrations."""

    @described(
        shapes.LandscapeFindings,
        "invalid",
        parameters=tuple(query(name, HELP[name], FILTERS[name]) for name in FILTERS),
        operation_id="list_landscape_findings",
    )
    def get(self, request: Request) -> Response:
        """The newest look at all integrations together, the worst first, each thing told from one side."""
        wanted = asked.of(request, FILTERS)
        cursor, size = wanted.pop("cursor"), asked.size(wanted.pop("size"), default=50, most=200)
        page = keyset(SurveyFinding.objects.listing(**wanted), order="id", cursor=cursor, size=size)
        survey = Survey.objects.first()
        return said(
            shapes.LandscapeFindings(
                taken_at=survey and survey.taken_at,
                items=[_shape(each) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


def _shape(row: SurveyFinding) -> shapes.LandscapeFinding:
    told = {name: getattr(row, name) for name in ("code", "severity", "message", "mend")}
    return shapes.LandscapeFinding.model_validate(
        {**told, **asdict(row.here), "others": [asdict(each) for each in row.others]}
    )
