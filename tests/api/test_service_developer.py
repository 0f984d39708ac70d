"""The guide for service developers: its program runs, and its table names every setting."""

import re
from pathlib import Path
from typing import Any

import pytest

from registry.live.document import compile_settings
from registry.models import Integration, Release
from registry.record import documents
from tests.api.conftest import Issue
from tests.landscape import document

GUIDE = (Path(__file__).parents[2] / "docs" / "service-developer.md").read_text(encoding="utf-8")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the guide's program defines."""
    monkeypatch.setenv("REGISTRY_TOKEN", "")
    [text] = [each for each in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "def follow(" in each]
    defined: dict[str, Any] = {}
    exec(text, defined)
    return defined


def test_its_program_reads_settings_and_then_hears_that_nothing_changed(
    transactional_db: None, live_server: Any, approved: Integration, issue: Issue, program: dict[str, Any]
) -> None:
    program["TOKEN"] = issue("order-service", "production")[1]
    program["ADDRESS"] = f"{live_server.url}/api/v1/settings/orders-to-payments"
    body, etag = program["read"]()
    assert body == bytes(Release.objects.get(environment__slug="production").body)
    assert program["read"](etag) is None


def test_its_table_names_every_setting() -> None:
    settings = compile_settings(documents.parse(document()), "production")
    [contract] = settings["contracts"].values()
    parts = ("retry", "circuit_breaker", "rate_limit", "timeouts")
    named = {field for part in parts for field in contract[part]}
    worked_out = {"strategy", "base_delay_ms", "multiplier", "max_delay_ms"}
    actions = {field for field in named if field.endswith("_action")}
    missing = {field for field in named - worked_out - actions if field not in GUIDE}
    assert missing == set()
    assert set(contract) - set(parts) - {"consumer", "provider"} <= set(re.findall(r"[a-z_]+", GUIDE))
