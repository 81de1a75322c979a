"""News of the collective state, from the wire into the table of global patterns."""

from __future__ import annotations

import logging

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import decode_state_delta
from omega_persistence.patterns import GlobalPatterns, StoredPattern

_log = logging.getLogger(__name__)
_MISFITS = frozenset({ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH})


def take_delta(patterns: GlobalPatterns, answer: pb.SyncResponse) -> int:
    """Takes up the delta of an answer; returns the patterns that came, changed or went.

    A delta that is sound and does not fit what is held empties the table, so that the next
    exchange asks for everything.

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
        patterns.apply_delta(
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
    except OmegaError as error:
        if error.code not in _MISFITS:
            raise
        _log.warning("the collective state starts afresh: %s", error)
        patterns.clear()
        return 0
    return len(delta.patterns) + len(delta.removed_pattern_ids)
