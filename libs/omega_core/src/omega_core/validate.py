"""Checks at the boundary: each raises INVALID_FIELD that names the field and the bound."""

from __future__ import annotations

import math
import re
from collections.abc import Sized
from datetime import UTC, datetime, timedelta

import numpy as np

from omega_core import limits
from omega_core.errors import invalid
from omega_core.vectors import FloatArray

# Unicode category Cc, and lone surrogates, which no UTF-8 can carry.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]+\Z")
_REGION = re.compile(r"[A-Za-z0-9-]*\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_DEVICE = re.compile(r"tv-[0-9a-f]{32}\Z")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Earliest instant a viewing event may carry."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of this clock an instant may lie."""


def text(field: str, value: str, longest: int, shortest: int = 0) -> str:
    """Length in characters within [shortest, longest], no control characters or surrogates."""
    if not shortest <= len(value) <= longest:
        raise invalid(field, f"{shortest} to {longest:,} characters")
    if _UNPRINTABLE.search(value):
        raise invalid(field, "free of control characters")
    return value


def identifier(field: str, value: str, longest: int, *, optional: bool = False) -> str:
    """1 to `longest` characters of [A-Za-z0-9._:-]; may be empty when optional."""
    if optional and not value:
        return value
    if not 1 <= len(value) <= longest or not _IDENTIFIER.match(value):
        raise invalid(field, f"1 to {longest} characters of [A-Za-z0-9._:-]")
    return value


def region(field: str, value: str) -> str:
    """At most 16 characters of [A-Za-z0-9-]; empty = not stated."""
    if len(value) > limits.MAX_REGION or not _REGION.match(value):
        raise invalid(field, f"at most {limits.MAX_REGION} characters of [A-Za-z0-9-]")
    return value


def uuid(field: str, value: str) -> str:
    """A UUID in its 36-character lower-case form."""
    if not _UUID.match(value):
        raise invalid(field, "a UUID of 36 characters")
    return value


def device_id(field: str, value: str) -> str:
    """`tv-` and 32 hexadecimal digits."""
    if not _DEVICE.match(value):
        raise invalid(field, "'tv-' and 32 hexadecimal digits")
    return value


def number(field: str, value: float, least: float, most: float) -> float:
    """A finite number within [least, most]."""
    if not (math.isfinite(value) and least <= value <= most):
        raise invalid(field, f"between {least:g} and {most:g}")
    return value


def integer(field: str, value: int, least: int, most: int) -> int:
    """An integer within [least, most]."""
    if not least <= value <= most:
        raise invalid(field, f"between {least:,} and {most:,}")
    return value


def count(field: str, value: Sized, most: int, least: int = 0) -> None:
    """Number of items within [least, most]."""
    if not least <= len(value) <= most:
        raise invalid(field, f"{least} to {most:,} items")


def size(field: str, value: bytes, exact: int) -> bytes:
    """Exactly `exact` bytes."""
    if len(value) != exact:
        raise invalid(field, f"exactly {exact:,} bytes")
    return value


def instant(field: str, value: datetime, now: datetime) -> datetime:
    """Not before 2000-01-01 and not more than 5 minutes after `now`; both aware."""
    if value < EARLIEST:
        raise invalid(field, "2000-01-01 or later")
    if value > now + CLOCK_SKEW:
        raise invalid(field, "at most 5 minutes in the future")
    return value


def vector(field: str, value: FloatArray, dimension: int) -> FloatArray:
    """A finite float32 vector of `dimension` with a norm above 0; returned contiguous."""
    if value.ndim != 1 or value.shape[0] != dimension:
        raise invalid(field, f"a vector of {dimension} dimensions")
    if not np.isfinite(value).all():
        raise invalid(field, "finite in every component")
    if not float(np.linalg.norm(value)) > 0:
        raise invalid(field, "a vector other than zero")
    return np.ascontiguousarray(value, dtype=np.float32)
