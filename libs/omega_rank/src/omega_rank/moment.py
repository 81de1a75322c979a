"""Reasons that hold now: what is going on tonight, and what belongs to the circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from omega_core.vectors import FloatArray
from omega_rank.catalogue import Catalogue
from omega_rank.circumstances import Leaning
from omega_rank.session import SessionBias


@dataclass(frozen=True, eq=False)
class Moment:
    """What holds now, beside the taste."""

    session: SessionBias | None = None
    """What is going on."""
    genre_bonus: FloatArray | None = None
    """(g,) how much each genre suits the circumstances."""
    occasions: Mapping[str, str] = field(default_factory=dict)
    """When the household watches a genre, in words."""
    leaning: Leaning | None = None
    """What is watched more in the stated circumstances."""


def session_reason(catalogue: Catalogue, session: SessionBias, row: int) -> tuple[int, str]:
    """The enjoyed title of the session that adds most to the title at `row`, and the words.

    There is one wherever the bonus of `row` is above 0.
    """
    embeddings = catalogue.embeddings
    added = session.strengths * (embeddings[session.rows] @ embeddings[row])
    because = int(session.rows[added.argmax()])
    doing = "are watching" if because == session.watching else "just watched"
    return because, f"Because you {doing} {catalogue.titles[because]}"


def season_reason(
    catalogue: Catalogue, genre_bonus: FloatArray, occasions: Mapping[str, str], row: int
) -> str | None:
    """Words for the genre that adds most to the title at `row` and whose occasion is known.

    None when no genre with an occasion speaks for it.
    """
    added = catalogue.genre_rows[row] * genre_bonus
    for column in np.argsort(-added, kind="stable").tolist():
        if added[column] <= 0:
            break
        genre = catalogue.genres[column]
        if genre in occasions:
            return f"You often watch {genre} {occasions[genre]}"
    return None
