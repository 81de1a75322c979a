"""The degraded way: exact search by one vector, nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank import order
from omega_rank.catalogue import Catalogue
from omega_rank.kinds import Basis, Term
from omega_rank.ranker import Ranked, Ranking
from omega_rank.reasons import facts

TASTE_REASON = "Like what you watch"
"""Said of a title on the side of the household's taste."""


def quick(
    catalogue: Catalogue,
    vector: FloatArray,
    seen: NDArray[np.bool_],
    *,
    limit: int,
    offset: int = 0,
    candidates: NDArray[np.bool_] | None = None,
    reason: str = TASTE_REASON,
) -> Ranking:
    """Titles `offset` to `offset + limit` by cosine with one vector; below 1 ms at 10,000 titles.

    No lock is needed: nothing it reads changes.

    Args:
        catalogue: the titles.
        vector: (384,) in the catalogue's centred space, of any norm: History.taste_vector(). Zero
            = nothing is known, and the list is empty: `popular` answers then.
        seen: (n,) rows that do not appear.
        limit: most titles wanted, at least 1.
        offset: first rank wanted.
        candidates: (n,) rows that may appear; absent = all.
        reason: said of titles whose cosine is above 0; of the others the catalogue's facts are.

    Returns:
        Basis PERSONAL; a title's score is (1 + cosine) / 2.

    Raises:
        ValueError: seen or candidates are not aligned to the catalogue.
    """
    n = len(catalogue)
    if seen.shape != (n,) or (candidates is not None and candidates.shape != (n,)):
        raise ValueError(f"seen and candidates of {n} titles have shape ({n},)")
    norm = float(np.linalg.norm(vector))
    if norm == 0 or not n:
        return Ranking(Basis.PERSONAL, ())
    cosines = catalogue.embeddings @ np.asarray(vector / norm, np.float32)
    open_rows = ~seen if candidates is None else candidates & ~seen
    rows = order.best_first(np.where(open_rows, cosines, -np.inf), offset + limit)[offset:]
    titles = []
    for row in rows.tolist():
        cosine = min(max(float(cosines[row]), -1.0), 1.0)
        close = cosine > 0
        titles.append(
            Ranked(
                row=row,
                score=(1 + cosine) / 2,
                contributions={Term.CONTENT: cosine},
                reason_term=Term.CONTENT if close else Term.METADATA,
                because=(),
                reason=reason if close else facts(catalogue, row),
            )
        )
    return Ranking(Basis.PERSONAL, tuple(titles))
