"""What enough devices have reported, by keys of titles, as evidence on a catalogue's titles."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from omega_learn.evidence import PairCounts


@dataclass(frozen=True)
class OpenedPairs:
    """Titles and pairs of a catalogue that are open."""

    evidence: PairCounts
    """What they say. As no report names its device, `devices` is what is certain: those behind the
    title that most like."""
    groups: int
    """How many titles and pairs they are."""
    reports: int
    """How many reports were counted for them."""


def opened_pairs(
    opened: Iterable[tuple[bytes, bytes, int]], keys: Sequence[bytes], *, sealed: bool = True
) -> OpenedPairs:
    """Counts by rows of a catalogue.

    Who likes two titles likes each of them, but a title's own reports may still be sealed where
    those of a pair with it are open, or be fewer. So a title is liked by as many devices as its own
    reports say, or the reports of any one of its pairs.

    Args:
        opened: keys of two titles or twice that of one, and their reports, at least 1; each pair
            once, its keys in either order. What no title of the catalogue has as its key is left
            out.
        keys: of the titles, distinct, by rows of the catalogue.
        sealed: whether pairs that are not here may be sealed, and count by chance (PairCounts).

    Raises:
        OmegaError: INVALID_FIELD as PairCounts.
    """
    rows = {key: row for row, key in enumerate(keys)}
    liked = np.zeros(len(keys), np.int64)
    first, second, counts = array("i"), array("i"), array("q")
    groups = reports = 0
    for low, high, count in opened:
        one, other = rows.get(low), rows.get(high)
        if one is None or other is None:
            continue
        groups += 1
        reports += count
        if one == other:
            liked[one] = count
        else:
            first.append(min(one, other))
            second.append(max(one, other))
            counts.append(count)
    pairs = np.stack([np.array(first, np.int32), np.array(second, np.int32)], axis=1)
    both = np.array(counts, np.int64)
    for column in pairs.T:
        np.maximum.at(liked, column, both)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    found = PairCounts(liked, pairs[order], both[order], int(liked.max(initial=0)), sealed=sealed)
    return OpenedPairs(found, groups, reports)
