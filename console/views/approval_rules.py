"""What reviews need: the rules, for everybody to read and administrators to change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from console.forms import ApprovalRuleForm, put_problems
from console.people import signed_in
from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import ALL_FIVE, ApprovalRule, Role
from registry.services import approvals


def rules(request: HttpRequest) -> HttpResponse:
    """All rules, the heaviest first, and what holds where none applies."""
    context = {
        "rules": [(each, _wanted(each.minimums)) for each in ApprovalRule.objects.all()],
        "otherwise": _wanted(ALL_FIVE["minimums"]),
        "may_manage": permissions.may_manage_approval_rules(signed_in(request)),
    }
    return render(request, "console/approval_rules.html", context)


def edit(request: HttpRequest, key: int = 0) -> HttpResponse:
    """Make a rule, or change one."""
    by = signed_in(request)
    if not permissions.may_manage_approval_rules(by):
        raise NotAllowed("Only an administrator changes approval rules.", "Ask an administrator.")
    held = get_object_or_404(ApprovalRule, pk=key) if key else None
    form = ApprovalRuleForm(request.POST or None, initial=ApprovalRuleForm.initial_of(held) if held else None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = approvals.save_rule(rule=held, by=by, **form.as_said())
        except Invalid as refused:
            put_problems(form, refused)
        else:
            messages.success(request, f"{saved.name} is saved. It counts for reviews opened from now on.")
            return redirect("approval-rules")
    context = {"form": form, "held": held, "noun": "approval rule", "back": "approval-rules"}
    return render(request, "console/approval_rule.html", context, status=422 if form.errors else 200)


def _wanted(minimums: dict[str, int]) -> list[tuple[str, int]]:
    return [(Role(role).label, minimums[role]) for role in Role.values if minimums.get(role)]
