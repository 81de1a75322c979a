"""omega.federation.v1.FederationService: rounds on request, and their records."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from omega.federation.v1 import federation_service_pb2 as pb
from omega.federation.v1 import federation_service_pb2_grpc
from omega_core import validate
from omega_federation_worker.job import RoundJob
from omega_store import Store, rounds
from omega_store.rounds import Round

_MOST_ROUND = 2**63 - 1


class FederationServicer(federation_service_pb2_grpc.FederationServiceServicer):
    """The shard's worker.

    Args:
        store: the shard.
        job: runs rounds.
    """

    def __init__(self, store: Store, job: RoundJob) -> None:
        self._store = store
        self._job = job

    def RunRound(  # noqa: N802 - named by the contract
        self, request: pb.RunRoundRequest, context: grpc.ServicerContext
    ) -> pb.RunRoundResponse:
        """Answers when the result is published; goes on when the caller leaves."""
        del context
        validate.uuid("request_id", request.request_id)
        done = self._job.run(request.request_id, refresh=request.refresh)
        return pb.RunRoundResponse(round=_message(done))

    def GetRound(  # noqa: N802 - named by the contract
        self, request: pb.GetRoundRequest, context: grpc.ServicerContext
    ) -> pb.GetRoundResponse:
        """The stored record."""
        del context
        round_id = validate.integer("round_id", request.round_id, 1, _MOST_ROUND)
        with self._store.statements() as conn:
            return pb.GetRoundResponse(round=_message(rounds.get(conn, round_id)))


def _message(done: Round) -> pb.Round:
    figures = done.figures
    return pb.Round(
        round_id=done.round_id,
        request_id=done.request_id,
        status=cast("pb.RoundStatus.ValueType", int(done.status)),
        started_at=_timestamp(done.started_at),
        finished_at=_timestamp(done.finished_at) if done.finished_at else None,
        devices=figures.devices,
        sketches=figures.sketches,
        supported_titles=figures.supported_titles,
        patterns=figures.patterns,
        state_version=figures.state_version,
        factors_version=figures.factors_version,
        error_code=done.error_code,
        refreshed=figures.refreshed,
        decoded_sketches=figures.decoded,
    )


def _timestamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
