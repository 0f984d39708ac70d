"""The numbers of contracts that rules across integrations compare."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, Q


def index_numbers(apps: Any, schema_editor: Any) -> None:
    """Fill the new columns of the revisions that are read: each integration's newest, and the one in force.

    What they hold is worked out by the rules' own code, as at every save; a document of an older format is upgraded.
    """
    from dataclasses import asdict

    from registry.record import documents
    from registry.record.upgrades import upgrade
    from registry.rules.facts import environments, numbers

    contracts, revisions = (apps.get_model("registry", name) for name in ("IndexedContract", "Revision"))
    columns = [each.name for each in contracts._meta.fields if each.name in NUMBERS]
    read = Q(pk=F("integration__in_force")) | Q(pk=F("integration__current"))
    for revision in revisions.objects.filter(read).select_related("integration").iterator(chunk_size=500):
        record = documents.parse(upgrade(revision.document, stored_as=revision.format))
        rows = list(contracts.objects.filter(revision=revision).order_by("id"))
        for row, contract in zip(rows, record.contracts, strict=False):
            for name, value in asdict(numbers(contract.policy)).items():
                setattr(row, name, value)
            row.criticality = record.overview.criticality or ""
            row.environments = environments(contract.policy)
            row.is_compared = revision.integration.state != "retired" and revision.pk == (
                revision.integration.in_force_id or revision.integration.current_id
            )
        contracts.objects.bulk_update(rows, columns)


NUMBERS = (
    *("criticality", "attempts", "longest_ms", "total_ms", "requests_per_minute", "provider_requests_per_minute"),
    *("provider_limit_is_shared", "environments", "is_compared"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0009_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="indexedcontract",
            name="attempts",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="criticality",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="environments",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="is_compared",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="longest_ms",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="provider_limit_is_shared",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="provider_requests_per_minute",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="requests_per_minute",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="indexedcontract",
            name="total_ms",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="indexedcontract",
            index=models.Index(
                condition=models.Q(("is_compared", True), ("protocol__in", ("rest", "grpc", "graphql"))),
                fields=["consumer_slug"],
                include=("provider_slug",),
                name="indexed_call_by_consumer",
            ),
        ),
        migrations.AddIndex(
            model_name="indexedcontract",
            index=models.Index(
                condition=models.Q(("is_compared", True), ("protocol__in", ("rest", "grpc", "graphql"))),
                fields=["provider_slug"],
                include=("consumer_slug",),
                name="indexed_call_by_provider",
            ),
        ),
        migrations.RunPython(index_numbers, migrations.RunPython.noop),
    ]
