"""The demo's live settings: releases by hand, an override, an appointment, and what instances say once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from registry.demo import files
from registry.models import Environment, Integration, Person, Release, System
from registry.services import instances, overrides, releases, schedules
from registry.services.instances import Breaker, Counters, Refused, Reported


def go_live(people: dict[str, Person]) -> None:
    """Everything that happens after the approvals."""
    told, approver, on_call = files.live(), people["zoe"], people["ops"]
    for each in told["published"]:
        integration, place = _find(each)
        revision = integration.in_force
        if "version" in each:
            major, minor = each["version"].split(".")
            revision = integration.revisions.get(major=major, minor=minor)
        assert revision is not None
        releases.publish(revision, place, by=approver, reason=each["reason"])
    for each in told["scheduled"]:
        integration, place = _find(each)
        assert integration.in_force is not None
        due_at = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=each["in_hours"])
        schedules.schedule(integration.in_force, place, due_at=due_at, by=approver, reason=each["reason"])
    for each in told["overrides"]:
        integration, place = _find(each)
        asked = {name: each[name] for name in ("patch", "reason", "minutes")}
        override = overrides.begin(integration, place, **asked, by=on_call)
        if "ended" in each:
            overrides.end(override, by=on_call, note=each["ended"])
    report(told)


def _find(each: dict[str, Any]) -> tuple[Integration, Environment]:
    integration = Integration.objects.select_related("in_force").get(slug=each["integration"])
    return integration, Environment.objects.select_related("promoted_from").get(slug=each["environment"])


def report(told: dict[str, Any]) -> None:
    now = timezone.now()
    for each in told["instances"]:
        asked = {
            "system": System.objects.get(slug=each["system"]),
            "environment": Environment.objects.get(slug=each["environment"]),
            "instance": each["name"],
            "sdk": each["sdk"],
        }
        at = now - timedelta(minutes=each.get("minutes_ago", 0))
        said = {slug: _said(slug, each["environment"], about) for slug, about in each["integrations"].items()}
        traffic = told["traffic"]
        if each["name"] == traffic["instance"]:
            slug, contract = traffic["integration"], traffic["contract"]
            started_at = now - timedelta(minutes=60)
            for ago, counters in _hour(traffic):
                counted = Reported(release=said[slug].release, counters={contract: counters})
                then = now - timedelta(minutes=ago)
                instances.report(**asked, started_at=started_at, integrations={slug: counted}, now=then)
                breakers = {contract: Breaker("half_open", now - timedelta(minutes=2))}
                said[slug] = replace(said[slug], breakers=breakers, counters=counted.counters)
        else:
            started_at = at - timedelta(hours=5)
        instances.report(**asked, started_at=started_at, integrations=said, now=at)


def _said(slug: str, environment: str, about: dict[str, Any]) -> Reported:
    """What is in force, the release that many before it, or none."""
    if about.get("release") == "none":
        return Reported()
    found = Release.objects.filter(integration__slug=slug, environment__slug=environment).order_by("-number")
    obeyed, newest = found[about.get("behind", 0)], found[0]
    refused = Refused(newest.number, about["refused"]) if "refused" in about else None
    return Reported(obeyed.number, obeyed.content_hash, obeyed.released_at, refused)


def _hour(traffic: dict[str, Any]) -> Iterator[tuple[int, Counters]]:
    """The totals as they stood at the end of each minute, by how many minutes ago that was."""
    failing, calls, failures, retries, rejected = traffic["failing"], 0, 0, 0, 0
    for minute in range(60):
        made = traffic["calls"][minute % len(traffic["calls"])]
        bad = made * failing["percent"] // 100 if failing["from"] <= minute <= failing["to"] else made // 90
        calls, failures, retries = calls + made, failures + bad, retries + bad * 2
        rejected += bad // 2 if bad > made // 2 else 0
        yield 59 - minute, Counters(calls, failures, retries, rejected, bad // 3 + failures // 4)
