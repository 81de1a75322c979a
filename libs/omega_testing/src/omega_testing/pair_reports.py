"""Threshold reports of made-up households, as an intake would leave them in a shard."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement

from omega_store import Store
from omega_threshold import Pair, Report, Sealing

Likes = Sequence[Sequence[str]]
"""Content ids that each household likes."""


def pairs_of(liked: Sequence[str]) -> Iterator[Pair]:
    """What a household reports: each title alone and each two of them."""
    for one, other in combinations_with_replacement(sorted(set(liked)), 2):
        yield Pair.of(one, other)


@lru_cache(maxsize=1 << 17)
def sealing(pair: Pair, threshold: int, epoch: int) -> Sealing:
    """How a pair is sealed. A hash stands for the randomness server."""
    coins = hashlib.sha512(b"%d %s" % (epoch, pair.encode())).digest()
    return Sealing.of_coins(coins, epoch, threshold)


def reports_of(likes: Likes, threshold: int, epoch: int) -> list[Report]:
    """Every report of some households."""
    return [
        sealing(pair, threshold, epoch).report(pair) for liked in likes for pair in pairs_of(liked)
    ]


def plain_counts(likes: Likes, threshold: int) -> Counter[Pair]:
    """How many of some households report each pair that opens."""
    found = Counter(pair for liked in likes for pair in pairs_of(liked))
    return Counter({pair: count for pair, count in found.items() if count >= threshold})


def bring(store: Store, reports: Iterable[Report | bytes]) -> int:
    """Stores reports, or bytes in the place of any, each with a token of its own; how many."""
    found = [each if isinstance(each, bytes) else each.encode() for each in reports]
    with store.transaction() as conn, conn.cursor() as cursor:
        conn.execute("SET LOCAL statement_timeout = 0")
        with cursor.copy(
            "COPY threshold_inbox (epoch, nonce, report) FROM STDIN (FORMAT binary)"
        ) as rows:
            rows.set_types(["int8", "bytea", "bytea"])
            for body in found:
                epoch = int.from_bytes(body[2:6], "big")
                rows.write_row((epoch, secrets.token_bytes(32), body))
    return len(found)


def counts(store: Store) -> Counter[Pair]:
    """What is open in a shard."""
    with store.statements() as conn:
        rows = conn.execute("SELECT low, high, reports FROM threshold_pairs").fetchall()
    return Counter({Pair(low, high): count for low, high, count in rows})
