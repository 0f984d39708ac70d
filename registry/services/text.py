"""Text that people and programs give to services, checked before it is kept."""

import re

from registry.errors import Invalid
from registry.record.findings import Problem

LONGEST_LINE = 200
LONGEST_PROSE = 20_000
LONGEST_REMARK = 500
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class Reading:
    """Reads several fields and says everything that is wrong with them at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self, path: str, message: str, mend: str) -> None:
        self.problems.append(Problem(path, message, mend))

    def line(self, path: str, value: str, *, longest: int = LONGEST_LINE, required: bool = True) -> str:
        """One line of text, without the spaces around it."""
        text = self.prose(path, value, longest=longest, required=required)
        if "\n" in text or "\t" in text:
            self.refuse(path, "must be one line", "Write it without line breaks.")
        return text

    def prose(self, path: str, value: str, *, longest: int = LONGEST_PROSE, required: bool = True) -> str:
        """Text of any number of lines, without the spaces around it."""
        text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if required and not text:
            self.refuse(path, "is missing", "Write a few words.")
        if len(text) > longest:
            self.refuse(path, f"is longer than {longest:,} characters", "Shorten it.")
        if _UNPRINTABLE.search(text):
            self.refuse(path, "holds a character that cannot be shown", "Remove that character.")
        return text

    def slug(self, path: str, value: str, *, reserved: frozenset[str] = frozenset()) -> str:
        """A name made for addresses."""
        text = value.strip()
        if not _SLUG.fullmatch(text) or len(text) > 100:
            self.refuse(
                path, "is not a plain name", "Use small letters, digits, dots and hyphens, such as payments-api."
            )
        elif text in reserved:
            self.refuse(path, "is a word the registry needs itself", "Choose another name.")
        return text

    def done(self) -> None:
        """Raises Invalid if anything was wrong."""
        if self.problems:
            raise Invalid(self.problems)


def remark(path: str, value: str) -> str:
    """The line that may be left with an act, saying why. Raises Invalid."""
    reading = Reading()
    text = reading.line(path, value, longest=LONGEST_REMARK, required=False)
    reading.done()
    return text


def browsed(value: str) -> str:
    """What comes back of a text that a form held and nobody touched: line ends, and what no page holds, replaced."""
    return _UNKEEPABLE.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))


def is_keepable(value: str) -> bool:
    """Whether a page and the database can hold it as it is."""
    return not _UNKEEPABLE.search(value)


def fitted(value: str, longest: int) -> str:
    """What anybody may have written, so that the database can keep it: nothing it refuses, and not too much."""
    return _UNKEEPABLE.sub("\ufffd", value[:longest])
