"""News of the collective state, from the wire into the tables, all or nothing."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.stores import Stores
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import (
    GlobalPattern,
    StateDelta,
    decode_state_delta,
    join_state_deltas,
)
from omega_delta.components import F16, U8
from omega_delta.transform import (
    Codebook,
    CodedState,
    News,
    decode_news,
    pack_state,
    patterns_of,
    unpack_state,
)
from omega_persistence.coded_state import StoredState
from omega_persistence.patterns import StoredPattern
from omega_persistence.resources import ResourceKey
from omega_persistence.trends import StoredTrend

_log = logging.getLogger(__name__)
TRANSFORM = resource_pb2.CODEC_TRANSFORM
CODEBOOK = resource_pb2.RESOURCE_KIND_CODEBOOK
_MISFITS = frozenset({ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH})


@dataclass(frozen=True)
class Holding:
    """What of the collective state this TV holds, as it tells the fleet."""

    codec: resource_pb2.Codec.ValueType
    """Best codec that it reads now."""
    codebook_id: int = 0
    """Codebook that it reads news by; 0 = none."""
    version: int = 0
    """Version it holds in the form of that codec; 0 = none."""


class Collective:
    """Takes up news in whatever form they come. Not safe for threads.

    With a codebook they come as a step between two coded states, else as vectors of a byte a
    component. A state that is held in one form is no base for the other.

    Args:
        stores: keeps the state.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._codebook: Codebook | None = None
        self._of_no_use = 0

    def holding(self) -> Holding:
        """What to tell the fleet.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        held, codebook = self._stores.coded.held(), self._book()
        if codebook is not None and codebook.id != self._of_no_use:
            same = held is not None and held.codebook_id == codebook.id
            return Holding(TRANSFORM, codebook.id, held.version if held and same else 0)
        return Holding(U8, version=0 if held else self._stores.patterns.version())

    def take(self, holding: Holding, answer: pb.SyncResponse, rest: tuple[bytes, ...]) -> int:
        """Takes up news; returns the patterns that came, changed or went.

        Their trends replace those that are held. News that are sound and do not fit what is held
        are no loss: the next exchange brings everything.

        Args:
            holding: what the fleet was told.
            answer: with the first page.
            rest: the pages after it.

        Raises:
            OmegaError: INVALID_FIELD when the news break a bound of the contract: nothing was
                changed. STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if not answer.delta:
            return 0
        if answer.codec == TRANSFORM:
            return self._take_coded(answer)
        if holding.codec == TRANSFORM:
            # The fleet has no such codebook. To ask for everything each time would be a waste.
            self._of_no_use = holding.codebook_id
        return self._take_delta(answer, rest)

    def _take_delta(self, answer: pb.SyncResponse, rest: tuple[bytes, ...]) -> int:
        if answer.compression != resource_pb2.COMPRESSION_ZSTD:
            raise invalid("compression", "COMPRESSION_ZSTD")
        codec = answer.codec or F16
        if codec not in {F16, U8}:
            raise invalid("codec", "one that the request states")
        pages = [decode_state_delta(page, codec) for page in (answer.delta, *rest)]
        delta = join_state_deltas(pages)
        try:
            with self._stores.database.transaction():
                self._apply(delta)
                self._stores.coded.clear()
        except OmegaError as error:
            if error.code not in _MISFITS:
                raise
            _log.warning("the collective state starts afresh: %s", error)
            start_afresh(self._stores)
            return 0
        return len(delta.patterns) + len(delta.removed_pattern_ids)

    def _take_coded(self, answer: pb.SyncResponse) -> int:
        if answer.compression != resource_pb2.COMPRESSION_NONE:
            raise invalid("compression", "COMPRESSION_NONE")
        codebook = self._book()
        if codebook is None:
            raise invalid("codec", "one that the request states")
        base = self._base(codebook)
        try:
            news = decode_news(answer.delta, codebook, base)
        except OmegaError:
            # Whether the news or the base is damaged cannot be told apart. Answers keep to the
            # patterns that are held; the next exchange brings a state from nothing.
            self._stores.coded.clear()
            raise
        changed = _changes(base, news.state)
        with self._stores.database.transaction():
            self._keep(codebook, news)
        return changed

    def _keep(self, codebook: Codebook, news: News) -> None:
        state, stores = news.state, self._stores
        self._apply(
            StateDelta(
                base_version=0,
                version=state.version,
                model_version=codebook.model_version,
                patterns=patterns_of(state, codebook),
                trends=news.trends,
            )
        )
        stores.coded.put(StoredState(state.version, codebook.id, pack_state(state, codebook)))
        if news.titles is not None:
            stores.title_vectors.keep(
                news.titles.catalogue_version,
                codebook.model_version,
                news.titles.ordinals.tolist(),
                news.titles.embeddings,
            )

    def _apply(self, delta: StateDelta) -> None:
        stores = self._stores
        stores.patterns.apply_delta(
            base_version=delta.base_version,
            version=delta.version,
            patterns=[_stored(pattern) for pattern in delta.patterns],
            removed_ids=delta.removed_pattern_ids,
            model_version=delta.model_version,
        )
        trends = delta.trends
        titles = trends.titles if trends else ()
        stores.trends.replace(
            trends.at if trends else stores.database.now(),
            [StoredTrend(t.ordinal, t.score, t.regional) for t in titles],
        )

    def _base(self, codebook: Codebook) -> CodedState | None:
        """The coded state that is held; None where there is none, or it cannot be read."""
        held = self._stores.coded.held()
        if held is None or held.codebook_id != codebook.id:
            return None
        try:
            return unpack_state(held.body, codebook)
        except OmegaError as error:
            _log.warning("the coded state starts afresh: %s", error)
            return None

    def _book(self) -> Codebook | None:
        """The codebook that is held; None = none that can be read."""
        key = next((k for k in self._stores.resources.held() if k.kind == CODEBOOK), None)
        if key is None:
            self._codebook = None
            return None
        if self._codebook is None or self._codebook.id != _id_of(key):
            stored = self._stores.resources.get(CODEBOOK)
            try:
                self._codebook = Codebook.decode(stored.body) if stored else None
            except OmegaError as error:
                # Nothing unreadable is ever kept, so this is another release's.
                _log.warning("the stored codebook is dropped: %s", error)
                self._stores.resources.remove(CODEBOOK)
                self._codebook = None
        return self._codebook


