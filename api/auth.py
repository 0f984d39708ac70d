"""Who is calling: a program with a token, or a person in a browser."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from api.bearer import presented
from registry.errors import NotAllowed
from registry.models import Person, Token
from registry.services import tokens

if TYPE_CHECKING:
    from rest_framework.views import APIView


@dataclass(frozen=True, slots=True)
class Service:
    """A system in one environment, as its token says."""

    token: Token
    is_authenticated: bool = True
    is_active: bool = True


Caller = Person | Service | AnonymousUser


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer reg_…`: a personal token speaks for its person, a service token for its system."""

    def authenticate(self, request: Request) -> tuple[Person | Service, Token] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        token = tokens.find(presented(header))
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.person or Service(token), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="registry"'


class People(BasePermission):
    """Anybody signed in reads the design; a service token is for live settings alone."""

    message = "A service token reads live settings only."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.user, Person)


def person(request: Request) -> Person:
    """Who acts."""
    if not isinstance(request.user, Person):
        raise NotAllowed(People.message, "Use a personal token, made on your account page.")
    return request.user


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API description shows tokens."""

    target_class = "api.auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token (your account page makes one) or, for settings, a service token.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API description shows a browser's session."""

    target_class = SessionAuthentication
    priority = 1
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "registry_session",
            "description": "A person signed in with the browser; writes also need the X-CSRFToken header.",
        }
