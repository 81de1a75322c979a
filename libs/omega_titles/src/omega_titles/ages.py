"""Ages that a guide's ratings stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from omega_core import limits

AGES: Mapping[str, int] = MappingProxyType(
    {
        # Motion Picture Association; PG names no age, so that of the BBFC's PG stands for it.
        "G": 0,
        "PG": 8,
        "PG-13": 13,
        "R": 17,
        "NC-17": 18,
        # TV Parental Guidelines of the United States.
        "TV-Y": 0,
        "TV-Y7": 7,
        "TV-G": 0,
        "TV-PG": 8,
        "TV-14": 14,
        "TV-MA": 17,
        # British Board of Film Classification; the rest of its marks are numbers.
        "U": 0,
        "12A": 12,
        "R18": 18,
    }
)
"""Marks of bodies that do not write the age itself, in upper case."""

_NUMBER = re.compile(r"(?:(?:FSK|PEGI|AGE)[ -]?)?(\d{1,2})\s*\+?\Z")


def minimum_age(marks: Iterable[str]) -> int | None:
    """The age that marks ask for, the highest of them; None where none of them says one.

    Whose marks they are does not matter: where two bodies use the same one, they mean the same.
    """
    ages = [age for mark in marks if (age := _age(mark.strip().upper())) is not None]
    return max(ages, default=None)


def _age(mark: str) -> int | None:
    if mark in AGES:
        return AGES[mark]
    match = _NUMBER.match(mark)
    return int(match[1]) if match and int(match[1]) <= limits.MAX_AGE else None