def start_afresh(stores: Stores) -> None:
    """Forgets the collective state: the next exchange brings all of it.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    with stores.database.transaction():
        stores.patterns.clear()
        stores.coded.clear()
        stores.trends.replace(stores.database.now(), ())


def _stored(pattern: GlobalPattern) -> StoredPattern:
    return StoredPattern(
        pattern_id=pattern.pattern_id,
        embedding=pattern.embedding,
        success_rate=pattern.success_rate,
        device_count_floor=pattern.device_count_floor,
        weight=pattern.weight,
    )


def _id_of(key: ResourceKey) -> int:
    """Id of the codebook whose body this names."""
    return int.from_bytes(key.sha256[:4], "little")


def _changes(base: CodedState | None, state: CodedState) -> int:
    """Patterns of a state that are new or differ from the base's, and those that are gone."""
    before, after = _rows(base) if base else {}, _rows(state)
    return sum(before.get(i) != row for i, row in after.items()) + len(before.keys() - after.keys())


def _rows(state: CodedState) -> dict[int, tuple[int, int, int, bytes]]:
    columns = (state.ids, state.rates, state.floors, state.weights)
    figures = zip(*(column.tolist() for column in columns), strict=True)
    return {
        number: (rate, floor, weight, row.tobytes())
        for (number, rate, floor, weight), row in zip(figures, state.coefficients, strict=True)
    }
