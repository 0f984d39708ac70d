"""What the rules across integrations say of the whole landscape."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.models import Survey, SurveyFinding, keyset
from registry.rules import RULES

LONGEST = 60


def findings(request: HttpRequest) -> HttpResponse:
    """The newest survey, the worst first, by rule and severity."""
    asked = {name: request.GET.get(name, "").replace("\x00", "")[:LONGEST] for name in ("rule", "severity")}
    cursor = request.GET.get("cursor", "").replace("\x00", "")
    counted = SurveyFinding.objects.values_list("code", "severity").annotate(Count("id")).order_by("code", "severity")
    by_rule, by_severity = dict[str, int](), dict[str, int]()
    for code, severity, count in counted:
        by_rule[code] = by_rule.get(code, 0) + count
        by_severity[severity] = by_severity.get(severity, 0) + count
    context = {
        "survey": Survey.objects.first(),
        "page": keyset(SurveyFinding.objects.listing(**asked), order="id", cursor=cursor),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "rules": [(code, RULES[code].title if code in RULES else code, count) for code, count in by_rule.items()],
        "severities": sorted(by_severity.items(), key=lambda each: each[0] != "warning"),
        "kept": sum(by_rule.values()),
    }
    return render(request, "console/findings.html", context)
