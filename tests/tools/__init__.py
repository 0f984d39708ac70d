"""The formats' own tools, which read what the registry writes."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Parsed:
    """What Mermaid's own parser makes of a text: its complaint, else the words it will draw."""

    problem: str
    texts: tuple[str, ...]


def mermaid(texts: dict[str, str]) -> dict[str, Parsed]:
    """Reads each text by Mermaid's own parser. Skips the test where that is not installed."""
    answers = _answer("mermaid", "mermaid.mjs", texts)
    return {name: Parsed(each["problem"], tuple(each["texts"])) for name, each in answers.items()}


def cloud_config(options: dict[str, Any]) -> dict[str, Any]:
    """What the stock Spring Cloud Config client for Node.js reads with these options."""
    return _answer("cloud-config-client", "cloud-config.mjs", options)


def opossum(options: dict[str, Any]) -> dict[str, Any]:
    """A breaker made with these options, and after how many failures it opened."""
    return _answer("opossum", "opossum.mjs", options)


def _answer(package: str, script: str, asked: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [_node(package), script],
        cwd=HERE,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def _node(package: str) -> str:
    node = shutil.which("node")
    if node and (HERE / "node_modules" / package).is_dir():
        return node
    reason = f"no {package}: run `npm ci` in tests/tools" if node else "no node"
    if os.environ.get("REQUIRE_NODE"):
        pytest.fail(reason)
    pytest.skip(reason)
