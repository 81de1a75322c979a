"""News of the collective state, from the wire into the tables of patterns and trends."""

from __future__ import annotations

import logging

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.stores import Stores
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import StateDelta, decode_state_delta
from omega_persistence.patterns import StoredPattern
from omega_persistence.trends import StoredTrend

_log = logging.getLogger(__name__)
_MISFITS = frozenset({ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH})


def take_delta(stores: Stores, answer: pb.SyncResponse) -> int:
    """Takes up the delta of an answer; returns the patterns that came, changed or went.

    Its trends replace those that are held. A delta that is sound and does not fit what is held
    empties both tables, so that the next exchange asks for everything.

    Raises:
        OmegaError: INVALID_FIELD when the delta breaks a bound of the contract: nothing was
            changed. STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    if not answer.delta:
        return 0
    if answer.compression != resource_pb2.COMPRESSION_ZSTD:
        raise invalid("compression", "COMPRESSION_ZSTD")
    delta = decode_state_delta(answer.delta)
    try:
        with stores.database.transaction():
            _apply(stores, delta)
    except OmegaError as error:
        if error.code not in _MISFITS:
            raise
        _log.warning("the collective state starts afresh: %s", error)
        start_afresh(stores)
        return 0
    return len(delta.patterns) + len(delta.removed_pattern_ids)


def start_afresh(stores: Stores) -> None:
    """Forgets the collective state: the next exchange brings all of it.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    with stores.database.transaction():
        stores.patterns.clear()
        stores.trends.replace(stores.database.now(), ())


def _apply(stores: Stores, delta: StateDelta) -> None:
    stores.patterns.apply_delta(
        base_version=delta.base_version,
        version=delta.version,
        patterns=[
            StoredPattern(
                pattern_id=p.pattern_id,
                embedding=p.embedding,
                success_rate=p.success_rate,
                device_count_floor=p.device_count_floor,
                weight=p.weight,
            )
            for p in delta.patterns
        ],
        removed_ids=delta.removed_pattern_ids,
        model_version=delta.model_version,
    )
    trends = delta.trends
    stores.trends.replace(
        trends.at if trends else stores.database.now(),
        [StoredTrend(t.ordinal, t.score, t.regional) for t in (trends.titles if trends else ())],
    )
