"""How the records of the queue travel between processes: as the plain values of their fields.

Python's own way to pickle a frozen slotted dataclass asks for its fields anew for every object, and sets each of them
through `object.__setattr__`: 3.5 µs to pack a task and 3.9 µs to unpack it, most of what the Manager had to do. The
values alone take 0.4 and 0.65 µs, as columns, one for each field, where there are many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar

Record = TypeVar("Record")
Columns = tuple[tuple[Any, ...], ...]
"""The values of many records: one tuple a field, none for no records."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of a class."""

    values: Callable[[Any], tuple[Any, ...]]  # of a record, in the order of its fields
    put: tuple[Callable[[Any, Any], None], ...]  # sets one field; the slots know nothing of `frozen`


class Light:
    """A base for frozen slotted dataclasses of two fields or more, which then travel as their values."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        cls = type(self)
        return record_of, (cls, _shape(cls).values(self))


def record_of(cls: type[Record], values: Sequence[Any]) -> Record:
    """One record again."""
    record = object.__new__(cls)
    for put, value in zip(_shape(cls).put, values, strict=True):
        put(record, value)
    return record


def columns_of(cls: type[Record], records: Sequence[Record]) -> Columns:
    """Many records, all of exactly this class, as columns."""
    return tuple(zip(*map(_shape(cls).values, records), strict=True)) if records else ()


def records_of(cls: type[Record], columns: Columns) -> tuple[Record, ...]:
    """Many records again."""
    if not columns:
        return ()
    records = tuple(object.__new__(cls) for _ in columns[0])
    for put, column in zip(_shape(cls).put, columns, strict=True):
        for record, value in zip(records, column, strict=True):
            put(record, value)
    return records


_SHAPES: dict[type, _Shape] = {}


def _shape(cls: type) -> _Shape:
    shape = _SHAPES.get(cls)
    if shape is None:
        names = [field.name for field in fields(cls)]
        puts = tuple(getattr(cls, name).__set__ for name in names)
        shape = _SHAPES[cls] = _Shape(attrgetter(*names), puts)
    return shape
