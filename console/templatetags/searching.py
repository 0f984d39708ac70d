"""How what was found is shown: its address, and the words that were found in it."""

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from registry.models import Release, Revision
from registry.search.finder import Hit
from registry.search.fragments import Marked
from registry.search.question import Question

register = template.Library()


@register.filter
def address(hit: Hit) -> str:
    """Where one reads it: the very field, where it is in a document."""
    match hit.kind:
        case "system" | "team" | "environment":
            return reverse(hit.kind, args=[hit.slug])
        case "tag":
            return f"{reverse('integrations')}?{urlencode({'tag': hit.slug})}"
        case "person":
            return f"{reverse('trail')}?{urlencode({'actor': hit.slug})}"
        case "act":
            return f"{reverse('trail')}?{urlencode({'request': hit.slug})}"
        case "release":
            assert isinstance(hit.row, Release)
            return f"{reverse('live', args=[hit.slug])}?{urlencode({'environment': hit.row.environment.slug})}"
        case "revision":
            assert isinstance(hit.row, Revision)
            return f"{reverse('integration', args=[hit.slug])}?{urlencode({'revision': hit.row.version})}"
    return reverse("integration", args=[hit.slug]) + (f"#{hit.anchor}" if hit.anchor else "")


@register.filter
def found(text: Marked) -> SafeString:
    """A text with what was found in it marked."""
    parts = (format_html("<mark>{}</mark>", part) if is_found else part for part, is_found in text)
    return format_html_join("", "{}", ((part,) for part in parts))


@register.filter
def within(asked: Question, kind: str) -> str:
    """The address of the same search among one kind."""
    return f"{reverse('search')}?{urlencode({'q': f'{asked.text} in:{kind}'})}"


@register.filter
def everywhere(asked: Question) -> str:
    """The address of the same search among all kinds."""
    text = " ".join(each for each in asked.text.split() if not each.startswith("in:"))
    return f"{reverse('search')}?{urlencode({'q': text})}"
