"""How many letters of each group died in each hour, filled in for the days a chart may show."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO registry_grouphour (group_id, hour, letters)
SELECT group_id, date_trunc('hour', died_at, 'UTC'), count(*) FROM registry_deadletter
WHERE died_at >= now() - interval '14 days' GROUP BY 1, 2
"""


class Migration(migrations.Migration):
    dependencies = (("registry", "0024_what_redrives_wait_for"),)

    operations = (
        migrations.CreateModel(
            name="GroupHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("letters", models.PositiveBigIntegerField()),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="registry.deadlettergroup",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["hour"], name="group_hour_by_hour")],
                "constraints": [models.UniqueConstraint(fields=("group", "hour"), name="group_hour_once")],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    )
