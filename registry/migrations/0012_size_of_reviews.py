"""How much each round of review was about."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0011_words_of_topics"),
    ]

    operations = [
        migrations.AddField(
            model_name="review",
            name="changed_fields",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="review",
            name="is_breaking",
            field=models.BooleanField(null=True),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("changed_fields__isnull", True), ("is_breaking__isnull", True)),
                    models.Q(("changed_fields__isnull", False), ("is_breaking__isnull", False)),
                    _connector="OR",
                ),
                name="review_size_paired",
            ),
        ),
    ]
