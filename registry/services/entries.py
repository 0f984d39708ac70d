"""Keeps what search looks through in line with records and catalog, touching only what changed."""

from collections.abc import Iterable

from django.db import connection, transaction

from registry.models import Environment, Integration, SearchEntry, System, Team
from registry.record import DesignRecord
from registry.search import pieces, words
from registry.search.pieces import Row
from registry.services import locks

COLUMNS = ("kind", "title", "anchor", "lines", "vector", "digest")

# Not unique, so that two transactions that meet the same new word never wait for each other.
LEARN = """
INSERT INTO registry_searchword (text)
SELECT DISTINCT word FROM unnest(%s::text[]) AS word
WHERE NOT EXISTS (SELECT FROM registry_searchword WHERE text = word)
"""


def rewrite(integration: Integration, record: DesignRecord) -> None:
    """Bring an integration's entries in line with its newest record."""
    _replace(integration, pieces.rows(integration.name, integration.slug, record))


@transaction.atomic
def renew(key: int) -> None:
    """Bring the entries of the integration with this key in line. Changes nothing else, so the trail tells nothing."""
    integration = locks.integration(key)
    assert integration.current is not None
    rewrite(integration, integration.current.record)


def of_system(row: System) -> Row:
    team = row.team.slug if row.team else ""
    said = {"Description": row.description, "Team": team}
    return pieces.catalog_row("system", slug=row.slug, name=row.name, said=said, team=team)


def of_team(row: Team) -> Row:
    return pieces.catalog_row("team", slug=row.slug, name=row.name, said={"Contact": row.contact}, team=row.slug)


def of_environment(row: Environment) -> Row:
    return pieces.catalog_row("environment", slug=row.slug, name=row.name, said={"Purpose": row.purpose})


def keep(row: Row) -> None:
    """Write the entry of something in the catalog."""
    columns = {name: getattr(row, name) for name in COLUMNS}
    SearchEntry.objects.update_or_create(integration=None, pointer=row.pointer, defaults=columns)
    _learn([row])


def _replace(integration: Integration, wanted: list[Row]) -> None:
    kept = dict(SearchEntry.objects.filter(integration=integration).values_list("pointer", "digest"))
    if gone := kept.keys() - {each.pointer for each in wanted}:
        SearchEntry.objects.filter(integration=integration, pointer__in=gone).delete()
    changed = [each for each in wanted if kept.get(each.pointer) != each.digest]
    if changed:
        SearchEntry.objects.bulk_create(
            (entry(each, integration) for each in changed),
            batch_size=500,
            update_conflicts=True,
            unique_fields=("integration", "pointer"),
            update_fields=COLUMNS,
        )
        _learn(changed)


def entry(row: Row, integration: Integration | None = None) -> SearchEntry:
    """A row as the model has it, not yet saved."""
    columns = {name: getattr(row, name) for name in COLUMNS}
    return SearchEntry(integration=integration, pointer=row.pointer, **columns)


def _learn(rows: Iterable[Row]) -> None:
    if known := sorted({word for each in rows for word in words.known(each.vector)}):
        with connection.cursor() as cursor:
            cursor.execute(LEARN, [known])
