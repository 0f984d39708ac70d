"""Pages of a long list by key instead of by count: page 4,000 costs what page 1 does."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func, Q

from registry.errors import Invalid
from registry.record.findings import Problem

Row = TypeVar("Row", bound=models.Model)
Item = TypeVar("Item")
Contra = TypeVar("Contra", contravariant=True)
LONGEST_CURSOR = 2_000


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows, and the cursors of the pages before and after them, "" where there are none."""

    rows: list[Item]
    previous: str = ""
    next: str = ""


def keyset(queryset: models.QuerySet[Row], *, order: str, cursor: str = "", size: int = 50) -> Page[Row]:
    """One page of `queryset` ordered by `order` ("name", "-updated_at", "-id") and then by id."""
    field, falling = order.removeprefix("-"), order.startswith("-")
    backward, place = _read(cursor, queryset.model, field, order) if cursor else (False, None)
    descending = falling != backward
    sign = "-" if descending else ""
    found = queryset.order_by(*dict.fromkeys((f"{sign}{field}", f"{sign}id")))
    if place:
        found = found.filter(_beyond(field, place, descending=descending))

    def cut(row: Row, *, backward: bool) -> str:
        return _write(order, getattr(row, field), row.pk, backward=backward)

    return _page(list(found[: size + 1]), cut, size=size, backward=backward, is_first=place is None)


def keyset_values(
    queryset: models.QuerySet[Any], *, field: str, falling: bool = False, cursor: str = "", size: int = 50
) -> Page[str]:
    """One page of the different values of a text field, in order: what has no table of its own, listed by its name."""
    order = f"{'-' if falling else ''}{field}"
    backward, place = _read(cursor, queryset.model, field, order) if cursor else (False, None)
    descending = falling != backward
    found = queryset.order_by(f"{'-' if descending else ''}{field}").values_list(field, flat=True).distinct()
    if place:
        found = found.filter(**{f"{field}__{'lt' if descending else 'gt'}": place[0]})

    def cut(value: str, *, backward: bool) -> str:
        return _write(order, value, 0, backward=backward)

    return _page(list(found[: size + 1]), cut, size=size, backward=backward, is_first=place is None)


def counted(rows: models.QuerySet[Any], *, up_to: int) -> Func:
    """How many `rows` of one column there are for a row one level out; one more than `up_to` stands for any more."""
    return Func(ArraySubquery(rows[: up_to + 1]), function="cardinality", output_field=models.IntegerField())


class _Cut(Protocol[Contra]):
    def __call__(self, row: Contra, /, *, backward: bool) -> str: ...


def _page(rows: list[Item], cut: _Cut[Item], *, size: int, backward: bool, is_first: bool) -> Page[Item]:
    """The page of rows that were read one more than fit, in the direction one turned."""
    more = len(rows) > size
    rows = rows[:size]
    if backward:
        rows.reverse()
    if not rows:
        return Page([])
    return Page(
        rows,
        previous=cut(rows[0], backward=True) if (more if backward else not is_first) else "",
        next=cut(rows[-1], backward=False) if (backward or more) else "",
    )


def _beyond(field: str, place: tuple[Any, int], *, descending: bool) -> Q:
    value, key = place
    past = "lt" if descending else "gt"
    if field == "id":
        return Q(**{f"id__{past}": key})
    # The first condition says nothing new; it lets the index begin at the right place.
    return Q(**{f"{field}__{past}e": value}) & (Q(**{f"{field}__{past}": value}) | Q(**{f"id__{past}": key}))


def _write(order: str, value: Any, key: int, *, backward: bool) -> str:
    place = [order, backward, value.isoformat() if hasattr(value, "isoformat") else value, key]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(cursor: str, model: type[models.Model], field: str, order: str) -> tuple[bool, tuple[Any, int]]:
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        written_for, backward, value, key = json.loads(text)
        if written_for != order or not isinstance(key, int) or abs(key) >= 2**63:
            raise ValueError
        column = model._meta.get_field(field)
        assert isinstance(column, models.Field)
        return bool(backward), (_kept(column.to_python(value)), key)
    except (ValueError, TypeError, OverflowError, RecursionError, ValidationError):
        raise Invalid([Problem("cursor", "is not a place in this list", "Start from the first page.")]) from None


def _kept(value: Any) -> Any:
    """A value the database can compare with. Raises ValueError on one that no row of ours has."""
    if value is None or "\x00" in str(value):
        raise ValueError
    str(value).encode()
    # A cursor of ours has moments in UTC. Other offsets may lie beyond what the database can read.
    return value.astimezone(UTC) if isinstance(value, datetime) else value
