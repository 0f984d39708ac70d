"""What a redrive waits for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0023_the_ledger"),
    ]

    operations = [
        migrations.AddField(
            model_name="redrivejob",
            name="resumed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="redrivejob",
            name="setbacks",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="redrivejob",
            name="trouble",
            field=models.CharField(blank=True, max_length=500),
        ),
    ]
