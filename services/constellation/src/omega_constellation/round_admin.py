"""What operators ask of rounds. The home shard answers; a worker of the fleet runs them."""

from __future__ import annotations

import grpc

from omega.constellation.v1 import admin_pb2
from omega_constellation import operators
from omega_core import validate
from omega_core.clock import Clock
from omega_publish import list_rounds, round_message
from omega_store import Store, rounds


class RoundAdmin:
    """The part of AdminService that is about rounds.

    Args:
        store: the shard.
        clock: stamps what is stored.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def TriggerFederation(  # noqa: N802 - named by the contract
        self, request: admin_pb2.TriggerFederationRequest, context: grpc.ServicerContext
    ) -> admin_pb2.TriggerFederationResponse:
        """Durable when it is answered."""
        request_id = validate.uuid("request_id", request.request_id)
        now = self._clock.now()
        with self._store.transaction("request round") as conn:
            known = rounds.find(conn, request_id) is not None
            asked = rounds.request(conn, request_id, now, refresh=request.refresh)
            if not known:
                operators.note(conn, context, "TriggerFederation", request_id, now)
        return admin_pb2.TriggerFederationResponse(round=round_message(asked))

    def ListRounds(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListRoundsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListRoundsResponse:
        """The stored records."""
        del context
        found, more = list_rounds(self._store, request)
        return admin_pb2.ListRoundsResponse(rounds=found, more=more)
