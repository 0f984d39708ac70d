"""Skeletons of design records, and the usual settings that fill what nobody has stated. Pure data, read once. Pure."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..record import documents
from ..record.base import LONGEST_LIST

__all__ = ["TEMPLATES", "Template", "completed", "template"]

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Template:
    """A record to begin with: for which kind of integration, and what it states."""

    name: str
    title: str
    summary: str
    record: Mapping[str, Any]

    def document(self, slug: str) -> dict[str, Any]:
        """The record for the integration of that name, with the usual settings."""
        return completed(_named(self.record, slug), slug)


def completed(document: dict[str, Any], slug: str) -> dict[str, Any]:
    """`document` with the usual settings where it states nothing; what it states stays as it is."""
    usual = _named(_usual(), slug)
    kind = document.get("overview", {}).get("type", "")
    whole: dict[str, Any] = _filled(document, usual["records"].get(kind, {}))
    contracts = [
        _contract(each, usual["contracts"].get(each.get("protocol"), {})) for each in whole.get("contracts", [])
    ]
    whole |= {"contracts": contracts} if contracts else {}
    if whole.get("monitoring", {}).get("metrics") and (route := _route(whole.get("parties", []))):
        whole["monitoring"].setdefault("alert_routes", [route])
    if kind in ("asynchronous", "bidirectional"):
        whole |= _of_topics(whole, usual["topics"])
    made: dict[str, Any] = documents.dump(documents.parse(whole))
    return made


def _contract(contract: dict[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """A credential that is no token cannot be fetched anew, so nothing is tried again after a 401."""
    made: dict[str, Any] = _filled(contract, usual)
    if contract.get("errors") and not any("429" in each.get("status", "") for each in contract["errors"]):
        waits = [each for each in usual.get("errors", []) if each["status"] == "429"]
        made["errors"] = [*contract["errors"], *waits][:LONGEST_LIST]
    if made.get("authentication", {}).get("type") in ("api_key", "basic", "mtls", "none") and not contract.get(
        "errors"
    ):
        plain = {"refresh_credentials_and_retry_once": "alert_and_stop"}
        errors = [each | {"action": plain.get(each["action"], each["action"])} for each in made.get("errors", [])]
        made |= {"errors": errors} if errors else {}
    if made.get("authentication", {}).get("type") == "none":
        made["authentication"] = contract["authentication"]
    return made


def _route(parties: list[dict[str, Any]]) -> dict[str, str] | None:
    """Alerts go to the consumer's mailbox where it has one: it is the first to notice."""
    for role in ("consumer", "provider"):
        for each in parties:
            mail = re.search(r"[\w.+-]{1,64}@[\w.-]{1,200}\w", each.get("contact", ""))
            if mail and each.get("role") == role:
                return {"condition": "Any alert of this integration", "channel": "email", "target": mail[0]}
    return None


def _of_topics(document: dict[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Retention, a dead-letter topic and a word on order for every topic."""
    stated = document.get("topics", [])
    targets = {each.get("dead_letter") for each in stated} | {document.get("topology", {}).get("dead_letter_queue")}
    ordered = {each.get("topic") for each in document.get("ordering", [])}
    topics: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    ordering = list(document.get("ordering", []))
    known = {each.get("name") for each in stated}
    for each in stated:
        topic = _filled(each, usual[each.get("kind") or "topic"])
        topics.append(topic)
        name = topic.get("name")
        if name is None or name in targets:
            continue
        if len(name) < 290 and len(stated) + len(letters) < LONGEST_LIST:
            topic.setdefault("dead_letter", f"{name}.dlq")
            if topic["dead_letter"] not in known:
                letters.append(_dead_letters(topic, usual["dead_letter"], document.get("parties", [])))
                known.add(topic["dead_letter"])
        if name not in ordered and len(ordering) < LONGEST_LIST:
            ordering.append({"topic": name, "guarantee": "best_effort"})
    return {"topics": [*topics, *letters], "ordering": ordering}


def _dead_letters(topic: dict[str, Any], usual: Mapping[str, Any], parties: list[dict[str, Any]]) -> dict[str, Any]:
    """The topic that takes what cannot be processed: whoever reads the one writes to the other."""
    kept: dict[str, Any] = {name: topic[name] for name in ("kind", "broker", "replication_factor") if name in topic}
    readers = [each["system"] for each in parties if each.get("system") not in (None, topic.get("producer"))]
    producer = {"producer": readers[0]} if topic.get("producer") and readers else {}
    return {"name": topic["dead_letter"], **kept, **usual, **producer}


def _filled(own: Any, usual: Any) -> Any:
    """What is stated, else what is usual; a list somebody began is theirs."""
    if isinstance(own, Mapping) and isinstance(usual, Mapping):
        return {**own, **{name: _filled(own.get(name), value) for name, value in usual.items()}}
    return usual if own in (None, "", [], {}) else own


def _named(value: Any, slug: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _named(each, slug) for name, each in value.items()}
    if isinstance(value, list):
        return [_named(each, slug) for each in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    return value.replace("{slug}", slug[:80]).replace("{name}", slug[:80].replace("-", "_").replace(".", "_"))


@functools.cache
def _usual() -> dict[str, Any]:
    return _read(HERE / "usual.yaml")


def _read(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return parsed


TEMPLATES: tuple[Template, ...] = tuple(Template(**_read(each)) for each in sorted((HERE / "templates").glob("*.yaml")))


def template(name: str) -> Template | None:
    """The template of that name."""
    return next((each for each in TEMPLATES if each.name == name), None)
