"""Gives the role that web and workers connect as what they need, and nothing by which the past could be changed."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from psycopg import sql

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
LESS: dict[str, tuple[str, ...]] = {
    "registry_event": ("SELECT", "INSERT"),
    "registry_chainhead": ("SELECT",),
    "registry_release": ("SELECT", "INSERT"),
    "registry_override": ("SELECT", "INSERT", "UPDATE"),
    "registry_scheduledrelease": ("SELECT", "INSERT", "UPDATE"),
    "registry_review": ("SELECT", "INSERT", "UPDATE"),
    "registry_signoff": ("SELECT", "INSERT", "UPDATE"),
    "registry_revision": ("SELECT", "INSERT", "UPDATE"),
    "registry_thread": ("SELECT", "INSERT", "UPDATE"),
    "registry_comment": ("SELECT", "INSERT", "UPDATE"),
    "registry_deadletter": ("SELECT", "INSERT", "UPDATE"),
    "registry_ledger": ("SELECT",),
    "registry_lettermove": ("SELECT", "INSERT"),
    "registry_letterwords": ("SELECT", "INSERT", "UPDATE"),
    "registry_payload": ("SELECT", "INSERT", "DELETE"),
    "registry_payloadedit": ("SELECT", "INSERT", "DELETE"),
    "registry_redriveattempt": ("SELECT", "INSERT", "UPDATE"),
    "django_migrations": ("SELECT",),
}
"""Tables of which the role may do less. Triggers say what an UPDATE may still change."""


class Command(BaseCommand):
    help = "After migrate: makes the role that APP_DATABASE_URL names and grants it what the registry does, no more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", default="", help="the role's name, instead of the one APP_DATABASE_URL names")

    def handle(self, *args: Any, **options: Any) -> None:
        role, password = _asked(options["role"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            if cursor.fetchone() == (role,):
                raise CommandError(f"{role} owns the tables. Run this as their owner, for another role.")
        with transaction.atomic():
            self._make(role, password)
            self._grant(role)
        self.stdout.write(f"{role} may do what the registry does, and nothing more.")

    def _make(self, role: str, password: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
            found = cursor.fetchone()
            if found and found[0]:
                raise CommandError(f"{role} is a superuser: nothing could be kept from it. Name another role.")
            if not found:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            if password:
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))

    def _grant(self, role: str) -> None:
        name = sql.Identifier(role)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
            cursor.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))
            cursor.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " UNION SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY 1"
            )
            for (table,) in cursor.fetchall():
                rights = sql.SQL(", ").join(map(sql.SQL, LESS.get(table, EVERYTHING)))
                place = sql.Identifier("public", table)
                cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(place, name))
                cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, place, name))


def _asked(role: str) -> tuple[str, str]:
    """The role's name and password; by the command line, else by the address the other processes connect with."""
    if role:
        return role, ""
    parts = urlsplit(settings.APP_DATABASE_URL)
    name = dict(parse_qsl(parts.query)).get("user") or unquote(parts.username or "")
    if not name:
        raise CommandError("Set APP_DATABASE_URL to what web and workers connect with, or give --role.")
    return name, unquote(parts.password or "")
