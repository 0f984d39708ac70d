"""Which of several logs by one name a letter lay in, and how old the ledger's oldest was where a broker tells none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0033_what_stops_a_redrive"),
    ]

    operations = [
        migrations.AlterField(
            model_name="deadlettersource",
            name="cursor",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="deadlettersource",
            name="generation",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="deadlettersource",
            name="made_anew_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="depthreading",
            name="open_since",
            field=models.DateTimeField(null=True),
        ),
    ]
