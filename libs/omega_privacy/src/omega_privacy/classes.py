"""Coarse classes in which a success rate and a sample count travel beside a sketch.

Rate classes are the eighths of [0, 1]: class c holds [c/8, (c+1)/8), class 7 also holds 1.
Count classes hold 1, 2 to 3, 4 to 9, and 10 or more.
"""

from __future__ import annotations

from enum import StrEnum

from omega_core import validate

RATE_CLASSES = 8
"""Number of success-rate classes."""
COUNT_EDGES = (1, 2, 4, 10)
"""Least sample count of each count class."""
COUNT_VALUES = (1.0, 2.5, 6.5, 10.0)
"""What each count class counts for: its middle; for the open class its least, so that no device
gains weight by claiming more."""


class Detail(StrEnum):
    """How much of both classes travels with a sketch."""

    FULL = "full"
    """8 x 4 classes."""
    COARSE = "coarse"
    """2 x 2: a rate of 7/8 and more or less, a count of 4 and more or less."""
    NONE = "none"
    """The same byte beside every sketch: that of a title that was watched once and succeeded."""


def rate_class(success_rate: float) -> int:
    """The class 0 to 7 of a success rate 0 to 1.

    Raises:
        OmegaError: INVALID_FIELD success_rate.
    """
    rate = validate.number("success_rate", success_rate, 0.0, 1.0)
    return min(int(rate * RATE_CLASSES), RATE_CLASSES - 1)


def count_class(sample_count: int) -> int:
    """The class 0 to 3 of a sample count of at least 1.

    Raises:
        OmegaError: INVALID_FIELD sample_count.
    """
    count = validate.integer("sample_count", sample_count, 1, 2**63 - 1)
    return sum(count >= edge for edge in COUNT_EDGES[1:])


def rate_value(rate: int) -> float:
    """The middle of a rate class 0 to 7: 0.0625, 0.1875 ... 0.9375.

    Raises:
        OmegaError: INVALID_FIELD rate_class.
    """
    return (validate.integer("rate_class", rate, 0, RATE_CLASSES - 1) + 0.5) / RATE_CLASSES


def count_value(count: int) -> float:
    """What a count class 0 to 3 counts for: 1, 2.5, 6.5 or 10.

    Raises:
        OmegaError: INVALID_FIELD count_class.
    """
    return COUNT_VALUES[validate.integer("count_class", count, 0, len(COUNT_VALUES) - 1)]


def class_byte(rate: int, count: int) -> int:
    """Both classes in one byte, 0 to 31: rate class x 4 + count class.

    Raises:
        OmegaError: INVALID_FIELD rate_class or count_class.
    """
    validate.integer("rate_class", rate, 0, RATE_CLASSES - 1)
    validate.integer("count_class", count, 0, len(COUNT_VALUES) - 1)
    return rate * len(COUNT_VALUES) + count


def split_class_byte(value: int, field: str = "classes") -> tuple[int, int]:
    """The inverse of class_byte: (rate class, count class).

    Raises:
        OmegaError: INVALID_FIELD that names `field` when the value exceeds 31.
    """
    validate.integer(field, value, 0, RATE_CLASSES * len(COUNT_VALUES) - 1)
    return divmod(value, len(COUNT_VALUES))


def coarsened(value: int, detail: Detail) -> int:
    """The class byte that travels in the place of `value`.

    Every group of classes is stood for by one of its own, so that receivers need not know of it:
    of rates below 7/8 by the class from 6/8 on, since nothing below 0.7 is reported; of counts by
    their least.

    Raises:
        OmegaError: INVALID_FIELD classes when the value exceeds 31.
    """
    rate, count = split_class_byte(value)
    if detail is Detail.FULL:
        return value
    if detail is Detail.NONE:
        return class_byte(RATE_CLASSES - 1, 0)
    return class_byte(
        RATE_CLASSES - 1 if rate == RATE_CLASSES - 1 else RATE_CLASSES - 2,
        len(COUNT_VALUES) - 2 if count >= len(COUNT_VALUES) - 2 else 0,
    )
