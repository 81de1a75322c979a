"""Which pairs of titles a TV tells next: a title alone before pairs, each of them once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from omega_persistence.pair_reports import Titles
from omega_threshold import Pair, title_key
from omega_threshold.sampling import MOST_LIKES, order

if TYPE_CHECKING:
    from omega_brain.brain import Brain


@dataclass(frozen=True)
class Wish:
    """A pair that is to be told."""

    titles: Titles
    """Its rowids here."""
    pair: Pair
    """What the fleet calls it."""


class Liked(Protocol):
    """What a household likes and may report."""

    def rowids(self) -> set[int]:
        """Every such title."""
        ...

    def newest(self) -> Mapping[int, str]:
        """Content ids of the newest MOST_LIKES, by rowid."""
        ...

    def support(self) -> Mapping[bytes, float]:
        """Title key -> how much the fleet likes a title that it published a factor of."""
        ...


class LikedHere:
    """What the household of a brain likes, by the rule of its policy."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    def rowids(self) -> set[int]:
        """Titles that qualify, as they would for a sketch."""
        liked, policy = self._brain.liked_titles(), self._brain.switches.policy
        samples = self._brain.pattern_samples() if liked else {}
        return {
            title.rowid
            for title in liked
            if policy.qualifies(title.success_rate, title.success_rate, samples.get(title.rowid, 0))
        }

    def newest(self) -> Mapping[int, str]:
        """Content ids of those that were viewed last."""
        stores = self._brain.stores
        newest = stores.pair_reports.newest(self.rowids(), MOST_LIKES)
        rows = stores.contents.by_rowids(newest)
        return {rowid: rows[rowid].content.content_id for rowid in newest if rowid in rows}

    def support(self) -> Mapping[bytes, float]:
        """Of the factors that this TV holds."""
        shares = self._brain.published_shares()
        return {title_key(content_id): share for content_id, share in shares.items()}


def wishes(
    likes: Mapping[int, str],
    known: Collection[Titles],
    most: int,
    *,
    epoch: int,
    support: Callable[[], Mapping[bytes, float]],
) -> list[Wish]:
    """The first `most` pairs of `likes` that are not known and are due, in the order of all TVs.

    Pairs are looked at only where titles alone are too few: there are up to 4,950.

    Args:
        likes: content ids by rowid.
        known: what was told, or waits.
        most: at least 0.
        epoch: of the reports.
        support: as order() has it; called where pairs are looked at.
    """
    keys = {rowid: title_key(content_id) for rowid, content_id in likes.items()}
    alone = _wished(((rowid, rowid) for rowid in keys), keys, known)
    found = order(alone, epoch=epoch, support={})[:most]
    if len(found) < most:
        pairs = _wished(itertools.combinations(sorted(keys), 2), keys, known)
        found += order(pairs, epoch=epoch, support=support())[: most - len(found)]
        alone |= pairs
    return [Wish(alone[pair], pair) for pair in found]


def _wished(
    pairs: Iterable[Titles], keys: Mapping[int, bytes], known: Collection[Titles]
) -> dict[Pair, Titles]:
    return {
        Pair(*sorted((keys[low], keys[high]))): (low, high)
        for low, high in pairs
        if (low, high) not in known
    }
