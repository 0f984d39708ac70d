"""What letters that were discarded were searched by goes as well."""

from django.db import migrations

GONE = """
UPDATE registry_deadletter SET facts = '{}' WHERE state = 'discarded' AND facts <> '{}';
"""


class Migration(migrations.Migration):
    dependencies = (("registry", "0030_database_mark"),)

    operations = (migrations.RunSQL(GONE, migrations.RunSQL.noop),)
