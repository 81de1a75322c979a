"""Results that must be there."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def only(row: T | None) -> T:
    """The row of a statement that always returns one."""
    if row is None:
        raise RuntimeError("a statement that always returns a row returned none")
    return row
