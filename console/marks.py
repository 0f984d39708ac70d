"""The whole record as text: what it reads as, and what there is to say about it line by line."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from registry.importers.source import Source, read_yaml
from registry.record import DesignRecord, documents, pointers
from registry.record.findings import Finding, InvalidRecord, Problem

_WORST_FIRST = ("problem", "error", "warning", "hint")


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: text of several lines as a block."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists stand further in than their name."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(document: dict[str, Any]) -> str:
    """A document as YAML, in its own order."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110) if document else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to look at, and the line it stands on."""

    severity: str
    line: int
    path: str
    message: str
    mend: str
    code: str = ""

    @property
    def icon(self) -> str:
        """The drawing beside it."""
        return "error" if self.severity == "problem" else self.severity


@dataclass(frozen=True, slots=True)
class Read:
    """What a text reads as; no record where it cannot be kept."""

    record: DesignRecord | None
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]

    @property
    def problems(self) -> int:
        """How many things keep it from being saved."""
        return sum(each.severity == "problem" for each in self.marks)

    @property
    def lines(self) -> dict[int, str]:
        """The worst severity on each line that has one."""
        return {each.line: each.severity for each in sorted(self.marks, key=_weight, reverse=True)}


def read(text: str, findings: Callable[[DesignRecord], Sequence[Finding]] = lambda record: ()) -> Read:
    """The record in `text`, with what the schema, and the rules by way of `findings`, say of its lines."""
    source = None
    try:
        source = read_yaml(text)
        # An empty page would be an empty record; nobody means that by leaving the text out.
        record = documents.parse(source.value if text.strip() else None)  # type: ignore[arg-type]
    except InvalidRecord as invalid:
        return Read(None, (), tuple(_problems(invalid.problems, source, last=text.rstrip("\n").count("\n") + 1)))
    found = tuple(findings(record))
    return Read(record, found, tuple(sorted(_findings(found, record, source), key=_weight)))


def _weight(mark: Mark) -> int:
    return _WORST_FIRST.index(mark.severity)


def _problems(problems: Iterable[Problem], source: Source | None, *, last: int) -> Iterable[Mark]:
    for each in problems:
        line = each.line or (source and source.line_at(each.location)) or 1
        message = each.message.removeprefix(f"line {line}, ")
        # A path may hold what was typed as a name, half characters included.
        path = each.path.encode("utf-8", "replace").decode()
        # What is missing at the end is missed after the last line.
        yield Mark("problem", min(line, last), path, message, each.mend)


def _findings(findings: Iterable[Finding], record: DesignRecord, source: Source) -> Iterable[Mark]:
    for each in findings:
        line = source.line_at(_location(record, each)) or 1
        yield Mark(str(each.severity), line, each.path, each.message, each.mend, each.code)


def _location(record: DesignRecord, finding: Finding) -> tuple[int | str, ...]:
    try:
        return pointers.location(record, finding.path)
    except (KeyError, ValueError):
        return (finding.section,)
