"""How files that are sent with a form are received: in memory, and not beyond what can be imported."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from registry.importers import LARGEST_FILE

_TOO_LARGE = "console.too_large_file"


class Bounded(FileUploadHandler):
    """Passes over a file that is too large, however large, and remembers its name."""

    def new_file(self, *arguments: object, **options: object) -> None:
        super().new_file(*arguments, **options)  # type: ignore[arg-type]
        self.received = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += raw_data
        if len(self.received) > LARGEST_FILE:
            self.received.clear()
            if self.request is not None:
                self.request.META[_TOO_LARGE] = self.file_name
            raise SkipFile

    def file_complete(self, file_size: int) -> SimpleUploadedFile:
        return SimpleUploadedFile(self.file_name or "file", bytes(self.received), self.content_type or "")


def too_large_file(request: HttpRequest) -> str:
    """The name of a file that was passed over; "" if none was."""
    return str(request.META.get(_TOO_LARGE, ""))
