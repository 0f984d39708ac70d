"""Pages of a long list by key instead of by count: page 4,000 costs what page 1 does."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, ExpressionWrapper, F, Func, OrderBy, Q, Value, When
from django.db.models.lookups import Exact

from registry.errors import Invalid
from registry.record.findings import Problem

Row = TypeVar("Row", bound=models.Model)
Item = TypeVar("Item")
Contra = TypeVar("Contra", contravariant=True)
LONGEST_CURSOR = 2_000
NEARBY = 5_000
"""So many rows are looked at one by one before an index is asked: some ten milliseconds' worth."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows, and the cursors of the pages before and after them, "" where there are none."""

    rows: list[Item]
    previous: str = ""
    next: str = ""


def keyset(queryset: models.QuerySet[Row], *, order: str, cursor: str = "", size: int = 50) -> Page[Row]:
    """One page of `queryset` ordered by `order` ("name", "-updated_at", "-id") and then by id."""
    place = _Place.of(queryset.model, order, cursor)
    return place.page(place.rows(queryset)[: size + 1], size)


def keyset_sought(
    queryset: models.QuerySet[Row], *, seen: Q, found: Q, order: str, cursor: str = "", size: int = 50
) -> Page[Row]:
    """As `keyset`, of the rows that fit as well, where an index finds what fits and has no order.

    `seen` says of a row whether it fits, `found` says the same as the index is asked.

    What many rows have is found by looking at the next NEARBY in order, one by one. What few have would be found so
    only by reading them all; where that look does not fill the page, the index of what fits is asked instead, and
    what it gives is put in order. PostgreSQL is not left to choose between the two: where it takes the rare for the
    common, or the common for the rare, its choice grows with the table. One case is left that does, thousands that
    fit with none of them nearby, and whoever calls this limits its time.
    """
    place = _Place.of(queryset.model, order, cursor)
    rest = place.rows(queryset)
    last = rest.values_list(place.field, flat=True)[NEARBY : NEARBY + 1].first()
    near = rest if last is None else rest.filter(**{f"{place.field}__{'gt' if place.descending else 'lt'}e": last})
    # An index cannot answer a CASE, so each row is looked at in turn.
    each = Case(When(seen, then=Value(True)), default=Value(False), output_field=models.BooleanField())
    rows = list(near.filter(Exact(each, Value(True)))[: size + 1])
    if last is not None and len(rows) <= size:
        rows = list(rest.filter(found).order_by(*place.unordered)[: size + 1])
    return place.page(rows, size)


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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a list a page begins, and in which direction it is read."""

    order: str
    field: str
    backward: bool
    descending: bool
    at: tuple[Any, int] | None

    @classmethod
    def of(cls, model: type[models.Model], order: str, cursor: str) -> "_Place":
        field, falling = order.removeprefix("-"), order.startswith("-")
        backward, at = _read(cursor, model, field, order) if cursor else (False, None)
        return cls(order, field, backward, falling != backward, at)

    def rows(self, queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
        """Those from here on, in order."""
        sign = "-" if self.descending else ""
        found = queryset.order_by(*dict.fromkeys((f"{sign}{self.field}", f"{sign}id")))
        return found.filter(_beyond(self.field, self.at, descending=self.descending)) if self.at else found

    @property
    def unordered(self) -> tuple[OrderBy, ...]:
        """The same order for a field of moments, in words that no index has."""
        hidden = ExpressionWrapper(F(self.field) + timedelta(0), output_field=models.DateTimeField())
        return OrderBy(hidden, descending=self.descending), OrderBy(F("id"), descending=self.descending)

    def page(self, rows: Iterable[Row], size: int) -> Page[Row]:
        def cut(row: Row, *, backward: bool) -> str:
            return _write(self.order, getattr(row, self.field), row.pk, backward=backward)

        return _page(list(rows), cut, size=size, backward=self.backward, is_first=self.at is None)


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
