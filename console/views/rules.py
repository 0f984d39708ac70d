"""What records are held to: every rule, and a page of help for each."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from console import guides
from registry.models import Integration, SurveyFinding
from registry.record.findings import Severity
from registry.rules import RULES

LONGEST = 100
MOST_FOUND = 20
COUNTED_UP_TO = 1_000


def rules(request: HttpRequest) -> HttpResponse:
    """All rules, or those that mention some words."""
    words, severity = (request.GET.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in ("q", "severity"))
    found = guides.searched(words, severity)
    context = {
        "groups": found,
        "words": words,
        "severity": severity,
        "severities": [str(each) for each in Severity],
        "count": sum(map(len, found.values())),
        "is_filtered": bool(words or severity),
    }
    return render(request, "console/rules.html", context)


def rule(request: HttpRequest, code: str) -> HttpResponse:
    """Why a rule is there, how to mend what it finds, and where it found something when records were last looked at."""
    if code not in RULES:
        raise Http404(f"There is no rule {code!r}.")
    guide = guides.guide(code)
    surveyed = Integration.objects.filter(pk__in=SurveyFinding.objects.filter(code=code).values("integration"))
    found = surveyed if guide.is_surveyed else Integration.objects.with_finding(code)
    context = {
        "guide": guide,
        "rule": guide.rule,
        "related": guides.related(guide),
        "found": found.order_by("name", "id")[:MOST_FOUND],
        "count": found[: COUNTED_UP_TO + 1].count(),
        "counted_up_to": COUNTED_UP_TO,
    }
    return render(request, "console/rule.html", context)
