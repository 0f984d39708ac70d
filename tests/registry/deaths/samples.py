"""Headers as they were recorded or written down, typed as brokers have them."""

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.brokers.base import Headers, Value

HERE = Path(__file__).parent / "samples"


def names() -> list[str]:
    return sorted(each.stem for each in HERE.glob("*.json"))


def sample(name: str) -> dict[str, Any]:
    """{"made_by", "headers", "death"}."""
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return found


def headers(written: list[list[Any]]) -> Headers:
    return tuple((name, value(each)) for name, each in written)


def value(written: Any) -> Value:
    """{"bytes": base64} and {"at": ISO 8601} stand for what JSON has not."""
    if isinstance(written, list):
        return [value(each) for each in written]
    if isinstance(written, dict):
        if set(written) == {"bytes"}:
            return base64.b64decode(written["bytes"])
        if set(written) == {"at"}:
            return datetime.fromisoformat(written["at"])
        return {name: value(each) for name, each in written.items()}
    kept: Value = written
    return kept


def written(told: Value) -> Any:
    """The other way round."""
    if isinstance(told, bytes):
        return {"bytes": base64.b64encode(told).decode()}
    if isinstance(told, datetime):
        return {"at": told.isoformat()}
    if isinstance(told, list):
        return [written(each) for each in told]
    if isinstance(told, dict):
        return {name: written(each) for name, each in told.items()}
    return told
