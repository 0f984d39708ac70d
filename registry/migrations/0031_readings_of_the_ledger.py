"""What the minute's look at the books found: a scrape reads that, and counts no letters."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0030_database_mark"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerReading",
            fields=[
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="books",
                        serialize=False,
                        to="registry.deadlettersource",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("imbalance", models.PositiveBigIntegerField()),
                ("states", models.JSONField(default=dict)),
            ],
        ),
    ]
