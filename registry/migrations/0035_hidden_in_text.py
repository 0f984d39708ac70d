"""Where something is hidden, what may hold it as JSON or XML is hidden too, and no schema's refusal names its place."""

from functools import reduce
from operator import or_
from typing import Any

from django.db import migrations
from django.db.models import Case, F, Q, Value, When

# As the services write it: what is hidden, and what is said instead of what a schema refuses.
HIDDEN, UNQUOTED = "•••••", "It does not fit; in what is not kept where something is hidden."
OPAQUE = r'^\s*[{\["<]'
SAID = ("reason", "error_class", "message")


def hide(apps: Any, schema_editor: Any) -> None:
    letters, groups, edits = (
        apps.get_model("registry", name).objects for name in ("DeadLetter", "DeadLetterGroup", "PayloadEdit")
    )
    for source in apps.get_model("registry", "DeadLetterSource").objects.exclude(masked=[]):
        dot(letters.filter(source=source), *SAID, "origin", "event_type", "content_type")
        dot(groups.filter(source=source), *SAID)
        letters.filter(source=source).filter(schema_problem__gt="").update(schema_problem=UNQUOTED)
        edits.filter(letter__source=source).filter(schema_problem__gt="").update(schema_problem=UNQUOTED)


def dot(rows: Any, *names: str) -> None:
    opaque = {name: Q(**{f"{name}__regex": OPAQUE}) for name in names}
    dots = {name: Case(When(is_opaque, then=Value(HIDDEN)), default=F(name)) for name, is_opaque in opaque.items()}
    rows.filter(reduce(or_, opaque.values())).update(**dots)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0034_logs_made_anew"),
    ]

    operations = [
        migrations.RunPython(hide, migrations.RunPython.noop),
    ]
