"""Entries for what is there already, in batches; `manage.py reindex` does the same at any time."""

from typing import Any

from django.db import migrations

from registry.record import documents
from registry.record.upgrades import upgrade
from registry.search import pieces, words

BATCH = 500


def fill(apps: Any, schema_editor: Any) -> None:
    entry_model, word_model = (apps.get_model("registry", name) for name in ("SearchEntry", "SearchWord"))
    known: set[str] = set()

    def keep(found: list[tuple[pieces.Row, int | None]]) -> None:
        entries = [
            entry_model(
                integration_id=integration,
                **{
                    name: getattr(row, name)
                    for name in ("kind", "pointer", "title", "anchor", "lines", "vector", "digest")
                },
            )
            for row, integration in found
        ]
        entry_model.objects.bulk_create(entries, batch_size=BATCH, ignore_conflicts=True)
        known.update(word for row, _ in found for word in words.known(row.vector))

    keep([(row, None) for row in catalog(apps)])
    last = 0
    integrations = apps.get_model("registry", "Integration").objects.select_related("current").order_by("pk")
    while batch := list(integrations.filter(pk__gt=last, current__isnull=False)[:BATCH]):
        keep([(row, each.pk) for each in batch for row in rows(each)])
        last = batch[-1].pk
    word_model.objects.bulk_create((word_model(text=each) for each in sorted(known)), batch_size=5_000)


def rows(integration: Any) -> list[pieces.Row]:
    newest = integration.current
    record = documents.parse(upgrade(newest.document, stored_as=newest.format))
    return pieces.rows(integration.name, integration.slug, record)


def catalog(apps: Any) -> list[pieces.Row]:
    systems, teams, environments = (apps.get_model("registry", name) for name in ("System", "Team", "Environment"))
    found = []
    for each in systems.objects.select_related("team"):
        team = each.team.slug if each.team else ""
        found.append(("system", each, {"Description": each.description, "Team": team}, team))
    found += [("team", each, {"Contact": each.contact}, each.slug) for each in teams.objects.all()]
    found += [("environment", each, {"Purpose": each.purpose}, "") for each in environments.objects.all()]
    return [
        pieces.catalog_row(noun, slug=each.slug, name=each.name, said=said, team=team)
        for noun, each, said, team in found
    ]


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("registry", "0007_search"),)

    operations = (migrations.RunPython(fill, migrations.RunPython.noop),)
