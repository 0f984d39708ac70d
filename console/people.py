"""Who is looking at the page."""

from django.http import HttpRequest

from registry.models import Person


def signed_in(request: HttpRequest) -> Person:
    """The person behind a request that passed the sign-in."""
    assert isinstance(request.user, Person)
    return request.user
