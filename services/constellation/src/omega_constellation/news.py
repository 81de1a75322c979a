"""Steps between versions of the collective state, encoded once for all TVs."""

from __future__ import annotations

import threading
from collections import OrderedDict

from omega_core.errors import ErrorCode, OmegaError
from omega_delta import GlobalPattern, StateDelta, Trend, Trends, encode_state_delta
from omega_store import Store, states, trends
from omega_store.states import Step

_MOST_CACHED = 256


class StateNews:
    """Encoded deltas of a shard. Safe to share between threads.

    A step from one version to another is the same for every TV of a region, so it is kept once
    encoded. Regions without trends of their own share one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int, str], bytes] = OrderedDict()
        self._regions: tuple[int, frozenset[str]] = (0, frozenset())

    def since(self, held_version: int, newest_version: int, region: str = "") -> tuple[int, bytes]:
        """The version that a TV reaches and the delta to it; empty when nothing is newer.

        Args:
            held_version: what the TV holds; 0 = nothing.
            newest_version: of the shard; 0 = nothing was published.
            region: of the TV; empty = not stated.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        if held_version == newest_version:
            return newest_version, b""
        if newest_version == 0:
            # A TV of a shard that was lost: it keeps what it has until there is something newer.
            return held_version, b""
        with self._lock:
            version, regions = self._regions
            if version == newest_version:
                known = self._cache.get((held_version, newest_version, _own(region, regions)))
                if known is not None:
                    return newest_version, known
        with self._store.snapshot() as conn:
            step = states.step(conn, held_version, region)
            regions = trends.regions(conn)
        with self._lock:
            self._regions = (step.state.version, regions)
        if step.base_version == step.state.version:
            return step.state.version, b""
        return step.state.version, self._encoded(step, _own(region, regions))

    def _encoded(self, step: Step, region: str) -> bytes:
        key = (step.base_version, step.state.version, region)
        with self._lock:
            if key not in self._cache:
                self._cache[key] = _encode(step)
                if len(self._cache) > _MOST_CACHED:
                    self._cache.popitem(last=False)
            return self._cache[key]


def _encode(step: Step) -> bytes:
    delta = StateDelta(
        base_version=step.base_version,
        version=step.state.version,
        model_version=step.state.model_version,
        patterns=tuple(
            GlobalPattern(
                pattern_id=p.pattern_id,
                embedding=p.embedding,
                success_rate=p.success_rate,
                device_count_floor=p.device_count_floor,
                weight=p.weight,
            )
            for p in step.patterns
        ),
        removed_pattern_ids=step.removed,
        trends=_trends(step),
    )
    try:
        return encode_state_delta(delta)
    except OmegaError as error:
        # What is stored breaks the contract: a fault of this side, not of the TV that asks.
        raise OmegaError(ErrorCode.INTERNAL, detail=f"state {delta.version}: {error}") from error


def _own(region: str, regions: frozenset[str]) -> str:
    """The region, where it has trends of its own; else the one that all others share."""
    return region if region in regions else ""


def _trends(step: Step) -> Trends | None:
    if step.trends_at is None:
        return None
    titles = tuple(Trend(t.ordinal, t.score, t.regional) for t in step.trends)
    return Trends(step.trends_catalogue_version, step.trends_at, titles)
