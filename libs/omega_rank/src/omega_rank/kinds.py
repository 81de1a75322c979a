"""Names of what a list rests on and of the parts of its relevance."""

from __future__ import annotations

from enum import IntEnum


class Basis(IntEnum):
    """What a list rests on; values as in omega.brain.v1.Basis."""

    PERSONAL = 1
    COLLECTIVE_PRIOR = 2
    METADATA = 3
    POPULAR = 4


class Term(IntEnum):
    """A part of the relevance; values as in omega.brain.v1.ReasonTerm."""

    COLLABORATIVE = 1
    CONTENT = 2
    GENRE = 3
    NEAREST = 4
    PRIOR = 5
    METADATA = 6
    SESSION = 7
    SEASON = 8
    CONTEXT = 11
