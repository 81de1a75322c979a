"""The finest that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


def last(least: int, most: int, made: Callable[[int], Made | None]) -> Made | None:
    """What is made of the greatest number of which something is; None = of none.

    Args:
        least: smallest number.
        most: greatest number; where it is below `least` nothing is made.
        made: where it makes something of a number, it does of smaller ones.
    """
    found = made(least) if least <= most else None
    while found is not None and least < most:
        middle = (least + most + 1) // 2
        attempt = made(middle)
        if attempt is None:
            most = middle - 1
        else:
            least, found = middle, attempt
    return found
