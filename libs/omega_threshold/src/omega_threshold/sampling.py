"""Which pairs a TV reports first, where it cannot report all of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from omega_threshold.pair import Pair


def order(pairs: Iterable[Pair]) -> list[Pair]:
    """The same order on all TVs, so that the same pairs come first and open sooner.

    Titles alone come first; within each group it is that of the SHA-256 of the encoded pair.

    Args:
        pairs: of one household.
    """
    return sorted(pairs, key=lambda pair: (not pair.alone, hashlib.sha256(pair.encode()).digest()))
