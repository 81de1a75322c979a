"""Routes of rounds and shards that are more than a call: one of a list, and a key from a header."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Response

from omega.constellation.v1 import admin_pb2
from omega.federation.v1 import federation_service_pb2
from omega_console.api.bounds import KEY, LARGEST, SHARD, UUID
from omega_console.api.models import answer_model, request_model, to_json
from omega_console.api.routes import needs
from omega_console.signin import Operator, Role
from omega_console.upstream import Upstream
from omega_core.errors import ErrorCode, OmegaError

_Viewer = Annotated[Operator, Depends(needs(Role.VIEWER))]
_Caller = Annotated[Operator, Depends(needs(Role.OPERATOR))]
_Shard = Annotated[str, Path(pattern=SHARD, description="Its name in the directory.")]
_Round = Annotated[int, Path(ge=1, le=LARGEST - 1, description="From 1.")]
_Trigger: Any = request_model(
    admin_pb2.TriggerFederationRequest.DESCRIPTOR, frozenset(), query=False
)
_Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=KEY,
        description="Any text: repeating it asks for no second round. It goes before request_id,"
        " and is one itself where it is a UUID.",
    ),
]
_ROUND = answer_model(federation_service_pb2.Round.DESCRIPTOR)


def _request_id(key: str) -> str:
    """The UUID that a key stands for, the same each time; empty without one."""
    if not key or re.fullmatch(UUID, key):
        return key
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:omega-tv:round:{key}"))


def router(upstream: Upstream) -> APIRouter:
    """GET shards/{shard}, GET federation/rounds/{round_id} and POST federation/trigger."""
    made = APIRouter()

    @made.get(
        "/shards/{shard}",
        response_model=answer_model(admin_pb2.ShardSummary.DESCRIPTOR),
        operation_id="GetShard",
        summary="A shard of the fleet",
        tags=["shards"],
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def get_shard(caller: _Viewer, shard: _Shard) -> dict[str, Any]:
        listed = upstream.call("ListShards", admin_pb2.ListShardsRequest(), caller.subject)
        for found in listed.shards:
            if found.entry.shard == shard:
                return to_json(found)
        raise OmegaError(ErrorCode.UNKNOWN_SHARD, field="shard")

    @made.get(
        "/federation/rounds/{round_id}",
        response_model=_ROUND,
        operation_id="GetRound",
        summary="A round",
        tags=["federation"],
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def get_round(caller: _Viewer, round_id: _Round) -> dict[str, Any]:
        request = admin_pb2.ListRoundsRequest(page_size=1, before_round_id=round_id + 1)
        for found in upstream.call("ListRounds", request, caller.subject).rounds:
            if found.round_id == round_id:
                return to_json(found)
        raise OmegaError(ErrorCode.UNKNOWN_ROUND, field="round_id")

    @made.post(
        "/federation/trigger",
        status_code=202,
        response_model=_ROUND,
        operation_id="TriggerFederation",
        summary="Ask for a round",
        description="It is asked for durably, and a worker runs it: watch its record.",
        tags=["federation"],
        openapi_extra={"x-omega-role": Role.OPERATOR.word},
    )
    def trigger(
        caller: _Caller,
        response: Response,
        body: Annotated[_Trigger, Body()] = None,
        key: _Key = "",
    ) -> dict[str, Any]:
        given = body.model_dump() if body is not None else {}
        asked = admin_pb2.TriggerFederationRequest(
            request_id=_request_id(key) or given.get("request_id") or str(uuid.uuid4()),
            refresh=given.get("refresh", False),
        )
        found = upstream.call("TriggerFederation", asked, caller.subject).round
        response.headers["Location"] = f"/api/v1/federation/rounds/{found.round_id}"
        return to_json(found)

    return made
