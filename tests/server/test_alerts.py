"""The alerts a deployment comes with, read and fired by Prometheus's own promtool."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from registry.models import Integration
from server.front import numbers
from server.places import PROJECT

DEPLOYED = PROJECT / "deploy" / "prometheus"
RULES = DEPLOYED / "rules" / "registry.yml"
KNOWN: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
# Of each alert a series, what it says on a good day and on a bad one, and after how many minutes somebody is called.
BAD_DAYS: dict[str, tuple[str, int, int, int]] = {
    "RegistryDown": ('up{job="registry"}', 1, 0, 1),
    "RegistryOutboxWaits": ("registry_outbox_oldest_seconds", 120, 121, 1),
    "RegistryOutboxFails": ("registry_outbox_failing", 0, 1, 5),
    "RegistrySettingsAreOld": ("registry_front_snapshot_age_seconds", 60, 61, 1),
    "RegistryLedgerDoesNotAddUp": ("registry_ledger_imbalance", 0, -1, 2),
    "RegistryLedgerIsNotChecked": ("registry_ledger_checked_seconds", 300, 301, 1),
    "RegistryDeadLettersAreNotRead": ('registry_dead_letter_source_up{place="orders.dead"}', 1, 0, 10),
}


def promtool(*arguments: object, said: bytes = b"", cwd: Path = DEPLOYED) -> str:
    """What it answers. Skips the test where there is none."""
    binary = shutil.which("promtool")
    if binary is None:
        reason = "no promtool here: not read by Prometheus itself (apt install prometheus)"
        if os.environ.get("REQUIRE_PROMTOOL"):
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [binary, *map(str, arguments)], input=said, capture_output=True, timeout=60, check=False, cwd=cwd
    )
    told = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, told
    return told


def test_prometheus_takes_the_configuration_and_its_rules(tmp_path: Path) -> None:
    shutil.copytree(DEPLOYED, tmp_path, dirs_exist_ok=True)
    # The secret is where the deployment puts it.
    token, configured = tmp_path / "metrics_token", tmp_path / "prometheus.yml"
    token.write_text("secret", encoding="utf-8")
    text = configured.read_text(encoding="utf-8")
    configured.write_text(text.replace("/run/secrets/metrics_token", str(token)), encoding="utf-8")
    assert f"{len(KNOWN)} rules found" in promtool("check", "config", configured)


def test_each_alert_calls_somebody_on_a_bad_day_and_nobody_on_a_good_one(tmp_path: Path) -> None:
    assert list(BAD_DAYS) == [each["alert"] for each in KNOWN]
    tests = [day for rule in KNOWN for day in days(rule, *BAD_DAYS[rule["alert"]])]
    asked = tmp_path / "tests.yml"
    asked.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    assert "SUCCESS" in promtool("test", "rules", asked)


def days(rule: dict[str, Any], series: str, good: int, bad: int, minutes: int) -> list[dict[str, Any]]:
    """A good day, a bad one until just before its time, and from then on."""
    name, labels = rule["alert"], dict(re.findall(r'(\w+)="([^"]*)"', series))
    fires = {"exp_labels": labels | rule["labels"], "exp_annotations": rule["annotations"]}

    def day(value: int, told: list[tuple[str, list[Any]]]) -> dict[str, Any]:
        return {
            "name": f"{name}, {value}",
            "interval": "15s",
            "input_series": [{"series": series, "values": f"{value}x100"}],
            "alert_rule_test": [{"alertname": name, "eval_time": at, "exp_alerts": alerts} for at, alerts in told],
        }

    just_before = f"{minutes * 60 - 15}s"
    return [day(good, [("20m", [])]), day(bad, [(just_before, []), (f"{minutes}m", [fires])])]


def test_alerts_ask_for_what_is_told(approved: Integration, client: Client) -> None:
    asked = {each for rule in KNOWN for each in re.findall(r"registry_\w+", rule["expr"])}
    told = client.get("/metrics").content.decode()
    helped = {line.split()[2] for line in told.splitlines() if line.startswith("# HELP")}
    of_front = Path(numbers.__file__).read_text(encoding="utf-8")
    assert [each for each in asked if each not in helped and f'"{each}"' not in of_front] == []


def test_prometheus_finds_nothing_against_the_metrics(approved: Integration, client: Client) -> None:
    assert promtool("check", "metrics", said=client.get("/metrics").content) == ""
