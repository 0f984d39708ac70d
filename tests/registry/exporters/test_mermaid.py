"""Diagrams as Mermaid text, read by Mermaid's own parser."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from registry.exporters.mermaid import Mermaid
from registry.exporters.saga import saga_mermaid
from registry.exporters.topology import topology_mermaid
from registry.record import DesignRecord, documents
from tests import tools
from tests.strategies import PIECES, records

DEMO = Path(__file__).parents[3] / "registry" / "demo" / "integrations"
MANY = settings(
    max_examples=150,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def complaints(texts: dict[str, str]) -> dict[str, str]:
    return {texts[name]: each.problem for name, each in tools.mermaid(texts).items() if each.problem}


def drawn(record: DesignRecord) -> list[str]:
    return [text for text in (topology_mermaid(record), saga_mermaid(record)) if text]


def collected(strategy: st.SearchStrategy[Any], wanted: settings = MANY) -> list[Any]:
    """What a strategy draws: one node process reads all of it."""
    found: list[Any] = []

    @wanted
    @given(strategy)
    def collect(each: Any) -> None:
        found.append(each)

    collect()
    return found


def test_every_demo_record_is_accepted() -> None:
    texts: dict[str, str] = {}
    for path in sorted(DEMO.glob("*.yaml")):
        record = documents.parse(yaml.safe_load(path.read_text())["document"])
        texts |= {f"{path.stem} {place}": text for place, text in enumerate(drawn(record))}
    assert len(texts) > 11
    assert complaints(texts) == {}


def test_any_record_is_accepted() -> None:
    texts = [text for record in collected(records()) for text in drawn(record)]
    assert complaints({str(place): each for place, each in enumerate(texts)}) == {}


NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)
NAMES = NAMES.map(str.strip).filter(str.strip)


def test_hostile_names_arrive_as_they_were_written() -> None:
    names = ["end", "%%{init: {}}%%", "style a:b #x;", "1. x", "a\nb", *collected(NAMES)]
    charts, sequences = {}, {}
    for place, name in enumerate(names):
        words = Mermaid.text(name)
        charts[str(place)] = f'flowchart LR\n    S["{words}"]\n    A["{words}"] -->|"{words}"| B["b"]\n    end'
        charts[str(place)] = charts[str(place)].replace("    S[", "    subgraph S[", 1)
        sequences[str(place)] = f"sequenceDiagram\n    participant O as {words}\n    O->>O: {words}"
    for texts, times in ((charts, 3), (sequences, 2)):
        read = tools.mermaid(texts)
        assert {texts[key]: each.problem for key, each in read.items() if each.problem} == {}
        lost = {name: read[str(place)].texts for place, name in enumerate(names) if times != _said(name, read, place)}
        assert lost == {}


def _said(name: str, read: dict[str, tools.Parsed], place: int) -> int:
    """How often Mermaid read the name; breaks are spaces in a picture."""
    wanted = " ".join(name.split())
    return sum(" ".join(each.split()) == wanted for each in read[str(place)].texts)
