"""Forms of the catalog, for administrators: systems, teams, environments. Architects add systems."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from console.forms import EnvironmentForm, SystemForm, TeamForm
from console.people import signed_in
from registry import permissions
from registry.errors import DomainError, Invalid, NotAllowed
from registry.models import Environment, System, Team
from registry.services import catalog


def edit_system(request: HttpRequest, slug: str = "") -> HttpResponse:
    return _edit(request, System, SystemForm, catalog.save_system, slug)


def edit_team(request: HttpRequest, slug: str = "") -> HttpResponse:
    return _edit(request, Team, TeamForm, catalog.save_team, slug)


def edit_environment(request: HttpRequest, slug: str = "") -> HttpResponse:
    return _edit(request, Environment, EnvironmentForm, catalog.save_environment, slug)


def _edit(
    request: HttpRequest, model: type[Model], form_type: Any, save: Callable[..., Any], slug: str
) -> HttpResponse:
    by = signed_in(request)
    may_add = model is System and not slug and permissions.may_add_system(by)
    if not may_add and not permissions.may_manage_catalog(by):
        raise NotAllowed("Only an administrator changes the catalog.", "Ask an administrator.")
    held: Any = get_object_or_404(model._default_manager.all(), slug=slug) if slug else None
    form: forms.Form = form_type(request.POST or None, initial=form_type.initial_of(held) if held else None)
    if held:
        form.fields["slug"].disabled = True
    if request.method == "POST" and form.is_valid() and _saved(form, save, by):
        messages.success(request, f"{form.cleaned_data['name']} is saved.")
        return redirect(model._meta.model_name or "", form.cleaned_data["slug"])
    context = {"form": form, "held": held, "noun": model._meta.verbose_name, "back": f"{model._meta.model_name}s"}
    return render(request, "console/catalog/edit.html", context, status=400 if form.errors else 200)


def _saved(form: forms.Form, save: Callable[..., Any], by: Any) -> bool:
    """Whether the service took it; if not, what it refused stands beside the fields."""
    try:
        save(**form.cleaned_data, by=by)
    except Invalid as refused:
        for problem in refused.problems:
            field = problem.path if problem.path in form.fields else None
            form.add_error(field, f"{problem.message.capitalize()}. {problem.mend}")
    except DomainError as refused:
        form.add_error(None, f"{refused.message} {refused.mend}")
    return form.is_valid()
