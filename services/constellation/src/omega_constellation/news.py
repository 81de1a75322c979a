"""Steps between versions of the collective state, encoded once for all TVs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from omega.common.v1 import resource_pb2
from omega_constellation import answers, coded
from omega_constellation.codebooks import Codebooks
from omega_constellation.coded import CodedStep
from omega_constellation.plain import UNSPECIFIED, PlainStep
from omega_core.errors import invalid
from omega_delta import room
from omega_delta.transform import Codebook
from omega_store import Store, states, trends
from omega_store.heads import Heads

TRANSFORM = resource_pb2.Codec.CODEC_TRANSFORM
U8 = resource_pb2.Codec.CODEC_U8_ZSTD

_MOST_CACHED = 256
_Key = tuple[int, int, str, int, int]


@dataclass(frozen=True)
class Wanted:
    """What a TV holds, and which page of the news it asks for."""

    version: int = 0
    """Version held; 0 = nothing."""
    region: str = ""
    """Whose trends; empty = not stated."""
    codec: int = UNSPECIFIED
    """Best codec that it reads."""
    codebook_id: int = 0
    """Codebook under which it holds the version; 0 = none."""
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

    def __init__(self, store: Store, codebooks: Codebooks) -> None:
        self._store = store
        self._codebooks = codebooks
        self._encoding = threading.Lock()
        self._lock = threading.Lock()
        self._cache: OrderedDict[_Key, tuple[bytes, ...]] = OrderedDict()
        self._regions: tuple[int, frozenset[str]] = (0, frozenset())

    def since(self, wanted: Wanted, newest: Heads) -> News:
        """What a TV lacks.

        Args:
            wanted: by the TV.
            newest: versions of the shard.

        Raises:
            OmegaError: INVALID_FIELD page when the step has no such page; STORAGE_UNAVAILABLE.
        """
        book = self._codebook(wanted, newest)
        codec = TRANSFORM if book else min(wanted.codec, U8)
        if newest.state.version in {0, wanted.version}:
            # With 0, a TV of a shard that was lost: it keeps what it has until there is news.
            return News(wanted.version, codec=codec)
        if wanted.codebook_id and not book:
            # It holds the version in a form that no step starts from any more.
            wanted = replace(wanted, version=0, codebook_id=0)
        version, pages = self._step(wanted, newest, codec, book)
        if not pages:
            return News(version, codec=codec)
        if codec == UNSPECIFIED:
            return News(version, pages[0])
        page = wanted.page if wanted.leads_to == version else 0
        if page >= len(pages):
            raise invalid("page", f"below {len(pages)}, the pages of this step")
        return News(version, pages[page], codec, len(pages), page)

    def _codebook(self, wanted: Wanted, newest: Heads) -> Codebook | None:
        """What the TV is to be answered under; None = a fallback codec."""
        if wanted.codec != TRANSFORM or not wanted.codebook_id:
            return None
        book = self._codebooks.find(wanted.codebook_id)
        fits = book is not None and book.model_version == newest.state.model_version
        return book if fits else None

    def _step(
        self, wanted: Wanted, newest: Heads, codec: int, book: Codebook | None
    ) -> tuple[int, tuple[bytes, ...]]:
        """The newest version, which may have moved on, and the pages that lead to it."""
        under = (codec, book.id if book else 0)
        with self._lock:
            version, regions = self._regions
            if version == newest.state.version:
                key = (wanted.version, version, _own(wanted.region, regions), *under)
                if (known := self._cache.get(key)) is not None:
                    return version, known
        step: PlainStep | CodedStep
        with self._store.snapshot("read step") as conn:
            if book:
                step = coded.read(conn, book, wanted.version, wanted.region)
            else:
                step = PlainStep(states.step(conn, wanted.version, wanted.region), codec)
            regions = trends.regions(conn)
        version = step.state.version
        with self._lock:
            self._regions = (version, regions)
        if wanted.version == version:
            return version, ()
        key = (step.base_version, version, _own(wanted.region, regions), *under)
        # One thread encodes, the others wait for what it made.
        with self._encoding:
            with self._lock:
                if (known := self._cache.get(key)) is not None:
                    return version, known
            return version, self._kept(key, self._encoded(step, newest))

    def _encoded(self, step: PlainStep | CodedStep, newest: Heads) -> tuple[bytes, ...]:
        if isinstance(step, PlainStep):
            return step.encode()
        return step.encode(self._store, room(answers.resource(r) for r in newest.resources))

    def _kept(self, key: _Key, pages: tuple[bytes, ...]) -> tuple[bytes, ...]:
        with self._lock:
            self._cache[key] = pages
            if len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)
        return pages


def _own(region: str, regions: frozenset[str]) -> str:
    """The region, where it has trends of its own; else the one that all others share."""
    return region if region in regions else ""
