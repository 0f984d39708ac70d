"""Search over everything, for programs of people."""

from rest_framework.request import Request
from rest_framework.response import Response

from api import asked, shapes
from api.auth import person
from api.described import described, query
from api.records import Endpoint, said, url
from registry.models import Revision
from registry.search import finder, question
from registry.search.fragments import Marked

PARAMETERS = (
    query(
        "q",
        'Words that must all be there, "phrases", -without, and filters: '
        + ", ".join(f"{name}:{'|'.join(values) or '<slug>'}" for name, values in question.FILTERS.items()),
    ),
    query("size", f"How many of each kind, from 1 to {finder.MOST_OF_ONE_KIND}; {finder.PER_KIND} unless told."),
)


class Search(Endpoint):
    """Search."""

    @described(shapes.SearchAnswer, "invalid", parameters=PARAMETERS, operation_id="search")
    def get(self, request: Request) -> Response:
        """Integrations, all that is in their newest documents, the catalog, people, revisions, releases and the trail.

        Nothing is an error in `q`: what is not understood is told in `problems`.
        """
        wanted = asked.of(request, {"q": (), "size": ()})
        size = asked.size(wanted["size"], default=finder.PER_KIND, most=finder.MOST_OF_ONE_KIND)
        answer = finder.find(question.read(wanted["q"]), by=person(request), per_kind=size)
        return said(
            shapes.SearchAnswer(
                groups=[shapes.Hits.model_validate(_group(each)) for each in answer.groups],
                instead={word: list(near) for word, near in answer.instead.items()},
                problems=list(answer.question.problems),
                took_too_long=answer.took_too_long,
            )
        )


def _group(group: finder.Group) -> dict[str, object]:
    items = [_hit(each) for each in group.hits]
    return {"kind": group.kind, "count": group.count, "is_bounded": group.is_bounded, "items": items}


def _hit(hit: finder.Hit) -> shapes.Hit:
    of_none = hit.kind in ("system", "team", "environment", "tag", "person", "act")
    version = f"/revisions/{hit.row.version}" if isinstance(hit.row, Revision) else ""
    return shapes.Hit(
        title=_text(hit.title),
        where=list(hit.where),
        slug=hit.slug,
        pointer=hit.pointer,
        field=hit.label,
        fragment=_text(hit.fragment),
        url=None if of_none else url(hit.slug) + version,
    )


def _text(marked: Marked) -> str:
    return "".join(part for part, _ in marked)
