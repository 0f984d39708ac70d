"""Whether this is the database that redrives began in, or a copy of it that knows less than happened since."""

import logging

from django.db import connection, transaction
from django.utils import timezone

from registry.models import DatabaseMark
from registry.services import redrives

log = logging.getLogger(__name__)

READ = """
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'registry_redrivejob'::regclass::oid)
"""
MOVED = (
    "This database was restored from a backup, or another server took over. If anything may be lost, run manage.py"
    " raise_epoch before you resume."
)


def look() -> bool:
    """Pause all redrives where the database is another than before: nothing is sent by itself. Whether it is."""
    if DatabaseMark.objects.filter(mark=_read()).exists():
        return False
    return _moved()


@transaction.atomic
def _moved() -> bool:
    mark, now = _read(), timezone.now()
    held, is_first = DatabaseMark.objects.get_or_create(pk=1, defaults={"mark": mark, "since": now})
    held = DatabaseMark.objects.select_for_update().get(pk=1)
    if is_first or held.mark == mark:
        return False
    held.mark, held.since = mark, now
    held.save(update_fields=("mark", "since"))
    paused = redrives.halt_all(MOVED, by=None)
    log.warning("this database is another than before; %s redrives are paused", paused)
    return True


def _read() -> str:
    with connection.cursor() as cursor:
        cursor.execute(READ)
        [(mark,)] = cursor.fetchall()
    return str(mark)
