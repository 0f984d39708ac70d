"""Saying something about a revision, settling it, and taking what was proposed. Each is a form on the review page."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from console import discussion, subject
from console.people import signed_in
from console.views.review import refused_page
from registry.errors import DomainError
from registry.models import Comment, Thread
from registry.services import threads


@require_POST
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """A thread on the newest revision: about the place, with words, a proposed value, or both."""
    integration = subject.find(slug)
    revision = integration.current
    assert revision is not None
    revision.integration = integration
    path, text = request.POST.get("path", ""), request.POST.get("text", "")
    value = threads.MISSING
    if "propose" in request.POST:
        value = discussion.proposal(revision.record, path, request.POST.get("value", ""))
        if value is threads.MISSING:
            return refused_page(
                request, slug, "A value can be proposed on a single field. Choose one, or only comment."
            )
    try:
        thread = threads.open_thread(revision, path=path, text=text, proposal=value, by=signed_in(request))
    except DomainError as refused:
        return refused_page(request, slug, _words(refused))
    return redirect(f"{reverse('review', args=[slug])}#thread-{thread.pk}")


@require_POST
def thread(request: HttpRequest, slug: str, key: int) -> HttpResponse:
    """Answer it, or call it settled."""
    held = get_object_or_404(Thread.objects.select_related("revision"), pk=key, revision__integration__slug=slug)
    by = signed_in(request)
    try:
        if "resolve" in request.POST:
            threads.resolve(held, by=by)
        else:
            threads.reply(held, text=request.POST.get("text", ""), by=by)
    except DomainError as refused:
        return refused_page(request, slug, _words(refused), thread=held.pk)
    return redirect(f"{reverse('review', args=[slug])}#thread-{held.pk}")


@require_POST
def proposal(request: HttpRequest, slug: str, key: int) -> HttpResponse:
    """Take a proposed value, or decline it."""
    found = Comment.objects.select_related("thread", "by")
    held = get_object_or_404(found, pk=key, thread__revision__integration__slug=slug)
    act: Callable[..., object] = threads.decline if "decline" in request.POST else threads.take
    try:
        done = act(held, by=signed_in(request))
    except DomainError as refused:
        return refused_page(request, slug, _words(refused), thread=held.thread_id)
    if act is threads.decline:
        messages.info(request, f"Declined. {held.by.name} sees it in the thread.")
    elif done is None:
        messages.info(request, "Taken. The text is a draft: look it over, then submit it.")
        return redirect("submit", slug)
    else:
        messages.success(request, "Taken. A new round is open with that value; untouched roles can carry over.")
    return redirect("review", slug)


def _words(refused: DomainError) -> str:
    problems = getattr(refused, "problems", ())
    said = [f"The {each.path or 'comment'} {each.message}. {each.mend}" for each in problems]
    return " ".join(said) or f"{refused.message} {refused.mend}"
