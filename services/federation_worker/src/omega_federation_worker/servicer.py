"""omega.federation.v1.FederationService: rounds on request, and their records."""

from __future__ import annotations

import grpc

from omega.federation.v1 import federation_service_pb2 as pb
from omega.federation.v1 import federation_service_pb2_grpc
from omega_core import validate
from omega_federation_worker.schedule import Job
from omega_publish import list_rounds, round_message
from omega_store import Store, rounds

_MOST_ROUND = 2**63 - 1


class FederationServicer(federation_service_pb2_grpc.FederationServiceServicer):
    """The shard's worker.

    Args:
        store: the shard.
        job: runs rounds.
    """

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job = job

    def RunRound(  # noqa: N802 - named by the contract
        self, request: pb.RunRoundRequest, context: grpc.ServicerContext
    ) -> pb.RunRoundResponse:
        """Answers when the result is published; goes on when the caller leaves."""
        del context
        validate.uuid("request_id", request.request_id)
        done = self._job.run(request.request_id, refresh=request.refresh)
        return pb.RunRoundResponse(round=round_message(done))

    def GetRound(  # noqa: N802 - named by the contract
        self, request: pb.GetRoundRequest, context: grpc.ServicerContext
    ) -> pb.GetRoundResponse:
        """The stored record."""
        del context
        round_id = validate.integer("round_id", request.round_id, 1, _MOST_ROUND)
        with self._store.statements("find round") as conn:
            return pb.GetRoundResponse(round=round_message(rounds.get(conn, round_id)))

    def ListRounds(  # noqa: N802 - named by the contract
        self, request: pb.ListRoundsRequest, context: grpc.ServicerContext
    ) -> pb.ListRoundsResponse:
        """The stored records."""
        del context
        found, more = list_rounds(self._store, request)
        return pb.ListRoundsResponse(rounds=found, more=more)
