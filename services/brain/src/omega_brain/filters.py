"""Which titles a request lets into its list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omega_brain.answers import RecommendQuery
from omega_brain.state import Titles
from omega_core.errors import ErrorCode, OmegaError

_NONE = np.empty(0, np.int64)


def candidates(
    titles: Titles, query: RecommendQuery, nearest: NDArray[np.int64] | None
) -> NDArray[np.bool_] | None:
    """Rows (n,) that pass every filter of the query; None = all.

    Args:
        titles: the catalogue.
        query: the request.
        nearest: rowids near the query's text, when it has one.

    Raises:
        OmegaError: UNKNOWN_CONTENT (field content_ids[i]).
    """
    if not (query.content_ids or query.available_services or query.kinds or query.query_text):
        return None
    n = len(titles.catalogue)
    allowed = np.ones(n, bool)
    if query.content_ids:
        allowed &= _mask(n, _rows(titles, query.content_ids))
    if query.available_services:
        offered = [titles.offered_by.get(name, _NONE) for name in query.available_services]
        allowed &= _mask(n, np.concatenate(offered))
    if query.kinds:
        allowed &= np.isin(titles.catalogue.kinds, query.kinds)
    if nearest is not None:
        allowed &= _mask(n, titles.rows_of(nearest))
    return allowed


def _rows(titles: Titles, content_ids: Sequence[str]) -> list[int]:
    row_of = titles.catalogue.row_of
    for i, content_id in enumerate(content_ids):
        if content_id not in row_of:
            raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field=f"content_ids[{i}]")
    return [row_of[content_id] for content_id in content_ids]


def _mask(length: int, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(length, bool)
    mask[np.asarray(rows, np.int64)] = True
    return mask
