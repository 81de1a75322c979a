"""Sums between rounds: each shard decodes what came and counts it, each region merges its shards'.

A round decodes only what came since, so it is as quick as the time between two of these is short.
"""

from __future__ import annotations

from datetime import datetime

from omega_federation_worker import wire
from omega_federation_worker.answering import ShardWorker
from omega_learn import Sums
from omega_store import Store, current_sums
from omega_store.current_sums import OF_REGION, CurrentSums


def count(worker: ShardWorker, home: Store, region: str, now: datetime) -> bool:
    """Counts a shard; False where there is nothing to count with: a refresh is due.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    found = worker.current(now)
    if found is None:
        return False
    basis, joined = found
    made = CurrentSums(
        region,
        worker.name,
        now,
        basis,
        joined.census.devices,
        joined.census.sketches,
        wire.pack(joined.sums.arrays()),
    )
    with home.transaction("store sums") as conn:
        current_sums.put(conn, made)
    return True


def merge_region(home: Store, region: str) -> CurrentSums | None:
    """Merges the sums of a region's shards that rest on the newest refresh among them.

    None where no shard has any.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    with home.transaction("merge sums") as conn:
        found = current_sums.of_shards(conn, region)
        if not found:
            return None
        basis = max(found, key=lambda each: each.made_at).basis
        found = [each for each in found if each.basis == basis]
        total = Sums.of(wire.unpack(found[0].body))
        for each in found[1:]:
            total = total.merge(Sums.of(wire.unpack(each.body)))
        merged = CurrentSums(
            region,
            OF_REGION,
            min(each.made_at for each in found),
            basis,
            sum(each.devices for each in found),
            sum(each.sketches for each in found),
            wire.pack(total.arrays()),
        )
        current_sums.put(conn, merged)
    return merged
