"""A record as something else: pictures and files. Pure: no Django, no network, no clock."""

from collections.abc import Callable
from dataclasses import dataclass

from ..record import DesignRecord
from .markdown import Cover, markdown
from .paper import paper
from .plain import json_text, yaml_text
from .saga import saga_mermaid
from .topology import topology_mermaid

__all__ = ["EXPORTERS", "Exporter"]


@dataclass(frozen=True, slots=True)
class Exporter:
    """A kind of file a record can leave as. `write` answers "" where there is nothing to write."""

    name: str
    label: str
    use: str
    ending: str
    media_type: str
    write: Callable[[DesignRecord, Cover], str]
    is_text: bool = True
    """Whether people read it as it is written."""


EXPORTERS = (
    Exporter("markdown", "Markdown", "The whole document with its history and signatures, for a wiki or an archive.",
             ".md", "text/markdown", markdown),
    Exporter("html", "Web page", "One file with its diagrams inside: to send, to archive, to print or save as PDF.",
             ".html", "text/html", paper, is_text=False),
    Exporter("yaml", "YAML", "The record as text to keep beside code and bring back in.",
             ".yaml", "application/yaml", lambda record, cover: yaml_text(record)),
    Exporter("json", "JSON", "The record for programs; its schema is at /api/schemas/design-record.json.",
             ".json", "application/json", lambda record, cover: json_text(record)),
    Exporter("topology", "Topology as Mermaid", "The diagram as text, for pages that draw Mermaid.",
             ".topology.mmd", "text/vnd.mermaid", lambda record, cover: topology_mermaid(record)),
    Exporter("saga", "Saga as Mermaid", "The saga's steps and what undoes them, as a sequence diagram.",
             ".saga.mmd", "text/vnd.mermaid", lambda record, cover: saga_mermaid(record)),
)  # fmt: skip
