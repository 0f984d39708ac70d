"""Rows into tables by COPY, a hundred times as fast as one by one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model
from django.db.models.expressions import DatabaseDefault
from psycopg import sql


def copy(rows: Sequence[Model]) -> None:
    """Put rows of one table into the database. Rows without a key get the next ones."""
    if not rows:
        return
    model = type(rows[0])
    fields = _fields(rows[0])
    names = [sql.Identifier(str(each.column)) for each in fields]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(names)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as into:
        for row in rows:
            into.write_row([each.get_db_prep_save(each.pre_save(row, add=True), connection) for each in fields])


INDEXES = """
SELECT index.relname, pg_get_indexdef(index.oid)
FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'public' AND NOT indisunique AND NOT indisprimary
"""


@contextmanager
def indexes_later() -> Iterator[None]:
    """Without the indexes that only help to find; made again at the end, which is much quicker than row by row."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in indexes:
            cursor.execute(definition)


def go_on_counting(models: Iterable[type[Model]]) -> None:
    """Let the tables' own keys begin after those that were given."""
    with connection.cursor() as cursor:
        for model in models:
            table = model._meta.db_table
            cursor.execute(
                sql.SQL(
                    "SELECT setval(pg_get_serial_sequence({}, 'id'), coalesce(max(id), 0) + 1, false) FROM {}"
                ).format(sql.Literal(table), sql.Identifier(table))
            )


def _fields(row: Model) -> "list[Field[Any, Any]]":
    """The columns to give: all but a key the table counts itself, and what it has a default for."""
    return [
        each
        for each in row._meta.concrete_fields
        if not (isinstance(each, AutoField) and row.pk is None)
        and not isinstance(getattr(row, each.attname), DatabaseDefault)
        and not each.generated
    ]
