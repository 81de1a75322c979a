"""What a shard stored minute by minute: counts, and how long exchanges waited until durable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

import numpy as np

from omega_store.pool import Connection
from omega_store.pushes import Outcome, Push, PushResult
from omega_store.rows import only

BUCKETS = 20
"""Buckets of waiting times: the first ends at 1 ms, each of the others at twice the one before."""
RATES = 8
"""Success-rate classes."""
KEPT = timedelta(days=7)
"""Minutes that are kept."""
_FIRST_SECONDS = 0.001
_COUNT_CLASSES = 4


@dataclass(frozen=True)
class Tally:
    """What a batch stored."""

    exchanges: int = 0
    """Pushes, with and without sketches, whatever became of them."""
    sketches: int = 0
    """Stored."""
    duplicates: int = 0
    """Pushes that were stored already."""
    refused: int = 0
    """Pushes of devices that are unknown, revoked or moved."""
    rates: tuple[int, ...] = (0,) * RATES
    """Stored sketches by success-rate class."""


@dataclass(frozen=True)
class Minute:
    """A minute of a shard."""

    minute: datetime
    """Its beginning."""
    exchanges: int
    """As in Tally."""
    sketches: int
    """As in Tally."""
    duplicates: int
    """As in Tally."""
    refused: int
    """As in Tally."""
    latency: tuple[int, ...]
    """Exchanges by bucket of the time from arrival until durable, BUCKETS counts."""

    def quantile(self, q: float) -> float:
        """Seconds: the end of the bucket that a share `q` of the exchanges lies under; 0 = none."""
        total = sum(self.latency)
        if not total:
            return 0.0
        reached = np.searchsorted(np.cumsum(self.latency), q * total)
        return float(_FIRST_SECONDS * 2.0 ** int(reached))


_ADD: LiteralString = (
    "INSERT INTO traffic_minutes AS held"
    " (minute, slot, exchanges, sketches, duplicates, refused, latency, rates)"
    " VALUES (date_trunc('minute', %s::timestamptz, 'UTC'), %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (minute, slot) DO UPDATE SET exchanges = held.exchanges + EXCLUDED.exchanges,"
    " sketches = held.sketches + EXCLUDED.sketches,"
    " duplicates = held.duplicates + EXCLUDED.duplicates,"
    " refused = held.refused + EXCLUDED.refused,"
    " latency = (SELECT array_agg(a + b ORDER BY n)"
    "  FROM unnest(held.latency, EXCLUDED.latency) WITH ORDINALITY AS pair (a, b, n)),"
    " rates = (SELECT array_agg(a + b ORDER BY n)"
    "  FROM unnest(held.rates, EXCLUDED.rates) WITH ORDINALITY AS pair (a, b, n))"
)
_MINUTES: LiteralString = (
    "SELECT minute, sum(exchanges)::bigint, sum(sketches)::bigint, sum(duplicates)::bigint,"
    " sum(refused)::bigint, (SELECT array_agg(each ORDER BY n) FROM ("
    "  SELECT n, sum(a)::bigint AS each FROM traffic_minutes AS l,"
    "  unnest(l.latency) WITH ORDINALITY AS one (a, n)"
    "  WHERE l.minute = t.minute GROUP BY n) AS sums)"
    " FROM traffic_minutes AS t WHERE minute > %s AND minute <= %s GROUP BY minute ORDER BY minute"
)


def bucket(seconds: float) -> int:
    """Which bucket a waiting time belongs to."""
    return int(
        np.clip(np.ceil(np.log2(max(seconds, _FIRST_SECONDS) / _FIRST_SECONDS)), 0, BUCKETS - 1)
    )


def tally(pushes: Sequence[Push], results: Sequence[PushResult]) -> Tally:
    """What became of a batch."""
    stored, duplicates, refused = [], 0, 0
    for push, result in zip(pushes, results, strict=True):
        if result.outcome is Outcome.STORED:
            stored.append(push.classes)
        elif result.outcome is Outcome.DUPLICATE:
            duplicates += 1
        else:
            refused += 1
    classes = np.frombuffer(b"".join(stored), np.uint8)
    # A class byte is rate class x 4 + count class.
    rates = np.bincount(classes // _COUNT_CLASSES, minlength=RATES)
    return Tally(len(pushes), len(classes), duplicates, refused, tuple(rates.tolist()))


def add(conn: Connection, slot: int, now: datetime, batch: Tally, latency: Sequence[int]) -> None:
    """Adds to the present minute; call it in the transaction that stores the batch.

    Args:
        conn: the transaction.
        slot: of the writer, 0 to 2**31 - 1: writers with slots of their own never wait here.
        now: the present instant.
        batch: what is stored in this transaction.
        latency: BUCKETS counts: how long the exchanges before it waited. A batch's own wait is over
            only when it is committed.
    """
    counts = (batch.exchanges, batch.sketches, batch.duplicates, batch.refused)
    conn.execute(_ADD, (now, slot, *counts, list(latency), list(batch.rates)))


def minutes(conn: Connection, now: datetime, most: int) -> list[Minute]:
    """Of the last `most` minutes, the present one among them, those with traffic; oldest first."""
    rows = conn.execute(_MINUTES, (now - timedelta(minutes=most), now)).fetchall()
    return [
        Minute(minute, exchanges, sketches, duplicates, refused, tuple(latency))
        for minute, exchanges, sketches, duplicates, refused, latency in rows
    ]


def rates(conn: Connection, since: datetime) -> tuple[int, ...]:
    """Sketches stored in the minutes after an instant, by success-rate class: RATES counts."""
    row = conn.execute(
        "SELECT ARRAY(SELECT coalesce(sum(t.rates[n]), 0)::bigint"
        " FROM generate_series(1, %s) AS n LEFT JOIN traffic_minutes AS t ON t.minute >= %s"
        " GROUP BY n ORDER BY n)",
        (RATES, since),
    ).fetchone()
    return tuple(only(row)[0])


def forget(conn: Connection, now: datetime) -> None:
    """Deletes the minutes that are not kept any more."""
    conn.execute("DELETE FROM traffic_minutes WHERE minute < %s", (now - KEPT,))
