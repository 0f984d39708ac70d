"""Files of other tools, read into a design record: what a pipeline sees before it saves anything."""

from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from api import asked, bodies, shapes
from api.described import described, query
from api.problems import Refused
from api.records import Endpoint, said
from registry.errors import Invalid
from registry.importers import IMPORTERS, Asked, Note
from registry.services import uploads

FORMATS = tuple(each.name for each in IMPORTERS)
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded", "")
"""Types that do not send the file as it is."""
MOST_SELECTED = 200
TYPES = ("application/octet-stream", "application/yaml", "application/json", "text/plain", "text/markdown")
PARAMETERS = (
    query("filename", "What the file is called; its ending helps to tell the format."),
    query("as", "Its format; found by itself unless told.", FORMATS),
    query("only", "Tags, beginnings of paths, or channels to take, with commas between; all unless told."),
)


class Import(Endpoint):
    """A file of another tool."""

    @described(
        shapes.ImportedFile,
        "malformed",
        "too-large",
        "unsupported-type",
        "invalid",
        request=dict.fromkeys(TYPES, OpenApiTypes.BINARY),
        parameters=PARAMETERS,
        operation_id="import_file",
    )
    def post(self, request: Request) -> Response:
        """What a file holds of a design record, and line by line what was understood and what was not. Saves nothing.

        Send the file as it is. The document can then be sent to create an integration, or merged into a draft's.
        """
        wanted = asked.of(request, {"filename": (), "as": FORMATS, "only": ()})
        plain: HttpRequest = request._request
        if plain.content_type in FORMS:
            raise Refused("unsupported-type", mend=f"Send the file itself, as {TYPES[0]} or {TYPES[1]}.")
        only = tuple(each.strip() for each in wanted["only"].split(",") if each.strip())[:MOST_SELECTED]
        content = bodies.content(plain)
        try:
            found = uploads.read(content, wanted["filename"], wanted["as"], Asked(only=only))
        except Invalid as broken:
            raise Refused("malformed", "The file cannot be read.", errors=broken.problems) from None
        return said(
            shapes.ImportedFile(
                format=found.format,
                title=found.title,
                sha256=uploads.digest(content),
                document=found.document,
                understood=[note_shape(each) for each in found.understood],
                left_out=[note_shape(each) for each in found.left_out],
                groups=[shapes.ImportGroup(name=each.name, count=each.count) for each in found.groups],
            )
        )


def note_shape(note: Note) -> shapes.ImportNote:
    return shapes.ImportNote(
        line=note.line,
        path_in_source=note.path_in_source,
        target=note.target_pointer,
        text=note.text,
        kind=note.kind,
    )
