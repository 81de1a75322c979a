"""Which pairs of titles a TV tells next, each of them once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from omega_brain.state import FACTORS
from omega_delta import decode_factors
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
        """Share of each title that the fleet publishes one of, above 0, by its key."""
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
        """The prior of the factors that are held; empty without any."""
        stores = self._brain.stores
        stored = stores.resources.get(FACTORS)
        if stored is None:
            return {}
        pack, ids = decode_factors(stored.body), stores.contents.ids_by_ordinal()
        return {
            title_key(ids[ordinal]): share
            for ordinal, share in zip(pack.ordinals.tolist(), pack.prior.tolist(), strict=True)
            if share > 0 and ordinal in ids
        }


def remain(likes: Mapping[int, str], known: Collection[Titles]) -> bool:
    """Whether some pair of `likes` is not known, due or not."""
    return any(pair not in known for pair in every_pair(likes))


def wishes(
    likes: Mapping[int, str],
    known: Collection[Titles],
    most: int,
    epoch: int,
    support: Callable[[], Mapping[bytes, float]],
) -> list[Wish]:
    """The first `most` pairs of `likes` that are not known and due, in the order of all TVs.

    Pairs are looked at only where titles alone are too few: there are up to 4,950.

    Args:
        likes: content ids by rowid.
        known: what is told or under way.
        most: how many.
        epoch: of the reports.
        support: shares of titles, as the fleet publishes them; asked where pairs are looked at.
    """
    titles = {rowid: title_key(content_id) for rowid, content_id in likes.items()}
    alone = _unknown(((rowid, rowid) for rowid in titles), titles, known)
    found = order(alone, epoch=epoch, support={})[:most]
    if len(found) < most:
        pairs = _unknown(itertools.combinations(sorted(titles), 2), titles, known)
        found += order(pairs, epoch=epoch, support=support() if pairs else {})[: most - len(found)]
        alone |= pairs
    return [Wish(alone[pair], pair) for pair in found]


def every_pair(titles: Iterable[int]) -> Iterator[Titles]:
    """All pairs of titles, by rowid, and each alone."""
    return itertools.combinations_with_replacement(sorted(titles), 2)


def _unknown(
    pairs: Iterable[Titles], titles: Mapping[int, bytes], known: Collection[Titles]
) -> dict[Pair, Titles]:
    return {
        Pair(*sorted((titles[low], titles[high]))): (low, high)
        for low, high in pairs
        if (low, high) not in known
    }
