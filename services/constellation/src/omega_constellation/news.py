"""Steps between versions of the collective state, encoded once for all TVs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from omega.common.v1 import resource_pb2
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import (
    GlobalPattern,
    StateDelta,
    Trend,
    Trends,
    encode_state_delta,
    state_pages,
)
from omega_store import Store, states, trends
from omega_store.states import Step

UNSPECIFIED = resource_pb2.Codec.CODEC_UNSPECIFIED
F16 = resource_pb2.Codec.CODEC_F16_ZSTD
U8 = resource_pb2.Codec.CODEC_U8_ZSTD

_MOST_CACHED = 256


@dataclass(frozen=True)
class Wanted:
    """What a TV holds, and which page of the news it asks for."""

    version: int = 0
    """Version held; 0 = nothing."""
    region: str = ""
    """Whose trends; empty = not stated."""
    codec: int = UNSPECIFIED
    """Best codec that it reads."""
    page: int = 0
    """From 0."""
    leads_to: int = 0
    """Version that the pages before this one lead to; 0 with page 0."""


@dataclass(frozen=True)
class News:
    """An answer."""

    version: int
    """That the TV reaches."""
    delta: bytes = b""
    """A page of the step to it; empty = nothing is newer."""
    codec: int = UNSPECIFIED
    """How `delta` is coded."""
    pages: int = 0
    """Pages of the step; 0 = nothing is newer, or the TV knows of no pages."""
    page: int = 0
    """Which of them `delta` is."""


class StateNews:
    """Encoded deltas of a shard. Safe to share between threads.

    A step from one version to another is the same for every TV of a region, so it is kept once
    encoded. Regions without trends of their own share one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int, str, int], tuple[bytes, ...]] = OrderedDict()
        self._regions: tuple[int, frozenset[str]] = (0, frozenset())

    def since(self, wanted: Wanted, newest_version: int) -> News:
        """What a TV lacks.

        Args:
            wanted: by the TV.
            newest_version: of the shard; 0 = nothing was published.

        Raises:
            OmegaError: INVALID_FIELD page when the step has no such page; STORAGE_UNAVAILABLE.
        """
        codec = min(wanted.codec, U8)
        if newest_version in {0, wanted.version}:
            # With 0, a TV of a shard that was lost: it keeps what it has until there is news.
            return News(wanted.version, codec=codec)
        version, pages = self._step(wanted, newest_version, codec)
        if version == wanted.version:
            return News(version, codec=codec)
        if codec == UNSPECIFIED:
            return News(version, pages[0])
        page = wanted.page if wanted.leads_to == version else 0
        if page >= len(pages):
            raise invalid("page", f"below {len(pages)}, the pages of this step")
        return News(version, pages[page], codec, len(pages), page)

    def _step(self, wanted: Wanted, newest: int, codec: int) -> tuple[int, tuple[bytes, ...]]:
        """The newest version, which may have moved on, and the pages that lead to it."""
        with self._lock:
            version, regions = self._regions
            if version == newest:
                region = _own(wanted.region, regions)
                known = self._cache.get((wanted.version, newest, region, codec))
                if known is not None:
                    return newest, known
        with self._store.snapshot() as conn:
            step = states.step(conn, wanted.version, wanted.region)
            regions = trends.regions(conn)
        version = step.state.version
        with self._lock:
            self._regions = (version, regions)
            if step.base_version == version:
                return version, ()
            key = (step.base_version, version, _own(wanted.region, regions), codec)
            if key not in self._cache:
                self._cache[key] = _encode(step, codec)
                if len(self._cache) > _MOST_CACHED:
                    self._cache.popitem(last=False)
            return version, self._cache[key]


def _encode(step: Step, codec: int) -> tuple[bytes, ...]:
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
        if codec == UNSPECIFIED:
            return (encode_state_delta(delta),)
        return state_pages(delta, codec)
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
