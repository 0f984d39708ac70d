"""The newest look at all integrations together."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0012_size_of_reviews"),
    ]

    operations = [
        migrations.CreateModel(
            name="Survey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken_at", models.DateTimeField()),
                ("covers", models.DateTimeField(null=True)),
                ("integrations", models.PositiveIntegerField()),
                ("found", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="SurveyFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.CharField(max_length=20)),
                ("state", models.CharField(max_length=10)),
                ("code", models.CharField(max_length=60)),
                ("severity", models.CharField(max_length=10)),
                ("path", models.TextField()),
                ("message", models.TextField()),
                ("mend", models.TextField()),
                ("elsewhere", models.JSONField(default=list)),
                (
                    "integration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.integration"
                    ),
                ),
                (
                    "survey",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="registry.survey"
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
                "indexes": [
                    models.Index(fields=["code", "id"], name="survey_finding_by_rule"),
                    models.Index(fields=["severity", "id"], name="survey_finding_by_severity"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["error", "warning", "hint"])),
                        name="survey_finding_severity_known",
                    )
                ],
            },
        ),
    ]
