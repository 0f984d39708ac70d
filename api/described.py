"""How an endpoint appears in the API description."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel

from api import shapes
from api.problems import KINDS, MEDIA_TYPE

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Answers = dict[Any, Any]

ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="Names this representation; give it back to ask again or to save.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="ETags you hold; 304 if one of them is still right."
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=False,
    description="The ETag you read. Without it the answer is 428, with an old one 412 and the present document.",
)


PLACE_HELP = {
    "cursor": "A place in the list, as given in `next` and `previous`.",
    "size": "How many items a page has, from 1 to 200; 50 unless told.",
}
"""What every list that is read a page at a time may be asked."""


def query(name: str, description: str, choices: tuple[str, ...] = ()) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.QUERY, description=description, enum=choices or None)


PLACE_PARAMETERS = tuple(query(name, text) for name, text in PLACE_HELP.items())


def described(
    answer: type[BaseModel],
    *problems: str,
    status: int = 200,
    request: Any = None,
    parameters: tuple[OpenApiParameter, ...] = (),
    media_types: tuple[str, ...] = ("application/json",),
    not_modified: bool = False,
    **more: Any,
) -> Callable[[Endpoint], Endpoint]:
    """Says what an endpoint answers, when it goes well and in each way it can go wrong."""
    answers: Answers = {(status, media): OpenApiResponse(answer, _first_line(answer)) for media in media_types}
    if not_modified:
        answers[304] = OpenApiResponse(description="What you hold is still right.")
    for name in ("token-needed", "not-allowed", *problems):
        kind = KINDS[name]
        answers[(kind.status, MEDIA_TYPE)] = OpenApiResponse(shapes.Problem, kind.title)
    return extend_schema(request=request, responses=answers, parameters=list(parameters), **more)


def _first_line(answer: type[BaseModel]) -> str:
    return (answer.__doc__ or answer.__name__).splitlines()[0]
