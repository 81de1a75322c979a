"""Orders of reports that the shipped one is compared with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from omega_threshold import Pair
from omega_threshold.sampling import order, public_hash


class Order(Protocol):
    """What omega_threshold.sampling.order does."""

    def __call__(
        self, pairs: Iterable[Pair], *, epoch: int, support: Mapping[bytes, float]
    ) -> list[Pair]:
        """Of pairs not reported yet, those that are due, first ones first; titles alone lead."""
        ...


def _by_chance(number: int) -> Order:
    """Each TV in an order of its own."""

    def chance(pairs: Iterable[Pair], *, epoch: int, support: Mapping[bytes, float]) -> list[Pair]:
        drawn = random.Random(f"{number} {epoch} {len(support)}")  # noqa: S311 - for a study
        found = sorted(pairs)
        drawn.shuffle(found)
        return sorted(found, key=lambda pair: not pair.alone)

    return chance


def _by_hash(_number: int) -> Order:
    """All TVs in the order of a hash."""

    def hashed(
        pairs: Iterable[Pair],
        *,
        epoch: int,  # noqa: ARG001 - as all orders have it
        support: Mapping[bytes, float],  # noqa: ARG001 - the same
    ) -> list[Pair]:
        return sorted(pairs, key=lambda pair: (not pair.alone, public_hash(pair)))

    return hashed


def _most_liked(_number: int) -> Order:
    """All TVs by the product of shares, and nobody waits for a turn."""

    def liked(
        pairs: Iterable[Pair],
        *,
        epoch: int,  # noqa: ARG001 - as all orders have it
        support: Mapping[bytes, float],
    ) -> list[Pair]:
        def share(pair: Pair) -> float:
            return support.get(pair.low, 0.0) * support.get(pair.high, 0.0)

        return sorted(pairs, key=lambda pair: (not pair.alone, -share(pair), public_hash(pair)))

    return liked


def _in_turns(_number: int) -> Order:
    """As shipped."""
    return order


SHIPPED = "turns"
"""Name of what TVs do."""
ORDERS: Mapping[str, Callable[[int], Order]] = MappingProxyType(
    {SHIPPED: _in_turns, "chance": _by_chance, "hash": _by_hash, "most-liked": _most_liked}
)
"""Name -> the order of each household."""
