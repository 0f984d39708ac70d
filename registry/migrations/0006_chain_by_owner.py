"""Events are chained in their owner's name, so that whoever writes them needs no right to move a chain's head."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("registry", "0005_approvals"),)

    operations = (
        migrations.RunSQL(
            "ALTER FUNCTION registry_event_chain() SECURITY DEFINER SET search_path = public, pg_temp;",
            "ALTER FUNCTION registry_event_chain() SECURITY INVOKER RESET search_path;",
        ),
    )
