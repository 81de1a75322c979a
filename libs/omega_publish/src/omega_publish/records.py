"""Records of rounds as messages."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, cast

from google.protobuf.timestamp_pb2 import Timestamp

from omega.federation.v1 import federation_service_pb2 as pb
from omega_core import validate
from omega_store import Store, rounds
from omega_store.rounds import Round, ShardOutcome

_MOST_ROUND = 2**63 - 1
_MOST_ROUNDS = 1_000
_ROUNDS = 100
"""Records of a page whose size is not stated."""


class _Page(Protocol):
    """Of a list of rounds: ListRoundsRequest of either service."""

    @property
    def page_size(self) -> int: ...

    @property
    def before_round_id(self) -> int: ...


def page(request: _Page) -> tuple[int, int]:
    """Holds a request to its bounds: records of the answer, and the round before which they are.

    Raises:
        OmegaError: INVALID_FIELD page_size or before_round_id.
    """
    size = validate.integer("page_size", request.page_size, 0, _MOST_ROUNDS) or _ROUNDS
    return size, validate.integer("before_round_id", request.before_round_id, 0, _MOST_ROUND)


def list_rounds(store: Store, request: _Page) -> tuple[list[pb.Round], bool]:
    """The records that a request asks for, newest first, and whether there are earlier ones.

    Raises:
        OmegaError: INVALID_FIELD; STORAGE_UNAVAILABLE.
    """
    size, before = page(request)
    with store.statements("list rounds") as conn:
        found, more = rounds.listed(conn, size, before)
    return [round_message(each) for each in found], more


def round_message(stored: Round) -> pb.Round:
    """One record."""
    figures = stored.figures
    return pb.Round(
        round_id=stored.round_id,
        request_id=stored.request_id,
        status=cast("pb.RoundStatus.ValueType", int(stored.status)),
        started_at=_timestamp(stored.started_at),
        finished_at=_timestamp(stored.finished_at) if stored.finished_at else None,
        devices=figures.devices,
        sketches=figures.sketches,
        supported_titles=figures.supported_titles,
        patterns=figures.patterns,
        state_version=figures.state_version,
        factors_version=figures.factors_version,
        error_code=stored.error_code,
        refreshed=figures.refreshed,
        decoded_sketches=figures.decoded,
        shards=[
            pb.ShardShare(
                shard=share.shard,
                region=share.region,
                outcome=cast("pb.ShardOutcome.ValueType", int(share.outcome)),
                devices=share.devices,
                sketches=share.sketches,
            )
            for share in stored.shards
            if share.outcome != ShardOutcome.AT_WORK
        ],
        pattern_shift=figures.pattern_shift,
        quality=figures.quality,
        trends=figures.trends,
        dp_mu=figures.dp_mu,
        pairs=figures.pairs,
        reports=figures.reports,
        pair_weight=figures.pair_weight,
    )


def _timestamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
