"""A shard's devices as a round reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_delta import CataloguePack
from omega_federation_worker import keeping
from omega_federation_worker.spool import Spool
from omega_learn import DeviceSketches, Fleet, Kept, LearnConfig, fleets
from omega_store import Connection, kept, pushes
from omega_store.kept import KeptRow

_MOST_NAMED = 100_000
"""Devices that are asked for by name; where more changed, all are read and the others left out."""


@dataclass
class Local:
    """Devices on disk, for as long as the round takes."""

    sketches: Spool[Fleet]
    """Of the devices that are decoded, by name."""
    kept: Spool[Kept]
    """Rows of the others."""
    pushed: list[NDArray[np.int32]] = field(default_factory=list)
    """Pushes of each device of each block of `sketches`."""
    devices: int = 0
    """Distinct devices."""

    def rows(self, decoded: Iterable[Kept], now: datetime) -> Iterator[KeptRow]:
        """What to keep of the devices that were decoded.

        Args:
            decoded: block by block, as `sketches` has them; none = nothing is kept.
            now: the instant from which the ages of sketches count.
        """
        for block, counts in zip(decoded, self.pushed, strict=False):
            yield from keeping.rows(block, counts, now)


@dataclass(frozen=True)
class Reading:
    """How devices are read."""

    now: datetime
    """From which the ages of sketches count."""
    config: LearnConfig
    """How the round learns."""
    until: datetime | None = None
    """Only what was received up to then; None = everything."""
    scratch: Path | None = None
    """Where blocks lie; None = where temporary files do."""


def everything(conn: Connection, catalogue: CataloguePack, how: Reading) -> Local:
    """Every device; call it in Store.snapshot()."""
    local = Local(Spool(Fleet, how.scratch), Spool(Kept, how.scratch))
    _add(local, pushes.iterate(conn, catalogue.model_version, until=how.until), how)
    return local


def changes(conn: Connection, catalogue: CataloguePack, how: Reading) -> Local:
    """The sketches of devices that changed and the kept rows of the others; in Store.snapshot()."""
    local = Local(Spool(Fleet, how.scratch), Spool(Kept, how.scratch))
    changed = set(kept.changed(conn, catalogue.model_version, how.until))
    others = (row for row in kept.iterate(conn) if row.device_id not in changed)
    top = min(how.config.top, len(catalogue.ordinals))
    loaded = keeping.load(others, how.now, how.config.trends.windows[-1], top, local.kept)
    local.devices += loaded.devices
    changed.update(loaded.unread)
    if changed:
        named = sorted(changed) if len(changed) <= _MOST_NAMED else None
        found = pushes.iterate(conn, catalogue.model_version, device_ids=named, until=how.until)
        _add(local, (each for each in found if each.device_id in changed), how)
    return local


def hours(span: timedelta) -> float:
    """Hours of a span, at least 0."""
    return max(span / timedelta(hours=1), 0.0)


def _add(local: Local, found: Iterable[pushes.DeviceSketches], how: Reading) -> None:
    counts = Counter[str]()

    def counted() -> Iterator[DeviceSketches]:
        for each in found:
            counts[each.device_id] += len(each.arrivals)
            yield _sketches(each, how.now)

    config = how.config
    for fleet in fleets(counted(), config.max_device_sketches, sigma=config.sigma):
        local.sketches.append(fleet)
        local.pushed.append(np.array([counts.pop(key) for key in fleet.keys], np.int32))
        local.devices += len(fleet)


def _sketches(pushed: pushes.DeviceSketches, now: datetime) -> DeviceSketches:
    scale = pushed.sigma_hundredths
    return DeviceSketches(
        pushed.device_id,
        pushed.sketches,
        pushed.classes,
        scale / 100 if scale else None,
        pushed.region,
        tuple((count, hours(now - at)) for count, at in pushed.arrivals),
    )
